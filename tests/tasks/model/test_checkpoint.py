"""A checkpoint folder: saved, loaded, spoken with, and refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.contracts.errors import BadInputError
from tasks.model.checkpoint import load_model, save_checkpoint_folder
from tasks.model.presets import SpecialIds
from tasks.model.tokenizer import load_tokenizer, save_tokenizer


@pytest.fixture
def folder(tmp_path: Path, tiny_tokenizer: Any, tiny_model: Callable[[int], Any], special_ids: SpecialIds) -> Path:
    save_tokenizer(tiny_tokenizer, tmp_path / "tokenizer")
    save_checkpoint_folder(tmp_path / "model", tiny_model(0), tmp_path / "tokenizer", special_ids, "# card\n")
    return tmp_path / "model"


def test_the_folder_holds_what_other_programs_expect(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {
        "README.md",
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }


def test_a_loaded_model_gives_the_same_logits_without_dropout(folder: Path, tiny_model: Callable[[int], Any]) -> None:
    import torch

    ids = torch.arange(20)[None]
    loaded = load_model(folder)
    assert not loaded.training
    assert torch.equal(loaded(ids).logits, tiny_model(0)(ids).logits)


def test_the_tokenizer_is_copied_byte_for_byte(folder: Path, tmp_path: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        assert (folder / name).read_bytes() == (tmp_path / "tokenizer" / name).read_bytes()
    assert len(load_tokenizer(folder)) == 300


def test_generation_stops_at_the_stop_id_and_never_writes_a_padding_row(folder: Path, special_ids: SpecialIds) -> None:
    import torch

    model = load_model(folder)
    config = model.generation_config
    assert (config.eos_token_id, config.pad_token_id) == (special_ids.stop, special_ids.pad)
    assert config.suppress_tokens == list(range(300, 384))
    with torch.no_grad():
        model.transformer.wte.weight[300:] *= 1000.0  # rows that would win if they were let
    ids = torch.tensor([[10, 11, 12]])
    found = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False)
    assert int(found.max()) < 300


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        BadInputError, match=r"expected config.json and model.safetensors; name the folder of a checkpoints"
    ):
        load_model(tmp_path)


def test_a_folder_without_a_tokenizer_is_refused(
    tmp_path: Path, tiny_model: Callable[[int], Any], special_ids: SpecialIds
) -> None:
    with pytest.raises(BadInputError, match=r"holds no tokenizer.json; .* make one with the tokens flow"):
        save_checkpoint_folder(tmp_path / "model", tiny_model(0), tmp_path, special_ids, "# card\n")
