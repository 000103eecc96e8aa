"""From a table's row to a text: its columns' meaning, its id, and what makes it unusable."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from pipeline_config.data_source import RowsSource
from tasks.crawl.failures import Failure, LeftOut
from tasks.crawl.parts import Reading, Text, stamp_of
from tasks.crawl.urls import canonical_url
from tasks.text.author_names import author_line
from tasks.text.iso_dates import utc_of


class _UnusableError(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class RowReader:
    """Makes texts of rows and counts what is no text."""

    source: RowsSource
    base: str
    """What an id stands behind to be an address."""
    left_out: LeftOut
    totals: Counter[str] = field(default_factory=Counter)
    """num_rows, and num_unread_dates: texts that are taken without their date, because it is none."""

    def text(self, values: Mapping[str, Any], place: str) -> Text | None:
        """The row's text; None where it has none, which is counted, or is not asked for.

        Args:
            values: By column; text as str, or as bytes that should be UTF-8.
            place: The address of the row itself, which stands where it says no other.
        """
        self.totals["num_rows"] += 1
        if any(_said(values.get(name)) not in wanted for name, wanted in self.source.keep.items()):
            self.left_out.count("not_kept")
            return None
        try:
            return self._text(values, place)
        except _UnusableError as error:
            self.left_out.add(Failure(place, error.reason, error.detail))
            return None

    def reading(self, texts: Iterator[Text]) -> Reading:
        """The texts that this reader makes, with what it counts."""
        column = self.source.columns.text
        cure = f"read column {column!r}; set columns.text to the one that holds the text"
        return Reading(texts, self.left_out, self.totals, cure, num_expected=self.source.max_rows)

    def _text(self, values: Mapping[str, Any], place: str) -> Text:
        names = self.source.columns
        body = _body(values.get(names.text), names.text, self.source.max_row_bytes)
        url = _said(values.get(names.url)) if names.url else None
        own_id = _said(values.get(names.id)) if names.id else None
        if names.id and own_id is None and url is None:
            raise _UnusableError("no_id", f"found nothing in column {names.id!r}, expected the row's id")
        address = url or (self.base + own_id if own_id else place)
        title = _said(values.get(names.title)) if names.title else None
        licence = _said(values.get(names.licence)) if names.licence else None
        author = _author(values.get(names.author)) if names.author else None
        published_at = self._time(values.get(names.published_at)) if names.published_at else None
        return Text(
            url=address,
            body=body,
            title=title,
            licence=licence,
            published_at=published_at,
            author=author,
            catalogue_id=_canonical(address),
            stamp=stamp_of(title, author, licence, published_at and published_at.isoformat()),
        )

    def _time(self, value: Any) -> datetime | None:
        found = _time_of(value)
        if found is None and _said(value) is not None:
            self.totals["num_unread_dates"] += 1
        return found


def _body(value: Any, column: str, max_bytes: int) -> bytes:
    if value is None:
        raise _UnusableError("no_text", f"found nothing in column {column!r}")
    if not isinstance(value, str | bytes):
        raise _UnusableError("no_text", f"found {type(value).__name__} {str(value)[:60]!r} in column {column!r}")
    if not value.strip():
        raise _UnusableError("empty_body", f"{len(value)} characters, all white space")
    try:
        body = value.encode() if isinstance(value, str) else value.decode().encode()
    except UnicodeError as error:
        raise _UnusableError("undecodable", f"character {error.start} of the text is none") from error  # type: ignore[attr-defined]
    if len(body) > max_bytes:
        raise _UnusableError("too_large", f"{len(body)} bytes, at most {max_bytes}")
    return body


def _said(value: Any) -> str | None:
    """What a cell says, in one line; None where it says nothing, or holds more than one value."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return " ".join(value.encode("utf-8", "replace").decode().split()) or None
    return str(value) if isinstance(value, int | float | date) else None


def _author(value: Any) -> str | None:
    """A cell's name or names; a column may hold a list of them."""
    return author_line(map(_said, value) if isinstance(value, list | tuple) else [_said(value)])


def _canonical(url: str) -> str:
    if not url.lower().startswith(("http:", "https:")):
        return url
    try:
        return canonical_url(url)
    except ValueError:
        return url  # no address of the web, and still the text's own


def _time_of(value: Any) -> datetime | None:
    try:
        if isinstance(value, datetime):
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
        if isinstance(value, date):
            return datetime.combine(value, time(), UTC)
    except OverflowError:  # before the year 1 in UTC
        return None
    return utc_of(_said(value) or "") if isinstance(value, str | bytes) else None
