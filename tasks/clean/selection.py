"""extracted/ → documents/: one snapshot of the corpus, made of the one before it and the parts that are new.

A snapshot writes what it brings (`kept-*`), what it ends (`tombstones-*`), the new rows that it did not take with the
reason (`dropped-*`) and the near-duplicates it found (`clusters-*`). Which rows those are is decided over all rows ever
seen, on ids and signatures; only new texts are read and written.
"""

from functools import partial

from pipeline_config.clean import SelectConfig, SelectLaunch
from tasks.clean.block_lists import list_digest
from tasks.clean.seen import PART_INPUT
from tasks.clean.snapshot import build_snapshot
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.takedown import Takedown
from tasks.storage.corpus import PREVIOUS
from tasks.storage.stage import StageCall

STAGE_VERSION = 4
CORPUS = "corpus"


def plan_select(
    extracted: tuple[ArtifactRef, ...],
    config: SelectConfig,
    takedowns: tuple[Takedown, ...] = (),
    previous: ArtifactRef | None = None,
    launch: SelectLaunch | None = None,
) -> StageCall:
    """The work of making a snapshot of the corpus.

    Args:
        extracted: New parts, earliest first.
        config: Which documents are kept.
        takedowns: Orders in force: those of `previous` and newer ones.
        previous: The snapshot that these parts are added to, made with the same config; None begins anew.
        launch: What it may take of the machine.
    """
    inputs = {f"{PART_INPUT}{number:04d}": part for number, part in enumerate(extracted)}
    return StageCall(
        kind="documents",
        name=CORPUS,
        stage="select",
        stage_version=STAGE_VERSION,
        identity={
            "select": config.model_dump(mode="json"),
            "takedowns": [takedown.model_dump(mode="json") for takedown in takedowns],
        },
        environment={"url_block_list": list_digest(config.url_block_list)},
        inputs=inputs if previous is None else inputs | {PREVIOUS: previous},
        build=partial(
            build_snapshot,
            new=extracted,
            config=config,
            takedowns=takedowns,
            previous=previous,
            launch=launch or SelectLaunch(),
        ),
    )
