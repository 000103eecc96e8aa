"""Rows of the whole clean, raw/ to the corpus: cold processes, from before they exist until they have ended.

The raw artifacts are made before. Each run has a store of its own, and one run before the measured ones fills numba's
cache and the system's.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from tasks.storage.store import Store
from tests.benchmarks.children import Answer, run_ours, run_peer
from tests.benchmarks.corpus import Page, corpus_file, linux_doc_pages
from tests.benchmarks.pages import generated_pages, store_pages, write_json_lines
from tests.benchmarks.settings import Settings, rounded

Row = dict[str, Any]

_RAW = "linux-doc"
_PAGES_TRIED = 2_000
_SHORTER = 3
"""Part of a night's base that is enough to compare cores with."""
_MARGIN = 1.15
"""More pages than the rate says, so that the base takes as long as it must."""


def clean(settings: Settings) -> Row:
    """The pages of linux-doc on one core, against datatrove's pipeline from the same pages."""
    with _workplace(settings) as work:
        num_pages = _store_linux_doc(settings, work)
        ours = _clean_runs(work, settings.repeat, num_cores=1)
        pages = write_json_lines(work / "pages.jsonl", _linux_doc(settings))
        peer = run_peer(settings.peer_python, "datatrove_clean.py", str(pages), str(work / "datatrove"))
    return {
        **_pages_row("clean", num_pages, _median_s(ours), peer.wall_s),
        "ours_s": [rounded(run.wall_s) for run in ours],
        "ours_said": ours[-1].said,
        "peer_said": peer.said,
    }


def two_cores(settings: Settings) -> Row:
    """Minutes of cleaning with two workers on two cores, against one on one; beside it the pages of linux-doc alone.

    Those take some seconds, of which each process needs one or two to start.
    """
    with _workplace(settings) as work:
        num_pages, two = _clean_base(settings, work, settings.base_minutes / _SHORTER, num_cores=2)
        shutil.rmtree(work / "store")
        _store_generated(settings, work, "base", num_pages, seed=0)
        one = run_ours("clean", str(work / "store"), "base", "--workers", "1", num_cores=1)
        num_real = _store_linux_doc(settings, work)
        real_one, real_two = (_clean_runs(work, settings.repeat, num_cores) for num_cores in (1, 2))
    return {
        **_pages_row("two_cores", num_pages, two.wall_s, one.wall_s),
        "ours_s": rounded(two.wall_s),
        "peer_s": rounded(one.wall_s),
        "ours_said": two.said,
        "peer_said": one.said,
        "linux_doc": _pages_row("two_cores", num_real, _median_s(real_two), _median_s(real_one)),
        "linux_doc_s": {
            "two": [rounded(run.wall_s) for run in real_two],
            "one": [rounded(run.wall_s) for run in real_one],
        },
    }


def nightly_part(settings: Settings) -> Row:
    """Nights of 1 % new pages on top of a large base, against cleaning the base; each night has its own new pages."""
    with _workplace(settings) as work:
        num_pages, base = _clean_base(settings, work, settings.base_minutes, num_cores=None)
        nights = []
        for night in range(1, settings.repeat + 1):
            _store_generated(settings, work, f"night{night}", num_pages // 100, seed=night)
            nights.append(run_ours("clean", str(work / "store"), f"night{night}", num_cores=None))
    night_s = _median_s(nights)
    return {
        "name": "nightly_part",
        "ours": rounded(night_s),
        "peer": rounded(base.wall_s),
        "ratio": rounded(night_s / base.wall_s),
        "unit": "s",
        "num_pages": num_pages,
        "num_new": num_pages // 100,
        "ours_s": [rounded(run.wall_s) for run in nights],
        "ours_said": nights[-1].said,
        "peer_said": base.said,
    }


def _clean_base(settings: Settings, work: Path, minutes: float, num_cores: int | None) -> tuple[int, Answer]:
    """How many generated pages took as long as asked, and what cleaning them cost; on so many cores, None: all."""
    num_pages, wanted_s = _PAGES_TRIED, minutes * 60
    workers = ["--workers", str(num_cores)] if num_cores else []
    while True:
        shutil.rmtree(work / "store", ignore_errors=True)
        _store_generated(settings, work, "base", num_pages, seed=0)
        base = run_ours("clean", str(work / "store"), "base", *workers, num_cores=num_cores)
        if base.wall_s >= wanted_s:
            return num_pages, base
        num_pages = int(num_pages * wanted_s / base.wall_s * _MARGIN)


def _store_generated(settings: Settings, work: Path, name: str, num_pages: int, seed: int) -> None:
    pages = generated_pages(corpus_file(settings.cache), num_pages, seed)
    store_pages(Store(str(work / "store")), name, {"num_pages": num_pages, "seed": seed}, pages)


def _store_linux_doc(settings: Settings, work: Path) -> int:
    pages = _linux_doc(settings)
    store_pages(Store(str(work / "template")), _RAW, {"num_pages": len(pages)}, pages)
    return len(pages)


def _linux_doc(settings: Settings) -> list[Page]:
    return linux_doc_pages(settings.cache)[:: settings.every]


def _clean_runs(work: Path, repeat: int, num_cores: int) -> list[Answer]:
    runs = []
    for _ in range(repeat + 1):
        shutil.rmtree(work / "store", ignore_errors=True)
        shutil.copytree(work / "template", work / "store", copy_function=os.link)
        workers = ["--workers", str(num_cores)]
        runs.append(run_ours("clean", str(work / "store"), _RAW, *workers, num_cores=num_cores))
    return runs[1:]


def _pages_row(name: str, num_pages: int, ours_s: float, peer_s: float) -> Row:
    return {
        "name": name,
        "ours": rounded(num_pages / ours_s),
        "peer": rounded(num_pages / peer_s),
        "ratio": rounded(peer_s / ours_s),
        "unit": "pages/s",
        "num_pages": num_pages,
    }


def _median_s(runs: list[Answer]) -> float:
    return median(run.wall_s for run in runs)


@contextmanager
def _workplace(settings: Settings) -> Iterator[Path]:
    """A folder in the cache, gone afterwards: a temporary one of the system may be memory, or small."""
    settings.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.cache) as folder:
        yield Path(folder)
