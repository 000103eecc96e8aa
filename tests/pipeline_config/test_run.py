import pytest
from pydantic import ValidationError

from pipeline_config.run import CleanConfig


def clean(floor: int, **select: object) -> CleanConfig:
    return CleanConfig.model_validate({"extract": {"fallback_min_words": floor}, "select": select})


def test_the_floor_of_the_slow_way_may_be_the_fewest_words_that_are_kept() -> None:
    assert clean(50).extract.fallback_min_words == 50
    assert clean(86, languages=["zh"])


@pytest.mark.parametrize(
    "select",
    [
        {"gopher_quality": {"min_words": 49}},
        {"gopher_quality": None},
        {"quality_kinds": ["news"]},
        {"per_language": {"zh": {"gopher_quality": {"min_words": 40}}}},
        {"per_language": {"en": {"gopher_quality": {"min_words": None}}}},
    ],
)
def test_keeping_pages_under_the_floor_is_refused_with_the_reason_and_the_cure(select: dict[str, object]) -> None:
    with pytest.raises(
        ValidationError, match=r"under 50 words were read the quick way only.*or lower extract\.fallback"
    ):
        clean(50, **select)
    assert clean(0, **select)
