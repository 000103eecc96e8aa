"""Metrics of form: words, lines, symbols, in the reading `papers`. One function a metric."""

import re

from tests.tasks.clean.oracle.text_parts import TextParts, share

STOP_WORDS = frozenset({"the", "be", "to", "of", "and", "that", "have", "with"})
"""Source: Rae et al. 2021, arXiv:2112.11446, appendix A.1.1."""
CHINESE_STOP_WORDS = frozenset("的一在了和是有不")
"""The most frequent function words of one character, the same in traditional script. Source: counted over the
People's Daily of January 1998: of all characters 3.4 % (的), 1.1, 0.9, 0.8, 0.7, 0.7, 0.7 and 0.6 % (不)."""
C4_LINE_WORDS = 5
"""Source: Raffel et al. 2020, arXiv:1910.10683, section 2.2."""
C4_POLICY_PHRASES = (
    "terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies",
)  # fmt: skip
"""Source: the same."""
C4_MAX_WORD_CHARS = 1_000
"""Source: C4's code, tensorflow_datasets/text/c4_utils.py; the paper does not say it."""
SHORT_LINE_CHARS = 30
"""Source: Penedo et al. 2024, arXiv:2406.17557, section 3.6."""

_BULLETS = ("•", "‣", "◦", "▪", "●", "·", "- ", "* ")
_ELLIPSES = ("...", "…")
_ELLIPSIS = re.compile(r"\.{3,}|…+")
# Full stop, exclamation and question mark, closing quotation marks; then the same of Chinese, Japanese and others.
_C4_TERMINAL = (".", "!", "?", '"', "”", "。", "！", "？", "」", "』", "．", "؟", "۔", "।")
_TERMINAL = (*_C4_TERMINAL, "…")
_CLOSING = "\"'”’»)\\]」』）"
_SENTENCE_END = re.compile(rf"[.!?…؟۔।]+[{_CLOSING}]*(?=\s|$)|[。！？．]+[{_CLOSING}]*")
_NOTE_AT_THE_END = re.compile("(?<=[。！？…”])（[^（）]{1,40}）$")
_PUNCTUATION = "\"'“”‘’.,;:!?()[]{}«»—–-…"


def gopher_num_words(parts: TextParts) -> float:
    """All words."""
    return len(parts.words)


def gopher_mean_word_length(parts: TextParts) -> float:
    """Characters a word, the mean."""
    return share(sum(map(len, parts.words)), len(parts.words))


def gopher_hash_ratio(parts: TextParts) -> float:
    """Hash signs a word."""
    return share(parts.text.count("#"), len(parts.words))


def gopher_ellipsis_ratio(parts: TextParts) -> float:
    """Ellipses, `…` or three dots and more, a word."""
    return share(len(_ELLIPSIS.findall(parts.text)), len(parts.words))


def gopher_bullet_line_share(parts: TextParts) -> float:
    """Share of lines that begin with a bullet point."""
    return share(sum(line.startswith(_BULLETS) for line in parts.lines), len(parts.lines))


def gopher_ellipsis_line_share(parts: TextParts) -> float:
    """Share of lines that end with an ellipsis."""
    return share(sum(line.endswith(_ELLIPSES) for line in parts.lines), len(parts.lines))


def gopher_alphabetic_word_share(parts: TextParts) -> float:
    """Share of words with at least one letter of any script."""
    return share(sum(any(map(str.isalpha, word)) for word in parts.words), len(parts.words))


def gopher_num_stop_words(parts: TextParts) -> float:
    """How many of the eight words occur, case and adjoining punctuation aside."""
    return len({word.strip(_PUNCTUATION).lower() for word in set(parts.words)} & STOP_WORDS)


def gopher_num_stop_words_zh(parts: TextParts) -> float:
    """How many of the eight Chinese function characters occur."""
    return sum(char in parts.text for char in CHINESE_STOP_WORDS)


def c4_num_sentences(parts: TextParts) -> float:
    """Sentences that end with their punctuation, in all lines."""
    return len(_SENTENCE_END.findall(parts.text))


def c4_num_retained_sentences(parts: TextParts) -> float:
    """Sentences in the lines that C4 keeps, at least one in each."""
    return sum(max(len(_SENTENCE_END.findall(line)), 1) for line in _retained_lines(parts))


def c4_retained_char_share(parts: TextParts) -> float:
    """Share of the lines' characters in lines that C4 keeps."""
    return share(sum(map(len, _retained_lines(parts))), sum(map(len, parts.lines)))


def c4_num_lorem_ipsum(parts: TextParts) -> float:
    """Occurrences of `lorem ipsum` in any case."""
    return parts.text.lower().count("lorem ipsum")


def c4_num_curly_brackets(parts: TextParts) -> float:
    """Occurrences of `{`."""
    return parts.text.count("{")


def c4_javascript_line_share(parts: TextParts) -> float:
    """Share of lines with the word `javascript`."""
    return share(sum("javascript" in line.lower() for line in parts.lines), len(parts.lines))


def c4_policy_line_share(parts: TextParts) -> float:
    """Share of lines with a phrase of policy notices."""
    return share(sum(_has_policy(line.lower()) for line in parts.lines), len(parts.lines))


def fineweb_terminal_line_share(parts: TextParts) -> float:
    """Share of lines that end with terminal punctuation."""
    return share(sum(_ends(line, _TERMINAL) for line in parts.lines), len(parts.lines))


def fineweb_short_line_share(parts: TextParts) -> float:
    """Share of lines shorter than 30 characters."""
    return share(sum(len(line) < SHORT_LINE_CHARS for line in parts.lines), len(parts.lines))


def fineweb_line_break_ratio(parts: TextParts) -> float:
    """Line breaks a word."""
    return share(parts.text.count("\n"), len(parts.words))


def _retained_lines(parts: TextParts) -> list[str]:
    """What C4 keeps: five words and more, a terminal mark that is no ellipsis, no word of a notice, no endless word."""
    return [
        line
        for line, num_words in zip(parts.lines, parts.num_line_words, strict=True)
        if num_words >= C4_LINE_WORDS
        and _ends(line, _C4_TERMINAL)
        and not line.endswith(_ELLIPSES)
        and "javascript" not in (lower := line.lower())
        and not _has_policy(lower)
        and (len(line) <= C4_MAX_WORD_CHARS or max(map(len, line.split())) <= C4_MAX_WORD_CHARS)
    ]


def _ends(line: str, marks: tuple[str, ...]) -> bool:
    return line.endswith(marks) or (line.endswith("）") and _NOTE_AT_THE_END.sub("", line).endswith(marks))


def _has_policy(lower: str) -> bool:
    return any(phrase in lower for phrase in C4_POLICY_PHRASES)
