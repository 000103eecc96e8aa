"""Reads a profile (YAML) and `--set` overrides into a RunConfig, or says which line is wrong and how to mend it."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from pipeline_config.run import RunConfig

PROFILES = Path(__file__).parent / "profiles"


class ConfigError(Exception):
    """A profile or an override holds an unknown key or an impossible value."""


def profile_names() -> list[str]:
    """The profiles that come with chatmill."""
    return sorted(path.stem for path in PROFILES.glob("*.yaml"))


def load_config(profile: str, overrides: Sequence[str] = ()) -> RunConfig:
    """The configuration that a profile and overrides make together.

    Args:
        profile: The name of a profile that comes with chatmill, or the path of a YAML file.
        overrides: `section.key=value`, the value as YAML; later ones win.

    Raises:
        ConfigError: The file is missing or not YAML, a key is unknown, a value impossible.
    """
    path = PROFILES / f"{profile}.yaml" if profile in profile_names() else Path(profile)
    if not path.is_file():
        raise ConfigError(
            f"found no profile {profile!r}, expected one of {', '.join(profile_names())} or a YAML file's path"
        )
    try:
        text = path.read_text(encoding="utf-8")
        values, tree = yaml.safe_load(text) or {}, yaml.compose(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {error}; mend it at that place") from error
    if not isinstance(values, dict):
        raise ConfigError(
            f"{path} holds a {type(values).__name__}, expected sections such as `crawl:` with keys under them"
        )
    for override in overrides:
        _apply(values, override)
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(_complaints(error, path, tree))) from error


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
    place[key] = yaml.safe_load(value)


def _complaints(error: ValidationError, path: Path, tree: yaml.Node | None) -> Iterator[str]:
    for found in error.errors():
        loc = found["loc"]
        line = _line_of(tree, loc)
        where = f"{path}:{line}" if line else f"{path} with --set"
        name = ".".join(str(part) for part in loc)
        if found["type"] == "extra_forbidden":
            known = _keys_at(loc[:-1])
            close = difflib.get_close_matches(str(loc[-1]), known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(sorted(known))}"
            yield f"{where}: unknown key {name}; {hint}"
        else:
            shown = repr(found["input"])
            yield f"{where}: {name}={shown[:80]}: {found['msg']}; correct that value"


def _line_of(node: yaml.Node | None, loc: Sequence[int | str]) -> int | None:
    line = None
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if found is None:
                return None
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


def _keys_at(loc: Sequence[int | str]) -> list[str]:
    model: Any = RunConfig
    for part in loc:
        if isinstance(part, int):
            continue
        model = _model_in(model.model_fields[part].annotation)
        if model is None:
            return []
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation such as `tuple[WebSource, ...]` holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_in(arg) for arg in getattr(annotation, "__args__", ()))
    return next((model for model in inner if model is not None), None)


def resolved(config: RunConfig) -> Mapping[str, Any]:
    """Every setting with its value, defaults included, as plain data."""
    return config.model_dump(mode="json")
