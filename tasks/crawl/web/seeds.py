"""Addresses to fetch: read from config and file, each asked for once."""

import json
from pathlib import Path

from pipeline_config.crawl import WebSource
from tasks.contracts.errors import BadInputError, EmptyInputError
from tasks.crawl.failures import Failure
from tasks.crawl.urls import canonical_url
from tasks.text.package_path import resolve_path


def listed_seeds(source: WebSource) -> tuple[str, ...]:
    """All addresses of a source in their order, repeated ones included.

    Raises:
        BadInputError: The seeds file is missing or cannot be read.
        EmptyInputError: There are none, and no sitemaps either.
    """
    listed = list(source.seeds)
    if source.seeds_file is not None:
        listed += _read_seeds(resolve_path(source.seeds_file))
    if not listed and not source.sitemaps:
        raise EmptyInputError(
            f"source {source.name!r}: found 0 addresses in {source.seeds_file}, expected at least one; add one a line"
        )
    return tuple(listed)


def sift_seeds(listed: tuple[str, ...]) -> tuple[tuple[str, ...], list[Failure]]:
    """The addresses to ask for, and those left out with the reason: no address, or listed before."""
    first_by_canonical: dict[str, str] = {}
    left_out = []
    for url in listed:
        try:
            canonical = canonical_url(url)
        except ValueError as error:
            left_out.append(Failure(url, "invalid_url", str(error)))
            continue
        if canonical in first_by_canonical:
            left_out.append(Failure(url, "duplicate_seed", f"listed before as {first_by_canonical[canonical]}"))
        else:
            first_by_canonical[canonical] = url
    return tuple(first_by_canonical.values()), left_out


def _read_seeds(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: {error}; expected a UTF-8 text file with one address a line") from error
    if not text.lstrip().startswith("{"):
        lines = (line.split(" #")[0].strip() for line in text.splitlines())
        return [line for line in lines if line and not line.startswith("#")]
    try:
        return [str(entry["url"]) for entry in json.loads(text).values()]
    except (ValueError, KeyError, TypeError) as error:
        raise BadInputError(
            f"{path}: found JSON that is no list of addresses ({error!r}), "
            'expected an object whose values have a url: {"a": {"url": "https://…"}}'
        ) from error
