"""What every kind of source says of itself."""

import codecs
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from pipeline_config.base import IdentityConfig

SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
"""Lower-case letters, digits and dashes: it names a folder of the store."""

DETECT = "detect"
"""In place of an encoding's name: look at the bytes."""


def _known_encoding(name: str) -> str:
    try:
        return name if name == DETECT else codecs.lookup(name) and name
    except LookupError as error:
        raise ValueError(
            f"{name!r} is no encoding that Python knows; use a name such as utf-8, cp1252 or gb18030, or {DETECT}"
        ) from error


def _known_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}; mend or quote it") from error
    return pattern


def _inside(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"{path!r} leads out of the folder; set folder instead")
    return path


EncodingName = Annotated[str, AfterValidator(_known_encoding)]
"""A text encoding that Python knows, or `detect`."""

Pattern = Annotated[str, AfterValidator(_known_pattern)]
"""A Python regular expression."""

InsidePath = Annotated[str, StringConstraints(min_length=1), AfterValidator(_inside)]
"""A path or a pattern of paths below the source's folder."""

SourceKind = Literal["web", "news", "book", "code", "dataset"]
"""What a source's texts are."""


class SourceConfig(IdentityConfig):
    """What every source says of itself."""

    name: SourceName
    """Name of the source and of its artifacts; each name once."""
    licence: str = Field(default="unknown", min_length=1)
    """Licence of the texts, an SPDX id where there is one; `unknown` where unknown."""


class FolderSource(SourceConfig):
    """A source whose files lie in a folder."""

    folder: str = Field(min_length=1)
    """A path, or `package:NAME/sub/path` inside an installed package."""
    url_base: str | None = None
    """What a file's path inside the folder is put behind to make its stable address. None: the folder itself when it
    lies in a package, else `folder:<name>/`, so that no machine's path becomes part of a document's id."""
