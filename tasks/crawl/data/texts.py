"""Books and news in a folder of files → raw/: the bytes as they are, or the texts of a file that holds many."""

from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from pathlib import PurePosixPath

from pipeline_config.crawl import TextFolderSource
from pipeline_config.source_base import DETECT
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError
from tasks.crawl.data.folder_files import FolderFile, list_files, url_base_of
from tasks.crawl.data.layouts import LayoutError, Piece, pieces_of
from tasks.crawl.failures import Failure, LeftOut
from tasks.crawl.parts import Reading, Text, part_call
from tasks.storage.fingerprint import canonical_json, doc_id_of, sha256_hex
from tasks.storage.stage import StageCall
from tasks.text.encoding import detect_text_encoding

STAGE_VERSION = 4
EPUB_TYPE = "application/epub+zip"
PDF_TYPE = "application/pdf"
_HTML_TYPES = {".html": "text/html", ".htm": "text/html", ".xhtml": "application/xhtml+xml"}
# A zip whose first entry is `mimetype`, stored as it is. Source: EPUB Open Container Format 3.3, section 4.3.
_EPUB_START = (0, b"PK\x03\x04"), (30, b"mimetype" + EPUB_TYPE.encode())


def plan_read_texts(source: TextFolderSource, previous: ArtifactRef | None = None) -> StageCall:
    """Takes a folder's files in: all of them, or what is new and what is gone since an earlier part.

    The identity holds the digest of all paths and contents, so an added or changed file is noticed, and the same files
    in another place are the same input.

    Args:
        source: The folder.
        previous: The last part of the same source, by the same settings; None takes everything.

    Raises:
        BadInputError: The folder or the catalogue is missing, or a file cannot be read.
        EmptyInputError: No file matches, or the catalogue names none. That is never taken for «all are gone».
    """
    files, failures = list_files(source)
    url_base = url_base_of(source)
    encodings = list(source.encodings)
    detector = {"detector": f"Resiliparse {version('Resiliparse')}"} if DETECT in encodings else {}
    return part_call(
        source,
        previous,
        stage="read_texts",
        stage_version=STAGE_VERSION,
        settings={
            "name": source.name,
            "form": source.form,
            "source_kind": source.source_kind,
            "licence": source.licence,
            "url_base": url_base,
            "layout": source.layout,
            "encodings": encodings,
            **detector,
        },
        occasion={
            "files": sha256_hex(canonical_json([[f.name, f.sha256, f.stamp] for f in files]).encode()),
            "left_out": sha256_hex(canonical_json([[f.url, f.reason] for f in failures]).encode()),
            **({"catalogue": source.catalogue} if source.catalogue else {"glob": source.glob}),
            "max_file_bytes": source.max_file_bytes,
        },
        read=partial(_read, source, url_base, files, failures),
    )


def encoding_of(body: bytes, encodings: tuple[str, ...]) -> str | None:
    """The first encoding that decodes `body` to text without NUL, which no text holds; None where none does."""
    for encoding in encodings:
        if encoding == DETECT:
            found = detect_text_encoding(body)
            if found is not None:
                return found
            continue
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return encoding
    return None


def kind_of(name: str, body: bytes) -> str | None:
    """The media type of a file that is no plain text, by its name or its first bytes; None for all others.

    The file may still be broken. Pages of HTML name their encoding themselves.
    """
    ending = PurePosixPath(name).suffix.lower()
    if ending == ".epub" or all(body.startswith(start, at) for at, start in _EPUB_START):
        return EPUB_TYPE
    if ending == ".pdf" or body.startswith(b"%PDF-"):
        return PDF_TYPE
    return _HTML_TYPES.get(ending)


def _read(source: TextFolderSource, url_base: str, files: list[FolderFile], missing: list[Failure]) -> Reading:
    left_out = LeftOut(missing).below(url_base)
    by_doc_id = sorted((doc_id_of(source.source_kind, url_base + file.name), file) for file in files)
    return Reading(
        (text for _, file in by_doc_id for text in _texts(file, source, url_base, left_out)),
        left_out,
        {"num_files": len(files) + len(missing)},
        cure=f"tried {', '.join(source.encodings)}; set encodings and layout to what the files have",
        num_expected=len(files) if source.layout == "files" else None,
    )


def _texts(file: FolderFile, source: TextFolderSource, url_base: str, left_out: LeftOut) -> Iterator[Text]:
    """The file's text, or each of its texts."""
    url, body = url_base + file.name, file.path.read_bytes()
    if sha256_hex(body) != file.sha256:
        raise BadInputError(
            f"{file.path} changed while it was read, expected sha256 {file.sha256}; run the same command again"
        )
    if not body.strip():
        left_out.add(Failure(url, "empty_body", f"{len(body)} bytes"))
        return
    kind = kind_of(file.name, body) if source.layout == "files" else None
    if kind is not None:
        yield _text(url, body, kind, file)
        return
    encoding = encoding_of(body, source.encodings)
    if encoding is None:
        left_out.add(Failure(url, "unknown_encoding", f"tried {', '.join(source.encodings)}"))
    elif source.layout == "files":
        yield _text(url, body, f"text/plain; charset={encoding}", file)
    else:
        try:
            for number, piece in enumerate(pieces_of(body.decode(encoding).removeprefix("\ufeff"), source.layout)):
                yield from _piece(f"{url}#{number}", piece, file, left_out)
        except LayoutError as error:
            left_out.add(Failure(url, "unknown_layout", str(error)))


def _piece(url: str, piece: Piece, file: FolderFile, left_out: LeftOut) -> Iterator[Text]:
    if piece.text is None:
        left_out.add(Failure(url, "no_text", "found another JSON value in a text's place"))
    elif not piece.text.strip():
        left_out.add(Failure(url, "empty_body", f"{len(piece.text)} characters"))
    else:
        body = piece.text.encode("utf-8", "surrogatepass")  # JSON can name half a character: undecodable
        yield _text(url, body, "text/plain; charset=utf-8", file, piece.title)


def _text(url: str, body: bytes, content_type: str, file: FolderFile, title: str | None = None) -> Text:
    said = file.entry
    return Text(
        url,
        body,
        content_type,
        title or said.title,
        said.licence,
        published_at=said.published_at,
        author=said.author,
        stamp=file.stamp,
    )
