"""The limits of the quality rules, and those that single languages have in their place."""

from collections.abc import Mapping
from typing import Literal, cast

from pydantic import Field, ValidationInfo, field_validator

from pipeline_config.base import IdentityConfig


class GopherQualityConfig(IdentityConfig):
    """Gopher's quality rules; a document outside a limit is dropped, one at it is kept.

    Source: Rae et al. 2021, arXiv:2112.11446, appendix A.1.1, «Quality Filtering».
    """

    min_words: int = Field(default=50, ge=0)
    """Fewest words."""
    max_words: int = Field(default=100_000, ge=1)
    """Most words."""
    min_mean_word_length: float = Field(default=3.0, ge=0.0)
    """Characters."""
    max_mean_word_length: float = Field(default=10.0, gt=0.0)
    """Characters."""
    max_hash_ratio: float = Field(default=0.1, ge=0.0)
    """Hash signs a word."""
    max_ellipsis_ratio: float = Field(default=0.1, ge=0.0)
    """Ellipses a word."""
    max_bullet_line_share: float = Field(default=0.9, ge=0.0, le=1.0)
    """Share of lines that begin with a bullet point."""
    max_ellipsis_line_share: float = Field(default=0.3, ge=0.0, le=1.0)
    """Share of lines that end with an ellipsis."""
    min_alphabetic_word_share: float = Field(default=0.8, ge=0.0, le=1.0)
    """Share of words with at least one letter."""
    min_stop_words: int = Field(default=2, ge=0, le=8)
    """How many of eight function words occur; English and Chinese have a list, other languages are not asked."""


class GopherRepetitionConfig(IdentityConfig):
    """Gopher's repetition rules: the most that may be repeated, as a share from 0 to 1.

    Source: Rae et al. 2021, arXiv:2112.11446, table A1.
    """

    max_dup_line_share: float = Field(default=0.30, ge=0.0, le=1.0)
    """Lines that stood before."""
    max_dup_paragraph_share: float = Field(default=0.30, ge=0.0, le=1.0)
    """Paragraphs that stood before."""
    max_dup_line_char_share: float = Field(default=0.20, ge=0.0, le=1.0)
    """Characters in such lines."""
    max_dup_paragraph_char_share: float = Field(default=0.20, ge=0.0, le=1.0)
    """Characters in such paragraphs."""
    max_top_2gram_char_share: float = Field(default=0.20, ge=0.0, le=1.0)
    """Characters in the most frequent run of two words."""
    max_top_3gram_char_share: float = Field(default=0.18, ge=0.0, le=1.0)
    """Characters in the most frequent run of three words."""
    max_top_4gram_char_share: float = Field(default=0.16, ge=0.0, le=1.0)
    """Characters in the most frequent run of four words."""
    max_dup_5gram_char_share: float = Field(default=0.15, ge=0.0, le=1.0)
    """Characters in runs of five words that stood before."""
    max_dup_6gram_char_share: float = Field(default=0.14, ge=0.0, le=1.0)
    """Characters in runs of six words that stood before."""
    max_dup_7gram_char_share: float = Field(default=0.13, ge=0.0, le=1.0)
    """Characters in runs of seven words that stood before."""
    max_dup_8gram_char_share: float = Field(default=0.12, ge=0.0, le=1.0)
    """Characters in runs of eight words that stood before."""
    max_dup_9gram_char_share: float = Field(default=0.11, ge=0.0, le=1.0)
    """Characters in runs of nine words that stood before."""
    max_dup_10gram_char_share: float = Field(default=0.10, ge=0.0, le=1.0)
    """Characters in runs of ten words that stood before."""


class C4Config(IdentityConfig):
    """C4's rules for whole pages; a document outside a limit is dropped, one at it is kept.

    Source: Raffel et al. 2020, arXiv:1910.10683, section 2.2.
    """

    min_sentences: int = Field(default=3, ge=0)
    """Fewest sentences in the lines that C4 keeps: five words and more, ended, no notice."""
    max_lorem_ipsum: int = Field(default=0, ge=0)
    """Most occurrences of `lorem ipsum`."""
    max_curly_brackets: int = Field(default=0, ge=0)
    """Most `{`: a page with one is mostly code."""


class FineWebConfig(IdentityConfig):
    """The three rules that FineWeb adds; a document at a limit is dropped too, as in the paper.

    Source: Penedo et al. 2024, arXiv:2406.17557, section 3.6.
    """

    min_terminal_line_share: float = Field(default=0.12, ge=0.0, le=1.0)
    """Share of lines that end with terminal punctuation: more than this is kept."""
    max_dup_line_char_share: float = Field(default=0.10, ge=0.0, le=1.0)
    """Share of characters in lines that stood before: less than this is kept."""
    max_short_line_share: float = Field(default=0.67, ge=0.0, le=1.0)
    """Share of lines under 30 characters: less than this is kept."""


class BlockedWordsConfig(IdentityConfig):
    """How often words of `extract.word_block_list` may stand in a document; without a list they never do.

    C4 drops a page with a single one, which takes many pages by and about minorities along (Dodge et al. 2021,
    arXiv:2104.08758, section 5).
    """

    max_words: int = Field(default=0, ge=0)
    """Most places where an entry of the list begins."""


RuleGroup = Literal["gopher_quality", "gopher_repetition", "c4", "fineweb", "blocked_words"]
RULE_GROUPS: Mapping[RuleGroup, type[IdentityConfig]] = {
    "gopher_quality": GopherQualityConfig,
    "gopher_repetition": GopherRepetitionConfig,
    "c4": C4Config,
    "fineweb": FineWebConfig,
    "blocked_words": BlockedWordsConfig,
}
"""In the order in which their rules are asked."""

Limits = dict[str, float | None]
"""By the name of the setting; None: the rule is not asked."""


class LanguageLimits(IdentityConfig):
    """Limits for one language in place of those for all. What is not named stays as it is for all."""

    gopher_quality: Limits = Field(default={})
    """Settings of GopherQualityConfig; null switches a rule off."""
    gopher_repetition: Limits = Field(default={})
    """Settings of GopherRepetitionConfig; null switches a rule off."""
    c4: Limits = Field(default={})
    """Settings of C4Config; null switches a rule off."""
    fineweb: Limits = Field(default={})
    """Settings of FineWebConfig; null switches a rule off."""
    blocked_words: Limits = Field(default={})
    """Settings of BlockedWordsConfig; null switches a rule off."""

    @field_validator(*RULE_GROUPS)
    @classmethod
    def _are_settings(cls, limits: Limits, info: ValidationInfo) -> Limits:
        group = RULE_GROUPS[cast(RuleGroup, info.field_name)]
        unknown = limits.keys() - group.model_fields.keys()
        if unknown:
            raise ValueError(f"found {sorted(unknown)}, expected settings of it: {', '.join(group.model_fields)}")
        group.model_validate({name: limit for name, limit in limits.items() if limit is not None})
        return limits

    def but(self, other: "LanguageLimits") -> "LanguageLimits":
        """These limits, and those that `other` names in their place."""
        return LanguageLimits(**{group: getattr(self, group) | getattr(other, group) for group in RULE_GROUPS})


_NO_WORD_LENGTH: Limits = {"min_mean_word_length": None, "max_mean_word_length": None}
_WITHOUT_SPACES = LanguageLimits(gopher_quality=_NO_WORD_LENGTH, fineweb={"max_short_line_share": None})
# Measured on 3,187 articles of the People's Daily of January 1998. A word of its own segmentation has 1.72 characters,
# so that Gopher's 50 to 100,000 words are 86 to 172,000 characters and its 0.1 symbols a word 0.06 a character; the 234
# shorter texts are captions, verses and rows of tables. Word length says nothing where a character is a word. A line of
# 30 characters is a sentence: in one good article of 20, 60 % of the lines are shorter, and the rule would drop 1.5 %.
# Of the 2,722 articles that are long enough and have three sentences and ended lines, Gopher's limits on repeated runs
# would drop 5.8 %, since five characters are three words (of English news: 0.04 %). The limits here are what 99.5 % of
# the articles keep, each rounded; together they drop 0.8 %, mostly laws. The repetitive Chinese pages of the demo have
# 0.3 and more. The most frequent runs reach 0.187, 0.162 and 0.144 and keep Gopher's limits. FineWeb-2 came to the same
# by other means, over segmented words: 0.198 to 0.127, and no rule on short lines (its configs/cmn_Hani.yml).
_CHINESE = _WITHOUT_SPACES.but(
    LanguageLimits(
        gopher_quality={"min_words": 86, "max_words": 172_000, "max_hash_ratio": 0.06, "max_ellipsis_ratio": 0.06},
        gopher_repetition={
            "max_dup_5gram_char_share": 0.28,
            "max_dup_6gram_char_share": 0.25,
            "max_dup_7gram_char_share": 0.22,
            "max_dup_8gram_char_share": 0.20,
            "max_dup_9gram_char_share": 0.18,
            "max_dup_10gram_char_share": 0.16,
        },
    )
)
LANGUAGE_LIMITS: Mapping[str, LanguageLimits] = {
    **dict.fromkeys(("zh", "wuu", "yue"), _CHINESE),
    **dict.fromkeys(("ja", "th", "lo", "km", "my", "bo"), _WITHOUT_SPACES),
}
"""Defaults of SelectConfig.per_language, used for those of its languages that stand here."""
