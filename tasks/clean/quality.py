"""Metrics of form: words, lines, symbols. One function a metric; thresholds are in SelectConfig, never here."""

import re

from tasks.clean.text_parts import TextParts, share

STOP_WORDS = frozenset({"the", "be", "to", "of", "and", "that", "have", "with"})
"""Source: Rae et al. 2021, arXiv:2112.11446, appendix A.1.1."""
SHORT_LINE_CHARS = 30
"""Source: Penedo et al. 2024, arXiv:2406.17557, section 3.6."""

_BULLETS = ("•", "‣", "◦", "▪", "●", "·", "- ", "* ")
_ELLIPSES = ("...", "…")
_ELLIPSIS = re.compile(r"\.{3,}|…+")
# Full stop, exclamation and question mark, closing quotation marks; then the same of Chinese, Japanese and others.
_TERMINAL = (".", "!", "?", '"', "”", "…", "。", "！", "？", "」", "』", "．", "؟", "۔", "।")
_CLOSING = "\"'”’»)\\]」』）"
_SENTENCE_END = re.compile(rf"[.!?…؟۔।]+[{_CLOSING}]*(?=\s|$)|[。！？．]+[{_CLOSING}]*")
_PUNCTUATION = "\"'“”‘’.,;:!?()[]{}«»—–-…"


def gopher_mean_word_length(parts: TextParts) -> float:
    """Characters a word, the mean. Source: arXiv:2112.11446, A.1.1."""
    return share(sum(map(len, parts.words)), len(parts.words))


def gopher_hash_ratio(parts: TextParts) -> float:
    """Hash signs a word. Source: arXiv:2112.11446, A.1.1 («symbol-to-word ratio»)."""
    return share(parts.text.count("#"), len(parts.words))


def gopher_ellipsis_ratio(parts: TextParts) -> float:
    """Ellipses, `…` or three dots and more, a word. Source: arXiv:2112.11446, A.1.1 («symbol-to-word ratio»)."""
    return share(len(_ELLIPSIS.findall(parts.text)), len(parts.words))


def gopher_bullet_line_share(parts: TextParts) -> float:
    """Share of lines that begin with a bullet point. Source: arXiv:2112.11446, A.1.1."""
    return share(sum(line.startswith(_BULLETS) for line in parts.lines), len(parts.lines))


def gopher_ellipsis_line_share(parts: TextParts) -> float:
    """Share of lines that end with an ellipsis. Source: arXiv:2112.11446, A.1.1."""
    return share(sum(line.endswith(_ELLIPSES) for line in parts.lines), len(parts.lines))


def gopher_alphabetic_word_share(parts: TextParts) -> float:
    """Share of words with at least one letter of any script. Source: arXiv:2112.11446, A.1.1."""
    return share(sum(any(map(str.isalpha, word)) for word in parts.words), len(parts.words))


def gopher_num_stop_words(parts: TextParts) -> float:
    """How many of the eight words occur, case and adjoining punctuation aside. Source: arXiv:2112.11446, A.1.1."""
    return len({word.strip(_PUNCTUATION).lower() for word in set(parts.words)} & STOP_WORDS)


def c4_num_sentences(parts: TextParts) -> float:
    """Sentences that end with their punctuation. Source: arXiv:1910.10683, section 2.2.

    C4 splits with NLTK; here a sentence ends at `.`, `!`, `?` or an ellipsis before white space, or at `。`, `！`, `？`
    anywhere, so that abbreviations count as ends.
    """
    return len(_SENTENCE_END.findall(parts.text))


def c4_num_lorem_ipsum(parts: TextParts) -> float:
    """Occurrences of `lorem ipsum` in any case. Source: arXiv:1910.10683, section 2.2."""
    return parts.text.lower().count("lorem ipsum")


def c4_num_curly_brackets(parts: TextParts) -> float:
    """Occurrences of `{`. Source: arXiv:1910.10683, section 2.2."""
    return parts.text.count("{")


def c4_javascript_line_share(parts: TextParts) -> float:
    """Share of lines with the word `javascript`. Source: arXiv:1910.10683, section 2.2 (C4 removes those lines)."""
    return share(sum("javascript" in line.lower() for line in parts.lines), len(parts.lines))


def fineweb_terminal_line_share(parts: TextParts) -> float:
    """Share of lines that end with terminal punctuation. Source: arXiv:2406.17557, section 3.6."""
    return share(sum(line.endswith(_TERMINAL) for line in parts.lines), len(parts.lines))


def fineweb_short_line_share(parts: TextParts) -> float:
    """Share of lines shorter than 30 characters. Source: arXiv:2406.17557, section 3.6."""
    return share(sum(len(line) < SHORT_LINE_CHARS for line in parts.lines), len(parts.lines))
