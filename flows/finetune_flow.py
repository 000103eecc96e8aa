"""Conversations and a base model become a dialogue model, which challenges the champion."""

from functools import partial

from prefect import flow

from flows.contest import contest
from flows.forms import (
    Corpus,
    Device,
    NumProcesses,
    NumSteps,
    Profile,
    Root,
    Settings,
    filled_in,
    given,
    run_name,
    steps_wanted,
)
from flows.interact_flow import make_transcript
from flows.pretrain_flow import make_base
from flows.refresh_flow import Corpora, corpora_at_hand, make_dialogues, make_training_text
from flows.runner import Do, RunSummary, under_prefect
from flows.texts import Texts, make_evaluation
from flows.tokens_flow import make_dialogue_tokens, make_tokens
from pipeline_config.environment import DEFAULT_ROOT
from pipeline_config.run import RunConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError
from tasks.reporting.task import write_page
from tasks.training.task import finetune as finetune_task


def make_dialogue_model(do: Do, config: RunConfig, tokens: ArtifactRef, base: ArtifactRef) -> ArtifactRef:
    """Fine-tune `base` on the conversations."""
    return do(finetune_task, tokens, base, config.finetune, config.launch)


def steps(do: Do, config: RunConfig, corpus: str = "") -> None:
    """Dialogue tokens, fine-tune, contest, transcript, page; a base model first where none leads.

    Raises:
        BadInputError: There is no dialogue corpus `corpus`.
    """
    dialogues = make_dialogues(do, config)
    _refuse_unknown(corpus, dialogues)
    corpora = Corpora(do.last_snapshot() or corpora_at_hand(do, config).documents, dialogues)
    evaluation = make_evaluation(do, config, corpora)
    base = do.champion("base", config.registry) or _first_base(do, config, corpora, evaluation)
    tokens = make_dialogue_tokens(do, config, dialogues, base)
    champion = contest(do, config, "dialogue", make_dialogue_model(do, config, tokens, base), evaluation)
    make_transcript(do, config, champion)
    do(write_page, "finetune", do.made(), do.decided(), do.silent)


def _first_base(do: Do, config: RunConfig, corpora: Corpora, evaluation: ArtifactRef) -> ArtifactRef:
    texts = Texts(make_training_text(do, config, corpora, evaluation), corpora.dialogues, evaluation)
    return contest(do, config, "base", make_base(do, config, make_tokens(do, config, texts)), evaluation)


def _refuse_unknown(corpus: str, dialogues: tuple[ArtifactRef, ...]) -> None:
    names = [ref.name for ref in dialogues]
    if corpus and corpus not in names:
        raise BadInputError(
            f"found no dialogue corpus {corpus!r}, expected one of {', '.join(names)}; "
            "`chatmill dialogue list` shows them, `chatmill dialogue add FILE` adds one"
        )


@flow(
    name="finetune",
    flow_run_name=lambda: run_name("finetune", given("corpus") and f"new: {given('corpus')}", steps_wanted()),
)
def finetune(
    profile: Profile = "demo",
    root: Root = DEFAULT_ROOT,
    corpus: Corpus = "",
    num_steps: NumSteps = 0,
    device: Device = "profile",
    num_processes: NumProcesses = 0,
    settings: Settings = [],  # noqa: B006 - a form's default is shown, never changed
) -> RunSummary:
    """Fine-tunes the base champion on all dialogue corpora, and promotes the result if it is better."""
    fields = {
        "finetune.num_steps": num_steps,
        "launch.device": device,
        "launch.num_processes": num_processes,
    }
    return under_prefect(partial(steps, corpus=corpus), filled_in(profile, settings, fields), root)
