"""All of it, in order: what runs every night, and what the demo runs once."""

from typing import Any

from prefect import flow

from flows.forms import Profile, Root, Settings, Snapshot, StartFrom, due_at, filled_in, given, run_name
from flows.interact_flow import make_transcript
from flows.promote_flow import make_champions
from flows.refresh_flow import make_corpora
from flows.runner import Do, RunSummary, under_prefect
from flows.texts import Texts, make_texts
from pipeline_config.environment import DEFAULT_ROOT
from pipeline_config.run import RunConfig
from tasks.clean.task import count_metrics
from tasks.reporting.task import write_page
from tasks.storage.fingerprint import key_of

_NOT_OF_THE_RESULT: Any = {
    "crawl": True,
    "launch": True,
    "clean": {"launch", "select_launch"},
    "evaluation": {"launch"},
}
"""Settings that the corpora stand for already, or that change speed and place only."""


def steps(do: Do, config: RunConfig) -> None:
    """Data; where anything is new: tokens, pretrain, contest, fine-tune, contest, transcript, page."""
    corpora = make_corpora(do, config)
    texts = make_texts(do, config, corpora)
    if config.start_from == "champion" and do.is_up_to_date(_mark(do, config, texts)):
        return
    champion = make_champions(do, config, texts)
    make_transcript(do, config, champion)
    do(count_metrics, corpora.documents)
    do(write_page, "nightly", do.made(), do.decided(), do.silent)
    do.finish(_mark(do, config, texts))


def _mark(do: Do, config: RunConfig, texts: Texts) -> str:
    """Changes with the texts, the settings and the champions: with any of them, a night has something to do."""
    champions = [do.champion(model, config.registry) for model in ("base", "dialogue")]
    return key_of(
        {
            "settings": config.model_dump(mode="json", exclude=_NOT_OF_THE_RESULT),
            "corpora": [ref.content_digest for ref in (texts.training, *texts.dialogues)],
            "champions": [champion and champion.content_digest for champion in champions],
        }
    )


@flow(name="nightly", flow_run_name=lambda: run_name("nightly", given("snapshot") or due_at()))
def nightly(
    profile: Profile = "demo",
    root: Root = DEFAULT_ROOT,
    snapshot: Snapshot = "",
    start_from: StartFrom = "profile",
    settings: Settings = [],  # noqa: B006 - a form's default is shown, never changed
) -> RunSummary:
    """Refreshes the data, trains, promotes what is better, and talks to the champion."""
    fields = {"crawl.snapshot_id": snapshot or due_at(), "start_from": start_from}
    return under_prefect(steps, filled_in(profile, settings, fields), root)
