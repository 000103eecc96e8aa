"""What a corpus does not say of itself."""

import json
from pathlib import Path

import pytest

from tasks.contracts.errors import BadInputError
from tasks.dialogue.guess import guess_format, guess_language, name_from

JSONL = '{"messages": [{"role": "user", "content": "hi"}]}\n'
CHITCHAT = json.dumps({"a": {"messages": []}}, indent=1)


@pytest.mark.parametrize(
    ("name", "content", "format_"),
    [
        ("a.jsonl", JSONL, "jsonl"),
        ("a.NDJSON", JSONL, "jsonl"),
        ("a.json", JSONL * 2, "jsonl"),
        ("a.json", CHITCHAT, "chitchat"),
        ("a.csv", "question,answer\n", "csv"),
        ("a.tsv", "anything", "csv"),
        ("train.txt", "\n你好\n嗨\n", "gpt2-chitchat"),
        ("a.yml", "conversations:\n", "chatterbot"),
        ("export", JSONL, "jsonl"),
        ("export.dat", "\ufeff问题\t答案\n", "csv"),
    ],
)
def test_name_and_beginning_tell_the_form(tmp_path: Path, name: str, content: str, format_: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert guess_format(tmp_path / name) == format_


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", JSONL),
        ("a.txt", "question,answer\nhi,hello\n"),
        ("a.json", "[1, 2]"),
        ("a.docx", "PK\x03\x04"),
        ("a", "hello\nhi\n"),
        ("a", ""),
    ],
)
def test_what_is_not_clear_is_refused_with_the_choices(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(BadInputError, match=r"\(chitchat, chatterbot, jsonl, gpt2-chitchat, csv\) with --format"):
        guess_format(tmp_path / name)


def test_a_folder_has_the_form_that_all_its_corpora_have(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text("CC0")
    with pytest.raises(BadInputError, match=r"no file whose name ends in \.json, "):
        guess_format(tmp_path)
    for name in ("a.csv", "deep/b.tsv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("question,answer\n")
    assert guess_format(tmp_path) == "csv"
    (tmp_path / "readme.txt").write_text("read me")
    with pytest.raises(BadInputError, match=r"files that end in \.csv and \.tsv and \.txt"):
        guess_format(tmp_path)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("talks.csv", "talks"),
        ("Café Talks (2).csv", "cafe-talks-2"),
        ("TRAIN.txt", "train"),
        ("__my_talks.v2.jsonl", "my_talks-v2"),
        ("ﬁne.csv", "fine"),
    ],
)
def test_a_name_is_made_legal(file: str, name: str) -> None:
    assert name_from(Path(file)) == name


def test_letters_without_a_latin_form_leave_a_mark_of_their_own() -> None:
    names = {
        name_from(Path(file)) for file in ("客服.csv", "订单.csv", "客服-v2.csv", "订单-v2.csv", "v2.csv", "!!.csv")
    }
    assert len(names) == 6
    assert "v2" in names
    assert name_from(Path("客服.csv")) == name_from(Path("elsewhere/客服.txt"))


def test_the_language_is_that_of_the_first_conversations(tmp_path: Path) -> None:
    english = "What do you like to do on the weekend?\nI go hiking in the mountains with my friends.\n\n"
    chinese = "你周末喜欢做什么？\n我喜欢和朋友一起去爬山。\n\n"
    french = "Qu'est-ce que tu aimes faire le week-end ?\nJe me promène à la montagne avec mes amis.\n\n"
    for lang, text in (("en", english), ("zh", chinese), ("fr", french)):
        (tmp_path / f"{lang}.txt").write_text(text * 5, encoding="utf-8")
        assert guess_language([tmp_path / f"{lang}.txt"], "gpt2-chitchat") == lang
    (tmp_path / "und.txt").write_text("12\n34\n\n")
    assert guess_language([tmp_path / "und.txt"], "gpt2-chitchat") == "und"
