"""Looking into the corpus: samples, search, and why one document was kept or dropped.

Everything goes through the files row by row; only what is shown is ever held. Texts that were taken down are left out.
"""

import heapq
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from pipeline_config.clean import SelectConfig
from tasks.clean.decisions import TAKEN_DOWN
from tasks.clean.metrics import METRIC_NAMES
from tasks.clean.rules import LANGUAGE_SCORE, primary_language, quality_rules
from tasks.clean.takedown import TakedownIndex, index_takedowns
from tasks.clean.taken_out import whole_ids
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError
from tasks.contracts.records import CORPUS_SCHEMA, DROPPED, DROPPED_SCHEMA, KEPT, ROWS
from tasks.contracts.takedown import Takedown
from tasks.storage.corpus import corpus_rows, series_of, snapshot_of
from tasks.storage.corpus_counts import Fate, dropped_rows, rows_by_id
from tasks.storage.fingerprint import sha256_hex
from tasks.storage.store import Store

_CONTEXT_CHARS = 160
_SCORE_DIGITS = 4  # more are noise of the table's 32 bits
_SEARCHED = ("title", "url", "text")
_DOC_ID = re.compile(r"[0-9a-f]{32}")

Row = dict[str, Any]


@dataclass(frozen=True)
class Which:
    """Which documents are looked at; None: all."""

    fate: Fate = "kept"
    rule: str | None = None
    """A drop reason."""
    source: str | None = None
    lang: str | None = None

    def has(self, row: Mapping[str, Any]) -> bool:
        """Whether a row is one of them."""
        return (
            self.rule in (None, row.get("drop_reason"))
            and self.source in (None, row["source_name"])
            and self.lang in (None, row["lang"])
        )


@dataclass(frozen=True)
class Drawn:
    """Some documents of a group."""

    num_documents: int
    """In the whole group."""
    rows: list[Row]


@dataclass(frozen=True)
class Match:
    """A document in which something was found, and the words around it."""

    row: Row
    where: str
    """title, url or text."""
    before: str
    found: str
    after: str


@dataclass(frozen=True)
class Judged:
    """One document as extraction measured it, and what became of it."""

    row: Row
    """A row of the corpus or of what was dropped."""
    measured: Row
    """Its row of `extracted/`, without the text; empty where the part is not there any more."""
    fate: Fate


@dataclass(frozen=True)
class Check:
    """A metric beside the rule that asks for it; without a rule where none does in this language and kind."""

    rule: str | None
    metric: str
    value: float
    drops_if: str | None
    """How a value that drops the document stands to the limit."""
    limit: float | None
    is_failed: bool


def select_config(store: Store, documents: ArtifactRef) -> SelectConfig:
    """The thresholds by which documents were selected."""
    return SelectConfig.model_validate(store.manifest(snapshot_of(store, documents)).preimage["identity"]["select"])


def documents_of(store: Store, documents: ArtifactRef, which: Which, columns: Sequence[str]) -> Iterator[Row]:
    """The rows of the corpus, or of what it did not take, that are asked for and were not taken down.

    Args:
        store: Holds the snapshots.
        documents: A `documents` artifact.
        which: Fate and filters.
        columns: Wanted of CORPUS_SCHEMA, or of DROPPED_SCHEMA for dropped ones.
    """
    needed = ["doc_id", "url", "source_name", "lang", *(["drop_reason"] if which.fate == "dropped" else [])]
    read = [*dict.fromkeys([*columns, *needed])]
    rows = (corpus_rows if which.fate == "kept" else dropped_rows)(store, documents, read)
    refused = _takedowns(store, documents)
    return (row for row in rows if which.has(row) and not _is_refused(row, refused))


def sampled(store: Store, documents: ArtifactRef, which: Which, num: int, seed: int) -> list[Row]:
    """Some of the documents with all their columns, the same ones for the same seed.

    Args:
        store: Holds the snapshots.
        documents: A `documents` artifact.
        which: Fate and filters.
        num: How many at most.
        seed: Another one draws others.
    """
    rows = documents_of(store, documents, which, ["doc_id", "text_digest"])
    chosen = heapq.nsmallest(num, rows, key=lambda row: _rank(row, seed))
    found = {(row["doc_id"], row["text_digest"]): row for row in _whole(store, documents, which.fate, chosen)}
    return [found[row["doc_id"], row["text_digest"]] for row in chosen]


def sampled_by(store: Store, documents: ArtifactRef, fate: Fate, column: str, num: int, seed: int) -> dict[str, Drawn]:
    """Some documents for each value of a column, the most frequent value first, in one pass.

    Args:
        store: Holds the snapshots.
        documents: A `documents` artifact.
        fate: Of the documents.
        column: e.g. lang or drop_reason.
        num: How many at most of each value.
        seed: Another one draws others.
    """
    chosen: defaultdict[str, list[tuple[str, Row]]] = defaultdict(list)
    counts: Counter[str] = Counter()
    for row in documents_of(store, documents, Which(fate), ["doc_id", "text_digest", column]):
        counts[row[column]] += 1
        group = chosen[row[column]]
        group.append((_rank(row, seed), row))
        if len(group) > 2 * num:
            group.sort(key=itemgetter(0))
            del group[num:]
    best = {value: [row for _, row in heapq.nsmallest(num, group, itemgetter(0))] for value, group in chosen.items()}
    flat = [row for rows in best.values() for row in rows]
    found = {(row["doc_id"], row["text_digest"]): row for row in _whole(store, documents, fate, flat)}
    return {
        value: Drawn(counts[value], [found[row["doc_id"], row["text_digest"]] for row in best[value]])
        for value in sorted(best, key=lambda value: (-counts[value], value))
    }


def searched(store: Store, documents: ArtifactRef, which: Which, pattern: re.Pattern[str]) -> Iterator[Match]:
    """The documents in whose title, address or text the pattern occurs, each with its first place."""
    columns = (CORPUS_SCHEMA if which.fate == "kept" else DROPPED_SCHEMA).names
    for row in documents_of(store, documents, which, columns):
        for where in _SEARCHED:
            found = pattern.search(row[where] or "")
            if found is not None:
                yield _match(row, where, found)
                break


def search_pattern(text: str, *, is_regex: bool) -> re.Pattern[str]:
    """What to look for, whatever its case.

    Raises:
        BadInputError: It is empty, or no regular expression.
    """
    if not text:
        raise BadInputError("found nothing to search for, expected a word or more")
    try:
        return re.compile(text if is_regex else re.escape(text), re.IGNORECASE)
    except re.error as error:
        raise BadInputError(
            f"{text!r} is no regular expression: {error}; mend it, or search for the plain text without --regex"
        ) from error


def judged(store: Store, documents: ArtifactRef, name: str) -> list[Judged]:
    """Every document of an id or an address, kept or dropped, with its metrics.

    Args:
        store: Holds the snapshots.
        documents: A `documents` artifact.
        name: 32 hexadecimal digits, or an address.
    """
    fates: tuple[Fate, Fate] = ("kept", "dropped")
    answers = []
    for fate in fates:
        rows = (corpus_rows if fate == "kept" else dropped_rows)(store, documents, ["doc_id", "text_digest", "url"])
        found = _whole(store, documents, fate, [row for row in rows if _is_named(row, name)])
        answers += [Judged(row, _measured(store, documents, row), fate) for row in found]
    return answers


def checks(measured: Mapping[str, Any], config: SelectConfig) -> list[Check]:
    """Every metric of a document: first those that a rule asks for, in the rules' order, then the others.

    Args:
        measured: A row of `extracted/`.
        config: The thresholds.
    """
    score, least = round(float(measured["lang_score"]), _SCORE_DIGITS), config.min_language_score
    found = [Check(LANGUAGE_SCORE, "lang_score", score, "<", least, score < least)]
    is_asked = measured["source_kind"] in config.quality_kinds
    asked_rules = quality_rules(config).get(primary_language(measured["lang"]), ()) if is_asked else ()
    for rule, limit in asked_rules:
        if rule.column not in measured:  # the part was extracted before this rule came
            continue
        value = float(measured[rule.column])
        found.append(Check(rule.reason, rule.column, value, rule.drops_if, limit, rule.fails(measured, limit)))
    asked = {check.metric for check in found}
    rest = [name for name in measured if name in METRIC_NAMES and name not in asked]
    return [*found, *(Check(None, name, float(measured[name]), None, None, False) for name in rest)]


def kept_urls(store: Store, documents: ArtifactRef, rows: Iterable[Mapping[str, Any]]) -> dict[bytes, str]:
    """The addresses of the documents that were kept in place of dropped ones."""
    wanted = {row["duplicate_of"] for row in rows if row.get("duplicate_of") is not None}
    return {
        row["doc_id"]: row["url"]
        for ref in series_of(store, documents)
        for row in rows_by_id(store.files(ref, f"{KEPT}-"), wanted, ["doc_id", "url"])
    }


def _rank(row: Row, seed: int) -> str:
    return sha256_hex(seed.to_bytes(8, "big", signed=True) + row["doc_id"])


def _is_named(row: Mapping[str, Any], name: str) -> bool:
    return bool((row["doc_id"].hex() if _DOC_ID.fullmatch(name) else row["url"]) == name)


def _whole(store: Store, documents: ArtifactRef, fate: Fate, chosen: Sequence[Row]) -> Iterator[Row]:
    """All columns of the chosen rows, from whichever snapshot has them; the newest where several have."""
    stem, columns = (KEPT, CORPUS_SCHEMA.names) if fate == "kept" else (DROPPED, DROPPED_SCHEMA.names)
    wanted = {(row["doc_id"], row["text_digest"]) for row in chosen}
    for ref in reversed(series_of(store, documents)):
        for row in rows_by_id(store.files(ref, f"{stem}-"), {doc_id for doc_id, _ in wanted}, columns):
            if (row["doc_id"], row["text_digest"]) in wanted:
                wanted.remove((row["doc_id"], row["text_digest"]))
                yield row


def _measured(store: Store, documents: ArtifactRef, row: Row) -> Row:
    """The metrics of a text, from the newest extracted part that has it."""
    import pyarrow.parquet as pq

    ((_, digest),) = whole_ids(store, documents, [(row["doc_id"], row["text_digest"])])
    for ref in reversed(series_of(store, documents)):
        parts = [part for name, part in sorted(store.manifest(ref).inputs.items()) if part.kind == "extracted"]
        for part in reversed(parts):
            for path in store.files(part, f"{ROWS}-"):
                columns = [name for name in pq.read_schema(path).names if name not in ("text", "minhash")]
                for found in rows_by_id([path], [row["doc_id"]], columns):
                    if found["text_digest"] == digest:
                        return found
    return {}


def _match(row: Row, where: str, found: re.Match[str]) -> Match:
    text = row[where]
    start, stop = max(0, found.start() - _CONTEXT_CHARS), found.end() + _CONTEXT_CHARS
    before, after = text[start : found.start()], text[found.end() : stop]
    return Match(
        row,
        where,
        before if start == 0 else f"…{before.partition(' ')[2] or before}",
        found[0],
        after if stop >= len(text) else f"{after.rpartition(' ')[0] or after}…",
    )


def _takedowns(store: Store, documents: ArtifactRef) -> TakedownIndex:
    listed = store.manifest(snapshot_of(store, documents)).preimage["identity"].get("takedowns", ())
    return index_takedowns(Takedown.model_validate(takedown) for takedown in listed)


def _is_refused(row: Mapping[str, Any], refused: TakedownIndex) -> bool:
    return (
        row.get("drop_reason") == TAKEN_DOWN
        or refused.names(row["doc_id"], row["url"])
        or refused.covers_host(row["url"])
    )
