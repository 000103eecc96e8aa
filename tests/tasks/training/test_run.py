"""Pretraining and fine-tuning as stages, in their own processes."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline_config.training import LaunchConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import DeviceError, EmptyInputError
from tasks.contracts.reporting import MarkdownReport, Progress
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tasks.training.finetune import plan_finetune
from tasks.training.pretrain import plan_pretrain
from tasks.training.report import training_reports
from tasks.training.spec import WorkerSpec

TWO = LaunchConfig(num_processes=2, num_threads=1, device="cpu")


def test_two_processes_pretrain_and_finetune_as_one_would(
    store: Store,
    kit: SimpleNamespace,
    document_tokens: ArtifactRef,
    dialogue_tokens: ArtifactRef,
    tokenizer_ref: ArtifactRef,
    train_here: Callable[..., Path],
) -> None:
    from tasks.model.checkpoint import load_model
    from tasks.model.tokenizer import END_OF_TEXT, END_OF_TURN, load_tokenizer, token_id

    progress: list[Progress] = []
    config = kit.pretrain(num_steps=12)
    outcome = settle(store, plan_pretrain(document_tokens, tokenizer_ref, None, config, TWO), progress.append)
    base = outcome.manifest
    assert base.totals["world_size"] == 2
    (events,) = store.files(base.ref, under="trainer/events.jsonl")
    alone = train_here(config, kit.launch, "alone")
    assert kit.losses(events) == pytest.approx(kit.losses(alone), rel=1e-4)
    assert float(str(base.totals["best_validation_nats"])) < float(str(base.totals["first_validation_nats"])) - 0.5
    assert progress[-1].total == 12
    assert "tokens/s" in progress[-1].message

    tuned = settle(store, plan_finetune(dialogue_tokens, base.ref, kit.finetune(num_steps=12), TWO)).manifest
    assert tuned.totals["world_size"] == 2
    assert float(str(tuned.totals["best_bits_per_byte"])) < float(str(tuned.totals["first_bits_per_byte"]))
    names = {info.path for info in tuned.files}
    assert names >= {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja", "README.md"}
    folder = store.folder(tuned.ref)
    assert (folder / "tokenizer.json").read_bytes() == (store.folder(base.ref) / "tokenizer.json").read_bytes()
    tokenizer = load_tokenizer(folder)
    assert load_model(folder).generation_config.eos_token_id == token_id(tokenizer, END_OF_TURN)
    assert load_model(store.folder(base.ref)).generation_config.eos_token_id == token_id(tokenizer, END_OF_TEXT)


def test_an_overfitted_run_stops_and_keeps_the_weights_of_its_best_step(
    store: Store, kit: SimpleNamespace, seal: Any, tiny_tokenizer: Any, tokenizer_ref: ArtifactRef
) -> None:
    digest = _digest(store, tokenizer_ref)
    text = "the green house by the blue river"
    other = "a yellow cloud over the brown garden, the white horse at the window"

    def write(folder: Path) -> None:
        for split, words in (("train", text), ("validation", other)):
            ids = tiny_tokenizer(" ".join([words] * 12)).input_ids
            kit.write_shard(folder / "book" / f"{split}-00000.arrow", [kit.item(0, ids)], digest)

    tokens = seal(store, "tokens", "documents", write)
    config = kit.pretrain(num_steps=200, validation_interval=1, patience=4, batch_size=4, max_validation_rows=100)
    call = plan_pretrain(tokens, tokenizer_ref, None, config, kit.launch)
    manifest = settle(store, call).manifest
    totals = manifest.totals
    assert totals["is_stopped_early"] is True
    assert totals["num_steps"] == int(str(totals["best_step"])) + 4
    assert int(str(totals["num_steps"])) < 200
    nats = _validation_nats(store, manifest.ref, tokens)
    assert nats == pytest.approx(totals["best_validation_nats"], rel=1e-5)
    assert float(str(totals["last_validation_nats"])) > nats + 0.01

    assert settle(store, call).is_cached
    reports = training_reports(store, manifest.ref)
    assert isinstance(reports[0], MarkdownReport)
    assert "data:image/png;base64,iVBOR" in reports[0].markdown
    assert f"step {totals['best_step']}" in reports[0].markdown


def test_what_the_workers_refuse_reaches_the_caller(
    store: Store, kit: SimpleNamespace, document_tokens: ArtifactRef, tokenizer_ref: ArtifactRef
) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    call = plan_pretrain(document_tokens, tokenizer_ref, None, kit.pretrain(), LaunchConfig(device="cuda"))
    with pytest.raises(DeviceError, match=r"found 0 usable GPUs, expected 1 .* set device to cpu"):
        settle(store, call)
    assert not store.manifests("checkpoints", "base")


def test_tokens_without_a_training_shard_are_refused(
    store: Store, kit: SimpleNamespace, seal: Any, tokenizer_ref: ArtifactRef
) -> None:
    def write(folder: Path) -> None:
        kit.write_shard(folder / "book" / "validation-00000.arrow", [kit.item(0, [1, 2])], "d")

    tokens = seal(store, "tokens", "documents", write)
    with pytest.raises(EmptyInputError, match="holds no training shard, expected files `<source>/train-"):
        settle(store, plan_pretrain(tokens, tokenizer_ref, None, kit.pretrain(), kit.launch))


def test_speed_is_no_identity_and_rounding_is(
    document_tokens: ArtifactRef, tokenizer_ref: ArtifactRef, kit: SimpleNamespace
) -> None:
    def key(launch: LaunchConfig, **changes: Any) -> str:
        return plan_pretrain(document_tokens, tokenizer_ref, None, kit.pretrain(**changes), launch).key

    base = LaunchConfig()
    assert key(base) == key(LaunchConfig(num_threads=7, checkpoint_interval_s=1.0, heartbeat_timeout_s=9.0))
    others = [LaunchConfig(num_processes=2), LaunchConfig(precision="bf16"), LaunchConfig(micro_batch_size=2)]
    assert len({key(base), *map(key, others), key(base, seed=2)}) == 5


def test_a_specification_survives_its_file(kit: SimpleNamespace, tmp_path: Path) -> None:
    for config in (kit.pretrain(), kit.finetune(dropout=0.1)):
        spec = WorkerSpec(
            config=config,
            launch=TWO,
            train={"book": [tmp_path / "a"]},
            validation={},
            tokenizer_folder=tmp_path,
            init_folder=None,
            resume_folder=None,
            folder=tmp_path,
            work=tmp_path,
            store_url="store",
            run_key="k",
            name="base",
        )
        assert WorkerSpec.model_validate_json(spec.model_dump_json()) == spec


def _digest(store: Store, tokenizer: ArtifactRef) -> str:
    from tasks.model.tokenizer import tokenizer_digest

    return tokenizer_digest(store.folder(tokenizer))


def _validation_nats(store: Store, checkpoint: ArtifactRef, tokens: ArtifactRef) -> float:
    """The registered weights' loss, by transformers' own loss over rows cut here."""
    import torch

    from tasks.model.checkpoint import load_model
    from tasks.storage.token_shards import open_token_shard

    model = load_model(store.folder(checkpoint))
    (path,) = store.files(tokens, under="book/validation-")
    ids = torch.from_numpy(open_token_shard(path).ids.astype("int64"))
    total, count = 0.0, 0
    with torch.no_grad():
        for start in range(0, len(ids) - 1, 32):
            row = ids[start : start + 33][None]
            num_targets = row.shape[1] - 1
            total += float(
                model(row[:, :-1], labels=None, use_cache=False)
                .logits.log_softmax(-1)
                .gather(2, row[:, 1:, None])
                .sum()
            )
            count += num_targets
    return -total / count
