"""The dialogue champion answers a file of prompts; the transcript is an artifact."""

from prefect import flow

from flows.forms import Profile, Prompts, Root, Settings, filled_in, run_name
from flows.runner import Do, RunSummary, under_prefect
from pipeline_config.environment import DEFAULT_ROOT
from pipeline_config.run import RunConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import RegistryError
from tasks.interaction.prompts import all_prompts
from tasks.interaction.task import answer_prompts


def make_transcript(do: Do, config: RunConfig, model: ArtifactRef) -> ArtifactRef:
    """Let `model` answer the profile's prompts."""
    asked = all_prompts(config.interact.prompts, config.interact.prompts_file)
    return do(answer_prompts, model, asked, config.interact.reply)


def steps(do: Do, config: RunConfig) -> ArtifactRef:
    """The transcript of the dialogue champion.

    Raises:
        RegistryError: No dialogue model leads yet.
    """
    champion = do.champion("dialogue", config.registry)
    if champion is None:
        raise RegistryError(
            "found no champion of `dialogue`, expected one; run `chatmill demo` or `chatmill nightly` first"
        )
    return make_transcript(do, config, champion)


@flow(name="interact", flow_run_name=lambda: run_name("interact"))
def interact(
    profile: Profile = "demo",
    root: Root = DEFAULT_ROOT,
    prompts: Prompts = [],  # noqa: B006 - a form's default is shown, never changed
    settings: Settings = [],  # noqa: B006
) -> RunSummary:
    """Answers prompts with the champion and publishes the transcript."""
    own = ["interact.prompts_file=null"] if prompts else []
    return under_prefect(steps, filled_in(profile, [*settings, *own], {"interact.prompts": prompts}), root)
