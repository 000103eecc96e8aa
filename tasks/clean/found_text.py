"""What a file says by itself."""

from typing import NamedTuple


class FoundText(NamedTuple):
    """A file's text and what it says of it."""

    text: str
    title: str | None = None
    author: str | None = None
    """Names in one line."""
