"""Dumps as MediaWiki writes them. Source: https://www.mediawiki.org/xml/export-0.11.xsd."""

import bz2
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest

from pipeline_config.data_source import WikiSource
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError, EmptyInputError
from tasks.crawl.data.wiki import page_url, plan_read_wiki
from tasks.crawl.urls import canonical_url
from tasks.storage.fingerprint import doc_id_of
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store

SITE = "https://de.wiki.example/wiki/"
HEAD = f"""<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="de">
<siteinfo><sitename>W</sitename><base>{SITE}Hauptseite</base><namespaces>
<namespace key="0" case="first-letter"/><namespace key="6">Datei</namespace>
<namespace key="14">Kategorie</namespace></namespaces></siteinfo>
"""


def page(title: str, text: str, ns: int = 0, redirect: str = "", model: str = "wikitext") -> str:
    mark = f'<redirect title="{redirect}"/>' if redirect else ""
    return (
        f"<page><title>{escape(title)}</title><ns>{ns}</ns><id>1</id>{mark}<revision><id>2</id>"
        f"<timestamp>2024-05-06T07:08:09Z</timestamp><contributor><username>title</username><id>3</id></contributor>"
        f"<comment>text</comment><model>{model}</model><format>text/x-wiki</format>"
        f'<text bytes="1" xml:space="preserve">{escape(text)}</text><sha1>x</sha1></revision></page>\n'
    )


PAGES = (
    page("Straße & Weg", "Eine '''Straße''' &amp; [[Weg|ein Weg]].[[Datei:x.jpg|mini]][[Kategorie:Y]]")
    + page("Gasse", "#WEITERLEITUNG [[Straße]]", redirect="Straße")
    + page("Diskussion:Straße", "talk", ns=1)
    + page("Modul:X", "return 1", model="Scribunto")
    + page("Leer", "{{nur|Vorlage}}")
    + page("Lang", "x" * 2_000)
    + page("Letzte", "Text")
)


def write(folder: Path, pages: str = PAGES, head: str = HEAD, name: str = "dewiki-1-pages-articles.xml.bz2") -> Path:
    folder.mkdir(exist_ok=True)
    body = (head + pages + "</mediawiki>").encode()
    (folder / name).write_bytes(bz2.compress(body) if name.endswith(".bz2") else body)
    return folder


def source(folder: Path, **settings: Any) -> WikiSource:
    return WikiSource(**{"name": "wiki", "folder": str(folder), "max_page_bytes": 1_024, **settings})


def part(store: Store, source: WikiSource, previous: ArtifactRef | None = None) -> ArtifactRef:
    return settle(store, plan_read_wiki(source, previous)).manifest.ref


def rows(store: Store, ref: ArtifactRef, files: str = "records") -> list[dict[str, Any]]:
    return list(read_rows(store.files(ref, f"{files}-")))


def test_articles_become_records_and_the_rest_is_counted(tmp_path: Path, store: Store) -> None:
    ref = part(store, source(write(tmp_path / "in")))
    found = {row["title"]: row for row in rows(store, ref)}
    assert {title: row["body"].decode() for title, row in found.items()} == {
        "Straße & Weg": "Eine Straße & ein Weg.",
        "Letzte": "Text",
    }
    row = found["Straße & Weg"]
    assert row["url"] == SITE + "Stra%C3%9Fe_%26_Weg"
    assert row["published_at"] == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert row["content_type"] == "text/plain; charset=utf-8"
    assert row["doc_id"] == doc_id_of("web", canonical_url(SITE + "Straße_%26_Weg"))  # as a crawl would name it
    assert store.manifest(ref).drops == {
        "redirect": 1,
        "other_namespace": 1,
        "other_model": 1,
        "empty_body": 1,
        "too_large": 1,
    }
    assert {row["url"]: row["reason"] for row in rows(store, ref, "failures")} == {
        SITE + "Leer": "empty_body",
        SITE + "Lang": "too_large",
    }
    assert store.manifest(ref).totals["num_pages"] == 7


@pytest.mark.parametrize(
    ("title", "path"),
    [("A b/c", "A_b/c"), ("AC/DC (Band)", "AC/DC_(Band)"), ("Was?", "Was%3F"), ("C#", "C%23"), ("中", "%E4%B8%AD")],
)
def test_addresses_are_written_as_mediawiki_writes_them(title: str, path: str) -> None:
    assert page_url(SITE, title) == SITE + path


def test_limits_namespaces_and_site_are_the_sources(tmp_path: Path, store: Store) -> None:
    folder = write(tmp_path / "in", name="x-pages-articles.xml")
    settings = {"namespaces": [1], "site": "https://other.example/"}
    (row,) = rows(store, part(store, source(folder, **settings)))
    assert row["url"] == "https://other.example/Diskussion:Stra%C3%9Fe"
    assert len(rows(store, part(store, source(folder, max_pages=1)))) == 1


def test_of_several_revisions_the_last_one_counts(tmp_path: Path, store: Store) -> None:
    two = page("A", "x" * 3_000).replace(
        "</revision></page>", "</revision><revision><text>new</text></revision></page>"
    )
    (row,) = rows(store, part(store, source(write(tmp_path / "in", two))))
    assert row["body"] == b"new"


def test_later_part_holds_edited_and_new_articles(tmp_path: Path, store: Store) -> None:
    first = part(store, source(write(tmp_path / "a", page("A", "one") + page("B", "two") + page("C", "three"))))
    later = write(tmp_path / "b", page("A", "one") + page("B", "edited") + page("D", "four"))
    second = part(store, source(later), first)
    assert {row["title"] for row in rows(store, second)} == {"B", "D"}
    assert [row["url"] for row in rows(store, second, "gone")] == [SITE + "C"]


def test_cut_off_dump_keeps_the_articles_before_the_cut(tmp_path: Path, store: Store) -> None:
    folder = write(tmp_path / "in", name="a-pages-articles.xml")
    dump = folder / "a-pages-articles.xml"
    dump.write_bytes(dump.read_bytes()[:-200])
    write(folder, page("B", "other file"), name="b-pages-articles.xml")
    packed = bz2.compress((HEAD + "".join(page(str(n), f"{n * 7919}") for n in range(3_000))).encode(), 1)
    cut = packed[: len(packed) // 2]
    (folder / "c-pages-articles.xml.bz2").write_bytes(cut)
    ref = part(store, source(folder))
    titles = {row["title"] for row in rows(store, ref)}
    assert {"Straße & Weg", "B", "0"} <= titles
    assert "Letzte" not in titles
    whole = bz2.BZ2Decompressor().decompress(cut).count(b"</page>")
    assert whole > 500
    assert sum(title.isdecimal() for title in titles) == whole
    reasons = {row["url"]: row["reason"] for row in rows(store, ref, "failures") if row["url"].startswith("folder:")}
    assert reasons == {
        "folder:wiki/a-pages-articles.xml": "broken_file",
        "folder:wiki/c-pages-articles.xml.bz2": "broken_file",
    }


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><mediawiki>&c;</mediawiki>', "doctype"),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><mediawiki/>', "doctype"),
        ("<html><page><title>x</title></page></html>", "not_a_dump"),
        ("no XML", "broken_file"),
        ("", "broken_file"),
    ],
)
def test_what_is_no_dump_is_set_aside(tmp_path: Path, store: Store, body: str, reason: str) -> None:
    folder = write(tmp_path / "in", page("A", "text"), name="a-pages-articles.xml")
    (folder / "b-pages-articles.xml").write_text(body)
    ref = part(store, source(folder))
    assert [(row["url"], row["reason"]) for row in rows(store, ref, "failures")] == [
        ("folder:wiki/b-pages-articles.xml", reason)
    ]


def test_memory_holds_one_page(tmp_path: Path, store: Store) -> None:
    pages = page("Riese", "x" * (40 << 20)) + page("A", "text") + page("B" * (2 << 20), "text")
    folder = write(tmp_path / "in", pages, name="a-pages-articles.xml")
    tracemalloc.start()
    try:
        ref = part(store, source(folder))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert store.manifest(ref).drops == {"too_large": 1, "no_title": 1}
    assert peak < 16 << 20


def test_dump_that_does_not_say_where_it_is_from_needs_the_site(tmp_path: Path, store: Store) -> None:
    folder = write(tmp_path / "in", page("A", "text"), head="<mediawiki>")
    with pytest.raises(BadInputError, match="set site to what a title stands behind"):
        part(store, source(folder))
    (row,) = rows(store, part(store, source(folder, site=SITE)))
    assert row["url"] == SITE + "A"


def test_dump_without_articles_is_refused(tmp_path: Path, store: Store) -> None:
    with pytest.raises(EmptyInputError, match=r"'other_namespace': 1.*name dumps of whole articles"):
        part(store, source(write(tmp_path / "in", page("A", "x", ns=4))))


def test_same_dump_gives_the_recorded_digest(tmp_path: Path, store: Store) -> None:
    # a golden value: when it changes, raise STAGE_VERSION
    outcome = settle(store, plan_read_wiki(source(write(tmp_path / "in"))))
    assert outcome.manifest.content_digest == "8eaa8edce45e892c1ce85b3a7270fc88d375133c52b3071132f298073fc3910a"
    assert settle(store, plan_read_wiki(source(write(tmp_path / "elsewhere")))).is_cached
