"""kill -9 exactly before each manifest and each mutable name of the whole mill; each time, the same command again.

Nobody lists the stages: a run ends at the first point that no run before it ended at, until none is left.
"""

import json
import os
import re
import shutil
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from flows.cli import EXIT_REFUSED
from tasks.contracts.artifacts import ArtifactRef
from tasks.registry.registry import list_versions, registry_uri
from tasks.storage.store import Store
from tasks.storage.task import GPU_SLOT
from tests.flows import crash_before_manifest
from tests.flows.conftest import TINY
from tests.flows.servers import ask, run, ui

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

MILL = ("chatmill", "demo", "--profile", str(TINY), "--set", "launch.checkpoint_interval_steps=20")
CARDS = {"reports/card-base", "reports/card-dialogue"}
"""They name the minute at which each artifact was made."""
PAGES = {"reports/page"}
"""They show the minutes too, and how fast the training went."""
MINUTE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
MOST_RUNS = 100


class Crash(NamedTuple):
    """One killed run."""

    point: str
    process: str
    """Which was killed: the command itself, or the module that a child of it ran."""
    code: int
    """With which the command ended."""
    num_finished: int
    """Artifacts in the store then."""
    num_orphans: int
    """Attempts without a manifest."""
    wall_s: float


def artifacts(root: Path) -> dict[str, bytes]:
    """Each manifest as it lies on the disk, by `<kind>/<name>/<key>`."""
    return {
        path.parent.relative_to(root).as_posix(): path.read_bytes()
        for path in root.glob("*/*/*/manifest.json")
        if not path.is_relative_to(root / "attempts")
    }


def content(root: Path) -> dict[str, str]:
    """Each artifact's content digest; step checkpoints come and go."""
    found = {name: json.loads(manifest)["content_digest"] for name, manifest in artifacts(root).items()}
    return {name: digest for name, digest in found.items() if "-steps/" not in name}


def kind_and_name(artifact: str) -> str:
    return artifact.rpartition("/")[0]


def orphans(root: Path) -> set[str]:
    named = {json.loads(manifest)["attempt"] for manifest in artifacts(root).values()}
    return {path.name for path in (root / "attempts").glob("*")} - named


def wait_for_the_last_of(log: Path) -> None:
    """Returns when no process that a run with this log started is alive.

    Raises:
        AssertionError: Some live on.
    """

    def alive() -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if environment_of(process).get("CRASH_LOG") == str(log)]

    psutil.wait_procs(alive(), timeout=30)
    assert alive() == []


def environment_of(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:  # it has just ended, or is another user's
        return {}


def process_of(command: list[str]) -> str:
    return MILL[0] if MILL[1] in command else command[command.index("-m") + 1].rpartition(".")[2]


def crash_everywhere(root: Path, url: str, hook: Path, log: Path) -> list[Crash]:
    """Runs the mill until it comes to its end, and asserts what must hold after each crash."""
    shutil.copyfile(crash_before_manifest.__file__, hook / "sitecustomize.py")
    paths = [str(hook), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {"PREFECT_API_URL": f"{url}/api", "PYTHONPATH": os.pathsep.join(paths), "CRASH_LOG": str(log)}
    crashes: list[Crash] = []
    before: dict[str, bytes] = {}
    for _ in range(MOST_RUNS):
        started = time.monotonic()
        done = run(root, *MILL, "--root", str(root), **environment)
        wall_s = time.monotonic() - started
        wait_for_the_last_of(log)
        after = artifacts(root)
        stays = {name: manifest for name, manifest in before.items() if "-steps/" not in name}
        assert stays.items() <= after.items()  # what was finished is never replaced
        if done.returncode == 0:
            return crashes
        noted = [json.loads(line) for line in log.read_text().splitlines()]
        assert len(noted) == len(crashes) + 1, done.stderr[-3000:]
        process = process_of(noted[-1]["command"])
        assert done.returncode == (-signal.SIGKILL if process == MILL[0] else EXIT_REFUSED), done.stderr[-3000:]
        assert not Path(noted[-1]["path"]).exists()
        crashes.append(Crash(noted[-1]["point"], process, done.returncode, len(after), len(orphans(root)), wall_s))
        before = after
    raise AssertionError(f"{MOST_RUNS} runs did not come to the mill's end: {[crash.point for crash in crashes]}")


def cards(root: Path) -> dict[str, str]:
    """The text of the model cards without minutes."""
    store = Store(str(root))
    refs = [manifest.ref for name in CARDS for manifest in store.manifests(*name.split("/"))]
    return {ref.name: MINUTE.sub("", store.files(ref)[0].read_text(encoding="utf-8")) for ref in refs}


def registered(root: Path) -> dict[str, list[ArtifactRef]]:
    """The checkpoints of all versions, by model."""
    uri = registry_uri(str(root), None)
    return {model: [version.ref for version in list_versions(uri, model)] for model in ("base", "dialogue")}


def test_a_crash_before_any_manifest_or_name_changes_nothing_of_the_result(tmp_path: Path) -> None:
    hook, log = tmp_path / "hook", tmp_path / "crashes.jsonl"
    hook.mkdir()
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    with ui(tmp_path / "server") as url, ThreadPoolExecutor() as threads:
        ask(f"{url}/api/v2/concurrency_limits/", {"name": GPU_SLOT, "limit": MOST_RUNS})  # no run waits for a dead one
        running = threads.submit(run, undisturbed, *MILL, "--root", str(undisturbed), PREFECT_API_URL=f"{url}/api")
        crashes = crash_everywhere(disturbed, url, hook, log)
        assert running.result().returncode == 0, running.result().stderr[-3000:]
    assert crashes
    show(crashes, len(artifacts(disturbed)))
    points = {crash.point for crash in crashes}
    assert {kind_and_name(artifact) for artifact in artifacts(undisturbed)} <= points
    assert {path.parent.relative_to(undisturbed).as_posix() for path in undisturbed.glob("refs/**/*.json")} <= points

    expected, found = content(undisturbed), content(disturbed)
    assert expected.keys() == found.keys()
    assert {kind_and_name(name) for name in expected if expected[name] != found[name]} <= CARDS | PAGES
    assert cards(undisturbed) == cards(disturbed)
    assert len(cards(disturbed)) == len(CARDS)
    assert registered(undisturbed) == registered(disturbed)
    verified = run(disturbed, "chatmill", "verify", "--root", str(disturbed))
    assert verified.returncode == 0, verified.stdout


def show(crashes: list[Crash], num_last: int) -> None:
    """Writes a line a crash, for `pytest -s` and for the report of a test that fails."""
    then = [later.num_finished for later in crashes[1:]] + [num_last]
    lines = [f"{'killed before':40} {'process':8} {'exit':>4} {'finished':>8} {'orphans':>7} {'then made':>9} {'s':>5}"]
    for crash, num_then in zip(crashes, then, strict=True):
        what = f"{crash.point[:40]:40} {crash.process:8} {crash.code:4}"
        counts = f"{crash.num_finished:8} {crash.num_orphans:7} {num_then - crash.num_finished:9}"
        lines.append(f"{what} {counts} {crash.wall_s:5.1f}")
    sys.stdout.write("\n" + "\n".join(lines) + "\n")
