"""Reads a profile (YAML) and `--set` overrides into a RunConfig, or says which line is wrong and how to mend it."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pipeline_config.clean import SelectConfig
from pipeline_config.complaints import ConfigError, YamlFile, complaints, read_yaml, where_is
from pipeline_config.crawl import Source
from pipeline_config.places import placed
from pipeline_config.run import RunConfig
from pipeline_config.sources import load_sources_with_places, refuse_names_twice

__all__ = ["DEMO_TEXTS", "ConfigError", "load_config", "profile_names"]

PROFILES = Path(__file__).parent / "profiles"
DEMO_TEXTS = PROFILES / "demo-requirements.txt"
"""The packages that carry the demo's texts, for pip."""

_EXPECTED = "sections such as `crawl:` with keys under them"
_SOURCES_FILE = "sources_file"
_BESIDE = " with --set"
_SELECT = "clean.select."


def profile_names() -> list[str]:
    """The profiles that come with chatmill."""
    return sorted(path.stem for path in PROFILES.glob("*.yaml"))


def load_config(profile: str, overrides: Sequence[str] = ()) -> RunConfig:
    """The configuration that a profile and overrides make together.

    The sources of `crawl.sources_file` stand behind those of `crawl.sources` then, and the file is named no more.

    Args:
        profile: The name of a profile that comes with chatmill, or the path of a YAML file.
        overrides: `section.key=value`, the value as YAML; later ones win. A path set here is meant from the working
            folder, one that the profile or the sources file names from that file's folder.

    Raises:
        ConfigError: A file is missing or not YAML, a key is unknown, a value impossible, or two sources have one name.
    """
    path = PROFILES / f"{profile}.yaml" if profile in profile_names() else Path(profile)
    if not path.is_file():
        raise ConfigError(
            f"found no profile {profile!r}, expected one of {', '.join(profile_names())} or a YAML file's path"
        )
    file = read_yaml(path, expected=_EXPECTED)
    values = copy.deepcopy(file.values)
    for override in overrides:
        _apply(values, override)
    _append_sources(values, file)
    try:
        config = RunConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(complaints(error, file, values, RunConfig, _BESIDE))) from error
    return _from_the_profile(config, file)


def retuned(config: SelectConfig, settings: Sequence[str]) -> SelectConfig:
    """The selection with other values.

    Args:
        config: The values now.
        settings: `key=value` of the select section, e.g. `gopher_quality.min_words=30`, or with `clean.select.` before.

    Raises:
        ConfigError: A key is unknown or a value impossible.
    """
    values = {"clean": {"select": config.model_dump(mode="json")}}
    for setting in settings:
        _apply(values, f"{_SELECT}{setting.removeprefix(_SELECT)}")
    select = values["clean"]["select"]
    if isinstance(languages := select["languages"], list):  # a language that is asked for no more has no limits
        select["per_language"] = {lang: own for lang, own in select["per_language"].items() if lang in languages}
    try:
        return RunConfig.model_validate(values).clean.select
    except ValidationError as error:
        file = YamlFile(Path("--set"), {}, None)
        raise ConfigError("\n".join(complaints(error, file, values, RunConfig, ""))) from error


def _from_the_profile(config: RunConfig, file: YamlFile) -> RunConfig:
    """The configuration with the profile's paths meant from its folder."""
    base, written = file.path.parent, file.values
    sources = tuple(placed(source, base, written) for source in config.crawl.sources)
    steps = {name: getattr(config.clean, name) for name in ("extract", "select", "decontaminate")}
    lists = {name: placed(step, base, written) for name, step in steps.items() if step is not None}
    return config.model_copy(
        update={
            "crawl": config.crawl.model_copy(update={"sources": sources}),
            "clean": config.clean.model_copy(update=lists),
            "dialogues": tuple(placed(source, base, written) for source in config.dialogues),
            "interact": placed(config.interact, base, written),
        }
    )


def _apply(values: dict[str, Any], override: str) -> None:
    name, separator, value = override.partition("=")
    if not separator or not name:
        raise ConfigError(f"--set {override!r}: found no `=`, expected section.key=value, e.g. pretrain.num_steps=500")
    *sections, key = name.split(".")
    place = values
    for section in sections:
        inner = place.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"--set {override!r}: {section} is a {type(inner).__name__}, not a section; set it whole")
        place = inner
    try:
        place[key] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {override!r}: the value is not YAML; put it in quotes") from error


def _append_sources(values: dict[str, Any], file: YamlFile) -> None:
    """Puts the sources of the sources file, if one is named, behind the profile's own.

    Raises:
        ConfigError: The file cannot be read, or two sources have one name.
    """
    crawl = values.get("crawl")
    own = crawl.get("sources", []) if isinstance(crawl, dict) else None
    if not isinstance(crawl, dict) or not isinstance(own, list):
        return  # what stands there is refused later, with its line
    found: list[tuple[Source, str]] = []
    if isinstance(crawl.get(_SOURCES_FILE), str):
        named = crawl.pop(_SOURCES_FILE)
        is_set_beside = file.values.get("crawl", {}).get(_SOURCES_FILE) != named
        found = load_sources_with_places(Path(named) if is_set_beside else file.path.parent / named)
    own_names = [
        (str(entry["name"]), where_is(file, values, ("crawl", "sources", number), _BESIDE))
        for number, entry in enumerate(own)
        if isinstance(entry, dict) and "name" in entry
    ]
    refuse_names_twice([*own_names, *((source.name, place) for source, place in found)])
    crawl["sources"] = [*own, *(source for source, _ in found)]
