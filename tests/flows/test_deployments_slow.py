"""On a schedule and on an event: a real server, real deployments, a real worker, nobody who starts anything by hand."""

import json
import logging
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tasks.registry.registry import list_versions, registry_uri
from tests.flows.servers import run
from tests.flows.station import Station, station, until, worker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

logger = logging.getLogger(__name__)

LONG = {"num_steps": 30_000, "start_from": "scratch", "settings": ["pretrain.max_epochs=null"]}
"""Some minutes of training, if nobody cancels it."""


@pytest.fixture(scope="module")
def mill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """A station with a worker, and champions from a first night."""
    with station(tmp_path_factory.mktemp("station")) as there, worker(there):
        first = there.finished(there.start("nightly"))
        assert first["state_type"] == "COMPLETED", there.worker_log[-4000:]
        yield there


def talks(path: Path, topic: str, number: int = 40) -> Path:
    turns = [("user", "What about the {topic} of day {n}?"), ("assistant", "I like the {topic} of day {n} best.")]
    lines = [
        json.dumps({"messages": [{"role": role, "content": text.format(topic=topic, n=n)} for role, text in turns]})
        for n in range(number)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def versions(there: Station) -> list[int]:
    return [found.version for found in list_versions(registry_uri(str(there.root), None), "dialogue")]


def announced_and_trained(there: Station, corpus: str, since: float) -> dict[str, str]:
    """The fine-tune run for the corpus once it is finished; it must have begun within 15 s."""

    def begun() -> bool:
        return any(
            found["parameters"].get("corpus") == corpus and found["start_time"] for found in there.runs("finetune")
        )

    until(begun, 60, lambda: there.worker_log[-3000:])
    (found,) = [found for found in there.runs("finetune") if found["parameters"]["corpus"] == corpus]
    started = datetime.fromisoformat(found["start_time"].replace("Z", "+00:00")).timestamp()
    logger.info("%s: the run began %.1f s after the announcement", corpus, started - since)
    assert started - since < 15
    return there.finished(found["id"])


def test_deploying_again_changes_nothing_and_the_forms_speak_to_people(mill: Station) -> None:
    before = {found["name"]: found for found in mill.api("deployments/filter", {})}
    automations = len(mill.api("automations/filter", {}))
    again = run(mill.root, "chatmill", "deploy", "--profile", str(mill.profile))
    assert again.returncode == 0, again.stderr
    after = {found["name"]: found for found in mill.api("deployments/filter", {})}
    names = {"refresh", "tokens", "pretrain", "finetune", "promote", "interact", "nightly", "alarm"}
    assert after.keys() == names
    assert {name: found["id"] for name, found in after.items()} == {n: found["id"] for n, found in before.items()}
    assert len(mill.api("automations/filter", {})) == automations == 3
    (schedule,) = after["nightly"]["schedules"]
    assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"]) == ("30 2 * * *", "UTC")
    assert after["nightly"]["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert after["nightly"]["global_concurrency_limit"]["limit"] == 1
    assert {name: found["work_queue_name"] for name, found in after.items()} == {
        **dict.fromkeys(("nightly", "pretrain", "finetune", "promote"), "gpu"),
        **dict.fromkeys(("refresh", "tokens", "interact", "alarm"), "cpu"),
    }
    form = after["pretrain"]["parameter_openapi_schema"]["properties"]
    assert all(field["description"] and field["title"][0].isupper() for field in form.values())
    assert (form["start_from"]["enum"], form["start_from"]["default"]) == (
        ["profile", "champion", "scratch"],
        "profile",
    )
    assert (form["num_steps"]["minimum"], form["num_steps"]["default"]) == (0, 0)


def test_a_corpus_that_is_added_starts_fine_tuning_and_becomes_a_new_version(mill: Station, tmp_path: Path) -> None:
    before = versions(mill)
    added = run(mill.root, "chatmill", "dialogue", "add", str(talks(tmp_path / "weather.jsonl", "weather")))
    announced_at = time.time()
    assert added.returncode == 0, added.stderr
    done = announced_and_trained(mill, "weather", announced_at)
    assert done["state_type"] == "COMPLETED", mill.worker_log[-4000:]
    assert done["name"] == "finetune · new: weather · tiny"
    assert versions(mill) == [*before, before[-1] + 1]


def test_a_file_in_the_inbox_is_taken_in_and_trained_on(mill: Station, tmp_path: Path) -> None:
    before, inbox = versions(mill), mill.root / "inbox"
    (inbox / "broken.jsonl").write_text("this is no conversation\n")
    talks(tmp_path / "music.jsonl", "music").rename(inbox / "music.jsonl")
    until(lambda: list((inbox / "done").glob("*music.jsonl")), 30, lambda: mill.worker_log[-3000:])
    done = announced_and_trained(mill, "music", time.time())
    assert done["state_type"] == "COMPLETED"
    assert versions(mill) == [*before, before[-1] + 1]
    (reason,) = (inbox / "refused").glob("*.reason.txt")
    assert "broken.jsonl" in reason.name
    assert reason.read_text()


def test_an_event_without_what_finetune_needs_raises_an_alarm(mill: Station) -> None:
    num_runs = len(mill.runs("finetune"))
    event = {
        "occurred": datetime.now().astimezone().isoformat(),
        "event": "chatmill.dialogue-corpus.added",
        "resource": {"prefect.resource.id": "chatmill.dialogue-corpus.nameless"},
        "payload": {"name": "nameless"},
        "id": "0192f3a4-7b5c-7d6e-8f90-a1b2c3d4e5f6",
    }
    mill.api("events", [event])
    until(lambda: mill.runs("alarm"), 30, lambda: mill.worker_log[-3000:])
    alarm = mill.finished(mill.runs("alarm")[0]["id"])
    assert alarm["state_type"] == "FAILED"
    assert alarm["name"] == "alarm · a new dialogue corpus starts finetune: failed"
    assert "expected an event with the payload" in alarm["state"]["message"]
    assert len(mill.runs("finetune")) == num_runs


def test_a_cancelled_training_saves_leaves_nobody_and_is_gone_on_with(mill: Station) -> None:
    first = mill.start("pretrain", **LONG)
    until(lambda: mill.trainers() and mill.occupied_slots(), 120, lambda: mill.worker_log[-3000:])
    time.sleep(5)
    mill.cancel(first)
    cancelled = mill.finished(first, 60)
    assert cancelled["state_type"] == "CANCELLED"
    until(lambda: not mill.trainers(), 5)
    assert mill.occupied_slots() == 0
    (saved,) = [line for line in mill.worker_log.splitlines() if "stopped as asked" in line]
    step = int(saved.rsplit("step ", 1)[1].split()[0])
    assert step > 0
    second = mill.start("pretrain", **LONG)
    resumed = f"resumed from the step checkpoint of step {step}"
    until(lambda: resumed in mill.worker_log, 90, lambda: mill.worker_log[-3000:])
    mill.cancel(second)
    assert mill.finished(second, 60)["state_type"] == "CANCELLED"


def test_a_schedule_starts_nightly_and_never_two_at_once(mill: Station) -> None:
    long = mill.start(
        "nightly", start_from="scratch", settings=["pretrain.num_steps=30000", "pretrain.max_epochs=null"]
    )
    until(mill.trainers, 120, lambda: mill.worker_log[-3000:])
    every_minute = run(mill.root, "chatmill", "deploy", "--profile", str(mill.profile), "--cron", "* * * * *")
    assert every_minute.returncode == 0, every_minute.stderr

    def scheduled(state: str) -> list[dict[str, str]]:
        return [found for found in mill.runs("nightly") if found["auto_scheduled"] and found["state_type"] == state]

    until(lambda: scheduled("CANCELLED"), 120, lambda: mill.worker_log[-3000:])
    assert mill.run_of(long)["state_type"] == "RUNNING"
    mill.cancel(long)
    assert mill.finished(long, 60)["state_type"] == "CANCELLED"
    until(lambda: scheduled("COMPLETED"), 150, lambda: mill.worker_log[-3000:])
    never = run(mill.root, "chatmill", "deploy", "--profile", str(mill.profile))
    assert never.returncode == 0, never.stderr
