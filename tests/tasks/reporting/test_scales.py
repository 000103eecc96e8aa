import pytest

from tasks.reporting.scales import Scale, compact, counted, number, padded, percent, tick_labels, ticks


def test_a_scale_is_a_straight_line() -> None:
    scale = Scale(10.0, 20.0, 0.0, 400.0)
    assert [scale.place(value) for value in (10, 15, 20)] == [0.0, 200.0, 400.0]
    upwards = Scale(0.0, 1.0, 150.0, 0.0)
    assert upwards.place(0.25) == 112.5


def test_a_scale_without_length_has_one_place() -> None:
    assert Scale(3.0, 3.0, 0.0, 100.0).place(3.0) == 50.0


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.0, 100.0, [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]),
        (5.1, 9.3, [6.0, 7.0, 8.0, 9.0]),
        (-0.9, 0.05, [-0.8, -0.6, -0.4, -0.2, 0.0]),
        (0.0, 0.0041, [0.0, 0.001, 0.002, 0.003, 0.004]),
        (7.0, 7.0, [7.0]),
    ],
)
def test_ticks_are_round_and_within_the_range(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


def test_tick_labels_have_the_decimals_of_their_step() -> None:
    assert tick_labels([2.0, 2.2, 2.4]) == ["2.0", "2.2", "2.4"]
    assert tick_labels([0.0, 0.005, 0.01]) == ["0.000", "0.005", "0.010"]
    assert tick_labels([0.0, 1000.0, 2000.0]) == ["0", "1k", "2k"]


def test_a_range_gets_room_and_always_a_length() -> None:
    assert padded([0.0, 100.0]) == (-6.0, 106.0)
    low, high = padded([2.0, 2.0])
    assert low < 2.0 < high
    assert padded([0.0]) == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (1234567, "1,234,567"), (3.14159, "3.14"), (0.04249, "0.0425"), (0.000012, "1.2e-05")],
)
def test_a_number_is_as_long_as_a_reader_needs(value: float, shown: str) -> None:
    assert number(value) == shown


def test_counts_become_short_and_shares_have_their_unit() -> None:
    assert [compact(n) for n in (950, 12_345, 3_400_000)] == ["950", "12.3k", "3.4M"]
    assert [percent(1, 8), percent(1, 200), percent(0, 5), percent(1, 0)] == ["12 %", "0.5 %", "0 %", ""]


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (9_997, 10_000, "99.9 %"),  # 99.97 is not 100
        (999_999, 1_000_000, "99.9 %"),
        (995, 1_000, "99.5 %"),
        (994, 1_000, "99 %"),
        (7, 7, "100 %"),
        (3, 10_000, "<0.1 %"),  # 0.03 is not 0
        (1, 1_000_000_000, "<0.1 %"),
        (5, 10_000, "0.1 %"),
        (99, 1_000, "9.9 %"),
        (100, 1_000, "10 %"),
        (0, 7, "0 %"),
        (0, 0, ""),
    ],
)
def test_only_all_is_100_per_cent_and_only_nothing_is_0(part: int, whole: int, shown: str) -> None:
    assert percent(part, whole) == shown


def test_one_of_a_thing_is_singular() -> None:
    assert [counted(n, "documents") for n in (0, 1, 2, 1234)] == [
        "0 documents",
        "1 document",
        "2 documents",
        "1,234 documents",
    ]
    assert counted(1, "bytes a token") == "1 bytes a token"
