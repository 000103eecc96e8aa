"""What models are made of and measured on: the evaluation set is frozen first, then the corpus is taken without it."""

from typing import NamedTuple

from flows.refresh_flow import Corpora, make_training_text
from flows.runner import Do
from pipeline_config.run import RunConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.evaluation.task import make_evaluation_set


class Texts(NamedTuple):
    """All that a model needs."""

    training: ArtifactRef
    """The corpus without what holds items of an evaluation."""
    dialogues: tuple[ArtifactRef, ...]
    evaluation: ArtifactRef
    """Frozen."""


def make_evaluation(do: Do, config: RunConfig, corpora: Corpora) -> ArtifactRef:
    """The evaluation artifact that was frozen for this configuration; the first time, it is made and frozen."""
    return do.frozen(make_evaluation_set, corpora.documents, corpora.dialogues, config.split, config.evaluation.texts)


def make_texts(do: Do, config: RunConfig, corpora: Corpora) -> Texts:
    """The evaluation set, and what of the corpus may be trained on."""
    evaluation = make_evaluation(do, config, corpora)
    return Texts(make_training_text(do, config, corpora, evaluation), corpora.dialogues, evaluation)
