"""A challenger and the champion are measured on the same frozen texts, in the same run; the better one leads."""

from prefect import flow

from flows.data_flow import Corpora, make_corpora
from flows.finetune_flow import make_dialogue_model
from flows.pretrain_flow import make_base
from flows.runner import Contest, Do, ModelName, RunSummary, under_prefect
from flows.tokens_flow import make_tokens
from pipeline_config.run import RunConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.evaluation.task import compare, evaluate, make_evaluation_set


def make_evaluation(do: Do, config: RunConfig, corpora: Corpora) -> ArtifactRef:
    """The evaluation artifact that was frozen for this configuration; the first time, it is made and frozen."""
    return do.frozen(make_evaluation_set, corpora.documents, corpora.dialogues, config.split, config.evaluation.texts)


def contest(
    do: Do, config: RunConfig, model: ModelName, challenger: ArtifactRef, evaluation: ArtifactRef
) -> ArtifactRef:
    """Measure, compare, register, decide; returns the champion that leads afterwards."""
    settings = config.evaluation
    report = do(evaluate, challenger, evaluation, settings.measure, settings.launch)
    champion = do.champion(model, config.registry)
    if champion is None or champion.content_digest == challenger.content_digest:
        return do.decide(model, Contest(challenger, report, None), config)
    champion_report = do(evaluate, champion, evaluation, settings.measure, settings.launch)
    by = settings.base_contest if model == "base" else settings.dialogue_contest
    comparison = do(compare, report, champion_report, by)
    return do.decide(model, Contest(challenger, report, comparison), config)


def steps(do: Do, config: RunConfig) -> ArtifactRef:
    """All steps up to the two champions; returns the dialogue champion."""
    corpora = make_corpora(do, config)
    tokens = make_tokens(do, config, corpora)
    evaluation = make_evaluation(do, config, corpora)
    base = contest(do, config, "base", make_base(do, config, tokens), evaluation)
    return contest(do, config, "dialogue", make_dialogue_model(do, config, tokens, base), evaluation)


@flow(name="promote")
def promote(config: RunConfig, root: str) -> RunSummary:
    """Measures the newest models against the champions and promotes the better ones."""
    return under_prefect(steps, config, root)
