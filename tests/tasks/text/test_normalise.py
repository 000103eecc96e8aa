import random
import re
import sys
import time
import unicodedata

import pytest

from tasks.text.normalise import CODE_MARK, joined, normalise, normalise_code, normalise_page
from tests.tasks.clean.oracle.random_texts import random_text

INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\ufffe\uffff]"
)


def plainly_normalised(text: str) -> str:
    """The same by expressions that take one character at a time, whatever counts as white space."""
    text = re.sub("\r\n|[\r\v\f\u0085\u2028]", "\n", text).replace("\u2029", "\n\n")
    text = unicodedata.normalize("NFC", INVISIBLE.sub("", text))
    text = re.sub(r" ?\n ?", "\n", re.sub(r"[^\S\n]+", " ", text))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("e\u0301te\u0301", "été"),  # combining marks are composed
        ("a\r\nb\rc\u2028d\u0085e\x0bf\x0cg", "a\nb\nc\nd\ne\nf\ng"),
        ("one\u2029two", "one\n\ntwo"),
        ("a\n\n\n\n\nb", "a\n\nb"),
        ("a\n \t \n \nb", "a\n\nb"),
        ("  a \t\u00a0\u3000 b  \n  c  ", "a b\nc"),
        ("syl\u00adla\u00adble", "syllable"),
        ("\ufeffzero\u200bwidth\x00\x07\x9f", "zerowidth"),
        ("lone \ud83d surrogate", "lone surrogate"),
        ("\u202eright to left\u202c", "right to left"),
        ("", ""),
        (" \n\t\u200b ", ""),
    ],
)
def test_each_kind_of_noise_is_removed(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Two lines\nof one paragraph.\n\nAnother one.",
        "Ｆｕｌｌ　ｗｉｄｔｈ，你好！".replace("　", " "),  # NFC, not NFKC
        "می‌خواهم",  # a zero-width non-joiner that Persian needs
        "👩‍👩‍👧 family",  # zero-width joiners
        "ﬁ ligature, “quotes” and MIXED case",
        "replacement \ufffd and private \ue000",
    ],
)
def test_what_is_not_noise_stays(text: str) -> None:
    assert normalise(text) == text


@pytest.mark.parametrize("text", ["a\u00ad\u0301", "x \u200b y", "\r\n\r\n\u2029a\u2028\u2028b", "e \u0301 \n\u0301"])
def test_a_second_time_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


def test_code_keeps_its_indentation_and_loses_what_cannot_be_seen() -> None:
    code = "\ufeff\r\n  def f():  \r\n\tif x:\t\r\r\n\n\n        return 'e\u0301\u202e'\n\n"
    assert normalise_code(code) == "  def f():\n\tif x:\n\n\n\n        return 'é'"
    assert normalise_code(normalise_code(code)) == normalise_code(code)
    assert normalise_code("a\fb  c\u00a0d") == "a\fb  c\u00a0d"
    assert normalise_code(" \n\t\n") == ""


def test_spaces_at_line_ends_cost_no_more_than_their_number() -> None:
    began = time.process_time()
    normalise_code((" " * 50_000 + "x") * 4)
    assert time.process_time() - began < 2


@pytest.mark.parametrize("seed", range(20))
def test_random_texts_become_what_the_plain_expressions_make_of_them(seed: int) -> None:
    draw = random.Random(seed)
    noise = [*" \t\n\r\v\f\x1c\x1f\x7f\x85\xa0", "\u1680", "\u2000", "\u2007", "\u2028", "\u2029", "\u3000", "\u200b"]
    for number in range(60):
        noisy = "".join(draw.choices([*noise, "a", "e\u0301", "中", "\ud83d"], k=40))
        text = [random_text(draw, 80), noisy, noisy.encode("ascii", "ignore").decode()][number % 3]
        assert normalise(text) == plainly_normalised(text)


def test_every_character_becomes_what_the_plain_expressions_make_of_it() -> None:
    for first in range(0, sys.maxunicode + 1, 1 << 12):
        text = "".join(f"a{chr(number)} {chr(number)}b " for number in range(first, first + (1 << 12)))
        assert normalise(text) == plainly_normalised(text)


def test_long_runs_of_spaces_and_empty_lines_cost_no_more_than_their_number() -> None:
    began = time.process_time()
    assert normalise("a" + " " * 2_000_000 + "b" + "\n" * 2_000_000 + "c" + " \n" * 1_000_000 + "d") == "a b\n\nc\n\nd"
    assert normalise("\u00a0" * 1_000_000 + "é") == "é"
    assert time.process_time() - began < 2


M = CODE_MARK


@pytest.mark.parametrize(
    ("text", "expected", "code_lines"),
    [
        (f"a\n\n{M}  x\n\n\n y{M}\n\nb", "a\n\n  x\n\n\n y\n\nb", [2, 3, 4, 5]),
        (f"a\n{M}x{M}\nb", "a\nx\nb", [1]),
        (f"{M}  x\ny{M}", "  x\ny", [0, 1]),
        (f" \n {M}  x{M} \n ", "  x", [0]),
        (f"a  \n\n\n\n {M}  x{M}\n {M} y\n z{M}", "a\n\n  x\n y\n z", [2, 3, 4]),
        (f"see {M}a  b{M} here", "see a  b here", [0]),
        (f"a\n{M}\r\n x\u00a0y\r\n{M}\nb", "a\n x y\nb", [1]),
        ("a  \n\n\n b", "a\n\nb", []),
    ],
)
def test_code_keeps_its_form_and_prose_does_not(text: str, expected: str, code_lines: list[int]) -> None:
    assert normalise_page(text) == (expected, code_lines)


@pytest.mark.parametrize("seed", range(20))
def test_prose_around_code_is_what_it_is_by_itself(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(60):
        before, after = (f"a{random_text(draw, 60)}b" for _ in range(2))
        text, code_lines = normalise_page(f"{before}\n\n{M}  x\n y{M}\n{after}")
        assert text == f"{normalise(before)}\n\n  x\n y\n{normalise(after)}"
        assert [text.split("\n")[line] for line in code_lines] == ["  x", " y"]
        assert normalise_page(before) == (normalise(before), [])


@pytest.mark.parametrize(
    ("pieces", "left"),
    [
        (["a\n", "b"], "a\nb"),
        (["a\n\n", "\nb"], "a\n\nb"),
        (["a\n\n", "\n", "\nb"], "a\n\nb"),
        (["a\n", "\n", "\n\n  b\n"], "a\n\n  b"),
        (["", "\n  a\n\n\n\nb\n\n", ""], "  a\n\n\n\nb"),
        ([], ""),
    ],
)
def test_where_lines_were_taken_out_one_blank_line_stays_and_others_are_left_alone(
    pieces: list[str], left: str
) -> None:
    assert joined(pieces) == left
