"""Which of an entry's texts is taken, and whether a feed carries a whole article or only says what it is about."""

import html
import re
from collections.abc import Sequence

MIN_ARTICLE_LETTERS = 1_000
"""Of a whole article; three times the 55 words that WordPress takes for a summary."""
MIN_TIMES_SUMMARY = 2
"""A content that is hardly longer than the summary is another summary."""
_IDEOGRAPHS_FROM = "\u2e80"
_LETTERS_AN_IDEOGRAPH = 3
"""Chinese says the same in a third of the characters."""
_MARKUP = re.compile(r"</?[A-Za-z!][^>]{0,999}>")
_CUT_OFF = re.compile(
    r"(?:…|\.\.\.|\b(?:read|continue|keep) (?:more|on|reading)|阅读全文|阅读更多|继续阅读|查看全文)\W*\Z", re.IGNORECASE
)
_END_CHARS = 60


def entry_text(contents: Sequence[str], summary: str) -> tuple[str | None, bool]:
    """The text of an entry, and whether it is a whole article: else it is the longest text that the entry carries.

    Whole is what the feed gives as the entry's content, beside a summary or without one, if it is long enough by
    itself, at least twice as long as the summary, and not cut off: it does not end as teasers do.

    Args:
        contents: What the feed says is the content, as HTML.
        summary: What it says is the summary, as HTML; one that says the same as a content is none.
    """
    longest = max((*contents, summary), key=len, default="") or None
    plain = {content: _plain(content) for content in contents}
    best = max(plain, key=lambda content: _num_letters(plain[content]), default="")
    least = 0 if summary in plain else MIN_TIMES_SUMMARY * _num_letters(_plain(summary))
    is_long = bool(best) and _num_letters(plain[best]) >= max(MIN_ARTICLE_LETTERS, least)
    return (best, True) if is_long and not _CUT_OFF.search(plain[best][-_END_CHARS:]) else (longest, False)


def _plain(markup: str) -> str:
    return " ".join(html.unescape(_MARKUP.sub(" ", markup)).split())


def _num_letters(text: str) -> int:
    return len(text) + (_LETTERS_AN_IDEOGRAPH - 1) * sum(char >= _IDEOGRAPHS_FROM for char in text)
