"""A run ends with an artifact that says what came of it, and where to go on."""

import re
import shutil
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import Artifact
from prefect.client.schemas.sorting import ArtifactSort

from flows.promote_flow import promote
from flows.run_report import KEY
from tasks.registry.registry import champion_of, registry_uri
from tests.flows.conftest import TINY, Mill


@pytest.fixture
def root(mill: Mill, tmp_path: Path) -> str:
    """A copy of the mill's store: what is registered here, other tests do not see."""
    shutil.copytree(mill.root, tmp_path / "mill")
    return str(tmp_path / "mill")


def newest_summary() -> Artifact:
    with get_client(sync_client=True) as client:
        wanted = ArtifactFilter(key=ArtifactFilterKey(any_=[KEY]))
        return client.read_artifacts(artifact_filter=wanted, sort=ArtifactSort.CREATED_DESC, limit=1)[0]


def test_a_run_that_finds_all_done_says_so_and_leads_to_the_run_that_registered_the_champion(
    mill: Mill, root: str
) -> None:
    settings = [f"crawl.snapshot_id={mill.config.crawl.snapshot_id}"]
    promote(str(TINY), root, settings)
    summary = newest_summary()
    text = str(summary.data)
    assert summary.description == "promote: what came of it"
    assert text.startswith("All of it was there already: nothing was made anew.\n\n**base version 1, champion:**")
    champion = champion_of(registry_uri(root, None), "dialogue")
    assert champion is not None
    assert champion.flow_run_id not in {None, str(summary.flow_run_id)}
    assert f"[this earlier run](../../runs/flow-run/{champion.flow_run_id})" in text
    links = re.findall(r"\(\.\./artifact/([0-9a-f-]{36})\): ", text)
    assert len(links) == len(set(links)) > 5


def test_two_models_of_one_name_stand_in_columns_of_their_own(mill: Mill, root: str) -> None:
    promote(str(TINY), root, [f"crawl.snapshot_id={mill.config.crawl.snapshot_id}", "finetune.seed=2"])
    (head,) = [line for line in str(newest_summary().data).splitlines() if line.startswith("| metric |")]
    columns = [cell.strip() for cell in head.strip("|").split("|")]
    assert len([column for column in columns if re.fullmatch(r"dialogue [0-9a-f]{12}", column)]) == 2
    assert "dialogue" not in columns
