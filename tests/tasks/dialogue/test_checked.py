"""A corpus that somebody hands in."""

from pathlib import Path

import pytest

from pipeline_config.dialogue import DialogueSource
from tasks.contracts.errors import BadInputError, EmptyInputError
from tasks.dialogue.checked import plan_checked_import
from tasks.dialogue.import_corpus import plan_import_dialogue
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store


def corpus(path: Path, rows: list[str]) -> DialogueSource:
    path.write_text("\n".join(["question,answer", *rows, ""]), encoding="utf-8")
    return DialogueSource(name="talk", format="csv", path=str(path), lang="en")


def test_mostly_malformed_is_refused_with_reasons_and_places_and_nothing_is_stored(
    store: Store, tmp_path: Path
) -> None:
    source = corpus(tmp_path / "a.csv", ["hi,hello", "one", "two", "a,b,c"])
    with pytest.raises(BadInputError) as refused:
        settle(store, plan_checked_import(source))
    assert "3 of 4 entries are malformed (2 missing_cell, 1 too_many_cells" in str(refused.value)
    assert "a.csv line 3 missing_cell: 'one'; a.csv line 4" in str(refused.value)
    assert store.all_keys() == []
    assert list((Path(store.root) / "attempts").iterdir()) == []


def test_half_malformed_and_any_number_of_duplicates_pass(store: Store, tmp_path: Path) -> None:
    source = corpus(tmp_path / "a.csv", ["hi,hello", *["hi,hello"] * 9, *["one"] * 10])
    made = settle(store, plan_checked_import(source)).manifest
    assert made.drops == {"duplicate": 9, "missing_cell": 10}


def test_a_corpus_without_any_conversation_shows_the_first_reasons(store: Store, tmp_path: Path) -> None:
    with pytest.raises(EmptyInputError, match=r"a\.csv line 2 missing_cell: 'one'; a\.csv line 3"):
        settle(store, plan_checked_import(corpus(tmp_path / "a.csv", ["one", "two"])))


def test_it_is_the_same_artifact_as_a_profiles_corpus(tmp_path: Path) -> None:
    source = corpus(tmp_path / "a.csv", ["hi,hello"])
    assert plan_checked_import(source).key == plan_import_dialogue(source).key


def test_a_file_that_changes_while_it_is_read_is_refused(store: Store, tmp_path: Path) -> None:
    source = corpus(tmp_path / "a.csv", ["hi,hello"])
    call = plan_checked_import(source)
    (tmp_path / "a.csv").write_text("question,answer\nbye,see you\n")
    with pytest.raises(BadInputError, match=r"changed while it was read.*give it again"):
        settle(store, call)
    assert store.all_keys() == []


def test_the_source_may_be_deleted_afterwards(store: Store, tmp_path: Path) -> None:
    source = corpus(tmp_path / "a.csv", ["hi,hello"])
    made = settle(store, plan_checked_import(source)).manifest
    (tmp_path / "a.csv").unlink()
    (row,) = read_rows(Store(store.url).files(made.ref, "conversations-"))
    assert [message["content"] for message in row["messages"]] == ["hi", "hello"]


@pytest.mark.parametrize(
    ("format_", "name", "content"),
    [
        ("csv", "a.csv", "question,answer\nhi,hello\nbye,see you\n"),
        ("gpt2-chitchat", "a.txt", "hi\nhello\n\nbye\nsee you\n"),
        ("jsonl", "a.jsonl", "".join(f'{{"messages": [{{"role": "user", "content": "{q}"}}, '
                                     f'{{"role": "assistant", "content": "{a}"}}]}}\n'
                                     for q, a in (("hi", "hello"), ("bye", "see you")))),
    ],
)  # fmt: skip
def test_the_same_conversations_are_the_same_content_in_every_form(
    store: Store, tmp_path: Path, format_: str, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    source = DialogueSource.model_validate({"name": "t", "format": format_, "path": str(tmp_path / name), "lang": "en"})
    made = settle(store, plan_checked_import(source)).manifest
    reference = corpus(tmp_path / "reference.csv", ["hi,hello", "bye,see you"])
    expected = settle(store, plan_checked_import(reference.model_copy(update={"name": "t"}))).manifest
    assert made.content_digest == expected.content_digest
    assert made.totals["num_turns"] == 4
