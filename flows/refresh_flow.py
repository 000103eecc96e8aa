"""Sources become documents, and corpora become conversations."""

from collections.abc import Callable
from typing import NamedTuple

from prefect import flow

from flows.forms import Profile, Root, Settings, Snapshot, due_at, filled_in, given, run_name
from flows.runner import Do, RunSummary, under_prefect
from pipeline_config.environment import DEFAULT_ROOT
from pipeline_config.run import RunConfig
from tasks.clean.task import count_metrics, decontaminate, extract, select
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import EmptyInputError
from tasks.crawl.task import reading_of
from tasks.dialogue.task import import_dialogue
from tasks.evaluation.task import make_evaluation_set
from tasks.reporting.task import write_page


class Corpora(NamedTuple):
    """What models are made of."""

    documents: ArtifactRef
    dialogues: tuple[ArtifactRef, ...]


def make_corpora(do: Do, config: RunConfig) -> Corpora:
    """Crawl and read what is new, extract it, take it into the corpus; import the dialogue corpora.

    Raises:
        EmptyInputError: The configuration names no source of text, or there is no dialogue.
    """
    return _corpora(do, config, do.next_parts)


def corpora_at_hand(do: Do, config: RunConfig) -> Corpora:
    """The same, of what the sources gave when they were last asked; only one that never was is asked now.

    Raises:
        EmptyInputError: The configuration names no source of text, or there is no dialogue.
    """
    return _corpora(do, config, do.parts_at_hand)


def _corpora(do: Do, config: RunConfig, parts: Callable[..., tuple[ArtifactRef, ...]]) -> Corpora:
    crawl, added = config.crawl, do.added_corpora(config.dialogues)
    if not crawl.sources or not (config.dialogues or added):
        raise EmptyInputError(
            f"found {len(crawl.sources)} sources of text and {len(config.dialogues)} of dialogue, "
            "expected at least one of each; name them in your profile under `crawl.sources` and `dialogues`, "
            "or add a corpus: `chatmill dialogue add FILE`"
        )
    raw = [parts(*reading_of(source, crawl)) for source in crawl.sources]
    documents = do.next_snapshot(raw, extract, select, config.clean)
    return Corpora(documents, make_dialogues(do, config))


def make_dialogues(do: Do, config: RunConfig) -> tuple[ArtifactRef, ...]:
    """The profile's dialogue corpora, imported, and those that were added to the store."""
    added = do.added_corpora(config.dialogues)
    return (*(do(import_dialogue, source) for source in config.dialogues), *added)


def make_training_text(do: Do, config: RunConfig, corpora: Corpora, evaluation: ArtifactRef | None) -> ArtifactRef:
    """The corpus without the documents that hold items of an evaluation; the corpus where there is nothing to look for.

    Args:
        do: Goes through the steps.
        config: Names the evaluations.
        corpora: The corpus.
        evaluation: The frozen evaluation set; None before the first.
    """
    sets = config.clean.decontaminate
    held_out = evaluation if sets is not None and sets.has_held_out else None
    if sets is None or (held_out is None and not sets.benchmark_files):
        return corpora.documents
    return do(decontaminate, corpora.documents, held_out, config.split, sets)


def steps(do: Do, config: RunConfig) -> Corpora:
    """What is new, what of it may be trained on, and a page about it."""
    corpora = make_corpora(do, config)
    asked = corpora.documents, corpora.dialogues, config.split, config.evaluation.texts
    make_training_text(do, config, corpora, do.already_frozen(make_evaluation_set, *asked))
    do(count_metrics, corpora.documents)
    do(write_page, "refresh", do.made(), (), do.silent)
    return corpora


@flow(name="refresh", flow_run_name=lambda: run_name("refresh", given("snapshot") or due_at()))
def refresh(
    profile: Profile = "demo",
    root: Root = DEFAULT_ROOT,
    snapshot: Snapshot = "",
    settings: Settings = [],  # noqa: B006 - a form's default is shown, never changed
) -> RunSummary:
    """Takes what is new in the sources into documents/, and the dialogue corpora into dialogues/."""
    return under_prefect(steps, filled_in(profile, settings, {"crawl.snapshot_id": snapshot or due_at()}), root)
