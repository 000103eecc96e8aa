import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline_config.dialogue import DialogueSource
from tasks.contracts.dialogue import Conversation
from tasks.contracts.errors import BadInputError, EmptyInputError
from tasks.contracts.records import CONVERSATION_SCHEMA
from tasks.dialogue.import_corpus import plan_import_dialogue
from tasks.dialogue.report import report_corpus
from tasks.storage.parquet_shards import read_rows, read_table
from tasks.storage.stage import settle
from tasks.storage.store import Store

_LINES = [
    {"id": "first", "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]},
    {"messages": [{"role": "user", "content": "你好"}, {"role": "assistant", "content": "嗨"}]},
    {"messages": [{"role": "user", "content": "你好"}, {"role": "assistant", "content": "嗨"}]},
    {"id": "first", "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
    {"messages": [{"role": "user", "content": "alone"}]},
    {
        "messages": [
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": "\ud83d"},
        ]
    },
]


def _jsonl(folder: Path, lines: list[object] | None = None) -> DialogueSource:
    path = folder / "corpus.jsonl"
    text = "\n".join(json.dumps(line) for line in (_LINES if lines is None else lines))
    path.write_text(text + "\n{broken\n")
    return DialogueSource(name="talk", format="jsonl", path=str(path), lang="en", licence="CC0-1.0")


def test_what_is_left_out_is_counted_and_kept_aside_with_its_reason(store: Store, tmp_path: Path) -> None:
    made = settle(store, plan_import_dialogue(_jsonl(tmp_path))).manifest
    assert made.drops == {"broken_unicode": 1, "duplicate": 1, "id_used_twice": 1, "not_json": 1, "too_few_turns": 1}
    dropped = {row["found_at"]: row for row in read_rows(store.files(made.ref, "dropped-"))}
    assert {where: row["drop_reason"] for where, row in dropped.items()} == {
        "corpus.jsonl line 3": "duplicate",
        "corpus.jsonl line 4": "id_used_twice",
        "corpus.jsonl line 5": "too_few_turns",
        "corpus.jsonl line 6": "broken_unicode",
        "corpus.jsonl line 7": "not_json",
    }
    assert dropped["corpus.jsonl line 5"]["excerpt"] == "user: alone"
    assert "{broken" in dropped["corpus.jsonl line 7"]["excerpt"]


def test_kept_conversations_are_whole_and_counted(store: Store, tmp_path: Path) -> None:
    made = settle(store, plan_import_dialogue(_jsonl(tmp_path))).manifest
    paths = store.files(made.ref, "conversations-")
    assert read_table(paths).schema == CONVERSATION_SCHEMA
    kept = [Conversation.model_validate(row) for row in read_rows(paths)]
    assert [[(m.role, m.content) for m in c.messages] for c in kept] == [
        [("user", "hi"), ("assistant", "hello")],
        [("user", "你好"), ("assistant", "嗨")],
    ]
    assert {(c.source_name, c.lang, c.licence, len(c.conversation_id)) for c in kept} == {("talk", "en", "CC0-1.0", 16)}
    assert made.totals == {
        "lang": "en",
        "num_conversations": 2,
        "num_turns": 4,
        "num_replies": 2,
        "num_chars": 10,
        "num_bytes": 16,
    }
    table, samples = report_corpus(store, made.ref)
    assert table.rows[0]["dropped/duplicate"] == 1
    assert samples.key == f"{table.key}-samples"


def test_the_same_corpus_gives_the_same_conversations_and_a_rerun_is_cached(store: Store, tmp_path: Path) -> None:
    call = plan_import_dialogue(_jsonl(tmp_path))
    made = settle(store, call).manifest
    # Golden: another digest means that the same corpus gives other conversations; raise stage_version then.
    assert made.content_digest == "58b4e3529e38995ecc5fad4ce688608918cf1aadadce1f124016de462655a8d8"
    assert settle(store, call).is_cached
    assert {info.path for info in made.files} == {"conversations-00000.parquet", "dropped-00000.parquet"}


def test_the_key_follows_the_bytes_not_the_path(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    here, there = _jsonl(tmp_path / "a"), _jsonl(tmp_path / "b")
    assert plan_import_dialogue(here).key == plan_import_dialogue(there).key
    there = _jsonl(tmp_path / "b", _LINES[:2])
    assert plan_import_dialogue(here).key != plan_import_dialogue(there).key


def test_a_conversations_id_stays_when_others_come_before_it(store: Store, tmp_path: Path) -> None:
    def ids(lines: list[object]) -> list[bytes]:
        made = settle(store, plan_import_dialogue(_jsonl(tmp_path, lines))).manifest
        return [row["conversation_id"] for row in read_rows(store.files(made.ref, "conversations-"))]

    assert ids(_LINES[:2]) == list(reversed(ids(_LINES[1::-1])))


def test_no_cache_of_the_reader_is_left_beside_the_tables(store: Store, tmp_path: Path) -> None:
    made = settle(store, plan_import_dialogue(_jsonl(tmp_path))).manifest
    assert sorted(path.name for path in store.folder(made.ref).iterdir()) == [
        "conversations-00000.parquet",
        "dropped-00000.parquet",
    ]


def test_a_corpus_without_usable_conversation_is_refused_with_the_reasons(store: Store, tmp_path: Path) -> None:
    with pytest.raises(EmptyInputError, match=r"no usable conversation in 1 files \(left out: \{'not_json': 1"):
        settle(store, plan_import_dialogue(_jsonl(tmp_path, [])))


def test_a_corpus_in_another_encoding_is_refused_with_the_cure(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text(json.dumps(_LINES[1], ensure_ascii=False), encoding="utf-16")
    source = DialogueSource(name="talk", format="jsonl", path=str(path), lang="zh")
    with pytest.raises(EmptyInputError, match=r"not_utf8.*check the source's format, encoding"):
        settle(store, plan_import_dialogue(source))


def test_a_missing_corpus_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="correct the path"):
        plan_import_dialogue(DialogueSource(name="talk", format="jsonl", path=str(tmp_path / "no"), lang="en"))


@pytest.mark.parametrize(
    "bad", [{"name": "Not A Name"}, {"format": "docx"}, {"lang": "e n"}, {"min_turns": 1}, {"weight": 2}]
)
def test_impossible_settings_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DialogueSource.model_validate({"name": "a", "format": "jsonl", "path": "x", "lang": "en", **bad})
