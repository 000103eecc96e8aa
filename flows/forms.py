"""What a flow is started with: the fields of its form in the Prefect UI, and the configuration they make.

A field that is left empty, at 0 or at `profile` leaves its setting as the profile has it: no field is None, so that the
UI shows each as a box or a list and not as a choice of types. The command line fills in the same fields.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from prefect.runtime import flow_run
from pydantic import Field

from pipeline_config.load import load_config
from pipeline_config.run import RunConfig

_AS_IT_IS: tuple[Any, ...] = ("", 0, "profile", [])
"""What a field has where it leaves its setting alone."""


def _field(title: str, text: str, **limits: Any) -> Any:
    # Prefect writes its own title and description (the parameter's name, the docstring's text) over a field's; what
    # stands in the extra part of the schema is left.
    return Field(json_schema_extra={"title": title, "description": text}, **limits)


Profile = Annotated[
    str, _field("Profile", "`demo`, or the path of your YAML file on the machine where the worker runs.", min_length=1)
]
Root = Annotated[
    str, _field("Store", "Where artifacts are kept: a folder on the worker's machine, or an fsspec URL.", min_length=1)
]
Settings = Annotated[
    list[str],
    _field(
        "Other settings",
        "`section.key=value`, one an entry, e.g. `pretrain.batch_size=16`; they win over the profile. "
        "`chatmill config` lists all.",
    ),
]
Snapshot = Annotated[
    str,
    _field(
        "Crawl snapshot",
        "Names this asking of the sources; a name used before finds again what it found then. "
        "Empty: the time for which this run is due (UTC), so that the sources are asked for what is new.",
    ),
]
StartFrom = Annotated[
    Literal["profile", "champion", "scratch"],
    _field(
        "Base model starts from",
        "champion goes on from the base model that leads, with its tokenizer; scratch begins anew; profile does as the "
        "profile says.",
    ),
]
NumSteps = Annotated[
    int, _field("Training steps", "Optimizer steps at most. 0: as the profile says.", ge=0, le=100_000_000)
]
Device = Annotated[
    Literal["profile", "auto", "cpu", "cuda"],
    _field(
        "Device", "auto takes GPUs where there are enough for all processes; profile does as the profile says (auto)."
    ),
]
NumProcesses = Annotated[
    int,
    _field(
        "Training processes",
        "Processes on the worker's machine, one a GPU where there are GPUs. 0: as the profile says.",
        ge=0,
        le=1024,
    ),
]
Corpus = Annotated[
    str,
    _field(
        "New dialogue corpus",
        "Name of a corpus that this run must train on, as `chatmill dialogue list` shows it; it is refused if there is "
        "no such corpus. Empty: whatever corpora there are. The trigger fills it in.",
    ),
]
Prompts = Annotated[list[str], _field("Prompts", "What the model is to answer. Empty: the profile's prompts.")]

What = Annotated[str, _field("What failed", "The automation that could not do its work.")]
Reason = Annotated[str, _field("Reason", "What Prefect said about it.")]


def filled_in(profile: str, settings: Sequence[str], fields: Mapping[str, Any]) -> RunConfig:
    """The configuration of a profile with other settings and a form's fields over it.

    Args:
        profile: A name or a path.
        settings: `section.key=value`.
        fields: By the setting's dotted name, as the form has them.

    Raises:
        ConfigError: What the profile, a setting or a field is wrong about.
    """
    over = [
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in fields.items() if value not in _AS_IT_IS
    ]
    return load_config(profile, [*settings, *over])


def due_at() -> str:
    """The time for which the current flow run is due, as a crawl snapshot's name."""
    return f"{flow_run.scheduled_start_time:%Y-%m-%dT%H:%M:%SZ}"


def run_name(verb: str, *about: str) -> str:
    """What the current flow run is called in the UI: the verb, what it is about, and the profile.

    Args:
        verb: The flow's.
        about: What tells this run from others; empty ones are left out.
    """
    return " · ".join([verb, *filter(None, about), Path(given("profile")).stem])


def given(field: str) -> str:
    """What the form of the current flow run has in a field; empty where it was left empty."""
    return str(flow_run.parameters.get(field) or "")


def steps_wanted() -> str:
    """The number of training steps in the current run's form, for its name."""
    number = given("num_steps")
    return number and f"{number} steps"
