"""datatrove's text filters or its MinHash stage 1 over a corpus file, in this process: one JSON line.

Run by the peers' Python; its command line says what it takes.
Documents are in memory and the word tokenizer has been used before the clock starts. The filters are those that are
shipped, with their defaults, one after the other as in a datatrove pipeline: what one drops, the next is not asked;
with `--each`, every filter is asked about every document, as chatmill's engine measures all of all.
"""

import argparse
import json
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import datatrove.utils.text
from datatrove.data import Document
from datatrove.pipeline.dedup import MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.utils import word_tokenizers
from loguru import logger


class WhitespaceWords(word_tokenizers.WhitespaceTokenizer):
    """datatrove's own splitter for languages that it knows nothing of, whose words are what stands between spaces."""

    def word_tokenize(self, text):
        return text.split()


def read_documents(path, every):
    with Path(path).open(encoding="utf-8") as file:
        rows = [json.loads(line) for number, line in enumerate(file) if number % every == 0]
    return [Document(text=row["text"], id=row["id"]) for row in rows]


def run_filters(documents, each):
    """Seconds, and how many documents were kept."""
    steps = [GopherRepetitionFilter(), GopherQualityFilter(), C4QualityFilter(), FineWebQualityFilter()]
    began = time.perf_counter()
    if each:
        for document in documents:
            text = document.text
            for step in steps:
                step.filter(document)
                document.text = text  # C4 takes lines out
        return time.perf_counter() - began, {}
    kept = documents
    for step in steps:
        kept = step.run(kept)
    num_kept = sum(1 for _ in kept)
    return time.perf_counter() - began, {"num_kept": num_kept}


def run_minhash(documents, each):
    """Seconds, and how many hash functions."""
    config = MinhashConfig()
    with tempfile.TemporaryDirectory() as folder:
        step = MinhashDedupSignature(folder, config)
        began = time.perf_counter()
        step.run(documents)
        return time.perf_counter() - began, {"num_permutations": config.num_buckets * config.hashes_per_bucket}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=["filters", "minhash"])
    parser.add_argument("corpus")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--words", choices=["spacy", "whitespace"], default="spacy")
    parser.add_argument("--each", action="store_true")
    args = parser.parse_args()
    logger.remove()
    if args.words == "whitespace":
        words = WhitespaceWords()
        word_tokenizers.load_word_tokenizer = lambda language: words
    datatrove.utils.text.split_into_words("Spoken once. Spoken twice.")
    datatrove.utils.text.split_into_sentences("Spoken once. Spoken twice.")
    documents = read_documents(args.corpus, args.every)
    num_bytes = sum(len(document.text.encode()) for document in documents)
    num_docs = len(documents)
    seconds, more = {"filters": run_filters, "minhash": run_minhash}[args.work](documents, args.each)
    versions = {name: version(name) for name in ("datatrove", "spacy")}
    print(json.dumps({"seconds": seconds, "num_docs": num_docs, "num_bytes": num_bytes, **more, "versions": versions}))


if __name__ == "__main__":
    main()
