"""Under which licence a file of source code stands: what it says itself, else the licence file nearest above it."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

_HEAD_CHARS = 2_000
_IDENTIFIER = re.compile(r"SPDX-License-Identifier:\s*([A-Za-z0-9.+() -]{2,100})")
_FILE = re.compile(r"(?:un)?licen[cs]e|copying|copyright", re.IGNORECASE)
_KNOWN_ENDINGS = frozenset({"", ".txt", ".md", ".rst"})
# The first of these whose words all stand in a licence file. Source: the texts at https://spdx.org/licenses/.
_BY_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Apache-2.0", ("apache license", "version 2.0")),
    ("MPL-2.0", ("mozilla public license version 2.0",)),
    ("AGPL-3.0-only", ("gnu affero general public license", "version 3, 19 november 2007")),
    ("LGPL-3.0-only", ("gnu lesser general public license", "version 3, 29 june 2007")),
    ("LGPL-2.1-only", ("gnu lesser general public license", "version 2.1, february 1999")),
    ("GPL-3.0-only", ("gnu general public license", "version 3, 29 june 2007")),
    ("GPL-2.0-only", ("gnu general public license", "version 2, june 1991")),
    ("CC0-1.0", ("cc0 1.0 universal",)),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",)),
    ("BSL-1.0", ("boost software license - version 1.0",)),
    ("ISC", ("permission to use, copy, modify, and/or distribute this software for any purpose with or without fee",)),
    (
        "MIT",
        (
            "permission is hereby granted, free of charge, to any person obtaining a copy",
            "the above copyright notice and this permission notice shall be included in all",
        ),
    ),
    (
        "BSD-3-Clause",
        ("redistribution and use in source and binary forms", "endorse or promote products derived from this software"),
    ),
    ("BSD-2-Clause", ("redistribution and use in source and binary forms", "this list of conditions")),
)


def is_licence_file(name: str) -> bool:
    """Whether a file is a project's licence by its name: LICENSE, LICENCE.txt, COPYING, UNLICENSE."""
    path = PurePosixPath(name)
    stem, ending = (path.stem, path.suffix) if path.suffix.lower() in _KNOWN_ENDINGS else (path.name, "")
    return ending.lower() in _KNOWN_ENDINGS and _FILE.fullmatch(stem) is not None


def licence_named(text: str) -> str | None:
    """What a file of code says of itself in its first lines, as an SPDX expression; None where it says nothing."""
    found = _IDENTIFIER.search(text[:_HEAD_CHARS])
    return found.group(1).splitlines()[0].strip(" -") if found else None


def licence_of_text(text: str) -> str | None:
    """The SPDX id of a licence file; None where its words are those of no licence known here.

    The GNU licences' texts do not say «or any later version»; that stands in the files, so the narrower id is given.
    """
    words = " ".join(text.lower().split())
    return licence_named(text) or next((spdx for spdx, said in _BY_WORDS if all(word in words for word in said)), None)


def nearest_licence(name: str, licences: Mapping[str, str]) -> str | None:
    """The licence of the folder of a file, or of the nearest folder above it that has one.

    Args:
        name: The file's path below the source's folder.
        licences: SPDX ids by folder; `.` is the source's own.
    """
    return next((licences[str(folder)] for folder in PurePosixPath(name).parents if str(folder) in licences), None)
