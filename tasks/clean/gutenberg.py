"""Project Gutenberg's header and footer, which stand around the text of its books and belong to none of them.

Source: the files at gutenberg.org and its «Header How-To». Since about 1999 a line `*** START OF TH(E|IS) PROJECT
GUTENBERG EBOOK … ***` ends the header, and a line with END begins the footer; before, the header ended with the
small print, `*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.….*END*`, and `End of the Project Gutenberg Etext of …`
was the last line. The line of thanks under the header (`Produced by …`) goes, too: it speaks of the file.
"""

import re

from tasks.clean.found_text import FoundText
from tasks.text.author_names import author_line

_BOOK = r"(?:E-?BOOK|E-?TEXT)"
_START = re.compile(
    rf"^\*\*\* ?START OF TH(?:E|IS) (?:COPYRIGHTED )?PROJECT GUTENBERG {_BOOK}\b[^*]{{0,500}}\*\*\*[^\n]*\n?",
    re.MULTILINE | re.IGNORECASE,
)
_SMALL_PRINT_END = re.compile(r"^\*END ?\*? ?THE SMALL PRINT![^\n]*(?:\n[^\n]{1,100}\*END\*)?\n?", re.MULTILINE)
_END = re.compile(
    rf"^\*\*\* ?END OF TH(?:E|IS) (?:COPYRIGHTED )?PROJECT GUTENBERG {_BOOK}\b", re.MULTILINE | re.IGNORECASE
)
_LAST_LINE = re.compile(
    rf"^(?:This is the )?End of (?:The |this )?Project Gutenberg(?:'s|\u2019s|,| {_BOOK}\b)",
    re.MULTILINE | re.IGNORECASE,
)
_LAST_LINE_WITHIN_CHARS = 600
"""Between that line and the marker that follows it."""
_FIELD = r"^{}: *(\S[^\n]*(?:\n(?!\w[\w ]{{0,30}}:)[^\n]+){{0,3}})"
_TITLE, _AUTHOR = (re.compile(_FIELD.format(name), re.MULTILINE) for name in ("Title", "Author"))
_THANKS = re.compile(
    r"\s*(?:(?:This )?e-?(?:text|book) (?:was )?(?:prepared|produced|scanned|typed|transcribed)|produced|transcribed"
    r"|prepared|scanned) (?:and \w+ )?by\b[^\n]{0,300}(?:\n[^\n]{1,300}){0,6}(?:\n\s*\n|\s*\Z)",
    re.IGNORECASE,
)


def without_boilerplate(text: str) -> FoundText:
    """The book without header and footer, and the title and author that the header names.

    Where a marker is missing, that end of the text stays as it is: nothing is cut by guess.

    Args:
        text: Normalised text of a whole book.
    """
    start = _START.search(text) or _small_print_of_header(text)
    begin = start.end() if start else 0
    stop = _stop(text, begin)
    title, author = (pattern.search(text, 0, begin) for pattern in (_TITLE, _AUTHOR))
    if start and (thanks := _THANKS.match(text, begin, stop)):
        begin = thanks.end()
    return FoundText(
        text[begin:stop].strip(),
        " ".join(title.group(1).split()) if title else None,
        author_line([author.group(1)]) if author else None,
    )


def _small_print_of_header(text: str) -> re.Match[str] | None:
    """For some years the small print stood behind the book instead."""
    found = _last(_SMALL_PRINT_END, text)
    return found if found and not _LAST_LINE.search(text, 0, found.start()) else None


def _stop(text: str, begin: int) -> int:
    end = _last(_END, text, begin)
    stop = end.start() if end else len(text)
    last_line = _last(_LAST_LINE, text[:stop], begin)
    if last_line and (end is None or stop - last_line.end() <= _LAST_LINE_WITHIN_CHARS):
        return last_line.start()
    return stop


def _last(pattern: re.Pattern[str], text: str, begin: int = 0) -> re.Match[str] | None:
    found = list(pattern.finditer(text, begin))
    return found[-1] if found else None
