import json
from pathlib import Path

import pytest

from tasks.contracts.errors import BadInputError
from tasks.dialogue.entries import Broken, Lines
from tasks.dialogue.readers import corpus_files, read_chatterbot, read_chitchat, read_jsonl


def test_chitchat_gives_each_conversation_with_its_senders(tmp_path: Path) -> None:
    message = {"text": "Hello", "timestamp": "2018-05-02T19:38:15Z", "sender": "s1"}
    reply = {"text": "Hi!", "timestamp": "2018-05-02T19:38:29Z", "sender": "s2"}
    path = tmp_path / "dataset.json"
    path.write_text(json.dumps({"a": {"messages": [[message, message], [reply]], "start": "…"}, "b": {"start": "…"}}))
    first, second = read_chitchat(path, tmp_path)
    assert first == Lines("a", "a", [("s1", "Hello"), ("s1", "Hello"), ("s2", "Hi!")], has_roles=False)
    assert isinstance(second, Broken)
    assert (second.where, second.reason) == ("b", "not_a_conversation")
    assert "messages" in second.excerpt


@pytest.mark.parametrize("content", ["[]", "{", "\x00", '{"a": 1,}'])
def test_a_chitchat_file_that_is_no_json_object_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "dataset.json"
    path.write_text(content)
    with pytest.raises(BadInputError, match=r"expected one JSON object.*correct the path"):
        list(read_chitchat(path, tmp_path))


def test_chatterbot_lines_alternate_and_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    path.write_text(
        "categories:\n- x\nconversations:\n- - Is it on?\n  - Yes\n  - 12\n- - 你好\n  - 嗨\n", encoding="utf-8"
    )
    first, second = read_chatterbot(path, tmp_path)
    assert first == Lines(
        "a.yml conversation 1", None, [("a", "Is it on?"), ("b", "Yes"), ("a", "12")], has_roles=False
    )
    assert isinstance(second, Lines)
    assert second.lines == [("a", "你好"), ("b", "嗨")]


def test_a_chatterbot_entry_that_is_no_list_of_texts_is_broken_and_the_next_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    path.write_text("conversations:\n- just a line\n- - question: what\n  - answer\n- - q\n  - a\n")
    entries = list(read_chatterbot(path, tmp_path))
    assert [e.reason for e in entries if isinstance(e, Broken)] == ["not_a_conversation"] * 2
    assert isinstance(entries[2], Lines)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"conversations: [", "not_yaml"),
        (b"conversations:\n- - \xff\xfe\xfa\n", "not_yaml"),
        (b"- a\n- b\n", "no_conversations"),
        (b"", "no_conversations"),
    ],
)
def test_a_broken_yaml_file_is_one_broken_entry(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.yml"
    path.write_bytes(content)
    (entry,) = read_chatterbot(path, tmp_path)
    assert isinstance(entry, Broken)
    assert (entry.where, entry.reason) == ("a.yml", reason)


def test_broken_json_lines_are_named_by_number_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = '{"id": 7, "messages": [{"role": "user", "content": "a\u2028b"}, {"role": "assistant", "content": "é"}]}'
    lines = [
        b"\xef\xbb\xbf" + good.encode(),
        b'{"messages": [',
        b"",
        b'{"messages": [{"role": "user", "content": "caf\xe9"}]}',
        b'{"messages": [{"role": "user", "content": null}]}',
        b'["no object"]',
        good.encode(),
    ]
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\r\n".join(lines))
    entries = list(read_jsonl(path, tmp_path / "scratch"))
    assert [(e.where, e.reason) for e in entries if isinstance(e, Broken)] == [
        ("a.jsonl line 2", "not_json"),
        ("a.jsonl line 4", "not_utf8"),
        ("a.jsonl line 5", "not_a_conversation"),
        ("a.jsonl line 6", "not_a_conversation"),
    ]
    kept = [e for e in entries if isinstance(e, Lines)]
    assert [e.where for e in kept] == ["a.jsonl line 1", "a.jsonl line 7"]
    assert kept[0].own_id == "7"
    assert kept[0].lines == [("user", "a\u2028b"), ("assistant", "é")]


def test_a_folder_gives_its_files_of_the_format_in_order(tmp_path: Path) -> None:
    for name in ("b.yml", "a.YAML", "readme.txt", "deep/c.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    names = [path.relative_to(tmp_path).as_posix() for path in corpus_files(tmp_path, "chatterbot")]
    assert names == ["a.YAML", "b.yml", "deep/c.yml"]
    with pytest.raises(BadInputError, match=r"no file that ends in \.jsonl.*correct the path or the format"):
        corpus_files(tmp_path, "jsonl")
