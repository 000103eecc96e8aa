"""`chatmill ui` shows the runs of its root; the flows run as deployments by a worker, from their module entrypoints."""

import urllib.request
from pathlib import Path

import pytest
import yaml

from tests.flows.conftest import ONLY_BOOKS, TINY
from tests.flows.servers import ask, run, ui

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


def test_a_worker_runs_the_flows_as_deployments(tmp_path: Path) -> None:
    with ui(tmp_path) as url:
        api = {"PREFECT_API_URL": f"{url}/api"}
        assert run(tmp_path, "prefect", "work-pool", "create", "chatmill", "--type", "process", **api).returncode == 0
        file = "deployments/prefect.yaml"
        deployed = run(tmp_path, "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", file, **api)
        assert deployed.returncode == 0, deployed.stdout + deployed.stderr
        names = {found["name"] for found in ask(f"{url}/api/deployments/filter", {})}
        assert names == {"refresh", "tokens", "pretrain", "finetune", "promote", "interact", "nightly"}
        config = yaml.safe_load(TINY.read_text())
        config["crawl"]["sources"] = [source for source in config["crawl"]["sources"] if source["form"] == "texts"]
        deployment = ask(f"{url}/api/deployments/name/refresh/refresh")
        parameters = {"config": config, "root": str(tmp_path / "store")}
        started = ask(f"{url}/api/deployments/{deployment['id']}/create_flow_run", {"parameters": parameters})
        worked = run(tmp_path, "prefect", "worker", "start", "--pool", "chatmill", "--run-once", **api)
        assert worked.returncode == 0, worked.stderr
        found = ask(f"{url}/api/flow_runs/{started['id']}")
        assert found["state_name"] == "Completed", worked.stdout + worked.stderr
    assert list((tmp_path / "store" / "documents" / "corpus").glob("*/manifest.json"))
