"""Main-content extraction against gold texts: `python -m tests.benchmarks.extraction FOLDER`.

FOLDER/pages/NAME.html are pages, FOLDER/gold/NAME.txt their main texts. Compared are the multisets of word 4-grams of
text and gold, where a word is a run of letters and digits in lower case, or an ideograph. A text of fewer words is one
gram. The figures that are headed `macro` are means over pages; `micro` ones are of all pages' grams together. Times are
of the process, over all pages, the best of the runs; each extractor has read a page before.

Standard output has one JSON object a line, everything else goes to standard error. `f1` has the macro F1: ours, as
`peer` that of trafilatura's default, as `ratio` their difference, since quotients of F1 say little.
"""

import argparse
import json
import logging
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline_config.clean import ExtractConfig
from tasks.clean.charset import decode_body
from tasks.clean.unusable import UnusableDocumentError
from tasks.clean.web_page import read_page
from tasks.text.words import IDEOGRAPHS

_GRAM = 4
_WORD = re.compile(rf"[{IDEOGRAPHS}]|[^\W_{IDEOGRAPHS}]+")
OURS, PEER = "ours", "trafilatura"

Extract = Callable[[str], str]


@dataclass(frozen=True)
class Page:
    """A page and what a person says is its text."""

    name: str
    markup: str
    gold: str


@dataclass(frozen=True)
class Score:
    """How well one extractor does on all pages; shares from 0 to 1."""

    name: str
    precision: float
    recall: float
    f1: float
    """Mean of the pages' F1."""
    micro_precision: float
    micro_recall: float
    micro_f1: float
    empty_share: float
    docs_per_s: float


def extractors() -> dict[str, Extract]:
    """By name: ours in both modes, resiliparse's main content as it comes, trafilatura's default and fast forms."""
    import trafilatura
    from resiliparse.extract.html2text import extract_plain_text

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    return {
        OURS: _ours(ExtractConfig()),
        "ours_quality": _ours(ExtractConfig(mode="quality")),
        "resiliparse": lambda markup: extract_plain_text(markup, preserve_formatting=True, main_content=True),
        PEER: lambda markup: trafilatura.extract(markup) or "",
        "trafilatura_fast": lambda markup: trafilatura.extract(markup, fast=True) or "",
    }


def _ours(config: ExtractConfig) -> Extract:
    def extract(markup: str) -> str:
        try:
            return read_page(markup, config)[0]
        except UnusableDocumentError as error:
            print(f"set aside: {error}", file=sys.stderr)
            return ""

    return extract


def read_pages(folder: Path) -> list[Page]:
    """The pages that have a gold text, by name.

    Raises:
        SystemExit: The folder has none, or a page lacks its text.
    """
    paths = sorted((folder / "pages").glob("*.html"))
    golds = [folder / "gold" / f"{path.stem}.txt" for path in paths]
    missing = [gold for gold in golds if not gold.is_file()]
    if not paths or missing:
        found = f"no {missing[0]}" if missing else f"no {folder}/pages/*.html"
        raise SystemExit(f"found {found}, expected FOLDER/pages/NAME.html and FOLDER/gold/NAME.txt for each page")
    return [
        Page(path.stem, decode_body(path.read_bytes(), None, 1.0), gold.read_text(encoding="utf-8"))
        for path, gold in zip(paths, golds, strict=True)
    ]


def grams(text: str) -> Counter[tuple[str, ...]]:
    """How often each run of four words occurs; of a shorter text the one run that it is."""
    words = _WORD.findall(text.lower())
    if 0 < len(words) < _GRAM:
        return Counter([tuple(words)])
    return Counter(zip(*(words[start:] for start in range(_GRAM)), strict=False))


def rates(num_common: int, num_found: int, num_gold: int) -> tuple[float, float, float]:
    """Precision, recall and F1; all are 1 where there is nothing and nothing was found."""
    if not num_found and not num_gold:
        return 1.0, 1.0, 1.0
    precision = num_common / num_found if num_found else 0.0
    recall = num_common / num_gold if num_gold else 0.0
    return precision, recall, 2 * num_common / (num_found + num_gold)


def score(name: str, texts: Sequence[str], golds: Sequence[str], wall_s: float) -> Score:
    """The score of texts against gold texts in the same order."""
    counts = []
    for text, gold in zip(texts, golds, strict=True):
        found, wanted = grams(text), grams(gold)
        counts.append(((found & wanted).total(), found.total(), wanted.total()))
    macro = [_mean(column) for column in zip(*(rates(*count) for count in counts), strict=True)]
    micro = rates(*(sum(column) for column in zip(*counts, strict=True)))
    empty_share = _mean(not text.strip() for text in texts)
    return Score(name, *macro, *micro, empty_share, len(texts) / wall_s)


def measure(name: str, extract: Extract, pages: Sequence[Page], num_runs: int) -> Score:
    """The extractor's score, with the quickest of its runs."""
    extract(pages[0].markup)
    quickest = float("inf")
    for _ in range(num_runs):
        began = time.process_time()
        texts = [extract(page.markup) for page in pages]
        quickest = min(quickest, time.process_time() - began)
    return score(name, texts, [page.gold for page in pages], max(quickest, 1e-9))


def rows(scores: Sequence[Score], num_pages: int) -> list[dict[str, Any]]:
    """What is printed: four comparisons of ours with the peer, then a line an extractor."""
    by_name = {one.name: one for one in scores}
    ours, peer = by_name[OURS], by_name[PEER]
    pages = {"pages": num_pages, "peer_name": f"trafilatura {version('trafilatura')} default"}
    compared = [
        {"name": name, "ours": _rounded(mine), "peer": _rounded(its), "ratio": _rounded(ratio), "unit": unit} | pages
        for name, mine, its, ratio, unit in (
            ("f1", ours.f1, peer.f1, ours.f1 - peer.f1, "macro F1 of word 4-grams; ratio is the difference"),
            ("speed", ours.docs_per_s, peer.docs_per_s, ours.docs_per_s / peer.docs_per_s, "docs/s"),
            ("empty", ours.empty_share, peer.empty_share, ours.empty_share - peer.empty_share, "share of pages"),
        )
    ]
    details = [
        {"name": f"scores_{one.name}"} | {key: _rounded(value) for key, value in _numbers(one)} for one in scores
    ]
    return compared + details


def _numbers(one: Score) -> Iterable[tuple[str, float]]:
    return ((key, value) for key, value in vars(one).items() if key != "name")


def _mean(values: Iterable[float]) -> float:
    every = list(values)
    return sum(every) / len(every)


def _rounded(value: float) -> float:
    return round(value, 4)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the rows, and a table beside them."""
    parser = argparse.ArgumentParser(description="Precision, recall, F1 and speed of main-content extraction.")
    parser.add_argument("folder", type=Path, help="with pages/NAME.html and gold/NAME.txt")
    parser.add_argument("--runs", type=int, default=3, help="of each extractor; the quickest counts (default: 3)")
    options = parser.parse_args(arguments)
    pages = read_pages(options.folder)
    scores = []
    print(f"{'':18} {'P':>6} {'R':>6} {'F1':>6}  (macro) {'F1 micro':>9} {'empty':>7} {'docs/s':>8}", file=sys.stderr)
    for name, extract in extractors().items():
        one = measure(name, extract, pages, options.runs)
        scores.append(one)
        print(
            f"{name:18} {one.precision:6.4f} {one.recall:6.4f} {one.f1:6.4f} {one.micro_f1:18.4f} "
            f"{one.empty_share:7.2%} {one.docs_per_s:8.1f}",
            file=sys.stderr,
        )
    for row in rows(scores, len(pages)):
        print(json.dumps(row))


if __name__ == "__main__":
    main()
