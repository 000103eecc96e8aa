"""All metrics of one text in the reading `datatrove`, by name: what datatrove 0.10 computes, in plain Python.

Sentences are left to spaCy's own answers, see test_sentences.py: here a line's is always one.
"""

import re
from collections import Counter
from collections.abc import Sequence

from tasks.clean.engine.characters import _STERM, _SYMBOLS
from tasks.clean.metrics import CHINESE_STOP_WORDS, DUP_NGRAMS, POLICY_PHRASES, STOP_WORDS, TOP_NGRAMS
from tasks.text.words import WordRule
from tests.tasks.clean.oracle.text_parts import share
from tests.tasks.clean.oracle.words import split_words

_CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
_ENDS = (".", "?", "!", '"', "'")
_IS_STERM = re.compile(f"[{_STERM}]")
_ALL_SYMBOLS = re.compile(f"[{_SYMBOLS}]*")
_ELLIPSES = ("...", "…")


def measure_as_datatrove(text: str, rule: WordRule) -> dict[str, float]:
    """`num_chars`, `num_words` and all metrics of one text."""
    words = split_words(text, rule)
    return {
        "num_chars": float(len(text)),
        "num_words": float(len(words)),
        **_quality(text, words),
        **_c4(text),
        **_fineweb(text, words),
        **_repetition(text, words),
    }


def _quality(text: str, words: list[str]) -> dict[str, float]:
    lines = text.splitlines()
    proper = [word for word in words if not _ALL_SYMBOLS.fullmatch(word)]
    return {
        "gopher_num_words": len(proper),
        "gopher_mean_word_length": share(sum(map(len, proper)), len(proper)),
        "gopher_hash_ratio": share(text.count("#"), len(words)),
        "gopher_ellipsis_ratio": share(text.count("...") + text.count("…"), len(words)),
        "gopher_bullet_line_share": share(sum(line.lstrip().startswith(("•", "-")) for line in lines), len(lines)),
        "gopher_ellipsis_line_share": share(sum(line.rstrip().endswith(_ELLIPSES) for line in lines), len(lines)),
        "gopher_alphabetic_word_share": share(sum(any(map(str.isalpha, word)) for word in words), len(words)),
        "gopher_num_stop_words": len(set(words) & set(STOP_WORDS)),
        "gopher_num_stop_words_zh": sum(char in text for char in CHINESE_STOP_WORDS),
    }


def _c4(text: str) -> dict[str, float]:
    full = [line.strip() for line in text.splitlines()]
    lines = [_CITATION.sub("", line) for line in full]
    retained, found = [], ""
    for whole, line in zip(full, lines, strict=True):
        words = whole.split()
        if any(len(word) > 1_000 for word in words) or not line.endswith(_ENDS) or line.endswith("..."):
            continue
        if len(words) < 3:
            continue
        lower = line.lower()
        if "lorem ipsum" in lower or ("{" in line and "javascript" not in lower):
            found = "lorem" if "lorem ipsum" in lower else "curly"
            break
        if "javascript" not in lower and not any(phrase in lower for phrase in POLICY_PHRASES):
            retained.append(line)
    lowered = [line.lower() for line in lines]
    return {
        "c4_retained_char_share": share(sum(map(len, retained)), sum(map(len, lines))),
        "c4_num_lorem_ipsum": found == "lorem",
        "c4_num_curly_brackets": found == "curly",
        "c4_javascript_line_share": share(sum("javascript" in line for line in lowered), len(lines)),
        "c4_policy_line_share": share(
            sum(any(phrase in line for phrase in POLICY_PHRASES) for line in lowered), len(lines)
        ),
    }


def _fineweb(text: str, words: list[str]) -> dict[str, float]:
    lines = [line for line in text.split("\n") if line.strip()]
    return {
        "fineweb_terminal_line_share": share(sum(bool(_IS_STERM.match(line[-1])) for line in lines), len(lines)),
        "fineweb_short_line_share": share(sum(len(line) <= 30 for line in lines), len(lines)),
        "fineweb_dup_line_char_share": share(sum(map(len, _repeats(lines))), len(text.replace("\n", ""))),
        "fineweb_line_break_ratio": share(text.count("\n"), len(words)),
    }


def _repetition(text: str, words: list[str]) -> dict[str, float]:
    paragraphs, lines = re.split(r"\n{2,}", text.strip()), re.split("\n+", text)
    return {
        "dup_line_share": share(len(_repeats(lines)), len(lines)),
        "dup_line_char_share": share(sum(map(len, _repeats(lines))), len(text)),
        "dup_paragraph_share": share(len(_repeats(paragraphs)), len(paragraphs)),
        "dup_paragraph_char_share": share(sum(map(len, _repeats(paragraphs))), len(text)),
        **{f"top_{n}gram_char_share": share(_top(words, n), len(text)) for n in TOP_NGRAMS},
        **{f"dup_{n}gram_char_share": share(_dup(words, n), len(text)) for n in DUP_NGRAMS},
    }


def _repeats(pieces: Sequence[str]) -> list[str]:
    seen: set[str] = set()
    return [piece for piece in pieces if piece in seen or seen.add(piece)]  # type: ignore[func-returns-value]


def _top(words: list[str], n: int) -> int:
    runs = Counter(" ".join(words[start : start + n]) for start in range(len(words) - n + 1))
    return max((count * len(run) for run, count in runs.most_common(1)), default=0)


def _dup(words: list[str], n: int) -> int:
    seen: set[str] = set()
    chars = start = 0
    while start + n <= len(words):
        run = "".join(words[start : start + n])
        if run in seen:
            chars += len(run)
            start += n
        else:
            seen.add(run)
            start += 1
    return chars
