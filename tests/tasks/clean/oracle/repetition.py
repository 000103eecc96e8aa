"""Metrics of repetition: lines, paragraphs and runs of words that come again, in the reading `papers`."""

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

from tests.tasks.clean.oracle.text_parts import TextParts, share

TOP_NGRAMS = (2, 3, 4)
DUP_NGRAMS = (5, 6, 7, 8, 9, 10)


def dup_line_share(parts: TextParts) -> float:
    """Share of lines that stood before."""
    return share(len(_repeats(parts.lines)), len(parts.lines))


def dup_line_char_share(parts: TextParts) -> float:
    """Share of the lines' characters in lines that stood before.

    FineWeb's rule on duplicated lines reads the same metric (arXiv:2406.17557, section 3.6).
    """
    return share(_num_chars(_repeats(parts.lines)), _num_chars(parts.lines))


def dup_paragraph_share(parts: TextParts) -> float:
    """Share of paragraphs that stood before."""
    return share(len(_repeats(parts.paragraphs)), len(parts.paragraphs))


def dup_paragraph_char_share(parts: TextParts) -> float:
    """Share of the paragraphs' characters in paragraphs that stood before."""
    return share(_num_chars(_repeats(parts.paragraphs)), _num_chars(parts.paragraphs))


def ngram_char_shares(parts: TextParts) -> dict[str, float]:
    """`top_<n>gram_char_share` for n of 2 to 4 and `dup_<n>gram_char_share` for n of 5 to 10, in one pass over n."""
    words = _numbered(parts.words)
    lengths = [len(word) for word in parts.words]
    chars_before = list(accumulate(lengths, initial=0))
    shares: dict[str, float] = {}
    grams = words
    for n in range(2, max(DUP_NGRAMS) + 1):
        # An n-gram is its first n-1 words, which have a number already, and one word more: exact, and linear in n.
        grams = _numbered([(gram << 32) | word for gram, word in zip(grams, words[n - 1 :], strict=False)])
        if n in TOP_NGRAMS:
            shares[f"top_{n}gram_char_share"] = share(_top_chars(grams, n, chars_before), chars_before[-1])
        elif n in DUP_NGRAMS:
            shares[f"dup_{n}gram_char_share"] = share(_dup_chars(grams, n, chars_before), chars_before[-1])
    return shares


def _repeats(pieces: Sequence[str]) -> list[str]:
    seen: set[str] = set()
    return [piece for piece in pieces if piece in seen or seen.add(piece)]  # type: ignore[func-returns-value]


def _num_chars(pieces: Sequence[str]) -> int:
    return sum(map(len, pieces))


def _numbered(items: Sequence[str] | Sequence[int]) -> list[int]:
    """For each item the number of different ones before its first occurrence: equal items get equal numbers."""
    numbers: dict[str | int, int] = {}
    return [numbers.setdefault(item, len(numbers)) for item in items]


def _top_chars(grams: list[int], n: int, chars_before: list[int]) -> int:
    """Characters under all occurrences of the most frequent n-gram; of several such, of the one with the most.

    One that occurs once only is no repetition.
    """
    counts = Counter(grams)
    most = max(counts.values(), default=0)
    if most < 2:
        return 0
    starts: dict[int, list[int]] = {gram: [] for gram, count in counts.items() if count == most}
    for start, gram in enumerate(grams):
        if gram in starts:
            starts[gram].append(start)
    return max(_covered_chars(places, n, chars_before) for places in starts.values())


def _dup_chars(grams: list[int], n: int, chars_before: list[int]) -> int:
    """Characters under all n-grams that stood before."""
    places = []
    num_seen = 0
    for start, gram in enumerate(grams):
        if gram == num_seen:
            num_seen += 1
        else:
            places.append(start)
    return _covered_chars(places, n, chars_before)


def _covered_chars(starts: Sequence[int], n: int, chars_before: list[int]) -> int:
    """Characters of the words that runs of `n` words at ascending `starts` cover, each once."""
    covered, end = 0, 0
    for start in starts:
        covered += chars_before[start + n] - chars_before[max(start, end)]
        end = start + n
    return covered
