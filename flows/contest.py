"""A challenger and the champion are measured on the same frozen texts, in the same run; the better one leads."""

import logging

from flows.lookups import ModelName
from flows.runner import Contest, Do
from pipeline_config.run import RunConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import ComparisonError, RefConflictError
from tasks.evaluation.task import compare, evaluate

logger = logging.getLogger(__name__)

_MAX_CONTESTS = 3
"""With so many champions, one after the other, before it is given up: other runs promote at the same time."""


def measure(do: Do, config: RunConfig, checkpoint: ArtifactRef, evaluation: ArtifactRef) -> ArtifactRef:
    """The report of a checkpoint."""
    return do(evaluate, checkpoint, evaluation, config.evaluation.measure, config.evaluation.launch)


def contest(
    do: Do, config: RunConfig, model: ModelName, challenger: ArtifactRef, evaluation: ArtifactRef
) -> ArtifactRef:
    """Measure, compare, register, decide; returns the champion that leads afterwards.

    Raises:
        RefConflictError: Other runs promoted again and again in the meantime.
    """
    for number in range(1, _MAX_CONTESTS + 1):
        champion = do.champion(model, config.registry)
        try:
            return _contest(do, config, model, challenger, champion, evaluation)
        except (RefConflictError, ComparisonError):
            if number == _MAX_CONTESTS or do.champion(model, config.registry) == champion:
                raise
            logger.warning("another run promoted a %s model meanwhile: comparing with that one", model)
    raise AssertionError("the last contest returns or raises")


def _contest(
    do: Do,
    config: RunConfig,
    model: ModelName,
    challenger: ArtifactRef,
    champion: ArtifactRef | None,
    evaluation: ArtifactRef,
) -> ArtifactRef:
    report = measure(do, config, challenger, evaluation)
    if champion is None or champion.content_digest == challenger.content_digest:
        return do.decide(model, Contest(challenger, report, None), config)
    champion_report = measure(do, config, champion, evaluation)
    by = config.evaluation.base_contest if model == "base" else config.evaluation.dialogue_contest
    return do.decide(model, Contest(challenger, report, do(compare, report, champion_report, by)), config)
