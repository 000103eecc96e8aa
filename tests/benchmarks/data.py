"""The benchmark of the data plane: `python -m tests.benchmarks.data --json [--only NAME]`; see docs/benchmarks.md.

Standard output has one JSON object a row and nothing else. What is measured runs in processes of their own, ours and
the peer's on the same cores; `ours` is the median of its runs. A row that fails is told on standard error, the others
go on, and the exit code is 1.
"""

import argparse
import json
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.children import run_module
from tests.benchmarks.clean_rows import clean, nightly_part, two_cores
from tests.benchmarks.corpus import DEFAULT_CACHE, corpus_file
from tests.benchmarks.settings import Settings
from tests.benchmarks.table import MEASURES, complete_row, markdown
from tests.benchmarks.text_rows import filters, filters_whitespace, minhash

Row = dict[str, Any]


def filters_agreement(settings: Settings) -> Row:
    """Whether both keep the same documents, by the same words."""
    corpus = str(corpus_file(settings.cache))
    return run_module("tests.benchmarks.agreement", corpus, "--peer-python", str(settings.peer_python)).said


def dedup_million(settings: Settings) -> Row:
    """Near-duplicates of a million generated documents."""
    return run_module("tests.benchmarks.dedup_million").said


def crawl(settings: Settings) -> Row:
    """Our crawl of a local site against bare Scrapy."""
    return run_module("tests.benchmarks.crawl").said


_WORK = (filters, filters_whitespace, filters_agreement, minhash, clean, two_cores, dedup_million, nightly_part, crawl)
ROWS: Mapping[str, Callable[[Settings], Row]] = {work.__name__: work for work in _WORK}


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings that the command line means."""
    return Settings(args.cache.expanduser(), args.peer_python, args.repeat, args.every, args.base_minutes)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.data", description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="one JSON object a line; without it a Markdown table")
    parser.add_argument("--only", choices=list(MEASURES), help="this row alone")
    parser.add_argument(
        "--cache", type=Path, default=DEFAULT_CACHE, help="texts and the peers' environment (%(default)s)"
    )
    parser.add_argument("--peer-python", type=Path, help="a Python that has the peers already")
    parser.add_argument("--repeat", type=_at_least_one, default=3, help="runs of ours, of which the median counts")
    parser.add_argument("--every", type=_at_least_one, default=1, help="only each so many-th text or page")
    parser.add_argument("--base-minutes", type=float, default=5.0, help="least work of which nightly_part is a part")
    return parser


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"found {number}, expected 1 or more")
    return number


def main() -> int:
    """Runs the rows and prints each as soon as it is there."""
    args = parser().parse_args()
    settings, rows, failed = settings_of(args), [], []
    for name in [args.only] if args.only else MEASURES:
        print(f"== {name}", file=sys.stderr)
        try:
            rows.append(complete_row(ROWS[name](settings)))
        except Exception:  # the outermost frame: the other rows are still wanted
            traceback.print_exc()
            failed.append(name)
            continue
        if args.json:
            print(json.dumps(rows[-1], ensure_ascii=False), flush=True)
    if not args.json:
        print(markdown(rows))
    if failed:
        print(f"found no figures for {', '.join(failed)}: see above why", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
