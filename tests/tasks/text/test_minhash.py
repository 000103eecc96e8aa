import random
import re
import unicodedata

import numpy as np
import pyarrow as pa
import pytest

from pipeline_config.clean import MinHashConfig
from tasks.contracts.errors import BadInputError
from tasks.text.minhash import NO_WORDS, Signatures, minhash_texts, signature_column, signatures_of
from tasks.text.words import WordRule

CONFIG = MinHashConfig()
SENTENCE = "The mill stands by the river and has been turning there for two hundred years"
TEXTS = (
    SENTENCE,
    "“The mill”, said she — turns again… and AGAIN! It's state-of-the-art; e.g. 1,000.5 turns.",
    "“磨坊”在河边，已经转了两百年。The mill 磨坊 turns, ばしょ (場所)．",
    "Füße, ÇA VA? naïve cafe\u0301 के की ไทย 葛\U000e0100城 tab\tand\u2028line\u00a0space 👩‍🚀 x\u200by",
    "short text",
    "",
    "– … ?!",
    "a b c d e f a b c d e",
)

M64 = 2**64 - 1


def _mixed(value: int) -> int:
    """SplitMix64's output function, as in Steele, Lea and Flood 2014, figure 17."""
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & M64
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & M64
    return value ^ (value >> 31)


def _words(text: str, rule: WordRule) -> list[str]:
    """Words without marks, letter cases folded where that leaves one character: by Unicode's categories."""
    folded = "".join(next((form for form in (c.casefold(), c.lower()) if len(form) == 1), c) for c in text)
    ideograph = r"[\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
    plain = []
    for char in folded:
        is_mark = unicodedata.category(char)[0] in "PS" and char != "_"
        is_inner = char in "'’."
        plain.append((" " if rule == "unicode" and not is_inner else "") if is_mark else char)
    words = "".join(plain).split()
    if rule == "whitespace":
        return words
    combining = r"[^\w\s]*"
    return [found for word in words for found in re.findall(rf"{ideograph}{combining}|(?:(?!{ideograph}).)+", word)]


def _oracle(text: str, rule: WordRule, config: MinHashConfig) -> list[int]:
    hashes = []
    for word in _words(text, rule):
        value = 0
        for char in word:
            value = (value * 0x2127599BF4325C37 + ord(char) + 1) & M64
        hashes.append(_mixed(value))
    if not hashes:
        return [255] * config.num_permutations
    length = min(config.shingle_words, len(hashes))
    shingles = set()
    for start in range(len(hashes) - length + 1):
        value = 0
        for word_hash in hashes[start : start + length]:
            value = (value * 0x9E3779B97F4A7C15 + word_hash) & M64
        shingles.add(_mixed(value) >> 32)
    places = []
    for number in range(1, config.num_permutations + 1):
        state = _mixed((number + (config.seed << 32)) * 0x9E3779B97F4A7C15 & M64)
        multiplier, offset = state >> 32 | 1, state & 0xFFFFFFFF
        least = min((shingle ^ offset) * multiplier & 0xFFFFFFFF for shingle in shingles)
        places.append((least * 0x9E3779B1 & 0xFFFFFFFF) >> 24)
    return places


def _sign(*texts: str, rule: WordRule = "characters", **changed: int) -> Signatures:
    return minhash_texts(pa.array(texts, pa.string()), rule, MinHashConfig(**changed))


def _of(text: str, **changed: int) -> bytes:
    return _sign(text, **changed).tobytes()


@pytest.mark.parametrize("rule", ["characters", "whitespace", "unicode"])
@pytest.mark.parametrize("shingle_words", [1, 3, 5])
def test_signatures_are_what_plain_python_says(rule: WordRule, shingle_words: int) -> None:
    config = MinHashConfig(num_permutations=16, shingle_words=shingle_words)
    draw = random.Random(rule)
    mixtures = ["".join(draw.choices("".join(TEXTS), k=80)) for _ in range(100)]
    texts = [*TEXTS, *mixtures, " ".join(TEXTS) * 40]
    found = minhash_texts(pa.array(texts), rule, config)
    for text, row in zip(texts, found.tolist(), strict=True):
        assert row == _oracle(text, rule, config), text


def test_the_golden_signature() -> None:
    """If this changes, raise STAGE_VERSION of tasks/clean/extract.py along with the numbers."""
    assert _of(SENTENCE, num_permutations=16).hex() == "ec73d407c666668b9406ce8b5e2375a4"


def test_a_batch_gives_each_text_what_it_has_alone() -> None:
    together = _sign(*TEXTS)
    assert (together.shape, together.dtype) == ((len(TEXTS), CONFIG.num_permutations), np.uint8)
    assert [row.tobytes() for row in together] == [_of(text) for text in TEXTS]
    sliced = minhash_texts(pa.array(TEXTS).slice(2, 3), "characters", CONFIG)
    assert np.array_equal(sliced, together[2:5])
    large = minhash_texts(pa.array(TEXTS, pa.large_string()), "characters", CONFIG)
    assert np.array_equal(large, together)
    assert _sign().shape == (0, CONFIG.num_permutations)


@pytest.mark.parametrize(("num_shared", "num_own"), [(900, 50), (600, 400), (300, 700), (80, 10)])
def test_equal_places_estimate_the_share_of_common_shingles(num_shared: int, num_own: int) -> None:
    """Over many pairs of sets: without bias, and with the standard error of independent hash functions."""
    draw = random.Random(num_shared)
    num_pairs = 200
    texts = []
    for _ in range(num_pairs):
        words = [f"w{draw.getrandbits(60)}" for _ in range(num_shared + 2 * num_own)]
        shared = words[:num_shared]
        texts += [" ".join(shared + words[num_shared::2]), " ".join(shared + words[num_shared + 1 :: 2])]
    found = _sign(*texts, num_permutations=512, shingle_words=1)
    equal = np.mean(found[0::2] == found[1::2], axis=1)
    jaccard = num_shared / (num_shared + 2 * num_own)
    exact = jaccard + (1 - jaccard) / 256  # eight bits are equal by chance, too
    error = (exact * (1 - exact) / 512) ** 0.5  # of a binomial share
    assert equal.mean() == pytest.approx(exact, abs=4 * error / num_pairs**0.5)
    assert equal.std() == pytest.approx(error, rel=0.2)  # four standard errors of a deviation of 200 values


def test_case_and_punctuation_change_nothing() -> None:
    assert _of("“The mill”, said she, turns – again and again!") == _of("the Mill said SHE turns again and again")


def test_chinese_punctuation_changes_nothing() -> None:
    assert (
        _of("“磨坊”在河边，已经转了两百年。")
        == _of("磨坊在河边已经转了两百年")
        == _of("磨坊在，河边；已经转了（两百年）")
    )


def test_marks_that_spell_a_word_are_no_punctuation() -> None:
    assert _of("की") != _of("का")


def test_word_order_counts_and_how_often_a_run_comes_does_not() -> None:
    once, twice = "a b c d e f a b c d e", "a b c d e f a b c d e f a b c d e"
    assert _of(once) == _of(twice)
    assert _of(once) != _of("f e d c b a e d c b a")


def test_a_text_shorter_than_a_shingle_is_one_shingle() -> None:
    assert _of("two words") == _of("Two words.") != _of("words two")
    assert _of("two words") != _of("two")


@pytest.mark.parametrize("text", ["", "– … ?!", "。，"])
def test_a_text_without_words_has_all_ones(text: str) -> None:
    assert _of(text) == b"\xff" * CONFIG.num_permutations
    assert (_sign(text) == NO_WORDS).all()


def test_seed_and_shingle_length_make_another_signature() -> None:
    assert len({_of(SENTENCE), _of(SENTENCE, seed=2), _of(SENTENCE, shingle_words=4)}) == 3


def test_signatures_become_a_column_and_come_back() -> None:
    matrix = _sign("one", "two", "")
    column = signature_column(matrix)
    assert column.type == pa.binary()
    assert column.to_pylist() == [row.tobytes() for row in matrix]
    assert np.array_equal(signatures_of(column), matrix)
    assert np.array_equal(signatures_of(column.slice(1)), matrix[1:])
    assert signatures_of(pa.array([], pa.binary())).shape == (0, 0)


def test_signatures_of_two_lengths_are_refused() -> None:
    column = pa.array([_of("one"), _of("one", num_permutations=16)])
    with pytest.raises(BadInputError, match=r"of 16 and 512 places, .* same extract\.minhash\.num_permutations"):
        signatures_of(column)
