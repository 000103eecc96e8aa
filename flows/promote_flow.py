"""New models of both kinds challenge the champions."""

from prefect import flow

from flows.contest import contest, measure
from flows.finetune_flow import make_dialogue_model
from flows.forms import Profile, Root, Settings, filled_in, run_name
from flows.pretrain_flow import make_base
from flows.refresh_flow import corpora_at_hand
from flows.runner import Do, RunSummary, under_prefect
from flows.texts import Texts, make_texts
from flows.tokens_flow import make_dialogue_tokens, make_tokens
from pipeline_config.environment import DEFAULT_ROOT
from pipeline_config.run import RunConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.evaluation.task import compare


def make_champions(do: Do, config: RunConfig, texts: Texts) -> ArtifactRef:
    """Tokens, pretrain, contest, fine-tune, contest; returns the dialogue champion."""
    tokens, evaluation = make_tokens(do, config, texts), texts.evaluation
    assert evaluation is not None  # whoever wants champions has held something out
    base = make_base(do, config, tokens)
    base_champion = contest(do, config, "base", base, evaluation)
    dialogue_tokens = tokens.dialogues
    if base_champion.content_digest != base.content_digest:  # it may have another tokenizer
        dialogue_tokens = make_dialogue_tokens(do, config, texts.dialogues, base_champion)
    dialogue = make_dialogue_model(do, config, dialogue_tokens, base_champion)
    champion = contest(do, config, "dialogue", dialogue, evaluation)
    reports = (measure(do, config, model, evaluation) for model in (dialogue, base_champion))
    do(compare, *reports, config.evaluation.dialogue_contest)  # what fine-tuning gained
    return champion


def steps(do: Do, config: RunConfig) -> ArtifactRef:
    """All steps up to the two champions; returns the dialogue champion."""
    return make_champions(do, config, make_texts(do, config, corpora_at_hand(do, config)))


@flow(name="promote", flow_run_name=lambda: run_name("promote"))
def promote(
    profile: Profile = "demo",
    root: Root = DEFAULT_ROOT,
    settings: Settings = [],  # noqa: B006 - a form's default is shown, never changed
) -> RunSummary:
    """Measures the newest models against the champions and promotes the better ones."""
    return under_prefect(steps, filled_in(profile, settings, {}), root)
