"""Near-duplicates of a million generated documents: `python -m tests.benchmarks.dedup_million`.

A tenth of the documents are edited copies of others, their true Jaccard similarity spread evenly from 0.5 to 1 and
computed from the sets of shingles. Each size is a process of its own, so that its peak memory is its own; what
generating costs is left out of the seconds. Standard output has one JSON line.

Recall: of the pairs whose true similarity is 0.8 or more those that came into one cluster. Precision: of all pairs in
one cluster those whose true similarity is 0.8 or more.
"""

import argparse
import json
import math
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline_config.clean import MinHashConfig, NearDuplicateConfig, SelectLaunch
from tasks.text.minhash import Signatures, minhash_texts
from tasks.text.near_duplicates import everything, link
from tasks.text.signature_table import open_table, write_signatures
from tasks.text.union_find import flatten, unite
from tests.benchmarks.children import run_module

SIZES = (100_000, 1_000_000)
BORDER = 0.8

_NUM_WORDS = 4_096  # five numbers of twelve bits are a shingle's exact number
_LENGTHS = (100, 300)
_PER_BATCH = 10_000
_COPIES = 10  # one document in so many
_BYTES_A_ROW = 800  # of what selection knows of a document beside its signature

Words = NDArray[np.int64]
Pairs = NDArray[np.float64]
"""[n, 3]: two documents and their true similarity."""


def main() -> None:
    """Prints the row; with --documents, what one size gives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, help="measure this many, in this process")
    num_documents = parser.parse_args().documents
    print(json.dumps(measured(num_documents) if num_documents else row()), flush=True)


def row() -> dict[str, Any]:
    """Both sizes, each in a process of its own, and how cost grows between them."""
    answers = {}
    for size in SIZES:
        answers[size] = run_module("tests.benchmarks.dedup_million", "--documents", str(size), num_cores=1).said
        print(json.dumps(answers[size]), file=sys.stderr)
    small, large = (answers[size] for size in SIZES)
    return {
        "name": "dedup_million",
        "ours": min(large["recall"], large["precision"]),
        "peer": None,
        "ratio": None,
        "unit": f"lower one of recall and precision at Jaccard {BORDER}",
        "recall": large["recall"],
        "precision": large["precision"],
        "peak_mb": large["peak_mb"],
        "seconds": {str(size): answers[size]["seconds"] for size in SIZES},
        "growth": round(large["seconds"] / small["seconds"] / (SIZES[1] / SIZES[0]), 3),
        "sizes": [small, large],
    }


def measured(num_documents: int) -> dict[str, Any]:
    """Signs and clusters so many documents."""
    minhash = MinHashConfig()
    minhash_texts(pa.array(["compiled, or read from the cache, before the clock starts"]), "characters", minhash)
    planted: list[Pairs] = []
    seconds = {"sign_s": 0.0, "link_s": 0.0}

    def signed() -> Iterator[Signatures]:
        for texts, pairs in _batches(num_documents, minhash.shingle_words):
            planted.append(pairs)
            began = time.perf_counter()
            signatures = minhash_texts(texts, "characters", minhash)
            seconds["sign_s"] += time.perf_counter() - began
            yield signatures

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "signatures.npy"
        write_signatures(path, num_documents, signed())
        began = time.perf_counter()
        table, roots = open_table([path]), np.arange(num_documents)
        memory_bytes = (SelectLaunch().max_memory_mb << 20) - num_documents * _BYTES_A_ROW
        found = link(table, everything(table), roots.copy(), NearDuplicateConfig(), memory_bytes)
        unite(roots, found[:, 0], found[:, 1])
        flatten(roots)
        seconds["link_s"] = time.perf_counter() - began
    return {
        "num_documents": num_documents,
        **_judged(roots, np.concatenate(planted)),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "seconds": round(sum(seconds.values()), 2),
        **{name: round(value, 2) for name, value in seconds.items()},
    }


def _judged(roots: NDArray[np.int64], planted: Pairs) -> dict[str, Any]:
    left, right = planted[:, 0].astype(np.int64), planted[:, 1].astype(np.int64)
    is_pair, is_found = planted[:, 2] >= BORDER, roots[left] == roots[right]
    sizes = np.bincount(roots)
    num_found = int((sizes * (sizes - 1) // 2).sum())
    num_right = int((is_pair & is_found).sum())
    return {
        "num_pairs": int(is_pair.sum()),
        "num_found": num_found,
        "recall": round(num_right / int(is_pair.sum()), 4),
        "precision": round(num_right / num_found, 4),
    }


def _batches(num_documents: int, shingle_words: int) -> Iterator[tuple[pa.Array, Pairs]]:
    """Texts, some at a time, with the pairs among them whose similarity is known."""
    for first in range(0, num_documents, _PER_BATCH):
        draw = np.random.default_rng(first)
        documents: list[Words] = []
        pairs = []
        for number in range(first, min(first + _PER_BATCH, num_documents)):
            if number % _COPIES:
                documents.append(draw.integers(0, _NUM_WORDS, draw.integers(*_LENGTHS)))
            else:
                other = documents[-1] if documents else draw.integers(0, _NUM_WORDS, _LENGTHS[0])
                documents.append(_edited(other, draw))
                if number > first:
                    pairs.append((number - 1, number, _jaccard(other, documents[-1], shingle_words)))
        yield _texts(documents), np.array(pairs, np.float64).reshape(-1, 3)


def _edited(words: Words, draw: np.random.Generator) -> Words:
    """A copy after replacements, insertions and deletions: about so many as bring its similarity to a value drawn."""
    wanted = draw.uniform(0.5, 1.0)
    # An edit breaks five shingles of each text: at similarity s a share of (1 - s) / (1 + s) of them is broken.
    num_edits = max(1, round(-math.log(1 - (1 - wanted) / (1 + wanted)) / 5 * len(words)))
    places = np.sort(draw.choice(len(words), num_edits, replace=False))
    kinds = draw.integers(0, 3, num_edits)
    fresh = draw.integers(0, _NUM_WORDS, num_edits)
    edited = words.copy()
    edited[places[kinds == 0]] = fresh[kinds == 0]
    keep = np.ones(len(words), np.bool_)
    keep[places[kinds == 1]] = False
    kept_before = np.cumsum(keep) - keep
    inserted = places[kinds == 2]
    return np.insert(edited[keep], kept_before[inserted], fresh[kinds == 2])


def _jaccard(left: Words, right: Words, shingle_words: int) -> float:
    shingles = []
    for words in (left, right):
        numbers = np.zeros(len(words) - shingle_words + 1, np.int64)
        for place in range(shingle_words):
            numbers = numbers * _NUM_WORDS + words[place : place + len(numbers)]
        shingles.append(np.unique(numbers))
    num_shared = len(np.intersect1d(*shingles, assume_unique=True))
    return num_shared / (len(shingles[0]) + len(shingles[1]) - num_shared)


def _texts(documents: list[Words]) -> pa.Array:
    """A word is four letters and a space."""
    numbers = np.concatenate(documents)
    letters = [ord("a") + (numbers >> shift & 7) for shift in (9, 6, 3, 0)]
    data = np.stack([*letters, np.full(len(numbers), ord(" "))], axis=1).astype(np.uint8)
    offsets = np.cumsum([0, *(5 * len(words) for words in documents)]).astype(np.int32)
    return pa.StringArray.from_buffers(len(documents), pa.py_buffer(offsets), pa.py_buffer(data))


if __name__ == "__main__":
    main()
