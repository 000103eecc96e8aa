"""Questions and answers in CSV files."""

import random
from pathlib import Path

import pytest

from tasks.contracts.errors import BadInputError
from tasks.dialogue.entries import Broken, Lines
from tasks.dialogue.question_answer import read_csv


def entries_of(path: Path, content: str | bytes) -> list[Lines | Broken]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_csv(path, path.parent))


def pairs(entries: list[Lines | Broken]) -> list[tuple[str, str]]:
    assert all(entry.has_roles and [role for role, _ in entry.lines] == ["user", "assistant"] for entry in entries)
    return [(entry.lines[0][1], entry.lines[1][1]) for entry in entries]


@pytest.mark.parametrize(
    "header",
    [
        "question,answer",
        "Q,A",
        "Prompt,Response",
        "prompt,completion",
        "input,output",
        "ask,reply",
        "问,答",
        "问题,回答",
        '" Question ","ANSWER"',
        "\ufeffquestion,answer",
        "Ｑ,Ａ",  # full width, as Chinese keyboards write them
    ],
)
def test_the_pair_of_columns_is_found_by_its_names(tmp_path: Path, header: str) -> None:
    assert pairs(entries_of(tmp_path / "a.csv", f"{header}\nhi,hello\n")) == [("hi", "hello")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_quotes_hold_delimiters_line_ends_and_quotes(tmp_path: Path, delimiter: str, line_end: str) -> None:
    rows = [
        ["id", "answer", "question"],
        ["1", f'"A{delimiter} b"', "plain"],
        ["2", '"said ""yes"""', f'"two{line_end}lines"'],
        ["", "", ""],
        ["3", "你好", "嗨"],
    ]
    text = line_end.join(delimiter.join(row) for row in rows)
    found = entries_of(tmp_path / "a.csv", text)
    assert pairs(found) == [("plain", f"A{delimiter} b"), (f"two{line_end}lines", 'said "yes"'), ("嗨", "你好")]
    assert [entry.where for entry in found] == ["a.csv line 2", "a.csv line 3", "a.csv line 6"]


def test_rows_that_are_no_pair_are_broken_with_their_line(tmp_path: Path) -> None:
    found = entries_of(
        tmp_path / "a.csv",
        b'question,answer\nonly a question\nq, \nhow are you, friend?,fine\ngood,,\n"stray" quote,x\nq,caf\xe9\n'
        b'q,a,,\n"never closed,x\nlast,one\n' + "嗨,嗨\n你好,你好\n".encode(),
    )
    assert [(entry.where, entry.reason) for entry in found if isinstance(entry, Broken)] == [
        ("a.csv line 2", "missing_cell"),
        ("a.csv line 3", "missing_cell"),
        ("a.csv line 4", "too_many_cells"),
        ("a.csv line 5", "missing_cell"),
        ("a.csv line 6", "not_csv"),
        ("a.csv line 7", "not_utf8"),
        ("a.csv line 9", "not_csv"),
    ]
    kept = [entry for entry in found if isinstance(entry, Lines)]
    assert pairs(kept) == [("q", "a"), ("last", "one"), ("嗨", "嗨"), ("你好", "你好")]
    assert kept[1].where == "a.csv line 10"


def test_a_stray_quote_costs_its_own_row_wherever_it_stands(tmp_path: Path) -> None:
    rows = [f'question {i},"answer {i}, with a comma"' for i in range(200)]
    for damaged in random.Random(1).sample(range(200), 5):
        lines = list(rows)
        lines[damaged] = f'question {damaged},"answer {damaged}'
        found = entries_of(tmp_path / "a.csv", "\n".join(["question,answer", *lines]))
        assert [entry.where for entry in found if isinstance(entry, Broken)] == [f"a.csv line {damaged + 2}"]
        assert len(found) == 200


def test_rows_are_read_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "endless.csv"
    path.write_text("q,a\n" + "hi,hello\n" * 1000)
    reader = read_csv(path, tmp_path)
    assert next(reader).where == "endless.csv line 2"
    with path.open("a") as file:
        file.write("late,row\n")
    assert [entry.lines[0][1] for entry in reader][-1] == "late"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("问题,答案\n你好吗？,我很好，谢谢你。\n今天天气怎么样？,今天天气很好，阳光明媚。\n", "gb18030"),
        ("问题,答案\n你好吗？,我很好，谢谢你。\n今天天气怎么样？,今天天气很好，阳光明媚。\n", "utf-16"),
        ("問題,答案\n你好嗎？,我很好，謝謝你。\n今天天氣怎麼樣？,今天天氣很好，陽光明媚。\n", "big5"),
        ("question;answer\nOù es-tu ?;Je suis là, à côté du café.\nÇa va ?;Très bien, merci à toi.\n", "cp1252"),
    ],
)
def test_other_encodings_are_read_as_what_they_are(tmp_path: Path, text: str, encoding: str) -> None:
    expected = [tuple(line.split(text[2] if text[2] == "," else ";")) for line in text.splitlines()[1:]]
    assert pairs(entries_of(tmp_path / "a.csv", text.encode(encoding))) == expected


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("How are you?,Fine.\nhi,hello\n", "found the columns 'How are you?', 'Fine.' in the first line"),
        ("id;text\n1;a\n", "found the columns 'id', 'text' in the first line"),
        ("question\nhi\n", "found the columns 'question' in the first line"),
        ("instruction,input,output\na,b,c\n", "'instruction', 'input', expected one question and one answer"),
        ("", "found the columns  in the first line"),
        (b"PK\x03\x04" + bytes(range(256)) * 9, "save it as UTF-8"),
    ],
)
def test_a_file_without_one_pair_of_columns_is_refused_with_what_it_has(
    tmp_path: Path, content: str | bytes, found: str
) -> None:
    with pytest.raises(BadInputError, match=f"a.csv: .*{found.replace('?', '[?]')}"):
        entries_of(tmp_path / "a.csv", content)
