from typing import Any

import pytest
from pydantic import ValidationError

from pipeline_config.clean import ExtractConfig, ExtractLaunch, SelectConfig


@pytest.mark.parametrize(
    ("model", "values", "named"),
    [
        (ExtractConfig, {"max_body_byte": 1}, "max_body_byte"),
        (ExtractConfig, {"language_chars": 0}, "language_chars"),
        (ExtractConfig, {"word_rule": "letters"}, "word_rule"),
        (ExtractLaunch, {"num_workers": 0}, "num_workers"),
        (SelectConfig, {"languages": ()}, "languages"),
        (SelectConfig, {"min_language_score": 1.1}, "min_language_score"),
        (SelectConfig, {"gopher_quality": {"min_word": 1}}, "min_word"),
        (SelectConfig, {"fineweb": {"max_short_line_share": -0.1}}, "max_short_line_share"),
    ],
)
def test_unknown_keys_and_impossible_values_are_named(
    model: type[ExtractConfig | ExtractLaunch | SelectConfig], values: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValidationError, match=named):
        model.model_validate(values)


def test_a_group_of_rules_is_switched_off_by_none() -> None:
    assert SelectConfig.model_validate({"c4": None}).c4 is None
    assert SelectConfig().c4 is not None


@pytest.mark.parametrize("model", [ExtractConfig, SelectConfig])
def test_every_field_has_its_text(model: type[ExtractConfig | SelectConfig]) -> None:
    assert all(field.description for field in model.model_fields.values())
