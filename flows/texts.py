"""What models are made of and measured on: the evaluation set is frozen first, then the corpus is taken without it."""

import logging
from typing import NamedTuple

from flows.refresh_flow import Corpora, make_training_text
from flows.runner import Do
from pipeline_config.run import RunConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import EmptyInputError
from tasks.evaluation.task import make_evaluation_set

logger = logging.getLogger(__name__)


class Texts(NamedTuple):
    """All that a model needs."""

    training: ArtifactRef
    """The corpus without what holds items of an evaluation."""
    dialogues: tuple[ArtifactRef, ...]
    evaluation: ArtifactRef | None
    """Frozen; None where nothing is held out and nothing will be measured."""


def make_evaluation(do: Do, config: RunConfig, corpora: Corpora) -> ArtifactRef:
    """The evaluation artifact that was frozen for this configuration; the first time, it is made and frozen."""
    return do.frozen(make_evaluation_set, corpora.documents, corpora.dialogues, config.split, config.evaluation.texts)


def make_texts(do: Do, config: RunConfig, corpora: Corpora) -> Texts:
    """The evaluation set, and what of the corpus may be trained on."""
    evaluation = make_evaluation(do, config, corpora)
    return Texts(make_training_text(do, config, corpora, evaluation), corpora.dialogues, evaluation)


def make_unmeasured_texts(do: Do, config: RunConfig, corpora: Corpora) -> Texts:
    """The same for a run that measures nothing: of a corpus that holds nothing out, all may be trained on."""
    try:
        return make_texts(do, config, corpora)
    except EmptyInputError as error:
        logger.warning("%s. The run goes on, but nothing of an evaluation set is looked for in the corpus", error)
        return Texts(make_training_text(do, config, corpora, None), corpora.dialogues, None)
