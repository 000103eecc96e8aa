"""An order without a list."""

from itertools import pairwise

import pytest

from tasks.training.shuffle import seed_of, shuffled


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 17, 64, 65, 1000])
def test_every_item_has_exactly_one_place(size: int) -> None:
    assert sorted(shuffled(place, size, seed=7) for place in range(size)) == list(range(size))


def test_another_seed_gives_another_order() -> None:
    first = [shuffled(place, 50, seed_of(1, "book", 0)) for place in range(50)]
    second = [shuffled(place, 50, seed_of(1, "book", 1)) for place in range(50)]
    assert first != second
    assert first != sorted(first)


def test_the_order_spreads_neighbours() -> None:
    order = [shuffled(place, 10_000, seed=3) for place in range(10_000)]
    gaps = [abs(a - b) for a, b in pairwise(order)]
    assert sum(gaps) / len(gaps) == pytest.approx(10_000 / 3, rel=0.03)  # mean distance of two uniform draws


def test_the_order_is_the_same_on_every_machine() -> None:
    assert [shuffled(place, 10, seed_of(1, "book", 0)) for place in range(10)] == GOLDEN


GOLDEN = [6, 0, 7, 8, 2, 4, 3, 9, 1, 5]
