"""datatrove from HTML to deduplicated documents, one task at a time: one JSON line.

Run by the peers' Python: `python datatrove_clean.py PAGES.jsonl FOLDER`. Trafilatura with datatrove's settings, the
same four filters as in `datatrove_text.py`, then MinHash in its four stages. It detects no language, and reads the
pages from JSON Lines.
"""

import argparse
import json
from importlib.metadata import version
from pathlib import Path

import trafilatura
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pages", type=Path)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    places = {name: str(args.folder / name) for name in ("filtered", "signatures", "pairs", "removed", "kept")}
    config = MinhashConfig()
    stages = [
        (
            [
                JsonlReader(str(args.pages.parent), glob_pattern=args.pages.name),
                Trafilatura(),
                GopherRepetitionFilter(),
                GopherQualityFilter(),
                C4QualityFilter(),
                FineWebQualityFilter(),
                JsonlWriter(places["filtered"]),
            ],
            1,
        ),
        ([JsonlReader(places["filtered"]), MinhashDedupSignature(places["signatures"], config)], 1),
        ([MinhashDedupBuckets(places["signatures"], places["pairs"], config=config)], config.num_buckets),
        ([MinhashDedupCluster(places["pairs"], places["removed"], config=config)], 1),
        ([JsonlReader(places["filtered"]), MinhashDedupFilter(places["removed"]), JsonlWriter(places["kept"])], 1),
    ]
    trafilatura.extract("<p>A page whose extractor cannot be imported would only be seen as a page out of time.</p>")
    stats = []
    for number, (pipeline, tasks) in enumerate(stages):
        executor = LocalPipelineExecutor(
            pipeline, tasks=tasks, workers=1, logging_dir=str(args.folder / f"logs{number}")
        )
        stats.append(executor.run())
    extraction = stats[0].stats[1].stats
    totals = {
        f"num_{name}": int(extraction[name].total) for name in ("extracted", "timeout", "dropped") if name in extraction
    }
    num_kept = int(stats[-1].stats[-1].stats["total"].total)
    versions = {name: version(name) for name in ("datatrove", "spacy", "trafilatura")}
    print(json.dumps({"num_kept": num_kept, **totals, "versions": versions}))


if __name__ == "__main__":
    main()
