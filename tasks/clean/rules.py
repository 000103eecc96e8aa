"""The rules of selection in the order in which they are asked: each a metric, a comparison and a limit of the config.

A rule answers with its name, which is the drop reason, or with nothing. The order is fixed: language, Gopher's quality,
Gopher's repetition, C4, FineWeb; a document is counted under the first rule that it fails. Where the papers keep a
document that lies at a limit the comparison is strict (Gopher, C4); where they drop it, it is not (FineWeb).

Chinese and other languages written without spaces pass by the rules that mean words between spaces or lines of Latin
letters (mean word length, short lines). Only English is asked for its stop words.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Any, Literal

from pipeline_config.clean import SelectConfig
from tasks.clean.repetition import DUP_NGRAMS, TOP_NGRAMS

WITHOUT_SPACES = frozenset({"zh", "wuu", "yue", "ja", "th", "lo", "km", "my", "bo"})

LANGUAGE, LANGUAGE_SCORE = "language", "language_score"

Group = Literal["gopher_quality", "gopher_repetition", "c4", "fineweb"]
Scope = Literal["all", "spaced", "english"]
Comparison = Literal["<", "<=", ">", ">="]

_COMPARISONS: dict[Comparison, Callable[[float, float], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


@dataclass(frozen=True)
class Rule:
    """Drops a document whose `column` stands in `drops_if` to the limit under `setting`."""

    group: Group
    reason: str
    column: str
    drops_if: Comparison
    setting: str
    """Field of the group's config."""
    scope: Scope = "all"
    """The languages in which the rule makes sense."""

    def limit(self, config: SelectConfig) -> float:
        """The limit of the configuration, whose group is switched on."""
        return float(getattr(getattr(config, self.group), self.setting))

    def fails(self, row: Mapping[str, Any], limit: float) -> bool:
        """Whether a row of `extracted/` is to be dropped."""
        return _is_in_scope(self.scope, primary_language(row["lang"])) and _COMPARISONS[self.drops_if](
            row[self.column], limit
        )


_RULES = (
    Rule("gopher_quality", "gopher_too_few_words", "num_words", "<", "min_words"),
    Rule("gopher_quality", "gopher_too_many_words", "num_words", ">", "max_words"),
    Rule(
        "gopher_quality", "gopher_short_words", "gopher_mean_word_length", "<", "min_mean_word_length", scope="spaced"
    ),
    Rule("gopher_quality", "gopher_long_words", "gopher_mean_word_length", ">", "max_mean_word_length", scope="spaced"),
    Rule("gopher_quality", "gopher_hashes", "gopher_hash_ratio", ">", "max_hash_ratio"),
    Rule("gopher_quality", "gopher_ellipses", "gopher_ellipsis_ratio", ">", "max_ellipsis_ratio"),
    Rule("gopher_quality", "gopher_bullet_lines", "gopher_bullet_line_share", ">", "max_bullet_line_share"),
    Rule("gopher_quality", "gopher_ellipsis_lines", "gopher_ellipsis_line_share", ">", "max_ellipsis_line_share"),
    Rule("gopher_quality", "gopher_alphabetic_words", "gopher_alphabetic_word_share", "<", "min_alphabetic_word_share"),
    Rule("gopher_quality", "gopher_stop_words", "gopher_num_stop_words", "<", "min_stop_words", scope="english"),
    *(
        Rule("gopher_repetition", f"gopher_{column}", column, ">", f"max_{column}")
        for column in (
            "dup_line_share",
            "dup_paragraph_share",
            "dup_line_char_share",
            "dup_paragraph_char_share",
            *(f"top_{n}gram_char_share" for n in TOP_NGRAMS),
            *(f"dup_{n}gram_char_share" for n in DUP_NGRAMS),
        )
    ),
    Rule("c4", "c4_sentences", "c4_num_sentences", "<", "min_sentences"),
    Rule("c4", "c4_lorem_ipsum", "c4_num_lorem_ipsum", ">", "max_lorem_ipsum"),
    Rule("c4", "c4_curly_brackets", "c4_num_curly_brackets", ">", "max_curly_brackets"),
    Rule("fineweb", "fineweb_terminal_lines", "fineweb_terminal_line_share", "<=", "min_terminal_line_share"),
    Rule("fineweb", "fineweb_dup_lines", "dup_line_char_share", ">=", "max_dup_line_char_share"),
    Rule("fineweb", "fineweb_short_lines", "fineweb_short_line_share", ">=", "max_short_line_share", scope="spaced"),
)


def quality_rules(config: SelectConfig) -> tuple[tuple[Rule, float], ...]:
    """The rules whose group is switched on, in order, with their limits."""
    return tuple((rule, rule.limit(config)) for rule in _RULES if getattr(config, rule.group) is not None)


def drop_reason(row: Mapping[str, Any], config: SelectConfig, rules: tuple[tuple[Rule, float], ...]) -> str | None:
    """The first reason to drop a document, or None.

    Args:
        row: A row of `extracted/`; its text is not needed.
        config: The languages, and the kinds of source to which `rules` apply.
        rules: As `quality_rules` gives them.
    """
    if primary_language(row["lang"]) not in config.languages:
        return LANGUAGE
    if row["lang_score"] < config.min_language_score:
        return LANGUAGE_SCORE
    if row["source_kind"] not in config.quality_kinds:
        return None
    return next((rule.reason for rule, limit in rules if rule.fails(row, limit)), None)


def setting_of(reason: str) -> str:
    """The setting of SelectConfig that a drop reason hangs on."""
    settings = {rule.reason: f"{rule.group}.{rule.setting}" for rule in _RULES}
    settings |= {LANGUAGE: "languages", LANGUAGE_SCORE: "min_language_score"}
    return settings.get(reason, "is_deduplicated")


def primary_language(tag: str) -> str:
    """The first subtag of a BCP 47 tag, in lower case."""
    return tag.partition("-")[0].lower()


def _is_in_scope(scope: Scope, language: str) -> bool:
    if scope == "english":
        return language == "en"
    return scope == "all" or language not in WITHOUT_SPACES
