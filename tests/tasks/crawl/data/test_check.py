"""What the check says of tables, data sets, dumps and source code."""

import json
from pathlib import Path

import datasets

from pipeline_config.crawl import FetchConfig, Source
from pipeline_config.data_source import CodeSource, DatasetSource, TableSource, WikiSource
from tasks.crawl.check import check_source
from tasks.crawl.findings import Finding, SourceCheck


def check(source: Source) -> SourceCheck:
    return check_source(source, FetchConfig())


def facts(found: SourceCheck) -> dict[str, str]:
    return {heading: text for heading, text in found.facts if heading}


def test_table_says_its_files_columns_and_texts(tmp_path: Path) -> None:
    rows = [{"text": "one", "lang": "en"}, {"text": " ", "lang": "en"}, {"text": "zwei", "lang": "de"}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = TableSource(name="rows", folder=str(tmp_path), keep={"lang": ("en",)}, max_rows=9)
    found = check(table)
    assert facts(found) == {
        "files": "1 that match **/*, 89 bytes",
        "columns": "text text; only where lang is en; the first 9 texts",
        "texts": "1, 3 bytes, in the first 1,000 rows of 1 file; not taken: not_kept 1",
    }
    assert ("", "folder:rows/a.jsonl#1") in found.facts
    assert found.findings == (
        Finding(False, "1 set aside (empty_body): folder:rows/a.jsonl#2 1 characters, all white space"),
    )


def test_table_without_the_column_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("words\nx\n")
    found = check(TableSource(name="rows", folder=str(tmp_path)))
    assert found.has_errors
    assert "no_column" in found.findings[0].text
    assert "found columns words, expected text, too" in found.findings[0].text
    assert check(TableSource(name="rows", folder=str(tmp_path / "none"))).has_errors


def test_data_set_of_the_hub_is_not_asked_for_and_one_in_a_folder_is_looked_at(tmp_path: Path) -> None:
    found = check(DatasetSource(name="set", dataset="owner/name", subset="en"))
    assert facts(found)["data set"] == "owner/name at main, en, split train"
    assert found.findings == ()
    datasets.disable_progress_bars()
    datasets.Dataset.from_dict({"text": ["one"]}).save_to_disk(str(tmp_path / "in"))
    assert facts(check(DatasetSource(name="set", folder=str(tmp_path / "in"))))["texts"].startswith("1, 3 bytes")
    wrong = check(DatasetSource(name="set", folder=str(tmp_path / "in"), columns={"text": "body"}))
    assert wrong.has_errors
    assert "found columns text, expected body, too" in wrong.findings[0].text


def test_dump_says_its_articles(tmp_path: Path) -> None:
    pages = "".join(
        f"<page><title>{t}</title><ns>{n}</ns><revision><text>x</text></revision></page>" for t, n in ("A0", "B1")
    )
    (tmp_path / "x-pages-articles.xml").write_text(f"<mediawiki>{pages}</mediawiki>")
    found = check(WikiSource(name="wiki", folder=str(tmp_path), site="https://w.example/"))
    assert (
        facts(found)["texts"]
        == "1, 1 bytes, in the first 1,000 articles of the first dump; not taken: other_namespace 1"
    )
    assert ("", "https://w.example/A") in found.facts
    none = check(WikiSource(name="wiki", folder=str(tmp_path), site="https://w.example/", namespaces=(7,)))
    assert none.findings == (Finding(True, "found no text, but {'other_namespace': 2}"),)


def test_code_says_its_languages_and_licences(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "b.py").write_text("# @generated\n")
    (tmp_path / "COPYING").write_text("SPDX-License-Identifier: MIT\n")
    found = check(CodeSource(name="code", folder=str(tmp_path)))
    assert facts(found) == {
        "files": "2, 19 bytes",
        "languages": "python 2",
        "licences": "MIT 1",
        "texts": "1, 6 bytes, in the first 1,000 files; not taken: unknown_language 1",
    }
    assert found.findings == (Finding(False, "1 set aside (generated): b.py found '@generated' in its first lines"),)
