"""Archives as streams of bytes: a file here, or one elsewhere that is asked for again where it broke off."""

import http.client
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import fsspec

from tasks.contracts.errors import BadInputError, CrawlError

WAITS_S = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Before each further try, in seconds, as long as no byte comes."""
_TIMEOUT_S = 60.0
_MAX_RETRY_AFTER_S = 120
_SKIPPED_BYTES = 1 << 20
_MAY_PASS = frozenset({408, 425, 429, 500, 502, 503, 504})
_NOT_SATISFIABLE = 416
_PARTIAL = 206


class ByteStream(Protocol):
    """What archives are read from."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Moves to that byte."""

    def tell(self) -> int:
        """Where the next byte is read."""

    def close(self) -> None:
        """Frees what is held."""


class _LostError(Exception):
    """No byte came, for a reason that may pass."""

    def __init__(self, found: str, retry_after: str = "") -> None:
        super().__init__(found)
        self.found = found
        self.retry_after = retry_after


class MissingArchiveError(Exception):
    """An archive is not where it was said to be; it is counted, and the run goes on."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def open_archive(where: str, user_agent: str) -> ByteStream:
    """The bytes of an archive.

    Args:
        where: A path or an address.
        user_agent: Who asks, where a web server is asked.

    Raises:
        MissingArchiveError: It is not there, or nobody may read it. Of what lies elsewhere this shows when it is first
            read.
        BadInputError: Nothing is installed that reads such addresses.
    """
    if where.startswith(("https://", "http://")):
        return RangeReader(where, user_agent)
    if "://" in where:
        return FileSystemReader(where)
    try:
        return cast(ByteStream, Path(where).open("rb"))
    except (FileNotFoundError, PermissionError) as error:
        raise _missing(error) from error


def filesystem_of(url: str) -> Any:
    """What reads addresses like this one.

    Raises:
        BadInputError: Nobody knows its scheme, or the library for it is not installed.
    """
    try:
        return fsspec.core.url_to_fs(url, use_listings_cache=False)[0]
    except ImportError as error:
        extra = " (`pip install 'chatmill[s3]'`)" if url.startswith("s3://") else ""
        raise BadInputError(f"{url}: {error}; expected the library to be installed; install it{extra}") from error
    except ValueError as error:
        raise BadInputError(f"{url}: {error}; expected a path, https://, http:// or s3://; correct it") from error


def _missing(error: OSError) -> MissingArchiveError:
    reason = "missing_archive" if isinstance(error, FileNotFoundError) else "forbidden_archive"
    return MissingArchiveError(reason, str(error))


class _ResumedReader:
    """Bytes in order from elsewhere; what is lost on the way is asked for again, from the byte that is due."""

    def __init__(self, where: str, waits_s: Sequence[float]) -> None:
        self._where = where
        self._waits_s = waits_s
        self._at = 0
        self._version: str | None = None

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end.

        Raises:
            MissingArchiveError: There is no such file, or it is not given.
            CrawlError: No byte came as often as there are waits, or the file is another one than before.
        """
        for wait_s in (*self._waits_s, None):
            try:
                piece = self._read(size)
            except _LostError as lost:
                self.close()
                self._wait(wait_s, lost)
            else:
                self._at += len(piece)
                return piece
        raise AssertionError("the last wait raises")

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Moves to byte `offset`, from the start (0) or from here (1)."""
        at = offset + (self._at if whence else 0)
        if at != self._at:
            self.close()
            self._at = at
        return at

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def close(self) -> None:
        """Lets go of the source; the next read asks again."""
        raise NotImplementedError

    def _read(self, size: int) -> bytes:
        """At most `size` bytes from where the reader is.

        Raises:
            _LostError: None came, and the same may go well later.
        """
        raise NotImplementedError

    def _check_version(self, version: str | None) -> None:
        if self._version is not None and version != self._version:
            self.close()
            raise CrawlError(
                f"{self._where} changed while it was read: found version {version}, expected {self._version}; "
                "run the same command again"
            )
        self._version = version

    def _wait(self, wait_s: float | None, lost: _LostError) -> None:
        if wait_s is None:
            raise CrawlError(
                f"{self._where}: {lost.found} at byte {self._at}, {len(self._waits_s) + 1} times without a byte "
                "between; expected the archive to go on; check the network, and your keys where some are asked for, "
                "then run the same command again: it goes on where this one ended"
            ) from lost
        asked_s = min(int(lost.retry_after), _MAX_RETRY_AFTER_S) if lost.retry_after.isdigit() else 0
        time.sleep(max(wait_s, asked_s))


class FileSystemReader(_ResumedReader):
    """A file at an address that fsspec knows, such as `s3://…`.

    The libraries behind it raise what they like: a bare TimeoutError, or classes of their own. None of that passes: who
    reads archives takes an OSError without a number for damage in them.
    """

    def __init__(self, where: str, waits_s: Sequence[float] = WAITS_S) -> None:
        """Asks nothing yet.

        Raises:
            BadInputError: Nothing is installed that reads such addresses.
        """
        super().__init__(where, waits_s)
        self._filesystem = filesystem_of(where)
        self._file: Any = None

    def close(self) -> None:
        """Closes the file; the next read opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _read(self, size: int) -> bytes:
        try:
            if self._file is None:
                self._file = self._filesystem.open(self._where, "rb")
                self._check_version(self._filesystem.ukey(self._where))
                self._file.seek(self._at)
            piece: bytes = self._file.read(size)
            size_bytes = getattr(self._file, "size", None) or 0
            if not piece and self._at < size_bytes:
                raise ConnectionError(f"ended at byte {self._at} of {size_bytes}")
        except CrawlError:
            raise
        except Exception as error:  # whatever the library has
            if self._version is None and isinstance(error, FileNotFoundError | PermissionError):
                raise _missing(error) from error  # later it was there, and a key may have run out
            raise _LostError(f"{type(error).__name__}: {error}") from error
        return piece


class RangeReader(_ResumedReader):
    """A file on a web server.

    Source: RFC 9110, section 14 (range requests). A server that does not know them sends everything again, and what was
    had is passed over.
    """

    def __init__(self, url: str, user_agent: str, waits_s: Sequence[float] = WAITS_S) -> None:
        """Asks nothing yet."""
        super().__init__(url, waits_s)
        self._user_agent = user_agent
        self._size: int | None = None
        self._answer: http.client.HTTPResponse | None = None

    def close(self) -> None:
        """Hangs up; the next read asks again."""
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def _read(self, size: int) -> bytes:
        try:
            return self._next(size)
        except HTTPError as error:
            error.close()
            if error.code not in _MAY_PASS:
                raise MissingArchiveError(f"http_{error.code}", f"{self._where}: {error.reason}") from error
            raise _LostError(f"status {error.code}", error.headers.get("Retry-After") or "") from error
        except (OSError, http.client.HTTPException) as error:
            raise _LostError(f"{type(error).__name__}: {error}") from error

    def _next(self, size: int) -> bytes:
        if self._size is not None and self._at >= self._size:
            return b""
        if self._answer is None:
            self._answer = self._ask()
        piece = b"" if self._answer is None else self._answer.read(size)
        if not piece and self._size is not None and self._at < self._size:
            raise ConnectionError(f"ended at byte {self._at} of {self._size}")
        return piece

    def _ask(self) -> http.client.HTTPResponse | None:
        """An answer whose next byte is the one that is due; None where there is none any more."""
        headers = {"Range": f"bytes={self._at}-", "User-Agent": self._user_agent, "Accept-Encoding": "identity"}
        request = Request(self._where, headers=headers)  # noqa: S310  # open_archive lets https and http pass only
        try:
            answer: http.client.HTTPResponse = urlopen(request, timeout=_TIMEOUT_S)  # noqa: S310
        except HTTPError as error:
            if error.code == _NOT_SATISFIABLE:
                error.close()
                self._size = self._at
                return None
            raise
        self._answer = answer
        self._check_version(answer.headers.get("ETag") or answer.headers.get("Last-Modified"))
        if answer.status == _PARTIAL:
            total = (answer.headers.get("Content-Range") or "").rpartition("/")[2]
            self._size = int(total) if total.isdigit() else None
            return answer
        length = answer.headers.get("Content-Length") or ""
        self._size = int(length) if length.isdigit() else None
        left = self._at
        while left and (passed := answer.read(min(left, _SKIPPED_BYTES))):
            left -= len(passed)
        return answer
