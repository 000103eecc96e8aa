"""All metrics of a batch of texts, from Arrow's buffers to arrays, with the global interpreter lock released."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline_config.clean import ExtractConfig
from tasks.clean.block_lists import count_listed_words
from tasks.clean.engine import repetition
from tasks.clean.engine.datatrove_lines import find_datatrove_lines
from tasks.clean.engine.lines import find_lines
from tasks.clean.engine.words import Words, find_words
from tasks.clean.metrics import DUP_NGRAMS, METRIC_NAMES, TOP_NGRAMS
from tasks.text.code_points import utf8_buffers

Column = NDArray[np.float64]
Columns = dict[str, Column]
Counts = NDArray[np.int64]

_SLICE_BYTES = 4 * 2**20
"""Of texts that are measured at once: what bounds the memory, about thirty times as much."""


def measure_texts(texts: pa.Array, config: ExtractConfig) -> Columns:
    """`num_chars`, `num_words` and all metrics of each text, by name: whole numbers are exact, shares as Python's.

    Args:
        texts: Strings, none of them null.
        config: The word rule and the reading of the definitions.
    """
    data, offsets = utf8_buffers(texts)
    parts = [_measure(data, part, config) for part in _slices(offsets)]
    measured = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    measured["num_blocked_words"] = _blocked_words(texts, config)
    return {name: measured[name] for name in ("num_chars", "num_words", *METRIC_NAMES)}


def _blocked_words(texts: pa.Array, config: ExtractConfig) -> Column:
    if config.word_block_list is None:
        return np.zeros(len(texts))
    return count_listed_words(texts, config.word_block_list).astype(np.float64)


def _slices(offsets: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """The offsets of consecutive texts, cut where a slice would grow too large; at least one slice."""
    first = 0
    while True:
        last = int(np.searchsorted(offsets, offsets[first] + _SLICE_BYTES, side="right")) - 1
        last = min(max(last, first + 1), len(offsets) - 1)
        yield offsets[first : last + 1]
        if last == len(offsets) - 1:
            return
        first = last


def _measure(data: NDArray[np.uint8], offsets: NDArray[np.int64], config: ExtractConfig) -> Columns:
    of_words, words = find_words(data, offsets, config.word_rule)
    if config.metric_definitions == "datatrove":
        return _measure_as_datatrove(data, offsets, of_words, words)
    of_lines, lines, paragraphs = find_lines(data, offsets, words)
    num_words, num_lines, num_paragraphs = of_words["words"], of_lines["lines"], np.diff(paragraphs[0])
    dup_lines, dup_line_chars = repetition.count_repeats(lines)
    dup_paragraphs, dup_paragraph_chars = repetition.count_repeats(paragraphs)
    return {
        **_word_metrics(of_words, num_words, of_words["word_chars"], of_words["stop_words"]),
        **_line_metrics(of_lines, num_words, num_lines),
        "fineweb_terminal_line_share": _share(of_lines["terminal_lines"], num_lines),
        "fineweb_short_line_share": _share(of_lines["short_lines"], num_lines),
        "fineweb_dup_line_char_share": _share(dup_line_chars, of_lines["line_chars"]),
        "dup_line_share": _share(dup_lines, num_lines),
        "dup_line_char_share": _share(dup_line_chars, of_lines["line_chars"]),
        "dup_paragraph_share": _share(dup_paragraphs, num_paragraphs),
        "dup_paragraph_char_share": _share(dup_paragraph_chars, of_lines["paragraph_chars"]),
        **_run_metrics(repetition.covered_chars(words), of_words["word_chars"]),
    }


def _measure_as_datatrove(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], of_words: NDArray[np.void], words: Words
) -> Columns:
    of_lines, lines, paragraphs, plain_lines = find_datatrove_lines(data, offsets)
    num_chars, num_plain_lines = of_words["num_chars"], np.diff(plain_lines[0])
    dup_lines, dup_line_chars = repetition.count_repeats(lines)
    dup_paragraphs, dup_paragraph_chars = repetition.count_repeats(paragraphs)
    _, dup_plain_chars = repetition.count_repeats(plain_lines)
    return {
        **_word_metrics(of_words, of_words["proper"], of_words["proper_chars"], of_words["plain_stop_words"]),
        **_line_metrics(of_lines, of_words["words"], of_lines["break_lines"]),
        "fineweb_terminal_line_share": _share(of_lines["terminal_lines"], num_plain_lines),
        "fineweb_short_line_share": _share(of_lines["short_lines"], num_plain_lines),
        "fineweb_dup_line_char_share": _share(dup_plain_chars, num_chars - of_lines["line_breaks"]),
        "dup_line_share": _share(dup_lines, np.diff(lines[0])),
        "dup_line_char_share": _share(dup_line_chars, num_chars),
        "dup_paragraph_share": _share(dup_paragraphs, np.diff(paragraphs[0])),
        "dup_paragraph_char_share": _share(dup_paragraph_chars, num_chars),
        **_run_metrics(repetition.datatrove_chars(words), num_chars),
    }


def _word_metrics(counts: NDArray[np.void], num_words: Counts, word_chars: Counts, stop_words: Counts) -> Columns:
    """What is measured by words; of them `num_words` of `word_chars` in all count for Gopher's limits."""
    return {
        "num_chars": counts["num_chars"].astype(np.float64),
        "num_words": counts["words"].astype(np.float64),
        "gopher_num_words": num_words.astype(np.float64),
        "gopher_mean_word_length": _share(word_chars, num_words),
        "gopher_alphabetic_word_share": _share(counts["alphabetic"], counts["words"]),
        "gopher_num_stop_words": _num_bits(stop_words),
        "gopher_num_stop_words_zh": _num_bits(counts["stop_words_zh"]),
    }


def _line_metrics(counts: NDArray[np.void], num_words: Counts, num_lines: Counts) -> Columns:
    return {
        "gopher_hash_ratio": _share(counts["hashes"], num_words),
        "gopher_ellipsis_ratio": _share(counts["ellipses"], num_words),
        "gopher_bullet_line_share": _share(counts["bullet_lines"], num_lines),
        "gopher_ellipsis_line_share": _share(counts["ellipsis_lines"], num_lines),
        "c4_num_sentences": counts["sentences"].astype(np.float64),
        "c4_num_retained_sentences": counts["retained_sentences"].astype(np.float64),
        "c4_retained_char_share": _share(counts["retained_chars"], counts["line_chars"]),
        "c4_num_lorem_ipsum": counts["lorem_ipsum"].astype(np.float64),
        "c4_num_curly_brackets": counts["curly_brackets"].astype(np.float64),
        "c4_javascript_line_share": _share(counts["javascript_lines"], num_lines),
        "c4_policy_line_share": _share(counts["policy_lines"], num_lines),
        "fineweb_line_break_ratio": _share(counts["line_breaks"], num_words),
    }


def _run_metrics(chars: NDArray[np.int64], num_chars: Counts) -> Columns:
    return {
        **{f"top_{n}gram_char_share": _share(chars[:, n - 2], num_chars) for n in TOP_NGRAMS},
        **{f"dup_{n}gram_char_share": _share(chars[:, n - 2], num_chars) for n in DUP_NGRAMS},
    }


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> Column:
    """`part / whole`, and 0 where there is nothing to have a share of."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole != 0)


def _num_bits(bits: NDArray[np.int64]) -> Column:
    return np.bitwise_count(bits).astype(np.float64)
