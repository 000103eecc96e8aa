"""What selection refuses, each with what was found and what to do."""

from collections import Counter
from collections.abc import Sequence
from math import ceil
from typing import Any

from pipeline_config.clean import SelectConfig
from tasks.clean.rules import setting_of
from tasks.clean.seen import LINKS
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError, EmptyInputError, SchemaVersionError
from tasks.storage.store import Store

_NAMED_REASONS = 3


def nothing_read(store: Store, new: Sequence[ArtifactRef]) -> EmptyInputError:
    """No part has a document."""
    set_aside: Counter[str] = Counter()
    for part in new:
        set_aside.update(store.manifest(part).drops)
    found = ", ".join(f"{reason} {count}" for reason, count in set_aside.most_common(_NAMED_REASONS))
    return EmptyInputError(
        f"found no extracted document in {len(new)} parts ({found or 'nothing was set aside'}), expected at least one; "
        "name a source of readable text in the configuration, or check content types and the limits in its extract "
        "section"
    )


def nothing_kept(drops: Counter[str], config: SelectConfig) -> EmptyInputError:
    """All documents were dropped."""
    return EmptyInputError(
        f"selection dropped all {drops.total()} documents, most often for {_named(drops)}; expected to keep at least "
        f"one; look at {_settings(drops, config)} in the select section of the configuration"
    )


def next_to_nothing_left(
    source: str, num_documents: int, drops: Counter[str], config: SelectConfig, max_share: float
) -> str:
    """The rules dropped nearly all that a source brings: a warning, or a refusal where no other source brings more."""
    return (
        f"source {source!r}: rules dropped {drops.total()} of {num_documents} new documents, most often for "
        f"{_named(drops)}; expected at most {100 * max_share:g} %; look at what the source sends now, then at "
        f"{_settings(drops, config)} in the select section of the configuration; where that is as it should be, raise "
        "clean.select_launch.max_dropped_share, or set it to null"
    )


def too_little_memory(num_rows: int, max_memory_mb: int, needed_bytes: int) -> BadInputError:
    """The corpus is larger than the memory that selection may take."""
    return BadInputError(
        f"clean.select_launch.max_memory_mb={max_memory_mb} does not do for a corpus that has seen {num_rows} "
        f"documents; set it to {ceil(needed_bytes / 2**20)} at least"
    )


def older_snapshot(snapshot: ArtifactRef) -> SchemaVersionError:
    """The snapshot to go on from lacks files that are read now."""
    return SchemaVersionError(
        f"{snapshot} was made by an older chatmill and has no {LINKS}-* files, which going on from it needs; "
        "run `chatmill refresh`, which selects anew from what is extracted"
    )


def _named(drops: Counter[str]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in drops.most_common(_NAMED_REASONS))


def _settings(drops: Counter[str], config: SelectConfig) -> str:
    """Those on which the most frequent reasons hang, with their values."""
    settings = dict.fromkeys(setting_of(reason) for reason, _ in drops.most_common(_NAMED_REASONS))
    return ", ".join(f"{setting}={_value(setting, config)}" for setting in settings)


def _value(setting: str, config: SelectConfig) -> Any:
    value: Any = config
    for name in setting.split("."):
        value = getattr(value, name)
    return value
