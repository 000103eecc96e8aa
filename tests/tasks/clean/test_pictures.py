import io
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tasks.clean.pictures import corpus_picture, metrics_picture
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.quality import MetricCounts, QualityReport
from tasks.storage.corpus_counts import Cell, CorpusCounts

KEPT, DROPPED = (0x00, 0x72, 0xB2), (0xCF, 0x52, 0x00)
DOCUMENTS = ArtifactRef(kind="documents", name="corpus", key="0" * 32, content_digest="1" * 64)


def pixels(png: bytes) -> NDArray[np.uint8]:
    """[height, width, 4] of a PNG that decodes."""
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        assert image.mode == "RGBA"
        return np.asarray(image)


def is_coloured(picture: NDArray[np.uint8], colour: tuple[int, int, int]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (picture[..., :3] == colour).all(axis=-1) & (picture[..., 3] == 255)
    return found


def bar_lengths(picture: NDArray[np.uint8], colour: tuple[int, int, int]) -> list[int]:
    """The widths of the filled bars of a colour, from above to below; the legend's patch is shorter than 40 pixels."""
    widths = is_coloured(picture, colour).sum(axis=1)
    rows = np.flatnonzero(widths > 40)
    return [int(np.median(widths[run])) for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)]


def counts(**by_source: tuple[int, int]) -> CorpusCounts:
    """Kept and dropped documents of each source."""
    found = CorpusCounts()
    for source, (kept, dropped) in by_source.items():
        for reason, number in (("", kept), ("near_duplicate", dropped // 2), ("language", dropped - dropped // 2)):
            if number:
                found.documents[Cell(source, "web", "en", "CC0-1.0", reason)] = number
    return found


def rule(number: int, **columns: object) -> MetricCounts:
    told = {
        "reason": f"rule_{number}", "metric": "dup_line_share", "meaning": "Share of lines", "languages": ("en", "zh"),
        "drops_if": ">", "limit": 0.3, "cut_place": 3.0, "num_asked": 1234, "num_failed": 40, "num_decided": 30,
        "edges": (0.0, 0.1, 0.2, 0.3, 0.4), "passed": (500, 400, 294, 0, 0), "failed": (0, 0, 0, 30, 10), **columns,
    }  # fmt: skip
    return MetricCounts.model_validate(told)


def drawn(rules: Sequence[MetricCounts]) -> NDArray[np.uint8] | None:
    png = metrics_picture(QualityReport(documents=DOCUMENTS, kinds=("web",), rules=tuple(rules), num_unmeasured=0))
    return None if png is None else pixels(png)


def test_bars_of_kept_documents_are_as_long_as_their_numbers() -> None:
    first, second = bar_lengths(pixels(corpus_picture(counts(pages=(300, 40), books=(100, 0)))), KEPT)
    assert first / second == pytest.approx(3, rel=0.03)


def test_a_picture_has_no_background_and_its_size_follows_its_bars() -> None:
    few = pixels(corpus_picture(counts(pages=(3, 1))))
    many = pixels(corpus_picture(counts(**{f"source-{number}": (number + 1, 3) for number in range(60)})))
    assert few.shape[:2] == (192, 1000)  # at least three bars of 0.24 inches, and 1.2 for all else
    assert many.shape[:2] == (696, 1000)  # at most 24
    for picture in (few, many):
        assert [picture[row, column, 3] for row in (0, -1) for column in (0, -1)] == [0, 0, 0, 0]
        assert (picture[..., 3] == 0).mean() > 0.5
        assert is_coloured(picture, DROPPED).any()


def width_of(picture: NDArray[np.uint8], colour: tuple[int, int, int]) -> int:
    """From the leftmost to the rightmost pixel of a colour."""
    columns = np.flatnonzero(is_coloured(picture, colour).any(axis=0))
    return int(columns.max() - columns.min()) if len(columns) else 0


def test_nothing_of_a_corpus_without_drops_is_drawn_as_dropped() -> None:
    picture = pixels(corpus_picture(counts(pages=(30, 0), books=(10, 0))))
    assert is_coloured(picture, KEPT).any()
    assert 0 < width_of(picture, DROPPED) < 40  # the legend's patch


@pytest.mark.parametrize(("num_rules", "num_rows"), [(1, 1), (3, 1), (4, 2), (12, 4), (20, 4)])
def test_at_most_twelve_rules_are_drawn_three_in_a_row(num_rules: int, num_rows: int) -> None:
    picture = drawn([rule(number) for number in range(num_rules)])
    assert picture is not None
    assert picture.shape[:2] == (50 + 230 * num_rows, 1000)
    assert is_coloured(picture, KEPT).sum() > 2_000
    assert is_coloured(picture, DROPPED).any()


def test_without_a_rule_that_drops_anything_there_is_no_picture() -> None:
    assert drawn([]) is None
    assert drawn([rule(1, num_decided=0, num_failed=0)]) is None


def test_a_rule_that_drops_nothing_has_no_panel() -> None:
    assert np.array_equal(drawn([rule(1)]), drawn([rule(1), rule(2, num_decided=0)]))


def test_one_column_does_not_flatten_the_others() -> None:
    """Of 100,000 documents 40 fail: their columns are seen, and so is what the high one is made of."""
    picture = drawn([rule(1, passed=(90_000, 0, 0, 0, 0), failed=(9_000, 0, 0, 30, 40))])
    assert picture is not None
    assert width_of(picture[70:], DROPPED) > 150  # from the first of five columns to the last


def test_a_column_of_which_nothing_is_dropped_has_no_mark_of_it() -> None:
    picture = drawn([rule(1, passed=(500, 400, 294, 0, 0), failed=(0, 0, 0, 300, 0))])
    assert picture is not None
    assert 20 < width_of(picture[70:], DROPPED) < 60  # one of five columns
    nothing = drawn([rule(1, failed=(0, 0, 0, 0, 0))])
    assert nothing is not None
    assert width_of(nothing[70:], DROPPED) == 0


@pytest.mark.parametrize("totals", [(1, 0, 0, 0, 0), (0, 0, 0, 0, 7), (0, 0, 0, 0, 0)])
def test_few_documents_are_drawn_too(totals: tuple[int, ...]) -> None:
    assert drawn([rule(1, passed=totals)]) is not None
