from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline_config.clean import ExtractConfig, ExtractLaunch, SelectConfig
from pipeline_config.rule_limits import BlockedWordsConfig
from tasks.clean.block_lists import load_addresses, load_words
from tasks.clean.extract import plan_extract
from tasks.clean.selection import plan_select
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tests.tasks.clean.measured import measured

RawRow = Callable[..., dict[str, Any]]
MakeRaw = Callable[..., ArtifactRef]
HERE = ExtractLaunch(num_workers=1)
PROSE = "The mill stands by the river, and it has been turning there for two hundred years. " * 4


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], str]:
    def write(lines: str) -> str:
        path = tmp_path / f"list-{len(list(tmp_path.glob('list-*')))}.txt"
        path.write_text(lines, encoding="utf-8")
        return str(path)

    return write


@pytest.mark.parametrize(
    ("url", "is_covered"),
    [
        ("https://bad.example/x", True),
        ("http://www.bad.example/", True),
        ("https://notbad.example/", False),
        ("https://bad.example.org/", False),
        ("https://half.example/forum/1", True),
        ("https://half.example/forum", False),
        ("https://half.example/", False),
        ("https://www.half.example/forum/1", False),
        ("https://asked.example/a?id=7&x=1", True),
        ("file:///books/bad.example", False),
    ],
)
def test_addresses_are_covered_by_host_or_beginning(written: Callable[[str], str], url: str, is_covered: bool) -> None:
    listed = load_addresses(
        written("# hosts\nbad.example  # and below\n\nhttp://half.example/forum/\nasked.example/a?id=7\n")
    )
    assert listed.covers(url) is is_covered


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("A slot machine, and SLOT-MACHINES.", 1),
        ("Slot\nmachine! slot, machine", 2),
        ("Casinos are no casino.", 1),
        ("我们去赌博网站。赌 博", 2),
        ("Nothing of that.", 0),
        ("", 0),
    ],
)
def test_words_and_phrases_are_counted_whatever_their_case_and_marks(
    written: Callable[[str], str], text: str, count: int
) -> None:
    words = written("slot machine\nCasino\n赌博  # 2 ideographs\n")
    assert measured(text, word_block_list=words)["num_blocked_words"] == count
    assert measured(text)["num_blocked_words"] == 0


@pytest.mark.parametrize(("lines", "told"), [("good\n???\n", ":2: found 0 words"), ("a " * 17, "found 17 words")])
def test_entries_without_words_or_with_too_many_are_refused(
    written: Callable[[str], str], lines: str, told: str
) -> None:
    with pytest.raises(BadInputError, match=told):
        load_words(written(lines))


def test_a_list_that_was_written_anew_is_read_anew(written: Callable[[str], str]) -> None:
    words = written("casino\n")
    assert measured("casino", word_block_list=words)["num_blocked_words"] == 1
    Path(words).write_text("roulette\n")
    assert measured("casino", word_block_list=words)["num_blocked_words"] == 0


def test_an_entry_without_a_host_is_refused(written: Callable[[str], str]) -> None:
    with pytest.raises(BadInputError, match=":1: found 'forum', expected a host"):
        load_addresses(written("forum\n"))


def test_documents_on_the_lists_are_dropped_for_that_reason(
    store: Store, raw_row: RawRow, make_raw: MakeRaw, written: Callable[[str], str]
) -> None:
    texts = {"good.example": "", "bad.example": "", "words.example": " The casino is new."}
    rows = [
        raw_row(f"{PROSE}{n} {PROSE} It is {n}.{more}".encode(), f"http://{host}/{n}", "text/plain")
        for n, (host, more) in enumerate(texts.items())
    ]
    extract = ExtractConfig(word_block_list=written("casino\n"))
    extracted = settle(store, plan_extract(make_raw(rows), extract, HERE)).manifest.ref
    loose = dict.fromkeys(("gopher_quality", "gopher_repetition", "c4", "fineweb", "near_duplicates"))
    select = SelectConfig(url_block_list=written("bad.example\n"), **loose)
    manifest = settle(store, plan_select((extracted,), select)).manifest
    assert manifest.drops == {"blocked_url": 1, "blocked_words": 1}
    dropped = {row["drop_reason"]: row for row in read_rows(store.files(manifest.ref, "dropped-"))}
    assert dropped["blocked_url"]["url"] == "http://bad.example/1"
    assert (dropped["blocked_words"]["drop_value"], dropped["blocked_words"]["drop_limit"]) == (1, 0)
    one_is_fine = select.model_copy(update={"blocked_words": BlockedWordsConfig(max_words=1)})
    assert settle(store, plan_select((extracted,), one_is_fine)).manifest.drops == {"blocked_url": 1}


def test_what_a_list_says_is_identity(written: Callable[[str], str], make_raw: MakeRaw) -> None:
    raw, words = make_raw([]), Path(written("casino\n"))
    config = ExtractConfig(word_block_list=str(words))
    before = plan_extract(raw, config, HERE).key
    moved = words.rename(words.with_name("moved.txt"))
    assert plan_extract(raw, ExtractConfig(word_block_list=str(moved)), HERE).key == before
    words = moved.rename(words)
    words.write_text("casino\nslot machine\n")
    assert plan_extract(raw, config, HERE).key != before
    select = SelectConfig(url_block_list=str(words))
    once = plan_select((raw,), select).key
    words.write_text("bad.example\n")
    assert plan_select((raw,), select).key != once
    words.unlink()
    with pytest.raises(BadInputError, match="found nothing at"):
        plan_extract(raw, config, HERE)
