"""Token shards become a base model."""

import logging

from prefect import flow

from flows.forms import (
    Device,
    NumProcesses,
    NumSteps,
    Profile,
    Root,
    Settings,
    StartFrom,
    filled_in,
    run_name,
    steps_wanted,
)
from flows.refresh_flow import corpora_at_hand
from flows.runner import Do, RunSummary, under_prefect
from flows.texts import make_unmeasured_texts
from flows.tokens_flow import Tokens, make_tokens
from pipeline_config.environment import DEFAULT_ROOT
from pipeline_config.run import RunConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.training.task import pretrain as pretrain_task

logger = logging.getLogger(__name__)


def make_base(do: Do, config: RunConfig, tokens: Tokens) -> ArtifactRef:
    """Pretrain from scratch, or go on from the base champion, which stays as it is where it has nothing to learn."""
    champion = do.champion("base", config.registry) if config.start_from == "champion" else None
    if champion is not None and (tokens.documents is None or not do.has_training_text(tokens.documents)):
        logger.info("the base champion has learnt all that the corpus holds: nothing to pretrain on")
        return champion
    return do(pretrain_task, tokens.documents, tokens.tokenizer, champion, config.pretrain, config.launch)


def steps(do: Do, config: RunConfig) -> ArtifactRef:
    """All steps up to a base model."""
    return make_base(
        do, config, make_tokens(do, config, make_unmeasured_texts(do, config, corpora_at_hand(do, config)))
    )


@flow(name="pretrain", flow_run_name=lambda: run_name("pretrain", steps_wanted()))
def pretrain(
    profile: Profile = "demo",
    root: Root = DEFAULT_ROOT,
    num_steps: NumSteps = 0,
    start_from: StartFrom = "profile",
    device: Device = "profile",
    num_processes: NumProcesses = 0,
    settings: Settings = [],  # noqa: B006 - a form's default is shown, never changed
) -> RunSummary:
    """Makes a base model, and what it needs first where that is missing."""
    fields = {
        "pretrain.num_steps": num_steps,
        "start_from": start_from,
        "launch.device": device,
        "launch.num_processes": num_processes,
    }
    return under_prefect(steps, filled_in(profile, settings, fields), root)
