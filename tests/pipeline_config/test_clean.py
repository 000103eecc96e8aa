from typing import Any

import pytest
from pydantic import ValidationError

from pipeline_config.base import IdentityConfig
from pipeline_config.clean import ExtractConfig, ExtractLaunch, MinHashConfig, NearDuplicateConfig, SelectConfig
from pipeline_config.rule_limits import LANGUAGE_LIMITS, RULE_GROUPS, LanguageLimits


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
        (SelectConfig, {"near_duplicates": {"min_similarity": 0.0}}, "min_similarity"),
        (
            SelectConfig,
            {"per_language": {"zh": {"c4": {"min_sentence": 1}}}},
            "found .'min_sentence'., .*min_sentences",
        ),
        (SelectConfig, {"per_language": {"zh": {"c4": {"min_sentences": -1}}}}, "greater than or equal to 0"),
        (SelectConfig, {"per_language": {"zh": {"c5": {}}}}, "c5"),
        (SelectConfig, {"per_language": {"de": {}}}, "found limits for de, expected some of languages"),
        (ExtractConfig, {"minhash": {"num_permutations": 8}}, "num_permutations"),
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


def test_a_language_has_its_defaults_where_it_is_kept() -> None:
    assert SelectConfig().per_language == {"zh": LANGUAGE_LIMITS["zh"]}
    assert SelectConfig(languages=("en", "th")).per_language == {"th": LANGUAGE_LIMITS["th"]}
    assert SelectConfig(languages=("en",)).per_language == {}


def test_named_limits_stand_over_a_languages_defaults() -> None:
    config = SelectConfig.model_validate(
        {"per_language": {"zh": {"gopher_quality": {"min_words": 40, "min_stop_words": None}}, "en": {"c4": {}}}}
    )
    assert config.per_language.keys() == {"zh"}
    changed, defaults = config.per_language["zh"], LANGUAGE_LIMITS["zh"]
    assert changed.gopher_quality == {**defaults.gopher_quality, "min_words": 40, "min_stop_words": None}
    assert changed.gopher_repetition == defaults.gopher_repetition


def test_a_configuration_read_back_is_the_same() -> None:
    config = SelectConfig.model_validate({"per_language": {"zh": {"gopher_quality": {"max_words": None}}}})
    assert SelectConfig.model_validate_json(config.model_dump_json()) == config


def test_groups_of_rules_are_the_fields_of_both_models() -> None:
    assert (
        set(RULE_GROUPS) == LanguageLimits.model_fields.keys() == RULE_GROUPS.keys() & SelectConfig.model_fields.keys()
    )


def test_the_default_bands_divide_the_default_signature() -> None:
    assert MinHashConfig().num_permutations % NearDuplicateConfig().num_bands == 0


@pytest.mark.parametrize(
    "model", [*RULE_GROUPS.values(), ExtractConfig, LanguageLimits, NearDuplicateConfig, SelectConfig]
)
def test_every_field_has_its_text(model: type[IdentityConfig]) -> None:
    assert all(field.description for field in model.model_fields.values())
