"""Pages that kill the process which reads them: the kernel ends each process that takes more than some seconds."""

import multiprocessing
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline_config.clean import ExtractConfig, ExtractLaunch
from tasks.clean.extract import plan_extract
from tasks.contracts.artifacts import ArtifactRef
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CPU_SECONDS = 8
CONFIG = ExtractConfig(max_depth=10**6)
# the search for main content takes a time that grows with the square of the depth: without a limit over a minute
DEADLY = b"<html><body>" + b"<div>" * 60_000 + b"x</body></html>"


def extract(root: str, raw: ArtifactRef, num_workers: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    settle(Store(root), plan_extract(raw, CONFIG, ExtractLaunch(num_workers=num_workers)))


@pytest.fixture(scope="module")
def processes() -> multiprocessing.context.ForkServerContext:
    """Processes that have all modules loaded when they start, and have taken no time yet."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.tasks.clean.test_crashes_slow"])
    return context


def exit_code(processes: multiprocessing.context.ForkServerContext, *arguments: Any) -> int | None:
    process = processes.Process(target=extract, args=arguments)
    process.start()
    process.join()
    return process.exitcode


def rows(raw_row: Callable[..., Any], num: int, deadly: set[int]) -> list[Any]:
    return [
        raw_row(
            DEADLY if number in deadly else f"<p>Page {number} is about a mill by the river.</p>".encode(),
            f"http://a.example/{number}",
        )
        for number in range(num)
    ]


def check(root: Path, num: int, deadly: set[int]) -> None:
    """All that can be read is there, in order, and what cannot is set aside."""
    store = Store(str(root))
    (manifest,) = store.manifests("extracted", "some-source")
    urls = [row["url"] for row in read_rows(store.files(manifest.ref, "rows-"))]
    assert urls == [f"http://a.example/{number}" for number in range(num) if number not in deadly]
    assert manifest.drops == {"extractor_crashed": len(deadly)}
    aside = list(read_rows(store.files(manifest.ref, "quarantine-")))
    assert {row["url"] for row in aside} == {f"http://a.example/{number}" for number in deadly}
    assert {row["reason"] for row in aside} == {"extractor_crashed"}


@pytest.fixture
def warm(store: Store, raw_row: Callable[..., Any], make_raw: Callable[..., ArtifactRef]) -> None:
    """Compiles the kernels, where that has not been done."""
    raw = make_raw(rows(raw_row, 2, set()), "warm")
    settle(store, plan_extract(raw, CONFIG, ExtractLaunch(num_workers=1)))


@pytest.mark.usefixtures("warm")
def test_a_page_that_kills_its_process_costs_itself_and_its_copies(
    store: Store,
    raw_row: Callable[..., Any],
    make_raw: Callable[..., ArtifactRef],
    processes: multiprocessing.context.ForkServerContext,
) -> None:
    raw = make_raw(rows(raw_row, 200, {70, 71, 199}))
    assert exit_code(processes, str(store.root), raw, 2) == 0
    check(Path(store.root), 200, {70, 71, 199})


@pytest.mark.usefixtures("warm")
def test_where_the_process_itself_was_killed_the_next_run_goes_on(
    store: Store,
    raw_row: Callable[..., Any],
    make_raw: Callable[..., ArtifactRef],
    processes: multiprocessing.context.ForkServerContext,
) -> None:
    raw = make_raw(rows(raw_row, 5, {2}))
    assert exit_code(processes, str(store.root), raw, 1) == -signal.SIGXCPU
    assert exit_code(processes, str(store.root), raw, 1) == 0
    check(Path(store.root), 5, {2})
    assert not list(Path(store.root).glob("unfinished/*/*/*"))


def test_an_error_is_no_sudden_end(
    store: Store, raw_row: Callable[..., Any], make_raw: Callable[..., ArtifactRef]
) -> None:
    raw = make_raw(rows(raw_row, 2, set()))
    call = plan_extract(raw, CONFIG, ExtractLaunch(num_workers=1))
    for _ in range(2):
        with pytest.raises(ValueError, match="stop"):
            settle(store, call, _stop)
    assert not list(Path(store.root).glob("unfinished/*/*/*/began"))


def _stop(progress: object) -> None:
    raise ValueError("stop")
