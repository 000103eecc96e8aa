"""The pages of a MediaWiki dump, one after the other, by a parser that knows no entities and reads nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from io import BufferedReader
from xml.parsers import expat

from tasks.crawl.data.large_files import BrokenFileError
from tasks.text.iso_dates import utc_of

_CHUNK_BYTES = 1 << 16
_MAX_FIELD_CHARS = 10_000
_CATEGORY, _FILE = "14", "6"
_FIELDS = frozenset({"title", "ns", "timestamp", "model", "text", "base", "namespace"})
_IN_PAGE = frozenset({"title", "ns", "timestamp", "model", "text"})


@dataclass(frozen=True)
class Site:
    """What a dump says of its wiki."""

    base: str | None
    """What a title stands behind to be an address; None: the dump does not say."""
    namespaces_out: frozenset[str]
    """Its own names of files and categories, in lower case."""


@dataclass(frozen=True)
class WikiPage:
    """The newest revision of a page that a dump holds."""

    title: str
    namespace: int
    model: str
    wikitext: str
    revised_at: datetime | None
    is_redirect: bool
    is_too_large: bool
    """The text has been cut where the limit is."""


@dataclass
class _Reading:
    """The page that is being read."""

    fields: dict[str, str] = field(default_factory=dict)
    is_redirect: bool = False
    is_too_large: bool = False

    def page(self) -> WikiPage:
        namespace = self.fields.get("ns", "0").strip()
        return WikiPage(
            title=self.fields.get("title", "").strip(),
            namespace=int(namespace) if namespace.removeprefix("-").isdecimal() else 0,
            model=self.fields.get("model", "wikitext").strip(),
            wikitext=self.fields.get("text", ""),
            revised_at=utc_of(self.fields.get("timestamp", "")),
            is_redirect=self.is_redirect,
            is_too_large=self.is_too_large,
        )


class WikiDump:
    """Reads a dump's XML as a stream; memory holds one page."""

    def __init__(self, file: BufferedReader, max_page_bytes: int) -> None:
        """Takes the open file, unpacked.

        Args:
            file: XML.
            max_page_bytes: Of a page's text; about as many characters are kept, and the page is said to be too large.
        """
        self._file = file
        self._max_chars = max_page_bytes
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._pieces: list[str] = []
        self._num_chars = 0
        self._name = ""
        self._reading = _Reading()
        self._is_page = False
        self._done: list[WikiPage] = []
        self._root: str | None = None
        self._base: str | None = None
        self._namespaces: set[str] = set()
        self._key = ""

    @property
    def site(self) -> Site:
        """What has been read of the wiki itself; it stands before the first page."""
        return Site(self._base, frozenset(self._namespaces))

    def pages(self) -> Iterator[WikiPage]:
        """The pages in order.

        Raises:
            BrokenFileError: The file is no dump, ends too early, or declares entities; the pages before stand.
        """
        is_last = False
        while not is_last:
            chunk = self._file.read1(_CHUNK_BYTES)  # all that there is before a break
            is_last = not chunk
            try:
                self._parser.Parse(chunk, is_last)
            except expat.ExpatError as error:
                yield from self._taken()
                raise BrokenFileError(f"XML that cannot be read on: {error}") from error
            yield from self._taken()

    def _taken(self) -> list[WikiPage]:
        done, self._done = self._done, []
        return done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._root is None:
            self._root = name
            if name != "mediawiki":
                raise BrokenFileError(f"found <{name}>, expected a dump, which begins with <mediawiki>", "not_a_dump")
        if name == "page":
            self._reading, self._is_page = _Reading(), True
        elif name == "redirect":
            self._reading.is_redirect = True
        elif name == "revision":
            self._reading.is_too_large = False
        elif name in _FIELDS:
            self._name, self._pieces, self._num_chars = name, [], 0
            self._key = attributes.get("key", "")

    def _characters(self, data: str) -> None:
        if not self._name:
            return
        limit = self._max_chars if self._name == "text" else _MAX_FIELD_CHARS
        if self._num_chars + len(data) <= limit:
            self._pieces.append(data)
            self._num_chars += len(data)
        elif self._name == "text":
            self._reading.is_too_large = True
        else:
            self._name = ""  # no title, no number of a namespace: the page goes without

    def _end(self, name: str) -> None:
        if name == "page":
            self._done.append(self._reading.page())
            self._is_page = False
        if name != self._name:
            return
        text, self._name = "".join(self._pieces), ""
        if self._is_page and name in _IN_PAGE:
            self._reading.fields[name] = text
        elif name == "base" and text.startswith(("http://", "https://")):
            self._base = text.rpartition("/")[0] + "/"
        elif name == "namespace" and self._key in (_FILE, _CATEGORY) and text:
            self._namespaces.add(text.strip().lower())

    def _refuse(self, name: str, *_: object) -> None:
        raise BrokenFileError(
            f"found a DOCTYPE for <{name}>, which a dump has none of; entities are not read", "doctype"
        )
