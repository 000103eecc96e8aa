"""datatrove's filters as comparisons on chatmill's columns, in the order in which datatrove asks them.

The columns are those of `extract.metric_definitions: datatrove`; the limits are the defaults of datatrove 0.10. The
first comparison that holds drops a document, for its reason.
"""

from collections.abc import Mapping
from operator import gt, lt

import numpy as np
from numpy.typing import NDArray

_COMPARISONS = {"<": lt, ">": gt}

Rule = tuple[str, str, str, float]
"""datatrove's reason, the column, the comparison, the limit."""

RULES: Mapping[str, tuple[Rule, ...]] = {
    "gopher_repetition": (
        ("dup_para_frac", "dup_paragraph_share", ">", 0.3),
        ("dup_para_char_frac", "dup_paragraph_char_share", ">", 0.2),
        ("dup_line_frac", "dup_line_share", ">", 0.3),
        ("dup_line_char_frac", "dup_line_char_share", ">", 0.2),
        *((f"top_{n}_gram", f"top_{n}gram_char_share", ">", limit) for n, limit in ((2, 0.2), (3, 0.18), (4, 0.16))),
        *(
            (f"duplicated_{n}_n_grams", f"dup_{n}gram_char_share", ">", limit)
            for n, limit in ((5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.10))
        ),
    ),
    "gopher_quality": (
        ("gopher_short_doc", "gopher_num_words", "<", 50),
        ("gopher_long_doc", "gopher_num_words", ">", 100_000),
        ("gopher_below_avg_threshold", "gopher_mean_word_length", "<", 3),
        ("gopher_above_avg_threshold", "gopher_mean_word_length", ">", 10),
        ("gopher_too_many_hashes", "gopher_hash_ratio", ">", 0.1),
        ("gopher_too_many_ellipsis", "gopher_ellipsis_ratio", ">", 0.1),
        ("gopher_too_many_bullets", "gopher_bullet_line_share", ">", 0.9),
        ("gopher_too_many_end_ellipsis", "gopher_ellipsis_line_share", ">", 0.3),
        ("gopher_below_alpha_threshold", "gopher_alphabetic_word_share", "<", 0.8),
        ("gopher_enough_stop_words", "gopher_num_stop_words", "<", 2),
    ),
    "c4": (
        ("lorem_ipsum", "c4_num_lorem_ipsum", ">", 0),
        ("curly_bracket", "c4_num_curly_brackets", ">", 0),
        ("too_few_sentences", "c4_num_retained_sentences", "<", 5),
    ),
    "fineweb": (
        ("empty", "num_words", "<", 1),
        ("line_punct_ratio", "fineweb_terminal_line_share", "<", 0.12),
        ("short_line_ratio", "fineweb_short_line_share", ">", 0.67),
        ("char_dup_ratio", "fineweb_dup_line_char_share", ">", 0.01),
        ("list_ratio", "fineweb_line_break_ratio", ">", 0.3),
    ),
}


def reasons_of(columns: Mapping[str, NDArray[np.float64]], name: str) -> list[str | None]:
    """Why datatrove's filter `name` would drop each document, None where it would keep it."""
    num_docs = len(columns["num_words"])
    reasons: list[str | None] = [None] * num_docs
    for reason, column, comparison, limit in RULES[name]:
        for number in np.flatnonzero(_COMPARISONS[comparison](columns[column], limit)).tolist():
            reasons[number] = reasons[number] or reason
    return reasons
