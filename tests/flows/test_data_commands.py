import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import data_app as app
from flows.series import corpus_head, move_head
from pipeline_config.clean import ExtractConfig, ExtractLaunch, SelectConfig
from tasks.clean.extract import plan_extract
from tasks.clean.selection import plan_select
from tasks.contracts.errors import BadInputError, MissingArtifactError
from tasks.contracts.records import GONE, GONE_SCHEMA, RAW_SCHEMA, RECORDS
from tasks.storage.fingerprint import doc_id_of, sha256_hex
from tasks.storage.parquet_shards import write_shards
from tasks.storage.stage import StageCall, settle
from tasks.storage.store import Attempt, Built, Store

MILL = (
    "The mill stands by the river, and it has been turning there for two hundred years.\n"
    "Nobody remembers who built its wheel, but everybody knows the miller and his three children.\n"
    "In spring the water is high, so that the stones have to be watched by day and night.\n"
    "When summer comes they bring flour to the market, with a cart that an old horse pulls.\n"
)
CHINESE = (
    "这座磨坊坐落在河边，已经转动了两百年。没有人记得是谁造了水车，但是大家都认识磨坊主和他的三个孩子。\n"
    "春天水位很高，石磨日夜都要有人看守。夏天来临的时候，一匹老马拉着车，把面粉送到集市上去。\n"
    "秋天，附近的农民带着新收的粮食来到这里，一边排队一边谈论今年的天气和价钱。\n"
    "冬天河面结冰，水车停了下来，磨坊主便修理工具，给孩子们讲从前的故事。\n"
)
PAGES = {
    "http://a.example/mill": MILL,
    "http://b.example/copy": MILL,
    "http://a.example/zh": CHINESE,
    "http://a.example/short": "The mill is closed \u202etoday.",
}

Chatmill = Callable[..., str]


def raw_row(url: str, text: str) -> dict[str, Any]:
    return {
        "doc_id": doc_id_of("web", url), "url": url, "final_url": url, "source_kind": "web", "source_name": "pages",
        "fetched_at": datetime(2026, 1, 1, tzinfo=UTC), "http_status": 200,
        "content_type": "text/plain; charset=utf-8", "body": text.encode(), "body_sha256": sha256_hex(text.encode()),
        "is_truncated": False, "etag": None, "last_modified": None, "licence": "CC0-1.0",
        "title": f"Page\x1b[31m {url[-5:]}", "author": "Jo\x1b[31m Doe",
        "published_at": datetime(1998, 1, 2, tzinfo=UTC),
    }  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with one snapshot of four pages."""
    store = Store(str(tmp_path_factory.mktemp("store")))

    def build(attempt: Attempt) -> Built:
        rows = [raw_row(url, text) for url, text in PAGES.items()]
        num_rows = write_shards(attempt.folder, RECORDS, rows, RAW_SCHEMA)
        return Built(num_rows=num_rows | write_shards(attempt.folder, GONE, [], GONE_SCHEMA))

    raw = settle(store, StageCall("raw", "pages", "raw", 1, {}, {}, build)).manifest.ref
    extracted = settle(store, plan_extract(raw, ExtractConfig(), ExtractLaunch(num_workers=1))).manifest.ref
    corpus = settle(store, plan_select((extracted,), SelectConfig())).manifest.ref
    move_head(store, corpus_head(), corpus)
    return store.url


@pytest.fixture
def chatmill(root: str) -> Chatmill:
    """What a command prints, at a width."""

    def run(*arguments: str, columns: int = 80) -> str:
        result = CliRunner().invoke(app, [*arguments, "--root", root], env={"COLUMNS": str(columns)})
        if result.exception is not None:
            raise result.exception
        assert result.exit_code == 0
        return result.stdout

    return run


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize(
    "arguments",
    [
        ("stats",),
        ("sample",),
        ("sample", "--dropped"),
        ("search", "mill"),
        ("search", "--doc", "http://a.example/short"),
        ("retune", "--set", "gopher_quality.min_words=60"),
        ("audit",),
    ],
)
def test_nothing_is_wider_than_the_terminal(chatmill: Chatmill, arguments: tuple[str, ...], columns: int) -> None:
    lines = chatmill(*arguments, columns=columns).splitlines()
    assert lines
    assert [line for line in lines if len(line) > columns] == []


def test_stats_count_kept_and_dropped(chatmill: Chatmill) -> None:
    said = " ".join(chatmill("stats").split())
    assert "pages web 2 2" in said
    assert "gopher_too_few_words 1 50.0% pages 1" in said
    assert "exact_duplicate 1 50.0% pages 1" in said
    assert "CC0-1.0 2 2" in said
    found = json.loads(chatmill("stats", "--json"))
    assert found["near-duplicates"] == [{"clusters": 1, "documents": 2, "largest": 2}]
    assert {row["lang"]: row["kept"] for row in found["languages"]} == {"en": 1, "zh": 1}
    assert found["this_snapshot"] == [{"change": "added", "documents": 2}]


def test_a_dropped_sample_says_which_metric_decided(chatmill: Chatmill) -> None:
    said = chatmill("sample", "--rule", "gopher_too_few_words")
    assert "gopher_too_few_words: num_words 5, limit 50" in said
    assert "Doe · 1998-01-02 · licence CC0-1.0" in said
    assert "exact_duplicate of http" in chatmill("sample", "--rule", "exact_duplicate")
    assert "No dropped document is like that" in chatmill("sample", "--rule", "no_such_rule")


def test_a_kept_sample_can_be_asked_for_by_language(chatmill: Chatmill) -> None:
    said = chatmill("sample", "--lang", "zh")
    assert "这座磨坊坐落在河边" in said
    assert "The mill" not in said
    (line,) = chatmill("sample", "--lang", "zh", "--json").splitlines()
    assert json.loads(line)["doc_id"] == doc_id_of("web", "http://a.example/zh").hex()


def test_a_text_cannot_command_the_terminal(chatmill: Chatmill) -> None:
    said = chatmill("sample", "--dropped") + chatmill("search", "closed", "--dropped")
    assert not {"\x1b", "\u202e"} & set(said)
    assert "closed" in said


def test_search_shows_the_words_around(chatmill: Chatmill) -> None:
    said = " ".join(chatmill("search", "OLD horse").split())
    assert "with a cart that an old horse pulls." in said
    assert said.endswith("1 kept documents")
    assert "0 kept documents" in chatmill("search", "pulls. Nothing")
    (line,) = chatmill("search", "老马", "--json").splitlines()
    assert {"found": "老马", "where": "text"}.items() <= json.loads(line).items()
    assert "perhaps more" in chatmill("search", "mill|磨坊", "--regex", "-n", "1")


def test_one_document_is_shown_with_every_metric_and_limit(chatmill: Chatmill) -> None:
    said = chatmill("search", "--doc", "http://a.example/short", columns=120)
    assert re.search(r"gopher_too_few_words +5 +num_words < 50 +fails", said)
    assert re.search(r"gopher_too_many_words +5 +num_words > 100000 +passes", said)
    assert re.search(r"gopher_num_stop_words_zh +0 +not asked", said)
    assert "5 words · Jo\ufffd[31m Doe · 1998-01-02" in said
    doc_id = doc_id_of("web", "http://a.example/zh").hex()
    found = json.loads(chatmill("search", "--doc", doc_id, "--json"))
    assert found["fate"] == "kept"
    assert {check["metric"] for check in found["checks"]} > {"num_words", "dup_line_share", "top_2gram_char_share"}


def test_retune_names_what_would_go_and_come(chatmill: Chatmill) -> None:
    settings = ["gopher_quality.min_words=5", "gopher_quality.min_stop_words=1", "c4=null", "fineweb=null"]
    said = " ".join(chatmill("retune", *(word for setting in settings for word in ("--set", setting))).split())
    assert "would come in gopher_too_few_words pages en 1 5" in said
    assert "num_words 5, limit now 50" in said
    assert "Of 2 documents 0 would go; 1 that a rule keeps out would pass" in said
    found = json.loads(chatmill("retune", "--set", "gopher_quality.min_words=1000", "--json"))
    gone = {"turn": "would go", "rule": "gopher_too_few_words", "source": "pages", "lang": "en"}
    assert found["changes"] == [gone | {"documents": 1, "words": len(MILL.split())}]
    assert found["heirs"] == 1


def test_audit_shows_dropped_documents_by_reason(chatmill: Chatmill) -> None:
    said = " ".join(chatmill("audit", columns=120).split())
    assert "exact_duplicate of http://" in said
    assert "gopher_too_few_words: num_words 5, limit 50" in said
    assert "2 near-duplicates in 1 cluster" in said
    assert "\x1b" not in said and "\u202e" not in said


def test_what_cannot_be_answered_is_refused_with_the_cure(chatmill: Chatmill, tmp_path: Path) -> None:
    with pytest.raises(MissingArtifactError, match=r"found no document 'http://x/'.*chatmill data search TEXT"):
        chatmill("search", "--doc", "http://x/")
    with pytest.raises(BadInputError, match="expected one of them"):
        chatmill("search")
    with pytest.raises(BadInputError, match="expected one of them"):
        chatmill("search", "mill", "--doc", "http://x/")
    result = CliRunner().invoke(app, ["stats", "--root", str(tmp_path)])
    assert isinstance(result.exception, MissingArtifactError)
    assert "run `chatmill refresh` first" in str(result.exception)
