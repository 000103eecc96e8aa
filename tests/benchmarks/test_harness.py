"""The harness of the benchmarks, on a corpus of three texts and peers that are not needed."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.contracts.records import RECORDS
from tasks.storage.parquet_shards import read_rows
from tasks.storage.store import Store
from tests.benchmarks.children import ROOT, run_ours
from tests.benchmarks.corpus import corpus_file, linux_doc_pages, read_documents
from tests.benchmarks.data import ROWS, parser
from tests.benchmarks.pages import generated_pages, store_pages
from tests.benchmarks.table import MEASURES, complete_row, markdown

PARAGRAPH = "The committee met on the first day of the month, and it had to decide with care what to do. " * 2


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    rows = [
        {"id": str(i), "url": f"u{i}", "text": "\n\n".join(f"{PARAGRAPH}{i}.{j}" for j in range(9)), "lang": lang}
        for i, lang in enumerate(("en", "en", "zh"))
    ]
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def test_rows_stand_in_the_order_of_the_table() -> None:
    assert tuple(ROWS) == tuple(MEASURES)
    assert tuple(ROWS) == (
        "filters", "filters_whitespace", "filters_agreement", "minhash", "clean", "two_cores", "dedup_million",
        "nightly_part", "crawl",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--only", "speed"], "invalid choice: 'speed'"),
        (["--every", "0"], "found 0, expected 1 or more"),
        (["--repeat", "x"], "invalid _at_least_one value: 'x'"),
    ],
)
def test_a_wrong_argument_is_refused(args: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parser().parse_args(args)
    assert complaint in capsys.readouterr().err


def test_the_options_in_the_document_are_those_of_the_command_line() -> None:
    document = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    options = {name for action in parser()._actions for name in action.option_strings}
    assert set(re.findall(r"--[a-z][a-z-]*", document)) | {"-h", "--help"} == options


def test_a_row_that_fails_leaves_standard_output_empty_and_the_exit_code_1(cache: Path) -> None:
    command = [sys.executable, "-m", "tests.benchmarks.data", "--json", "--only", "minhash"]
    options = ["--cache", str(cache), "--peer-python", "/bin/false"]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "found no figures for minhash" in done.stderr


def test_a_rows_fixed_columns_come_first() -> None:
    row = complete_row({"num_docs": 3, "unit": "MB/s", "peer": 1.0, "name": "filters", "ratio": 80.0, "ours": 80.0})
    assert list(row) == ["name", "ours", "peer", "ratio", "unit", "num_docs"]


@pytest.mark.parametrize(
    "row", [{"name": "filters", "ours": 1.0}, dict.fromkeys(("name", "ours", "peer", "ratio", "unit"))]
)
def test_a_row_without_its_columns_or_its_name_is_refused(row: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected name, ours, peer, ratio, unit and a name of filters,"):
        complete_row(row)


def test_the_table_has_figures_goal_machine_and_what_else_a_row_says() -> None:
    row = {"name": "crawl", "ours": 1234.5, "peer": None, "ratio": 0.95123, "unit": "pages/s", "num_pages": 5_000}
    text = markdown([row])
    assert (
        "| `crawl` | crawl of a local site of 5,000 pages, bare Scrapy | 1,234 | – | pages/s | 0.9512 | ≥ 0.9" in text
    )
    assert f"Python {sys.version.split()[0]}, numba " in text
    assert '- `crawl`: {"num_pages": 5000}' in text


def test_ours_measures_every_nth_text_as_often_as_asked(cache: Path) -> None:
    said = run_ours(
        "minhash", str(cache / "corpus.jsonl"), "--every", "2", "--repeat", "2", "--num-permutations", "16"
    ).said
    texts = [row["text"] for row in read_documents(cache / "corpus.jsonl")][::2]
    assert (said["num_docs"], said["num_signatures"], len(said["seconds"])) == (2, 2, 2)
    assert said["num_bytes"] == sum(len(text.encode()) for text in texts)


def test_generated_pages_are_the_same_for_a_seed_and_others_for_another(cache: Path) -> None:
    pages = list(generated_pages(cache / "corpus.jsonl", 50, seed=1))
    assert pages == list(generated_pages(cache / "corpus.jsonl", 50, seed=1))
    others = dict(generated_pages(cache / "corpus.jsonl", 50, seed=2))
    assert not others.keys() & dict(pages).keys()
    assert not set(others.values()) & {body for _, body in pages}
    assert {url.split("/")[2] for url, _ in pages} == {"s1-0.example", "s1-1.example"}


def test_pages_are_stored_as_a_raw_artifact(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    ref = store_pages(store, "pages", {"num": 2}, [("https://a.example/1", b"<p>1"), ("https://a.example/2", b"<p>2")])
    rows = list(read_rows(store.files(ref, f"{RECORDS}-")))
    assert [(row["final_url"], row["body"]) for row in rows] == [
        ("https://a.example/1", b"<p>1"),
        ("https://a.example/2", b"<p>2"),
    ]


def test_pages_of_ones_own_are_taken_from_the_cache(tmp_path: Path) -> None:
    folder = tmp_path / "linux-doc" / "html" / "translations" / "zh_CN"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<html><body><main><p>一些文字。</p></main></body></html>")
    (folder.parents[1] / "index.html").write_text("<html><body><main><p>Some text.</p></main></body></html>")
    assert [url for url, _ in linux_doc_pages(tmp_path)] == [
        "https://kernel.example/index.html",
        "https://kernel.example/translations/zh_CN/index.html",
    ]


def test_an_empty_folder_of_pages_is_refused(tmp_path: Path) -> None:
    (tmp_path / "linux-doc" / "html").mkdir(parents=True)
    with pytest.raises(SystemExit, match=r"found no .*html file in it; remove the folder"):
        linux_doc_pages(tmp_path)


def test_the_corpus_has_pages_books_and_news_in_two_languages_and_nothing_twice(tmp_path: Path) -> None:
    folder = tmp_path / "linux-doc" / "html" / "translations" / "zh_CN"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<html><body><main><p>一些文字。</p></main></body></html>")
    documents = read_documents(corpus_file(tmp_path))
    assert {(row["kind"], row["lang"]) for row in documents} == {
        ("web", "zh"), ("book", "en"), ("book", "zh"), ("news", "en"), ("news", "zh"),
    }  # fmt: skip
    assert len({row["id"] for row in documents}) == len(documents) == 1 + 249 + 2_225 + 3_142 + 120  # see docs/data.md
    assert documents[0]["text"] == "一些文字。"
