"""Who wrote a text, as its source says it: names in one line.

An address by which a person can be reached is personal data and no name: of `jane@a.example (Jane Doe)` the name is
kept, and of a bare address nothing. The address of a page about a person is no name, either.
"""

import html
import re
from collections.abc import Iterable
from typing import Any

from tasks.text.normalise import normalise

MAX_AUTHOR_CHARS = 200
"""Of all names together; what is longer is cut."""
_MAX_READ_CHARS = 2_000
_ADDRESS = r"(?:mailto:)?[^\s<>()\[\],;:\"@]{1,64}@[^\s<>()\[\],;:\"@]{1,255}"
# RSS 2.0 shows authors in this form: https://www.rssboard.org/rss-specification
_ADDRESS_AND_NAME = re.compile(rf"{_ADDRESS}\s{{0,9}}\(([^()]{{0,500}})\)")
_BARE_ADDRESS = re.compile(rf"[<(\[]?{_ADDRESS}[>)\]]?")
_AROUND = re.compile(r"""\A(?:\((.*)\)|"(.*)"|'(.*)')\Z""")
_MARKUP = re.compile(r"</?[A-Za-z!][^>]{0,999}>")
_PAGE = re.compile(r"(?i:(?:[a-z][a-z0-9+.-]{0,20}:)?//\S*|/\S*|www\.\S+)|[a-z0-9.-]{1,250}\.[a-z]{2,24}/\S*")
_EDGES = " ,;:|"


def author_line(names: Iterable[Any]) -> str | None:
    """The names with a comma between them, in NFC, at most MAX_AUTHOR_CHARS characters; None where there is none.

    Args:
        names: As a source writes them, plain or as HTML; what is no text is passed over, a name counts once.
    """
    found: dict[str, str] = {}
    for name in filter(None, map(_plain_name, names)):
        found.setdefault(name.casefold(), name)
    line = ", ".join(found.values())
    if len(line) > MAX_AUTHOR_CHARS:
        line = f"{line[: MAX_AUTHOR_CHARS - 1].rstrip(_EDGES)}…"
    return line or None


def _plain_name(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    said = html.unescape(value[:_MAX_READ_CHARS])
    text = _BARE_ADDRESS.sub(" ", _ADDRESS_AND_NAME.sub(r"\1", said))
    had_address = text != said
    text = " ".join(normalise(_MARKUP.sub(" ", text)).split()).strip(_EDGES)
    if had_address and (around := _AROUND.match(text)):
        text = next(filter(None, around.groups()), "").strip(_EDGES)
    return text if any(char.isalpha() for char in text) and not _PAGE.fullmatch(text) else None
