"""The text of an EPUB 2 or 3 in reading order. Nothing is unpacked to disk; no size that a header names is believed.

Source: EPUB 3.3 (https://www.w3.org/TR/epub-33), sections 4.2 (container), 5 (package document) and 7 (navigation);
Open Packaging Format 2.0.1 for EPUB 2.
"""

import posixpath
import re
import zlib
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from pipeline_config.clean import ExtractConfig
from tasks.clean.charset import decode_body
from tasks.clean.found_text import FoundText
from tasks.clean.unusable import QuarantineReason, UnusableDocumentError
from tasks.clean.web_page import read_page
from tasks.text.author_names import author_line

if TYPE_CHECKING:
    from lxml import etree

MAX_FILES = 20_000
"""Entries of the archive, and of its reading order: a book with a file and a picture a page has some thousands."""
MAX_INFLATED_BYTES = 64 << 20
"""Bytes read in all; a long novel has two million."""

_AUTHOR = "aut"
"""Source: https://id.loc.gov/vocabulary/relators."""
_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_TEXT_TYPES = frozenset({"application/xhtml+xml", "text/html", "text/x-oeb1-document"})
_ENCODING = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{2,40})["']""")
# As XML, a tag may close itself. Read as HTML it would stay open, and an empty title would swallow the whole page.
_TAG = re.compile(r"<([A-Za-z][\w:.-]*+)([^<>]*+)>")
_NEVER_CLOSED = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)


@dataclass(frozen=True)
class _Package:
    title: str | None
    author: str | None
    paths: list[str]
    """Text documents in reading order, inside the archive."""


def read_epub(body: bytes, config: ExtractConfig) -> FoundText:
    """The book's text, not normalised yet, its title and its author where it has them.

    Read are the documents of the spine that are part of the main reading order (not `linear="no"`) and are text, but
    for the navigation document. Each document's whole text is taken: the search for main content is made for web pages.

    Raises:
        UnusableDocumentError: `epub_not_zip`, `epub_broken`, `epub_encrypted`, `epub_entities`, `epub_missing_file`,
            `epub_path_outside`: what is wrong with it; `epub_too_many_files`, `epub_too_large`: past a budget; and
            whatever a document of its spine is refused for.
    """
    try:
        with ZipFile(BytesIO(body)) as archive:
            return _read(_Entries(archive), config)
    except BadZipFile as error:
        reason: QuarantineReason = "epub_broken" if body.startswith(b"PK\x03\x04") else "epub_not_zip"
        raise UnusableDocumentError(reason, str(error)) from error
    except (zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise UnusableDocumentError("epub_broken", f"{type(error).__name__}: {error}") from error


class _Entries:
    """An archive's files by name, inflated within one budget for all."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive
        self._infos = {info.filename: info for info in archive.infolist()}
        self._left = MAX_INFLATED_BYTES
        if len(archive.infolist()) > MAX_FILES:
            raise UnusableDocumentError("epub_too_many_files", f"{len(archive.infolist())} files, at most {MAX_FILES}")
        for name in self._infos:
            if name.startswith("/") or ".." in name.split("/"):
                raise UnusableDocumentError("epub_path_outside", f"an entry is named {name[:100]!r}")

    def __contains__(self, name: str) -> bool:
        return name in self._infos

    def read(self, name: str) -> bytes:
        info = self._infos.get(name)
        if info is None:
            raise UnusableDocumentError("epub_missing_file", f"no {name[:200]!r} in the archive")
        if info.flag_bits & 1:
            raise UnusableDocumentError("epub_encrypted", f"{name[:200]!r} asks for a password")
        if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise UnusableDocumentError(
                "epub_broken", f"{name[:200]!r} is packed by method {info.compress_type}, expected 0 or 8"
            )
        with self._archive.open(info) as file:
            data = file.read(self._left + 1)
        self._left -= len(data)
        if self._left < 0:
            raise UnusableDocumentError("epub_too_large", f"more than {MAX_INFLATED_BYTES} bytes unpacked")
        return data


def _read(entries: _Entries, config: ExtractConfig) -> FoundText:
    package = _package(entries)
    hidden = _encrypted_paths(entries).intersection(package.paths)
    if hidden:
        raise UnusableDocumentError("epub_encrypted", f"{len(hidden)} of {len(package.paths)} documents are encrypted")
    whole = config.model_copy(update={"is_main_content_only": False})
    texts = []
    for path in package.paths:
        body = entries.read(path)
        named = _ENCODING.match(body.lstrip())
        charset = f"; charset={named.group(1).decode()}" if named else ""
        markup = decode_body(body, f"application/xhtml+xml{charset}", config.max_undecodable_share)
        texts.append(read_page(_as_html(markup), whole)[0])
    return FoundText("\n\n".join(texts), package.title, package.author)


def _package(entries: _Entries) -> _Package:
    rootfile = _first(_xml(entries, _CONTAINER), "rootfile")
    if rootfile is None:
        raise UnusableDocumentError("epub_broken", f"{_CONTAINER} names no rootfile")
    path = _inside("", rootfile.get("full-path") or "")
    root = _xml(entries, path)
    items = {item.get("id"): item for item in _all(root, "item")}
    paths = []
    for itemref in _all(root, "itemref"):
        item = items.get(itemref.get("idref"))
        if item is None:
            raise UnusableDocumentError(
                "epub_missing_file", f"spine names item {itemref.get('idref')!r}, listed nowhere"
            )
        is_text = (item.get("media-type") or "").lower() in _TEXT_TYPES
        is_navigation = "nav" in (item.get("properties") or "").split()
        if itemref.get("linear") != "no" and is_text and not is_navigation:
            paths.append(_inside(posixpath.dirname(path), item.get("href") or ""))
    if len(paths) > MAX_FILES:
        raise UnusableDocumentError("epub_too_many_files", f"{len(paths)} in reading order, at most {MAX_FILES}")
    title = _first(root, "title")
    return _Package("".join(title.itertext()) if title is not None else None, _author(root), paths)


def _author(root: "etree._Element") -> str | None:
    """All creators but those that are said to have had another part in the book than its author's.

    Source: Open Packaging Format 2.0.1, section 2.2.6 (`opf:role`); EPUB 3.3, section D.3.12 (`role`).
    """
    roles = {
        (meta.get("refines") or "").removeprefix("#"): (meta.text or "").strip()
        for meta in _all(root, "meta")
        if meta.get("property") == "role"
    }
    names = []
    for creator in _all(root, "creator"):
        own = next((value for name, value in creator.items() if name.rpartition("}")[2] == "role"), None)
        if (own or roles.get(creator.get("id") or "", _AUTHOR)) == _AUTHOR:
            names.append("".join(creator.itertext()))
    return author_line(names)


def _inside(folder: str, href: str) -> str:
    """A reference's path inside the archive, without its fragment."""
    parts = urlsplit(href)
    path = posixpath.normpath(posixpath.join(folder, unquote(parts.path)))
    if parts.scheme or parts.netloc or path.startswith(("/", "../")) or path == "..":
        raise UnusableDocumentError("epub_path_outside", f"{href[:200]!r} leads out of the archive")
    return path


def _encrypted_paths(entries: _Entries) -> set[str]:
    """Files that are encrypted or obfuscated; fonts often are, which hides no text."""
    if _ENCRYPTION not in entries:
        return set()
    uris = [element.get("URI") or "" for element in _all(_xml(entries, _ENCRYPTION), "CipherReference")]
    return {posixpath.normpath(unquote(uri)) for uri in uris}


def _xml(entries: _Entries, name: str) -> "etree._Element":
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(entries.read(name).lstrip(), parser)
    except etree.XMLSyntaxError as error:
        raise UnusableDocumentError("epub_broken", f"{name[:200]!r} is no XML: {error}") from error
    document_type = root.getroottree().docinfo.internalDTD
    if document_type is not None and any(True for _ in document_type.iterentities()):
        raise UnusableDocumentError("epub_entities", f"{name[:200]!r} declares entities, which no EPUB needs")
    return root


def _all(root: "etree._Element", name: str) -> list["etree._Element"]:
    """Elements by their local name: EPUB 2 and 3, and sloppy books, differ in namespaces."""
    return list(root.iter(f"{{*}}{name}"))


def _first(root: "etree._Element", name: str) -> "etree._Element | None":
    return next(root.iter(f"{{*}}{name}"), None)


def _as_html(markup: str) -> str:
    first, *sections = markup.split("<![CDATA[")
    parts = [first]
    for section in sections:
        literal, end, rest = section.partition("]]>")
        parts.append(escape(literal) + rest if end else section)
    return _TAG.sub(_closed, "".join(parts))


def _closed(found: re.Match[str]) -> str:
    name, rest = found.groups()
    if not rest.endswith("/") or name.lower() in _NEVER_CLOSED:
        return found.group()
    return f"<{name}{rest[:-1]}></{name}>"
