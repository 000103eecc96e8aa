"""The data section's figures: what came in, what was kept, and what became of the rest."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from tasks.contracts.artifacts import Manifest
from tasks.contracts.records import DROPPED, FAILURES, GONE, KEPT, LISTING, QUARANTINE, RECORDS, ROWS
from tasks.contracts.records import TOMBSTONES as ENDED
from tasks.reporting.artifacts import RunArtifacts
from tasks.reporting.charts import NUM_COLOURS, Bar, bars, share_note
from tasks.reporting.scales import counted, number, percent
from tasks.storage.corpus import PREVIOUS, series_of
from tasks.storage.corpus_counts import Cell, CorpusCounts, Fate, num_rows, rolled
from tasks.storage.parquet_shards import read_rows
from tasks.storage.store import Store

FATES: tuple[Fate, ...] = ("kept", "dropped")
HOLLOW: Fate = "dropped"
"""What is drawn hollow, so that colour is not all that tells it from what was kept."""
_REDACTED = "num_redacted."
_NAMED = 8
_OTHERS = "all others"
"""No source can be called that."""
_BY_CHARACTER = ("zh", "ja")
_BY_CHARACTER_RULES = ("characters", "unicode")


class Table(NamedTuple):
    """Rows under a caption; the first column names the row."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


class Figure(NamedTuple):
    """A chart under a caption."""

    caption: str
    chart: Markup


def this_time(run: RunArtifacts) -> Table:
    """Each source's part: what it holds, what was new, what was gone, what gave no document."""
    extracted = {manifest.inputs["raw"].key: manifest for manifest in run.extracted}
    rows = []
    for raw in run.raw:
        out = extracted.get(raw.key)
        rows.append(
            (
                raw.name,
                num_rows(raw, LISTING) or num_rows(raw, RECORDS),
                num_rows(raw, RECORDS),
                num_rows(raw, GONE),
                num_rows(raw, FAILURES),
                num_rows(out, ROWS) if out else "",
                num_rows(out, QUARANTINE) if out else "",
            )
        )
    columns = ("source", "holds", "new or changed", "gone", "no record", "extracted", "unreadable")
    return Table("What each source brought this time", columns, rows)


def funnel(run: RunArtifacts) -> Figure | None:
    """New records, documents read of them, documents kept of those."""
    if run.documents is None or not run.raw:
        return None
    steps = {
        "new or changed records": sum(num_rows(raw, RECORDS) for raw in run.raw),
        "documents read of them": sum(num_rows(out, ROWS) for out in run.extracted),
        "documents kept of those": num_rows(run.documents, KEPT),
    }
    first = next(iter(steps.values()))
    rows = [Bar(name, [count], share_note(count, first)) for name, count in steps.items()]
    return Figure("From the sources to the corpus, this time", bars(rows, ["documents"], "documents"))


def changes(store: Store, documents: Manifest) -> Table:
    """What a snapshot added and what it ended, by reason."""
    ended = Counter(row["reason"] for row in read_rows(store.files(documents.ref, f"{ENDED}-"), ["reason"]))
    before = documents.inputs.get(PREVIOUS)
    rows: list[tuple[str, object]] = [("added", num_rows(documents, KEPT))]
    rows += [(f"ended: {reason.replace('_', ' ')}", count) for reason, count in ended.most_common()]
    rows += [("not taken of what was new", num_rows(documents, DROPPED))]
    since = f"since snapshot {before.key[:8]}" if before else "the first of its series"
    return Table(f"What snapshot {documents.key[:8]} changed, {since}", ("change", "documents"), rows)


def by_source(counts: CorpusCounts) -> Table:
    """The corpus by source."""
    kept, dropped = fates(counts.documents, "source")
    words, _ = fates(counts.words, "source")
    chars, _ = fates(counts.chars, "source")
    every = sum(words.values())
    kinds = {cell.source: cell.kind for cell in counts.documents}
    langs = _shares_by_source(counts, "lang")
    licences = _shares_by_source(counts, "licence")
    rows = [
        (
            source,
            kinds[source],
            kept[source],
            dropped[source],
            words[source],
            chars[source],
            percent(words[source], every),
            langs.get(source, ""),
            licences.get(source, ""),
        )
        for source in sorted(kinds, key=lambda source: -words[source])
    ]
    columns = ("source", "kind", "kept", "dropped", "words", "characters", "share", "languages", "licences")
    return Table("The corpus by source, shares of kept words", columns, rows)


def fates_by_source(counts: CorpusCounts) -> Figure:
    """Bars of kept and dropped documents, a source each."""
    kept, dropped = fates(counts.documents, "source")
    rows = [
        Bar(source, [kept[source], dropped[source]], f"{share_note(kept[source], kept[source] + dropped[source])} kept")
        for source in sorted(kept | dropped, key=lambda source: -(kept[source] + dropped[source]))
    ]
    return Figure("Kept and dropped documents by source", bars(rows, FATES, "documents", HOLLOW))


def drops_by_reason(counts: CorpusCounts) -> tuple[Figure, list[str]] | None:
    """Bars of dropped documents, a reason each, in segments by source; and the sources in the colours' order."""
    found = {key: count for key, count in rolled(counts.documents, "drop_reason", "source").items() if key[0]}
    if not found:
        return None
    sizes: Counter[str] = Counter()
    for (_, source), count in found.items():
        sizes[source] += count
    names = [source for source, _ in sizes.most_common()]
    shown = names if len(names) <= NUM_COLOURS else [*names[: NUM_COLOURS - 1], _OTHERS]
    stacks: dict[str, Counter[str]] = {}
    for (reason, source), count in found.items():
        stacks.setdefault(reason, Counter())[source if source in shown else _OTHERS] += count
    rows = [
        Bar(reason, [stack[name] for name in shown], share_note(stack.total(), sizes.total()))
        for reason, stack in sorted(stacks.items(), key=lambda item: -item[1].total())
    ]
    chart = bars(rows, shown, "documents")
    return Figure("Dropped documents by reason, coloured by source", chart), shown


def languages(counts: CorpusCounts) -> Table:
    """The corpus by language; languages of which nothing was kept stand in one row."""
    kept, dropped = fates(counts.documents, "lang")
    words, _ = fates(counts.words, "lang")
    chars, _ = fates(counts.chars, "lang")
    every = sum(words.values())
    rows: list[tuple[object, ...]] = [
        (lang, kept[lang], dropped[lang], words[lang], chars[lang], percent(words[lang], every))
        for lang in sorted(kept, key=lambda lang: -words[lang])
        if kept[lang]
    ]
    rest = {lang: count for lang, count in dropped.items() if not kept[lang]}
    if rest:
        named = ", ".join(sorted(rest, key=lambda lang: -rest[lang])[:_NAMED]) + (", …" if len(rest) > _NAMED else "")
        rows.append((counted(len(rest), "others") + f": {named}", 0, sum(rest.values()), 0, 0, percent(0, every)))
    columns = ("language", "kept", "dropped", "words", "characters", "share")
    return Table("The corpus by language, shares of kept words", columns, rows)


def licences(counts: CorpusCounts) -> Table:
    """The corpus by licence."""
    documents, words = rolled(counts.documents, "licence", "fate"), rolled(counts.words, "licence", "fate")
    every = sum(count for (_, fate), count in words.items() if fate == "kept")
    rows = [
        (licence, count, words[licence, fate], percent(words[licence, fate], every))
        for (licence, fate), count in documents.items()
        if fate == "kept"
    ]
    return Table("Licences of the kept texts, shares of all words", ("licence", "documents", "words", "share"), rows)


def troubles(store: Store, run: RunArtifacts) -> list[Table]:
    """What gave no record and what could not be read, by source and reason, each with an example."""
    tables = []
    for caption, manifests, stem in (
        ("Addresses and files without a record", run.raw, FAILURES),
        ("Records that could not be read", run.extracted, QUARANTINE),
    ):
        counted: Counter[tuple[str, str]] = Counter()
        examples: dict[tuple[str, str], dict[str, Any]] = {}
        for manifest in manifests:
            for row in read_rows(store.files(manifest.ref, f"{stem}-"), ["url", "reason", "detail"]):
                counted[manifest.name, row["reason"]] += 1
                examples.setdefault((manifest.name, row["reason"]), row)
        rows = [
            (reason.replace("_", " "), source, count, _example(examples[source, reason]))
            for (source, reason), count in counted.most_common()
        ]
        if rows:
            tables.append(Table(caption, ("reason", "source", "count", "example"), rows))
    return tables


def has_ideographs(run: RunArtifacts, counts: CorpusCounts) -> bool:
    """Whether some of the counted words are single Chinese or Japanese characters."""
    by_character = any(part.preimage["identity"].get("word_rule") in _BY_CHARACTER_RULES for part in run.extracted)
    return by_character and any(cell.lang.partition("-")[0] in _BY_CHARACTER for cell in counts.documents)


def snapshot_id(run: RunArtifacts) -> str:
    """The crawl's snapshot; empty where nothing was crawled."""
    for raw in run.raw:
        identity = raw.preimage["identity"]
        found = identity.get("occasion", identity).get("snapshot_id")
        if found:
            return str(found)
    return ""


def redactions(store: Store, documents: Manifest) -> Table | None:
    """Personal data that gave way to placeholders, by source and kind; None where there was none."""
    found: Counter[tuple[str, str]] = Counter()
    for ref in series_of(store, documents.ref):
        for part in store.manifest(ref).inputs.values():
            if part.kind == "extracted":
                for name, count in store.manifest(part).totals.items():
                    if name.startswith(_REDACTED) and isinstance(count, int):
                        found[part.name, name.removeprefix(_REDACTED)] += count
    if not found:
        return None
    kinds = list(dict.fromkeys(kind for (_, kind), _ in found.most_common()))
    sources = list(dict.fromkeys(source for (source, _), _ in found.most_common()))
    rows = [(source, *(found[source, kind] for kind in kinds)) for source in sources]
    columns = ("source", *(kind.replace("_", " ") for kind in kinds))
    return Table("Personal data replaced by placeholders, in all texts that were read", columns, rows)


def dialogue_corpora(run: RunArtifacts) -> Table:
    """The corpora of conversations."""
    rows = [
        (
            corpus.name,
            corpus.totals.get("lang", ""),
            corpus.totals.get("num_conversations", ""),
            corpus.totals.get("num_turns", ""),
            ", ".join(f"{number(count)} {reason.replace('_', ' ')}" for reason, count in corpus.drops.items())
            or "none",
            corpus.preimage["identity"].get("licence", "unknown"),
        )
        for corpus in run.dialogues
    ]
    columns = ("corpus", "language", "conversations", "turns", "left out", "licence")
    return Table("Corpora of conversations", columns, rows)


def _example(row: dict[str, Any]) -> str:
    return f"{row['url']} — {row['detail']}" if row["detail"] else str(row["url"])


def fates(counter: Counter[Cell], name: str) -> tuple[Counter[str], Counter[str]]:
    """What was kept and what was dropped, by one field."""
    found: dict[str, Counter[str]] = {fate: Counter() for fate in FATES}
    for (key, fate), count in rolled(counter, name, "fate").items():
        found[fate][key] += count
    return found["kept"], found["dropped"]


def _shares_by_source(counts: CorpusCounts, name: str) -> dict[str, str]:
    """For each source the values of a field, each with its share of the source's kept words where there are several."""
    found: dict[str, list[tuple[str, int]]] = {}
    for (source, key, fate), num_words in rolled(counts.words, "source", name, "fate").items():
        if fate == "kept":
            found.setdefault(source, []).append((key, num_words))
    return {
        source: shares[0][0]
        if len(shares) == 1
        else ", ".join(f"{key} {percent(words, sum(words for _, words in shares))}" for key, words in shares)
        for source, shares in found.items()
    }
