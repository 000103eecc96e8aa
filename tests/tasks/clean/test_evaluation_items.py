import json
from pathlib import Path

import pytest

from tasks.clean.decontaminate import Item
from tasks.clean.evaluation_items import benchmark_digests, benchmark_texts
from tasks.contracts.errors import BadInputError


def written(path: Path, *lines: str) -> str:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def test_each_string_of_a_json_line_is_a_text_of_the_item_that_its_id_names(tmp_path: Path) -> None:
    question = {"id": 7, "question": "Who?", "choices": ["A", {"text": "B"}], "is_hard": True, "answer": 1}
    dialogue = {"messages": [{"role": "user", "content": "你好"}]}
    file = written(tmp_path / "quiz.jsonl", json.dumps(question), "", json.dumps(dialogue), '"plain"')
    assert [*benchmark_texts(file)] == [
        (Item("quiz.jsonl", "7"), "Who?"),
        (Item("quiz.jsonl", "7"), "A"),
        (Item("quiz.jsonl", "7"), "B"),
        (Item("quiz.jsonl", "line 3"), "user"),
        (Item("quiz.jsonl", "line 3"), "你好"),
        (Item("quiz.jsonl", "line 4"), "plain"),
    ]


def test_each_line_of_another_file_is_an_item(tmp_path: Path) -> None:
    file = written(tmp_path / "quiz.txt", "\ufeff# Is this a comment?", "  ", '{"id": 1}')
    assert [*benchmark_texts(file)] == [
        (Item("quiz.txt", "line 1"), "# Is this a comment?"),
        (Item("quiz.txt", "line 3"), '{"id": 1}'),
    ]


def test_texts_are_normalised_as_documents_are(tmp_path: Path) -> None:
    file = written(tmp_path / "quiz.txt", "Cafe\u0301 \u00a0 au lait")
    assert [text for _, text in benchmark_texts(file)] == ["Caf\u00e9 au lait"]


def test_what_cannot_be_read_is_refused_with_its_line_and_the_cure(tmp_path: Path) -> None:
    broken = written(tmp_path / "broken.jsonl", '{"id": 1, "text": "x"}', "{oops")
    with pytest.raises(BadInputError, match=r"broken.jsonl:2: found no JSON .* another ending"):
        [*benchmark_texts(broken)]
    with pytest.raises(BadInputError, match=r"empty.jsonl: found no item"):
        [*benchmark_texts(written(tmp_path / "empty.jsonl", '{"id": 1}'))]
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(BadInputError, match=r"expected an evaluation item a line in UTF-8"):
        [*benchmark_texts(str(tmp_path / "latin.txt"))]
    with pytest.raises(BadInputError, match=r"found nothing at"):
        benchmark_digests([str(tmp_path / "none.jsonl")])


def test_a_set_is_known_by_its_name_and_by_what_it_says_not_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    here, there = written(tmp_path / "quiz.txt", "Who?"), written(tmp_path / "other" / "quiz.txt", "Who?")
    assert benchmark_digests([here]) == benchmark_digests([there])
    assert benchmark_digests([written(tmp_path / "quiz.txt", "Why?")]) != benchmark_digests([there])
