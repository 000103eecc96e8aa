"""What a crawl has had so far, in an SQLite file that outlives the crawling process at any point.

How an address ended, what it named and the page that it gave are one transaction: after kill -9 each address either has
ended, and is not asked for again, or it has not, and nothing of it is there. The rounds of a frontier are a function
of these ends, so telling them again leads to the place where the crawl was broken off.

After a power failure the last transactions may be missing, never a part of one. A file that cannot be read is put
aside with a warning, and the crawl starts anew.

Source: https://www.sqlite.org/wal.html; «synchronous=NORMAL» there.
"""

import errno
import json
import logging
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pyarrow as pa
from pydantic import TypeAdapter

from tasks.crawl.failures import Failure, gone_reason
from tasks.crawl.web.ends import End, Links
from tasks.crawl.web.feeds import Feed
from tasks.crawl.web.frontier import Ask
from tasks.crawl.web.sitemaps import Sitemap
from tasks.crawl.web.spool import PAGE_COLUMNS, Page, Waiting

logger = logging.getLogger(__name__)

FILE = "crawl.sqlite"
_FORMAT = 3
"""Of the file; another one is put aside."""
_WAIT_FOR_ORPHAN_S = 30.0
"""A crawling process whose parent was killed ends at once; until then it holds the file."""
_CODEC = "zstd"
_PUT_ASIDE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
_ERRNOS = {sqlite3.SQLITE_FULL: errno.ENOSPC, sqlite3.SQLITE_BUSY: errno.EBUSY}
_TIMES, _FLAGS = ("fetched_at", "published_at"), ("is_truncated", "is_unchanged")
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)

_FOUND: dict[str, TypeAdapter[Any]] = {
    "page": TypeAdapter(Links),
    "sitemap": TypeAdapter(Sitemap),
    "feed": TypeAdapter(Feed),
}

_TABLES = f"""
CREATE TABLE IF NOT EXISTS ends (
  kind TEXT NOT NULL, url TEXT NOT NULL, depth INTEGER NOT NULL, found_by TEXT NOT NULL, title TEXT,
  published_at INTEGER, author TEXT, final_url TEXT, reason TEXT, detail TEXT NOT NULL, found BLOB, found_bytes INTEGER,
  counts TEXT NOT NULL, num_retries INTEGER NOT NULL, PRIMARY KEY (kind, url)
);
CREATE TABLE IF NOT EXISTS pages ({", ".join(PAGE_COLUMNS)}, body_bytes INTEGER NOT NULL, UNIQUE (url));
CREATE INDEX IF NOT EXISTS pages_in_order ON pages (doc_id, rank, url);
CREATE TABLE IF NOT EXISTS robots (netloc TEXT PRIMARY KEY, sitemaps TEXT NOT NULL, is_delay_cut INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS left_out (url TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL);
PRAGMA user_version = {_FORMAT};
"""  # names of our own schema
_ADD_PAGE = f"INSERT INTO pages VALUES ({', '.join('?' * (len(PAGE_COLUMNS) + 1))})"  # noqa: S608


class Journal:
    """The crawling process's side: adds ends, and finds those of the tries before."""

    def __init__(self, folder: Path) -> None:
        """Opens the folder's file, or begins one.

        Raises:
            OSError: It cannot be written, or another process holds it.
        """
        with _as_os_error(folder):
            self._db = _opened(folder / FILE)
            self.is_continued = self._db.execute("SELECT EXISTS (SELECT 1 FROM ends)").fetchone()[0] == 1
            """Whether there are ends of a try before."""
        self._folder = folder

    def add(self, end: End, page: Page | None = None, *, num_retries: int = 0) -> None:
        """Keeps how an address ended, with the page that it gave, and how many requests were repeated until then.

        Raises:
            OSError: It could not be written; nothing of it is kept.
        """
        ask, (found, found_bytes) = end.ask, _packed(end)
        row: tuple[Any, ...] = (ask.kind, ask.url, ask.depth, ask.found_by, ask.title)
        row += (_micros(ask.published_at), ask.author, end.final_url, end.reason, end.detail)
        row += (found, found_bytes, json.dumps(end.counts), num_retries)
        with _as_os_error(self._folder), self._db:
            self._db.execute("INSERT INTO ends VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)", row)
            if page is not None:
                self._db.execute(_ADD_PAGE, _page_row(page))

    def end_of(self, ask: Ask) -> End | None:
        """How that address ended in a try before; None where it has not."""
        if not self.is_continued:
            return None
        row = self._db.execute(
            "SELECT reason, detail, final_url, found, found_bytes, counts FROM ends WHERE kind = ? AND url = ?",
            (ask.kind, ask.url),
        ).fetchone()
        if row is None:
            return None
        reason, detail, final_url, found, found_bytes, counts = row
        names = None if found is None else _FOUND[ask.kind].validate_json(_unpacked(found, found_bytes))
        return End(ask, reason, detail, final_url, names, json.loads(counts))

    def add_robots(self, netloc: str, sitemaps: Iterable[str], *, is_delay_cut: bool) -> bool:
        """Keeps what the frontier hears of a host's robots.txt; what was heard first counts.

        Returns:
            False where it was heard before.

        Raises:
            OSError: It could not be written.
        """
        with _as_os_error(self._folder), self._db:
            row = (netloc, json.dumps(list(sitemaps)), is_delay_cut)
            return self._db.execute("INSERT OR IGNORE INTO robots VALUES (?,?,?)", row).rowcount == 1

    def robots(self) -> dict[str, tuple[str, ...]]:
        """The sitemaps that each host's robots.txt named."""
        rows = self._db.execute("SELECT netloc, sitemaps FROM robots")
        return {netloc: tuple(json.loads(sitemaps)) for netloc, sitemaps in rows}

    def num_delays_cut(self) -> int:
        """Hosts whose robots.txt asks for a longer delay than is kept."""
        return int(self._db.execute("SELECT count(*) FROM robots WHERE is_delay_cut").fetchone()[0])

    def num_retries(self) -> int:
        """Requests that were repeated in the tries before, as far as their addresses have ended."""
        return int(self._db.execute("SELECT coalesce(max(num_retries), 0) FROM ends").fetchone()[0])

    def close(self, left_out: Iterable[Failure]) -> None:
        """Keeps what the frontier left out, and closes the file.

        Raises:
            OSError: It could not be written.
        """
        with _as_os_error(self._folder):
            with self._db:
                self._db.execute("DELETE FROM left_out")
                rows = ((failure.url, failure.reason, failure.detail) for failure in left_out)
                self._db.executemany("INSERT INTO left_out VALUES (?,?,?)", rows)
            self._db.close()


def journaled_failures(folder: Path) -> list[Failure]:
    """Each address that gave nothing or was left out, with the reason."""
    with _reading(folder) as db:
        rows = db.execute("SELECT url, reason, detail FROM ends WHERE reason NOT NULL UNION ALL SELECT * FROM left_out")
        return [Failure(*row) for row in rows]


def journaled_waiting(folder: Path) -> list[Waiting]:
    """The addresses of pages that are worth another try."""
    with _reading(folder) as db:
        query = (
            "SELECT url, depth, found_by, title, published_at, author, reason FROM ends "
            "WHERE kind = 'page' AND reason NOT NULL ORDER BY url"
        )
        return [
            Waiting(url, depth, found_by, title, _time(published_at), author)
            for url, depth, found_by, title, published_at, author, reason in db.execute(query)
            if gone_reason(reason) is None
        ]


def journaled_urls(folder: Path) -> list[str]:
    """Each address that gave a page."""
    with _reading(folder) as db:
        return [url for (url,) in db.execute("SELECT url FROM pages")]


def merged_pages(folder: Path, duplicates: list[Failure]) -> Iterator[Page]:
    """All pages by doc_id, one for each.

    Where several addresses gave one page, that which is the page's own is kept, then one that a redirect led from,
    then the smallest.

    Args:
        folder: Where a Journal wrote.
        duplicates: Takes an entry for each page left out.
    """
    with _reading(folder) as db:
        pages = map(_page, db.execute("SELECT * FROM pages ORDER BY doc_id, rank, url"))
        for _, same in groupby(pages, key=itemgetter("doc_id")):
            kept, *others = same
            duplicates += [
                Failure(page["url"], "duplicate_url", f"leads to {page['final_url']}, kept from {kept['url']}")
                for page in others
            ]
            yield kept


def _opened(path: Path) -> sqlite3.Connection:
    for is_second_try in (False, True):
        db = sqlite3.connect(path, timeout=_WAIT_FOR_ORPHAN_S)
        try:
            for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = NORMAL"):
                db.execute(f"PRAGMA {pragma}")
            found = db.execute("PRAGMA user_version").fetchone()[0]
            if found in (0, _FORMAT):
                db.executescript(_TABLES)
                return db
            problem = f"format {found}, expected {_FORMAT}"
        except sqlite3.DatabaseError as error:
            if is_second_try or getattr(error, "sqlite_errorcode", 0) not in _PUT_ASIDE:
                raise
            problem = str(error)
        db.close()
        logger.warning("%s: found %s; it is put aside as .unreadable, and the crawl starts anew", path, problem)
        for suffix in ("", "-wal", "-shm"):
            if (part := path.with_name(path.name + suffix)).exists():
                part.rename(part.with_name(f"{part.name}.unreadable"))
    raise AssertionError("a new file has the format of this version")


@contextmanager
def _as_os_error(folder: Path) -> Iterator[None]:
    """Turns SQLite's errors into the operating system's, by which a full disk is known."""
    try:
        yield
    except sqlite3.Error as error:
        raise OSError(_errno(error, folder), str(error), str(folder / FILE)) from error


def _errno(error: sqlite3.Error, folder: Path) -> int:
    """What the system has against writing there; of a quota or a limit of size SQLite does not tell."""
    code = getattr(error, "sqlite_errorcode", 0)
    if code in _ERRNOS:
        return _ERRNOS[code]
    size_bytes = (folder / FILE).stat().st_size if (folder / FILE).exists() else 0
    try:
        with TemporaryFile(dir=folder) as file:
            file.seek(size_bytes)
            file.write(bytes(1 << 20))
    except OSError as cause:
        return cause.errno or errno.EIO
    return errno.EIO


@contextmanager
def _reading(folder: Path) -> Iterator[sqlite3.Connection]:
    with _as_os_error(folder), closing(sqlite3.connect(folder / FILE, timeout=_WAIT_FOR_ORPHAN_S)) as db:
        yield db


def _packed(end: End) -> tuple[bytes | None, int]:
    if not end.found:
        return None, 0
    data = _FOUND[end.ask.kind].dump_json(end.found)
    return pa.compress(data, _CODEC, asbytes=True), len(data)


def _unpacked(data: bytes, size_bytes: int) -> bytes:
    unpacked: bytes = pa.decompress(data, size_bytes, _CODEC, asbytes=True)
    return unpacked


def _micros(time: datetime | None) -> int | None:
    return None if time is None else (time - _EPOCH) // _MICROSECOND


def _time(micros: int | None) -> datetime | None:
    return None if micros is None else _EPOCH + micros * _MICROSECOND


def _page_row(page: Page) -> list[Any]:
    row = {name: page[name] for name in PAGE_COLUMNS}
    row |= {name: _micros(page[name]) for name in _TIMES}
    row["body"] = pa.compress(page["body"], _CODEC, asbytes=True)
    return [*row.values(), len(page["body"])]


def _page(row: tuple[Any, ...]) -> Page:
    *values, body_bytes = row
    page = dict(zip(PAGE_COLUMNS, values, strict=True))
    page |= {name: _time(page[name]) for name in _TIMES}
    page |= {name: bool(page[name]) for name in _FLAGS}
    page["body"] = _unpacked(page["body"], body_bytes)
    return page
