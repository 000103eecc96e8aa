"""All metrics of one text in the reading `papers`, by name."""

from collections.abc import Callable

from tasks.text.words import WordRule
from tests.tasks.clean.oracle import quality, repetition
from tests.tasks.clean.oracle.text_parts import TextParts, take_apart

_METRICS: dict[str, Callable[[TextParts], float]] = {
    function.__name__: function
    for function in (
        quality.gopher_num_words,
        quality.gopher_mean_word_length,
        quality.gopher_hash_ratio,
        quality.gopher_ellipsis_ratio,
        quality.gopher_bullet_line_share,
        quality.gopher_ellipsis_line_share,
        quality.gopher_alphabetic_word_share,
        quality.gopher_num_stop_words,
        quality.gopher_num_stop_words_zh,
        quality.c4_num_sentences,
        quality.c4_num_retained_sentences,
        quality.c4_retained_char_share,
        quality.c4_num_lorem_ipsum,
        quality.c4_num_curly_brackets,
        quality.c4_javascript_line_share,
        quality.c4_policy_line_share,
        quality.fineweb_terminal_line_share,
        quality.fineweb_short_line_share,
        quality.fineweb_line_break_ratio,
        repetition.dup_line_share,
        repetition.dup_line_char_share,
        repetition.dup_paragraph_share,
        repetition.dup_paragraph_char_share,
    )
}


def measure(text: str, rule: WordRule) -> dict[str, float]:
    """`num_chars`, `num_words` and all metrics of one text."""
    parts = take_apart(text, rule)
    measured = {name: float(metric(parts)) for name, metric in _METRICS.items()}
    return {
        "num_chars": float(len(text)),
        "num_words": float(len(parts.words)),
        **measured,
        "fineweb_dup_line_char_share": measured["dup_line_char_share"],
        **repetition.ngram_char_shares(parts),
    }
