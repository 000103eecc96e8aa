"""Dialogues and a base model → a dialogue model."""

from pipeline_config.training import FinetuneConfig, LaunchConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.storage.stage import StageCall
from tasks.storage.store import Attempt, Built
from tasks.training.run import environment, train

NAME = "dialogue"
STAGE_VERSION = 1


def plan_finetune(tokens: ArtifactRef, base: ArtifactRef, config: FinetuneConfig, launch: LaunchConfig) -> StageCall:
    """Training of all weights on the replies of dialogues.

    Args:
        tokens: Dialogue token shards with loss weights, encoded with the base's tokenizer.
        base: Checkpoint to start from; its tokenizer and shape stay.
        config: Identity.
        launch: Execution; what of it rounds sums is recorded in the key's environment.
    """

    def build(attempt: Attempt) -> Built:
        return train(attempt, name=NAME, tokens=tokens, tokenizer=base, init=base, config=config, launch=launch)

    return StageCall(
        kind="checkpoints",
        name=NAME,
        stage="finetune",
        stage_version=STAGE_VERSION,
        identity=config,
        inputs={"tokens": tokens, "base": base},
        build=build,
        environment=environment(config, launch),
    )
