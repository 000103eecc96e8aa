"""Sources become documents, and corpora become conversations."""

from typing import NamedTuple

from prefect import flow

from flows.runner import Do, RunSummary, under_prefect
from pipeline_config.run import RunConfig
from tasks.clean.task import extract, select
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import EmptyInputError
from tasks.crawl.task import crawl_web, read_texts
from tasks.dialogue.task import import_dialogue


class Corpora(NamedTuple):
    """What models are made of."""

    documents: ArtifactRef
    dialogues: tuple[ArtifactRef, ...]


def make_corpora(do: Do, config: RunConfig) -> Corpora:
    """Crawl, read, extract, select; import the dialogue corpora.

    Raises:
        EmptyInputError: The configuration names no source of text, or none of dialogue.
    """
    crawl, clean = config.crawl, config.clean
    if not (crawl.web or crawl.texts) or not config.dialogues:
        raise EmptyInputError(
            f"found {len(crawl.web) + len(crawl.texts)} sources of text and {len(config.dialogues)} of dialogue, "
            "expected at least one of each; name them in your profile under `crawl.web`, `crawl.texts` and `dialogues`"
        )
    raw = [do(crawl_web, source, crawl.snapshot_id, crawl.fetch, crawl.launch) for source in crawl.web]
    raw += [do(read_texts, source) for source in crawl.texts]
    extracted = tuple(do(extract, ref, clean.extract, clean.launch) for ref in raw)
    documents = do(select, extracted, clean.select)
    dialogues = tuple(do(import_dialogue, source) for source in config.dialogues)
    return Corpora(documents, dialogues)


steps = make_corpora


@flow(name="data")
def data(config: RunConfig, root: str) -> RunSummary:
    """Makes documents/ and dialogues/ from the configured sources."""
    return under_prefect(steps, config, root)
