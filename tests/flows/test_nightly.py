"""The second night goes on from the champion, and does nothing where nothing is new."""

import shutil
from pathlib import Path

from flows.nightly_flow import nightly
from flows.runner import RunSummary
from flows.verbs import with_snapshot
from pipeline_config.load import load_config
from tasks.registry.registry import list_versions, registry_uri
from tasks.storage.store import Store
from tests.flows.conftest import TINY, Mill

TRAINED = {"pretrain", "finetune"}


def night(root: str, *overrides: str) -> RunSummary:
    config = load_config(str(TINY), ["start_from=champion", "crawl.web=[]", *overrides])
    return nightly(with_snapshot(config, "2026-01-02"), root)


def trained(summary: RunSummary) -> set[str]:
    return {step.task for step in summary.steps if step.task in TRAINED and not step.is_cached}


def test_a_night_with_new_text_goes_on_from_the_champion_and_one_without_trains_nothing(
    mill: Mill, tmp_path: Path
) -> None:
    root = str(tmp_path / "mill")
    shutil.copytree(mill.root, root)
    store = Store(root)
    (first,) = [step.ref for step in mill.first.steps if step.task == "pretrain"]

    second = night(root)
    assert "pretrain" in trained(second)
    assert "train tokenizer" not in {step.task for step in second.steps}
    (base,) = [step.ref for step in second.steps if step.task == "pretrain"]
    manifest = store.manifest(base)
    assert first in manifest.inputs.values()
    scratch = store.manifest(first).totals["first_bits_per_byte"]
    assert manifest.totals["first_bits_per_byte"] < scratch
    assert len(list_versions(registry_uri(root, None), "base")) == 2

    third = night(root)  # either the champion has seen this very text, or last night's work is found
    assert trained(third) == set()
    assert len(list_versions(registry_uri(root, None), "base")) == 2
