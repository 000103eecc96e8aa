"""What is measured of chatmill, each in a process of its own: `python -m tests.benchmarks.workloads WORK …`.

`filters` and `minhash` hold the texts in memory, run once before the clock starts (compiled kernels come from numba's
cache or are made then) and then as often as asked. `clean` is a whole process: its caller takes the time.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline_config.clean import ExtractConfig, ExtractLaunch, MinHashConfig, SelectConfig
from tests.benchmarks.corpus import read_documents

_BATCH_BYTES = 4 << 20


def filters(args: argparse.Namespace) -> dict[str, Any]:
    """All metric columns of the corpus, and the decisions by them."""
    from tasks.clean.engine.measure import measure_texts
    from tasks.clean.rules import judge

    extract, select = ExtractConfig(word_rule=args.word_rule), SelectConfig(languages=("en",))

    def run(texts: pa.Array) -> int:
        table = pa.table(
            measure_texts(texts, extract)
            | {
                "lang": pa.array(["en"] * len(texts)),
                "lang_score": pa.array([1.0] * len(texts)),
                "source_kind": pa.array(["web"] * len(texts)),
            }
        )
        return int((judge(table, select).failed < 0).sum())

    return _timed(args, run, "num_kept")


def minhash(args: argparse.Namespace) -> dict[str, Any]:
    """Signatures of as many places as asked."""
    from tasks.text.minhash import minhash_texts

    config = MinHashConfig(num_permutations=args.num_permutations)
    return _timed(args, lambda texts: len(minhash_texts(texts, args.word_rule, config)), "num_signatures")


def clean(args: argparse.Namespace) -> dict[str, Any]:
    """Extracts the newest raw artifact of a name, and selects on top of the newest snapshot if there is one."""
    from tasks.clean.extract import plan_extract
    from tasks.clean.selection import CORPUS, plan_select
    from tasks.storage.stage import settle
    from tasks.storage.store import Store

    store = Store(str(args.store))
    raw = store.manifests("raw", args.name)[-1]
    before = store.manifests("documents", CORPUS)
    launch = ExtractLaunch(num_workers=args.workers) if args.workers else ExtractLaunch()
    began = time.perf_counter()
    extracted = settle(store, plan_extract(raw.ref, ExtractConfig(), launch)).manifest
    extracted_at = time.perf_counter()
    previous = before[-1].ref if before else None
    selected = settle(store, plan_select((extracted.ref,), SelectConfig(), (), previous)).manifest
    return {
        "num_documents": extracted.totals["num_documents"],
        "num_kept": selected.totals["num_added"],
        "num_workers": launch.num_workers,
        "extract_s": round(extracted_at - began, 2),
        "select_s": round(time.perf_counter() - extracted_at, 2),
    }


def _timed(args: argparse.Namespace, run: Callable[[pa.Array], int], counted: str) -> dict[str, Any]:
    texts = [row["text"] for row in read_documents(args.corpus, args.every)]
    batches = _batches(texts)
    run(batches[0])
    seconds: list[float] = []
    count = 0
    for _ in range(args.repeat):
        began = time.perf_counter()
        count = sum(map(run, batches))
        seconds.append(time.perf_counter() - began)
    num_bytes = sum(len(text.encode()) for text in texts)
    return {"seconds": seconds, "num_docs": len(texts), "num_bytes": num_bytes, counted: count}


def _batches(texts: Sequence[str]) -> list[pa.Array]:
    batches: list[list[str]] = [[]]
    size_bytes = 0
    for text in texts:
        if size_bytes >= _BATCH_BYTES:
            batches.append([])
            size_bytes = 0
        batches[-1].append(text)
        size_bytes += len(text.encode())
    return [pa.array(batch, pa.string()) for batch in batches]


def main() -> None:
    """Runs the work that the command line names and prints one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    works = parser.add_subparsers(dest="work", required=True)
    for work in (filters, minhash):
        sub = works.add_parser(work.__name__)
        sub.set_defaults(run=work)
        sub.add_argument("corpus", type=Path)
        sub.add_argument("--every", type=int, default=1)
        sub.add_argument("--repeat", type=int, default=3)
        sub.add_argument("--word-rule", default=ExtractConfig.model_fields["word_rule"].default)
        sub.add_argument("--num-permutations", type=int, default=112)
    sub = works.add_parser(clean.__name__)
    sub.set_defaults(run=clean)
    sub.add_argument("store", type=Path)
    sub.add_argument("name")
    sub.add_argument("--workers", type=int, default=0, help="0: as chatmill would choose")
    args = parser.parse_args()
    print(json.dumps(args.run(args)))


if __name__ == "__main__":
    main()
