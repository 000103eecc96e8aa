import random

import pyarrow as pa
import pytest

from tasks.clean.engine.words import find_words
from tasks.text.code_points import utf8_buffers
from tasks.text.words import WordRule
from tests.tasks.clean.oracle.random_texts import random_text
from tests.tasks.clean.oracle.words import split_words

RULES: tuple[WordRule, ...] = ("characters", "whitespace", "unicode")


def words_of(text: str, rule: WordRule) -> list[str]:
    data, offsets = utf8_buffers(pa.array([text]))
    counts, (firsts, starts, lengths, _, _) = find_words(data, offsets, rule)
    assert counts["words"][0] == firsts[1]
    body = text.encode()
    return [
        body[start:].decode()[:length] for start, length in zip(starts[: firsts[1]], lengths[: firsts[1]], strict=True)
    ]


@pytest.mark.parametrize(
    ("rule", "text", "words"),
    [
        ("characters", "Well, it's  a-b\n\nc.", ["Well,", "it's", "a-b", "c."]),
        ("characters", "“你好”，世界！", ["“你", "好”，", "世", "界！"]),
        ("characters", "我用Python 3写的 code。", ["我", "用", "Python", "3", "写", "的", "code。"]),
        ("characters", "カタかな 한국어", ["カ", "タ", "か", "な", "한국어"]),
        ("characters", "（a）你 (b 你", ["（a）", "你", "(b", "你"]),
        ("characters", "・・漢 ・a", ["・・漢", "・", "a"]),  # a middle dot is an ideograph to the rule, and no letter
        ("whitespace", "你好， 世界 ok", ["你好，", "世界", "ok"]),
        ("whitespace", "a\u00a0b\u3000c\x85d", ["a", "b", "c", "d"]),
        ("unicode", "Don't pay $1,000.50 (or 2,5a)!", [
            "Don't", "pay", "$", "1,000.50", "(", "or", "2,5a", ")", "!",
        ]),
        ("unicode", "e.g., snake_case a..b x,y", ["e.g", ".", ",", "snake_case", "a", ".", ".", "b", "x", ",", "y"]),
        ("unicode", "“你好”，Welt", ["“", "你", "好", "”", "，", "Welt"]),
        ("unicode", "cafe\u0301s 👍\ufe0f", ["cafe\u0301s", "👍\ufe0f"]),
        *((rule, "", []) for rule in RULES),
        *((rule, " \n\t", []) for rule in RULES),
    ],
)  # fmt: skip
def test_words_are_those_of_the_rule(rule: WordRule, text: str, words: list[str]) -> None:
    assert words_of(text, rule) == words
    assert split_words(text, rule) == words


@pytest.mark.parametrize("rule", RULES)
def test_words_of_random_texts_are_those_of_the_oracle(rule: WordRule) -> None:
    draw = random.Random(f"words {rule}")
    for _ in range(300):
        text = random_text(draw, 60)
        assert words_of(text, rule) == split_words(text, rule), repr(text)
