"""The rules of selection in the order in which they are asked: each a metric, a comparison and a limit of the config.

A document that fails a rule is dropped for the rule's reason, with the metric that decided. The order is fixed: the
list of addresses, language, Gopher's quality, Gopher's repetition, C4, FineWeb, the list of words; a document is
counted under the first rule that it fails. Where the papers keep a document that lies at a limit the comparison is
strict (Gopher, C4); where they drop it, it is not (FineWeb). A language may have limits of its own, or not be asked a
rule: see SelectConfig.per_language.

Sources: Gopher, arXiv:2112.11446, A.1.1 and table A1; C4, arXiv:1910.10683, section 2.2; FineWeb, arXiv:2406.17557,
section 3.6. FineWeb's own text disagrees with itself on repeated lines: 0.1 there, 0.01 in its appendix E.4 and as the
default of datatrove; here it is the section's. How the metrics differ from others' stands in tasks/clean/metrics.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline_config.clean import SelectConfig
from pipeline_config.rule_limits import RuleGroup
from tasks.clean.block_lists import load_addresses
from tasks.clean.metrics import DUP_NGRAMS, TOP_NGRAMS
from tasks.text.language import NO_LANGUAGE

BLOCKED_URL, LANGUAGE, LANGUAGE_SCORE = "blocked_url", "language", "language_score"

Comparison = Literal["<", "<=", ">", ">="]

COMPARISONS = {"<": lt, "<=": le, ">": gt, ">=": ge}
_SCORE_DIGITS = 4  # as it was measured; the table's 32 bits turn 0.65 into 0.64999998
_ENGLISH, _CHINESE = frozenset({"en"}), frozenset({"zh"})


@dataclass(frozen=True)
class Rule:
    """Drops a document whose `column` stands in `drops_if` to the limit under `setting`."""

    group: RuleGroup
    reason: str
    column: str
    drops_if: Comparison
    setting: str
    """Field of the group's config."""
    languages: frozenset[str] | None = None
    """The only ones for which the column means anything; None: all."""

    def limit(self, config: SelectConfig, language: str) -> float | None:
        """The limit for documents in `language`; None where they are not asked this rule."""
        group = getattr(config, self.group)
        if group is None or (self.languages is not None and language not in self.languages):
            return None
        own = getattr(config.per_language[language], self.group) if language in config.per_language else {}
        limit = own.get(self.setting, getattr(group, self.setting))
        return None if limit is None else float(limit)

    def fails(self, row: Mapping[str, Any], limit: float) -> bool:
        """Whether a row of `extracted/` is to be dropped."""
        return bool(COMPARISONS[self.drops_if](row[self.column], limit))


@dataclass(frozen=True)
class RuleFailure:
    """The first rule that a document fails, and what decided: `value` of `metric` against `limit`."""

    reason: str
    metric: str | None = None
    value: float | None = None
    limit: float | None = None


RuleSet = Mapping[str, tuple[tuple[Rule, float], ...]]
"""By language the rules that its documents are asked, in order, with their limits."""

_RULES = (
    Rule("gopher_quality", "gopher_too_few_words", "num_words", "<", "min_words"),
    Rule("gopher_quality", "gopher_too_many_words", "num_words", ">", "max_words"),
    Rule("gopher_quality", "gopher_short_words", "gopher_mean_word_length", "<", "min_mean_word_length"),
    Rule("gopher_quality", "gopher_long_words", "gopher_mean_word_length", ">", "max_mean_word_length"),
    Rule("gopher_quality", "gopher_hashes", "gopher_hash_ratio", ">", "max_hash_ratio"),
    Rule("gopher_quality", "gopher_ellipses", "gopher_ellipsis_ratio", ">", "max_ellipsis_ratio"),
    Rule("gopher_quality", "gopher_bullet_lines", "gopher_bullet_line_share", ">", "max_bullet_line_share"),
    Rule("gopher_quality", "gopher_ellipsis_lines", "gopher_ellipsis_line_share", ">", "max_ellipsis_line_share"),
    Rule("gopher_quality", "gopher_alphabetic_words", "gopher_alphabetic_word_share", "<", "min_alphabetic_word_share"),
    Rule("gopher_quality", "gopher_stop_words", "gopher_num_stop_words", "<", "min_stop_words", languages=_ENGLISH),
    Rule("gopher_quality", "gopher_stop_words", "gopher_num_stop_words_zh", "<", "min_stop_words", languages=_CHINESE),
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
    Rule("c4", "c4_sentences", "c4_num_retained_sentences", "<", "min_sentences"),
    Rule("c4", "c4_lorem_ipsum", "c4_num_lorem_ipsum", ">", "max_lorem_ipsum"),
    Rule("c4", "c4_curly_brackets", "c4_num_curly_brackets", ">", "max_curly_brackets"),
    Rule("fineweb", "fineweb_terminal_lines", "fineweb_terminal_line_share", "<=", "min_terminal_line_share"),
    Rule("fineweb", "fineweb_dup_lines", "dup_line_char_share", ">=", "max_dup_line_char_share"),
    Rule("fineweb", "fineweb_short_lines", "fineweb_short_line_share", ">=", "max_short_line_share"),
    Rule("blocked_words", "blocked_words", "num_blocked_words", ">", "max_words"),
)


def quality_rules(config: SelectConfig) -> RuleSet:
    """The rules whose group is switched on, for each language of the configuration, with that language's limits."""
    limits = {language: [(rule, rule.limit(config, language)) for rule in _RULES] for language in config.languages}
    return {
        language: tuple((rule, limit) for rule, limit in found if limit is not None)
        for language, found in limits.items()
    }


@dataclass(frozen=True)
class Verdicts:
    """Of each row of a table the first rule that it fails."""

    failures: tuple[tuple[str, str | None], ...]
    """Reason and metric of everything that a row can fail."""
    failed: NDArray[np.int16]
    """For each row its place in `failures`; -1 where it passed all."""
    values: NDArray[np.float64]
    """What was measured; NaN where no number decided."""
    limits: NDArray[np.float64]

    def of(self, row: int) -> RuleFailure | None:
        """Why a row is dropped, or None where it is kept."""
        if self.failed[row] < 0:
            return None
        reason, metric = self.failures[self.failed[row]]
        if metric is None:
            return RuleFailure(reason)
        return RuleFailure(reason, metric, float(self.values[row]), float(self.limits[row]))


def judge(table: pa.Table, config: SelectConfig) -> Verdicts:
    """Asks all rows the rules, a column at a time.

    Args:
        table: Rows of `extracted/`; their texts are not needed.
        config: The languages, the limits, and the kinds of source to which the quality rules apply.
    """
    rules = quality_rules(config)
    failures = (
        (LANGUAGE, None),
        (LANGUAGE_SCORE, "lang_score"),
        (BLOCKED_URL, None),
        *((rule.reason, rule.column) for rule in _RULES),
    )
    failed = np.full(len(table), -1, np.int16)
    if config.url_block_list is not None:
        blocked = load_addresses(config.url_block_list)
        failed[[blocked.covers(url) for url in table["url"].to_pylist()]] = failures.index((BLOCKED_URL, None))
    values, limits = np.full(len(table), np.nan), np.full(len(table), np.nan)
    tags = pc.dictionary_encode(table["lang"].combine_chunks())
    language_of = np.array([primary_language(tag) for tag in tags.dictionary.to_pylist()], dtype=object)
    languages = language_of[tags.indices.to_numpy()] if len(table) else np.empty(0, dtype=object)
    failed[(failed < 0) & ~np.isin(languages, (*config.languages, NO_LANGUAGE[0]))] = 0
    scores = np.round(table["lang_score"].to_numpy().astype(np.float64), _SCORE_DIGITS)
    is_low = (failed < 0) & (scores < config.min_language_score)
    failed[is_low], values[is_low], limits[is_low] = 1, scores[is_low], config.min_language_score
    is_asked = (failed < 0) & pc.is_in(table["source_kind"], pa.array(config.quality_kinds)).to_numpy()
    for language, asked in rules.items():
        rows = np.flatnonzero(is_asked & (languages == language))
        for rule, limit in asked:
            measured = table[rule.column].to_numpy()[rows]
            fails = COMPARISONS[rule.drops_if](measured, limit)
            failed[rows[fails]] = failures.index((rule.reason, rule.column))
            values[rows[fails]], limits[rows[fails]] = measured[fails], limit
            rows = rows[~fails]
    return Verdicts(failures, failed, values, limits)


def setting_of(reason: str) -> str:
    """The setting of SelectConfig that a drop reason hangs on."""
    settings = {rule.reason: f"{rule.group}.{rule.setting}" for rule in _RULES}
    settings |= {LANGUAGE: "languages", LANGUAGE_SCORE: "min_language_score", "near_duplicate": "near_duplicates"}
    settings |= {BLOCKED_URL: "url_block_list", "duplicate_paragraphs": "paragraph_dedup"}
    return settings.get(reason, "is_deduplicated")


def primary_language(tag: str) -> str:
    """The first subtag of a BCP 47 tag, in lower case."""
    return tag.partition("-")[0].lower()
