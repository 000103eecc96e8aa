"""What each of datatrove's filters decides about each document, by itself: one JSON object a line and document.

Run by the peers' Python. Every filter sees the text as it was: C4's, which takes lines out, gets a copy.
"""

import argparse
import json
import sys
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.utils.word_tokenizers import SpaCyTokenizer
from loguru import logger


def reason_of(step, row):
    """Why the filter drops the document, or None."""
    found = step.filter(Document(text=row["text"], id=str(row["id"])))
    return None if found is True else found[1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--words", choices=["spacy", "whitespace"], default="spacy")
    args = parser.parse_args()
    logger.remove()
    if args.words == "whitespace":  # words only: sentences stay spaCy's
        SpaCyTokenizer.word_tokenize = lambda self, text: text.split()
    steps = {
        "gopher_repetition": GopherRepetitionFilter(),
        "gopher_quality": GopherQualityFilter(),
        "c4": C4QualityFilter(),
        "fineweb": FineWebQualityFilter(),
    }
    with args.corpus.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            if number % args.every == 0:
                row = json.loads(line)
                reasons = {name: reason_of(step, row) for name, step in steps.items()}
                sys.stdout.write(json.dumps({"id": row["id"], **reasons}) + "\n")


if __name__ == "__main__":
    main()
