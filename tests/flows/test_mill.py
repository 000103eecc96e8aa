"""The whole mill on real text: crawl to transcript under Prefect, two training processes, cached the second time."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from flows import nightly_flow, pretrain_flow, refresh_flow
from flows.cli import app
from flows.dry_run import DryRun
from flows.nightly_flow import nightly
from flows.pretrain_flow import pretrain
from flows.runner import RunSummary
from pipeline_config.load import load_config
from pipeline_config.run import RunConfig
from tasks.contracts.artifacts import Manifest
from tasks.contracts.errors import DeviceError
from tasks.registry.registry import list_versions, registry_uri, resolve
from tasks.storage.parquet_shards import read_table
from tasks.storage.store import Store
from tests.flows.conftest import TINY, Mill


def manifest(mill: Mill, task: str, name: str) -> Manifest:
    (ref,) = {step.ref for step in mill.first.steps if step.task == task and step.ref.name == name}
    return Store(mill.root).manifest(ref)


def forecast(mill: Mill, *overrides: str) -> dict[tuple[str, str], tuple[bool, str]]:
    """Of a dry run: for each step and artifact, whether it is cached, and the reason."""
    do = DryRun(mill.root)
    nightly_flow.steps(do, load_config(str(TINY), overrides))
    return {(task, found.ref.name): (found.is_cached, found.reason) for task, found in do.forecasts}


def test_every_kind_of_text_contributes_documents(mill: Mill) -> None:
    paths = Store(mill.root).files(manifest(mill, "select", "corpus").ref, "kept")
    kept = read_table(paths).column("source_kind").to_pylist()
    assert set(kept) == {"web", "book", "news"}
    assert kept.count("book") == 11  # `ls speeches | grep -c ^179`
    assert kept.count("news") == 48  # `md5sum tech/0[0-4]*.txt`: 48 different ones of 49


@pytest.mark.parametrize(("task", "name"), [("pretrain", "base"), ("finetune", "dialogue")])
def test_both_trainings_ran_in_two_processes_and_learned(mill: Mill, task: str, name: str) -> None:
    totals = manifest(mill, task, name).totals
    assert totals["world_size"] == 2
    assert totals["best_bits_per_byte"] < totals["first_bits_per_byte"]


def test_both_models_are_registered_and_lead(mill: Mill) -> None:
    uri = registry_uri(mill.root, None)
    for name, task in (("base", "pretrain"), ("dialogue", "finetune")):
        champion = resolve(uri, name, "champion")
        assert champion.ref == manifest(mill, task, name).ref
        assert champion.reason
    assert [promotion.is_promoted for promotion in mill.first.promotions] == [True, True]


def test_a_second_run_is_all_cached_and_registers_nothing_new(mill: Mill) -> None:
    second: RunSummary = nightly(str(TINY), mill.root, mill.config.crawl.snapshot_id)
    assert [step.task for step in second.steps if not step.is_cached] == []
    assert len(list_versions(registry_uri(mill.root, None), "dialogue")) == 1


def test_a_dry_run_after_it_would_run_nothing(mill: Mill) -> None:
    assert [step for step, (is_cached, _) in forecast(mill).items() if not is_cached] == []


def test_a_changed_threshold_redoes_selection_and_what_follows_but_never_extraction(mill: Mill) -> None:
    found = forecast(mill, "clean.select.min_language_score=0.9")
    assert found["extract", "web"][0]
    assert found["select", "corpus"] == (False, "changed identity.select.min_language_score: 0.65 → 0.9")
    assert not found["train tokenizer", "bpe"][0]
    assert "would be made again" in found["pretrain", "base"][1]


def test_only_refresh_and_nightly_ask_again_but_a_source_that_is_another_is_taken_anew(mill: Mill) -> None:
    later = load_config(str(TINY), ["crawl.snapshot_id=later"])
    other = [source.model_copy(update={"licence": "CC0-1.0"}) for source in later.crawl.sources]
    changed = later.model_copy(update={"crawl": later.crawl.model_copy(update={"sources": tuple(other)})})

    def asked(steps: Callable[[DryRun, RunConfig], object], config: RunConfig) -> set[str]:
        do = DryRun(mill.root)
        steps(do, config)
        return {found.ref.name for task, found in do.forecasts if task in {"crawl web", "read texts"}}

    assert asked(pretrain_flow.steps, later) == set()
    assert asked(refresh_flow.steps, later) == asked(pretrain_flow.steps, changed) == {"web", "books", "news"}


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the GPU that must be missing")
def test_a_missing_gpu_is_said_before_a_step_is_trained(mill: Mill) -> None:
    with pytest.raises(DeviceError, match=r"found 0 usable GPUs, expected 2 .*set device to cpu"):
        pretrain(str(TINY), mill.root, device="cuda", settings=["pretrain.seed=9"])


def test_the_transcript_answers_every_prompt_in_both_languages(mill: Mill) -> None:
    ref = manifest(mill, "answer prompts", "transcript").ref
    (path,) = Store(mill.root).files(ref, "transcript.jsonl")
    asked = [json.loads(line)["messages"][0]["content"] for line in path.read_text(encoding="utf-8").splitlines()]
    assert asked == ["Hello!", "你好"]


def test_generate_and_chat_use_the_registered_models(mill: Mill) -> None:
    run = CliRunner()
    command = ["--profile", str(TINY), "--root", mill.root]
    told = run.invoke(app, ["generate", "The President", *command])
    assert told.exit_code == 0
    assert told.stdout.startswith("The President")
    talked = run.invoke(app, ["chat", *command], input="Hello!\n/quit\n")
    assert talked.exit_code == 0
    assert "Talking to dialogue/1" in talked.stdout


def test_verify_names_a_flipped_byte(mill: Mill, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(mill.root, copy)
    assert CliRunner().invoke(app, ["verify", "--root", str(copy)]).exit_code == 0
    ref = manifest(mill, "pretrain", "base").ref
    path = Path(str(Store(str(copy)).folder(ref) / "model.safetensors"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    found = CliRunner().invoke(app, ["verify", "--root", str(copy)])
    assert found.exit_code == 1
    assert str(path) in found.stdout
