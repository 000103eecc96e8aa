"""All of it, in order: what runs every night, and what the demo runs once."""

from prefect import flow

from flows import promote_flow
from flows.interact_flow import make_transcript
from flows.runner import Do, RunSummary, under_prefect
from pipeline_config.run import RunConfig
from tasks.contracts.artifacts import ArtifactRef


def steps(do: Do, config: RunConfig) -> ArtifactRef:
    """Data, tokens, pretrain, contest, fine-tune, contest, transcript."""
    champion = promote_flow.steps(do, config)
    return make_transcript(do, config, champion)


@flow(name="nightly")
def nightly(config: RunConfig, root: str) -> RunSummary:
    """Refreshes the data, trains, promotes what is better, and talks to the champion."""
    return under_prefect(steps, config, root)
