"""A corpus that somebody hands in: imported as any other, or refused where most of it is not what it should be."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipeline_config.dialogue import DialogueSource
from tasks.contracts.errors import BadInputError
from tasks.dialogue.import_corpus import first_drops, plan_import_dialogue
from tasks.dialogue.readers import corpus_files
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import StageCall
from tasks.storage.store import Attempt, Built
from tasks.text.package_path import resolve_path

_WELL_FORMED = frozenset({"too_few_turns", "message_too_long", "duplicate", "id_used_twice"})
"""Reasons to leave out an entry that is what the form promises."""

Stats = list[tuple[int, int]]


def plan_checked_import(source: DialogueSource) -> StageCall:
    """The work of `plan_import_dialogue`, under the same key, with two refusals more while it is made.

    Building raises BadInputError where most entries are malformed, and where the files change while they are read.

    Raises:
        BadInputError: The corpus is not where the source says.
    """
    files = corpus_files(resolve_path(source.path), source.format)
    before = _stats(files)
    call = plan_import_dialogue(source)

    def build(attempt: Attempt) -> Built:
        built = call.build(attempt)
        _refuse_malformed(attempt, built, source)
        if _stats(files) != before:
            raise BadInputError(
                f"{source.path} changed while it was read, expected a finished file; give it again once it is written"
            )
        return built

    return replace(call, build=build)


def _refuse_malformed(attempt: Attempt, built: Built, source: DialogueSource) -> None:
    malformed = {reason: count for reason, count in built.drops.items() if reason not in _WELL_FORMED}
    num_malformed = sum(malformed.values())
    num_entries = sum(built.drops.values()) + int(built.totals["num_conversations"] or 0)
    if 2 * num_malformed <= num_entries:
        return
    dropped = read_rows(sorted(attempt.folder.glob("dropped-*.parquet")))
    shown = first_drops(row for row in dropped if row["drop_reason"] in malformed)
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in malformed.items())
    raise BadInputError(
        f"{source.path}: {num_malformed:,} of {num_entries:,} entries are malformed ({reasons}{shown}), expected most "
        f"of them to be conversations in the form {source.format!r}; name another form, or mend the file"
    )


def _stats(files: Sequence[Path]) -> Stats:
    return [(found.st_size, found.st_mtime_ns) for found in (file.stat() for file in files)]
