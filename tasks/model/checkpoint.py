"""A checkpoint folder: what transformers, vLLM and llama.cpp's converter expect, and nothing of ours between."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.contracts.errors import BadInputError, DeviceError
from tasks.model.presets import SpecialIds, set_special_ids

if TYPE_CHECKING:
    from transformers import GPT2LMHeadModel

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
)


def save_checkpoint_folder(
    folder: Path, model: GPT2LMHeadModel, tokenizer_folder: Path, special: SpecialIds, card: str
) -> None:
    """Writes model.safetensors, both configurations, the tokenizer's files byte for byte, and the model card.

    Args:
        folder: Receives the files; may hold others.
        model: Not wrapped by DDP or torch.compile: their names would enter the weights' names.
        tokenizer_folder: Where the tokenizer lies; a checkpoint folder will do.
        special: What the configurations name; `stop` is what tells a base model from a dialogue model.
        card: README.md.
    """
    set_special_ids(model, special)
    with _no_progress_bars():
        model.save_pretrained(folder)
    copy_tokenizer(tokenizer_folder, folder)
    (folder / "README.md").write_text(card, encoding="utf-8")


def copy_tokenizer(source: Path, target: Path) -> None:
    """Copies the tokenizer's files as they are.

    Raises:
        BadInputError: `source` holds no tokenizer.json.
    """
    if not (source / "tokenizer.json").is_file():
        raise BadInputError(
            f"{source} holds no tokenizer.json; expected a Hugging Face tokenizer folder; "
            "make one with the tokens flow or name another folder"
        )
    target.mkdir(parents=True, exist_ok=True)
    for name in TOKENIZER_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)


def load_model(folder: Path, device: str = "cpu") -> GPT2LMHeadModel:
    """The folder's model in fp32, ready to score and generate (no dropout).

    Raises:
        BadInputError: The folder holds no model that transformers can read.
        DeviceError: A GPU was asked for, and torch sees none.
    """
    import torch
    from transformers import GPT2LMHeadModel

    if device.startswith("cuda") and not torch.cuda.is_available():
        raise DeviceError(
            f"device={device!r}: torch {torch.__version__} sees no GPU, expected one; "
            "set device to cpu, or install a CUDA build of torch on a machine with a GPU"
        )
    try:
        with _no_progress_bars():
            model = GPT2LMHeadModel.from_pretrained(str(folder), dtype=torch.float32, local_files_only=True)
    except (OSError, ValueError) as error:
        raise BadInputError(
            f"{folder} holds no GPT-2 model ({error}); expected config.json and model.safetensors; "
            "name the folder of a checkpoints artifact"
        ) from error
    return model.to(device).eval()


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    from transformers.utils import logging

    was_shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_shown:
            logging.enable_progress_bar()
