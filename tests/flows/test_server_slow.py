"""`chatmill ui` shows the runs of its root: what they are called, what they did, where their pages are."""

import json
import logging
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from tests.flows.conftest import ONLY_BOOKS, TINY
from tests.flows.servers import BIN, ask, free_port, own_environment, run, ui
from tests.flows.station import Station, station, until, worker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_the_ui_shows_what_ran_on_its_root_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    with ui(tmp_path) as url:
        request = urllib.request.Request(f"{url}/runs", headers={"Accept": "text/html"})
        page = urllib.request.urlopen(request, timeout=10).read().decode()
        assert "<title>Prefect" in page
        settings = ask(f"{url}/ui-settings")
        assert settings["api_url"] == f"{url}/api"
        done = run(tmp_path, "chatmill", "refresh", "--profile", str(TINY), *ONLY_BOOKS)
        assert done.returncode == 0, done.stderr
        assert "temporary Prefect server" not in done.stderr
        (flow_run,) = ask(f"{url}/api/flow_runs/filter", {})
        assert flow_run["state_name"] == "Completed"
        states = {run["name"]: run["state_name"] for run in ask(f"{url}/api/task_runs/filter", {})}
        assert states["extract books"] == "Completed"
    again = run(tmp_path, "chatmill", "refresh", "--profile", str(TINY), *ONLY_BOOKS)
    assert "temporary Prefect server" in again.stderr


def test_sigterm_ends_the_servers_and_a_taken_port_is_refused(tmp_path: Path) -> None:
    port = free_port()
    command = [str(BIN / "chatmill"), "ui", "--port", str(port)]
    with subprocess.Popen(command, env=own_environment(tmp_path), stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert f"http://127.0.0.1:{port}" in server.stdout.readline()
        pages = server.stdout.readline().split()[-1]
        until(lambda: answers(f"http://127.0.0.1:{port}/api/health"), 120)
        assert urllib.request.urlopen(pages, timeout=10).status == HTTPStatus.OK
        second = run(tmp_path, "chatmill", "ui", "--port", str(port))
        assert second.returncode == 2
        assert f"found port {port} taken" in second.stderr
        children = psutil.Process(server.pid).children(recursive=True)
        assert children
        server.terminate()
        assert server.wait(60) == 0
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    assert not answers(pages)
    assert not list((tmp_path / "prefect").glob("*-address"))


def answers(url: str) -> bool:
    try:
        return bool(urllib.request.urlopen(url, timeout=5).status == HTTPStatus.OK)
    except OSError:
        return False


@pytest.fixture(scope="module")
def mill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """A station whose worker has run `finetune` for a new corpus that the profile's mixture does not name."""
    folder = tmp_path_factory.mktemp("station")
    with station(folder) as there, worker(there):
        config = yaml.safe_load(there.profile.read_text(encoding="utf-8"))
        config["finetune"]["mixture"] = {"chatterbot-en": 1.0, "chatterbot-zh": 1.0}
        there.profile.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
        turns = [{"role": "user", "content": "What is this?"}, {"role": "assistant", "content": "A small corpus."}]
        (folder / "few.jsonl").write_text(json.dumps({"messages": turns}) + "\n")
        added = run(there.root, "chatmill", "dialogue", "add", str(folder / "few.jsonl"))
        assert added.returncode == 0, added.stderr
        until(lambda: there.runs("finetune"), 60, lambda: there.worker_log[-3000:])
        done = there.finished(there.runs("finetune")[0]["id"])
        assert done["state_type"] == "COMPLETED", there.worker_log[-4000:]
        yield there


def artifact(there: Station, key: str) -> dict[str, Any]:
    """The newest of that key; it must be of the run."""
    body = {"artifacts": {"key": {"any_": [key]}}, "sort": "CREATED_DESC"}
    newest: dict[str, Any] = there.api("artifacts/filter", body)[0]
    assert newest["flow_run_id"] == there.runs("finetune")[0]["id"]
    return newest


def test_a_run_is_named_for_what_it_does(mill: Station) -> None:
    (done,) = mill.runs("finetune")
    assert done["name"] == "finetune · new: few · tiny"
    assert set(done["tags"]) == {"chatmill", "training"}
    tasks = {found["name"] for found in mill.api("task_runs/filter", {})}
    assert {"read texts books", "encode dialogues", "finetune dialogue", "register and decide dialogue"} <= tasks


def test_the_runs_page_opens_from_its_artifact(mill: Station) -> None:
    link = re.fullmatch(
        r"\[Page of the finetune run\]\((http://.*/pages/[0-9a-f]{32})\)", artifact(mill, "run-page")["data"]
    )
    assert link is not None
    page = urllib.request.urlopen(link[1], timeout=10).read().decode()
    assert "<title>chatmill finetune</title>" in page
    assert f"]({link[1]})" in artifact(mill, "run-summary")["data"]


def test_the_summary_says_what_came_of_the_run_and_leads_to_its_artifacts(mill: Station) -> None:
    summary = artifact(mill, "run-summary")
    assert summary["description"] == "finetune: what came of it"
    for model in ("base", "dialogue"):
        assert f"**{model} version 1, promoted:**" in summary["data"]
    assert summary["data"].count("registered by this run") == 2
    assert "| reply_bits_per_byte | " in summary["data"]
    links = re.findall(r"\[([a-z0-9-]+)\]\(\.\./artifact/([0-9a-f-]+)\)", summary["data"])
    assert {"loss-base", "loss-dialogue", "promotion-dialogue", "transcript", "run-page"} <= {key for key, _ in links}
    assert all(mill.api(f"artifacts/{number}")["key"] == key for key, number in links)


def test_what_a_child_process_logs_stands_with_its_task_and_level(mill: Station) -> None:
    (task,) = [found for found in mill.api("task_runs/filter", {}) if found["name"] == "finetune dialogue"]
    found = mill.api("logs/filter", {"logs": {"task_run_id": {"any_": [task["id"]]}}})
    said = {(log["level"], log["name"], log["message"]) for log in found}
    assert (logging.INFO, "tasks.training.worker", "training dialogue from step 0 to 30, processes: 1, on cpu") in said
    warning = "the mixture does not name few: each gets the average weight of those it names, 1"
    assert (logging.WARNING, "tasks.training.batches", warning) in said
