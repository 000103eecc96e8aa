"""A run's artifacts by what they are, told from their kinds and files: no stage has to be known by name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tasks.contracts.artifacts import ArtifactRef, Manifest
from tasks.contracts.evaluation import COMPARISON_FILE, REPORT_FILE, Comparison, EvalReport
from tasks.contracts.quality import METRICS_FILE, QualityReport
from tasks.storage.corpus import TRAINING
from tasks.storage.store import Store

EVENTS_FILE = "trainer/events.jsonl"
"""A checkpoint's log of its training; the training stage writes it."""
TRANSCRIPT_LINES = "transcript.jsonl"
"""Answered prompts, `{"messages": […]}` a line; the transcript stage writes it."""


@dataclass
class RunArtifacts:
    """What a run made or found, each artifact once, in the order of its steps."""

    every: list[Manifest] = field(default_factory=list)
    raw: list[Manifest] = field(default_factory=list)
    extracted: list[Manifest] = field(default_factory=list)
    documents: Manifest | None = None
    """The newest snapshot of the corpus."""
    training: Manifest | None = None
    """What of it may be trained on, where that was asked."""
    quality: QualityReport | None = None
    """How the metrics of that snapshot lie to their limits."""
    dialogues: list[Manifest] = field(default_factory=list)
    tokens: list[Manifest] = field(default_factory=list)
    tokenizers: list[Manifest] = field(default_factory=list)
    trained: list[Manifest] = field(default_factory=list)
    """Checkpoints with a log of their training."""
    evaluations: list[EvalReport] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    transcripts: list[Manifest] = field(default_factory=list)


def gathered(store: Store, refs: Mapping[str, ArtifactRef]) -> RunArtifacts:
    """A run's artifacts sorted by what they are.

    A run may name two artifacts alike (the reports of a challenger and of its champion, two parts of a source); those
    that a comparison or a snapshot was made of are found through it.

    Args:
        store: Holds them.
        refs: By their steps, in order.
    """
    run = RunArtifacts()
    seen: set[tuple[str, str, str]] = set()
    for ref in _with_their_parts(store, refs.values()):
        if (ref.kind, ref.name, ref.key) not in seen:
            seen.add((ref.kind, ref.name, ref.key))
            manifest = store.manifest(ref)
            run.every.append(manifest)
            _sort_in(run, store, manifest)
    return run


def _with_their_parts(store: Store, refs: Iterable[ArtifactRef]) -> Iterable[ArtifactRef]:
    for ref in refs:
        inputs = store.manifest(ref).inputs.values()
        if ref.kind == "documents":
            parts = [part for part in inputs if part.kind == "extracted"]
            yield from (raw for part in parts for raw in store.manifest(part).inputs.values())
            yield from parts
        elif ref.kind == "reports":
            yield from (report for report in inputs if report.kind == "reports")
        yield ref


def _sort_in(run: RunArtifacts, store: Store, manifest: Manifest) -> None:
    lists = {
        "raw": run.raw,
        "extracted": run.extracted,
        "dialogues": run.dialogues,
        "tokens": run.tokens,
        "tokenizers": run.tokenizers,
    }
    files = {info.path for info in manifest.files}
    if manifest.kind in lists:
        lists[manifest.kind].append(manifest)
    elif manifest.kind == "documents" and manifest.name == TRAINING:
        run.training = manifest
    elif manifest.kind == "documents":
        run.documents = manifest
    elif manifest.kind == "checkpoints" and EVENTS_FILE in files:
        run.trained.append(manifest)
    elif REPORT_FILE in files:
        run.evaluations.append(EvalReport.model_validate_json(read(store, manifest, REPORT_FILE)))
    elif COMPARISON_FILE in files:
        run.comparisons.append(Comparison.model_validate_json(read(store, manifest, COMPARISON_FILE)))
    elif METRICS_FILE in files:
        run.quality = QualityReport.model_validate_json(read(store, manifest, METRICS_FILE))
    elif TRANSCRIPT_LINES in files:
        run.transcripts.append(manifest)


def read(store: Store, manifest: Manifest, file: str) -> str:
    """The text of one file of an artifact."""
    return store.files(manifest.ref, file)[0].read_text(encoding="utf-8")
