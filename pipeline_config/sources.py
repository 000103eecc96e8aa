"""A sources file: a list of sources in a YAML file of its own, so that a team's list and its profiles change apart."""

from collections.abc import Iterable
from pathlib import Path

from pydantic import Field, ValidationError

from pipeline_config.base import IdentityConfig
from pipeline_config.complaints import ConfigError, complaints, read_yaml
from pipeline_config.crawl import Source
from pipeline_config.places import placed

_EXPECTED = "`sources:` with a list under it, e.g. `sources: [{form: web, name: mine, seeds: [https://…]}]`"


class SourcesFile(IdentityConfig):
    """What a sources file holds."""

    sources: tuple[Source, ...] = Field(min_length=1)
    """Web sites, feeds and folders of texts."""


def load_sources(path: Path) -> tuple[Source, ...]:
    """The sources that a file lists.

    Raises:
        ConfigError: The file is missing, empty or not YAML, a key is unknown, a value impossible, or two sources have
            one name; the message names the lines.
    """
    return tuple(source for source, _ in load_sources_with_places(path))


def load_sources_with_places(path: Path) -> list[tuple[Source, str]]:
    """The sources that a file lists, each with `file:line`.

    Raises:
        ConfigError: As `load_sources`.
    """
    if not path.is_file():
        raise ConfigError(f"found no sources file at {path}, expected a YAML file with {_EXPECTED}; correct the path")
    file = read_yaml(path, expected=_EXPECTED)
    if not file.values:
        raise ConfigError(f"{path}:1: found nothing, expected {_EXPECTED}")
    try:
        sources = SourcesFile.model_validate(file.values).sources
    except ValidationError as error:
        raise ConfigError("\n".join(complaints(error, file, file.values, SourcesFile, ":1"))) from error
    found = [
        (placed(source, path.parent, file.values), f"{path}:{file.line_of(('sources', number))}")
        for number, source in enumerate(sources)
    ]
    refuse_names_twice((source.name, place) for source, place in found)
    return found


def refuse_names_twice(names: Iterable[tuple[str, str]]) -> None:
    """Lets different names pass.

    Args:
        names: Each source's name, and where it stands.

    Raises:
        ConfigError: Two have one name.
    """
    places: dict[str, list[str]] = {}
    for name, place in names:
        places.setdefault(name, []).append(place)
    twice = [
        f"{' and '.join(found)}: found {len(found)} sources named {name!r}, expected a name of its own for each; "
        "rename all but one"
        for name, found in places.items()
        if len(found) > 1
    ]
    if twice:
        raise ConfigError("\n".join(twice))
