"""From a shape to an untrained model.

The vocabulary is padded to a multiple of 128 rows inside the model only: kernels like round sizes, and no id, shard or
tokenizer ever holds one of the extra rows. The first of them is named in the configuration (`num_token_ids`) and
generation suppresses them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline_config.model import ModelConfig

if TYPE_CHECKING:
    from transformers import GPT2Config, GPT2LMHeadModel

VOCAB_MULTIPLE = 128


@dataclass(frozen=True)
class SpecialIds:
    """The token ids that the model's configuration names."""

    end_of_text: int
    """Between documents, and before the first token of everything."""
    stop: int
    """Ends generation: end-of-text for a base model, end-of-turn for a dialogue model."""
    pad: int


def padded_vocab_size(vocab_size: int) -> int:
    """The smallest multiple of 128 that holds `vocab_size` rows."""
    return -(-vocab_size // VOCAB_MULTIPLE) * VOCAB_MULTIPLE


def gpt2_config(config: ModelConfig, vocab_size: int, special: SpecialIds) -> GPT2Config:
    """The transformers configuration of a model of this shape.

    Args:
        config: The shape.
        vocab_size: Number of token ids, before padding.
        special: Ids that generation needs.
    """
    from transformers import GPT2Config

    return GPT2Config(
        vocab_size=padded_vocab_size(vocab_size),
        num_token_ids=vocab_size,
        n_positions=config.context_length,
        n_ctx=config.context_length,  # llama.cpp's converter asks for it
        n_embd=config.width,
        n_layer=config.num_layers,
        n_head=config.num_heads,
        n_inner=4 * config.width,
        activation_function="gelu_pytorch_tanh",  # GPT-2's own function in one kernel; "gelu_new" is six
        embd_pdrop=config.dropout,
        attn_pdrop=config.dropout,
        resid_pdrop=config.dropout,
        bos_token_id=special.end_of_text,
        eos_token_id=special.stop,
        pad_token_id=special.pad,
        architectures=["GPT2LMHeadModel"],
    )


def build_model(config: ModelConfig, vocab_size: int, special: SpecialIds) -> GPT2LMHeadModel:
    """An untrained model in fp32; its weights come from torch's global random generator."""
    from transformers import GPT2LMHeadModel

    return GPT2LMHeadModel(gpt2_config(config, vocab_size, special))


def set_special_ids(model: GPT2LMHeadModel, special: SpecialIds) -> None:
    """Makes both configurations of `model` name these ids, and keeps generation off the padding rows."""
    for config in (model.config, model.generation_config):
        config.bos_token_id = special.end_of_text
        config.eos_token_id = special.stop
        config.pad_token_id = special.pad
    rows = list(range(model.config.num_token_ids, model.config.vocab_size))
    model.generation_config.suppress_tokens = rows or None
    model.generation_config._from_model_config = False  # else transformers may derive it anew and lose the line above


def set_dropout(model: GPT2LMHeadModel, dropout: float) -> None:
    """Makes all layers drop that share of activations in training."""
    from torch import nn

    model.config.embd_pdrop = model.config.attn_pdrop = model.config.resid_pdrop = dropout
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = dropout


def num_parameters(model: GPT2LMHeadModel) -> int:
    """Trainable numbers, the tied output head counted once."""
    return sum(parameter.numel() for parameter in model.parameters())
