"""Conversations as lines of text."""

from pathlib import Path

import pytest

from tasks.dialogue.chitchat_text import read_gpt2_chitchat
from tasks.dialogue.entries import Broken, Lines

TRAIN = "今天想去看电影吗\n好啊，看什么\n你来选吧\n\n在吗\n在的\n我想订一张票\n好的，去哪里\n"
FIRST = Lines(
    "train.txt line 1", None, [("a", "今天想去看电影吗"), ("b", "好啊，看什么"), ("a", "你来选吧")], has_roles=False
)
SECOND = Lines(
    "train.txt line 5",
    None,
    [("a", "在吗"), ("b", "在的"), ("a", "我想订一张票"), ("b", "好的，去哪里")],
    has_roles=False,
)


@pytest.mark.parametrize(
    "content",
    [
        TRAIN.encode(),
        TRAIN.rstrip("\n").encode(),
        b"\xef\xbb\xbf" + TRAIN.encode(),
        TRAIN.replace("\n", "\r\n").encode(),
        TRAIN.replace("\n\n", "\n \t\n").encode(),
        TRAIN.encode("utf-16"),
        TRAIN.encode("gb18030"),
    ],
)
def test_lines_are_two_speakers_in_turn_and_a_blank_line_ends_a_conversation(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "train.txt"
    path.write_bytes(content)
    assert list(read_gpt2_chitchat(path, tmp_path)) == [FIRST, SECOND]


def test_many_blank_lines_are_one_and_lines_keep_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("\n\n\nq\na\n\n\n\nalone\n\n", encoding="utf-8")
    assert [(entry.where, len(entry.lines)) for entry in read_gpt2_chitchat(path, tmp_path)] == [
        ("a.txt line 4", 2),
        ("a.txt line 9", 1),
    ]


def test_a_conversation_with_damaged_text_is_broken_and_the_others_go_on(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("你好\n嗨\n\n".encode() + b"caf\xe9\nyes\n\n" + "再见\n拜拜\n".encode())
    first, damaged, last = read_gpt2_chitchat(path, tmp_path)
    assert (damaged.where, damaged.reason) == ("a.txt line 4", "not_utf8")
    assert first.lines + last.lines == [("a", "你好"), ("b", "嗨"), ("a", "再见"), ("b", "拜拜")]


def test_a_text_without_blank_lines_is_one_broken_entry(tmp_path: Path) -> None:
    path = tmp_path / "novel.txt"
    path.write_text("It was a dark and stormy night.\n" * 10_001 + "\nhello\nhi\n")
    novel, talk = read_gpt2_chitchat(path, tmp_path)
    assert isinstance(novel, Broken)
    assert (novel.where, novel.reason) == ("novel.txt line 1", "too_many_lines")
    assert talk.where == "novel.txt line 10003"


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"")
    assert list(read_gpt2_chitchat(tmp_path / "a.txt", tmp_path)) == []
