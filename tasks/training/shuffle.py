"""A seeded order of any number of items that nobody has to hold: ask for a place, get the item there."""

import hashlib

_MASK64 = (1 << 64) - 1
_NUM_ROUNDS = 4


def seed_of(*parts: int | str) -> int:
    """64 bits that differ, for all that matters, whenever any part differs."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "big")


def shuffled(place: int, size: int, seed: int) -> int:
    """The item at `place` of the seed's order of 0 to size - 1; each item has exactly one place.

    A Feistel network permutes the smallest square power of two that holds `size`, and results beyond it walk on
    (under four rounds on average).
    Source: Black and Rogaway 2002, «Ciphers with Arbitrary Finite Domains», cycle walking.
    """
    half_bits = max(1, ((size - 1).bit_length() + 1) // 2)
    mask = (1 << half_bits) - 1
    while True:
        left, right = place >> half_bits, place & mask
        for number in range(_NUM_ROUNDS):
            left, right = right, left ^ (_mixed(right ^ seed ^ (number << 56)) & mask)
        place = left << half_bits | right
        if place < size:
            return place


def _mixed(value: int) -> int:
    """64 well-mixed bits. Source: Steele, Lea and Flood 2014, splitmix64's finaliser."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK64
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & _MASK64
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & _MASK64
    return value ^ (value >> 31)
