"""Shapes: the published sizes, what is refused, what is written down."""

from typing import Any

import pytest
from pydantic import ValidationError

from pipeline_config.model import PRESETS, ModelConfig
from tasks.model.presets import SpecialIds, build_model, gpt2_config, num_parameters, padded_vocab_size, set_dropout

SPECIAL = SpecialIds(end_of_text=0, stop=5, pad=1)
PUBLISHED = {"gpt2-124m": 124_439_808, "gpt2-355m": 354_823_168, "gpt2-774m": 774_030_080, "gpt2-1558m": 1_557_611_200}
GPT2_VOCAB = 50_257


@pytest.mark.parametrize("name", PRESETS)
def test_presets_have_the_published_number_of_parameters(name: str) -> None:
    import torch

    shape = ModelConfig.model_validate(name)
    with torch.device("meta"):
        model = build_model(shape, GPT2_VOCAB, SPECIAL)
    padding = (padded_vocab_size(GPT2_VOCAB) - GPT2_VOCAB) * shape.width
    assert num_parameters(model) - padding == PUBLISHED[name]


def test_a_preset_may_be_changed_and_is_recorded_as_its_shape() -> None:
    shape = ModelConfig.model_validate({"preset": "gpt2-124m", "dropout": 0.1, "context_length": 256})
    assert shape == ModelConfig(num_layers=12, num_heads=12, width=768, context_length=256, dropout=0.1)
    assert "preset" not in shape.model_dump()


@pytest.mark.parametrize(
    ("value", "cure"),
    [
        ("gpt3", "choose one of gpt2-124m"),
        ({"width": 100, "num_heads": 6}, "set width to 102 or change num_heads"),
        ({"depth": 3}, "Extra inputs are not permitted"),
        ({"dropout": 1.0}, "less than 1"),
    ],
)
def test_impossible_shapes_are_refused_with_their_cure(value: Any, cure: str) -> None:
    with pytest.raises(ValidationError, match=cure):
        ModelConfig.model_validate(value)


@pytest.mark.parametrize(("vocab_size", "rows"), [(1, 128), (128, 128), (129, 256), (50_257, 50_304)])
def test_the_vocabulary_is_padded_to_a_multiple_of_128(vocab_size: int, rows: int) -> None:
    assert padded_vocab_size(vocab_size) == rows


def test_the_configuration_holds_what_converters_ask_for() -> None:
    config = gpt2_config(ModelConfig(num_layers=1, num_heads=2, width=16, context_length=32), 300, SPECIAL)
    assert (config.vocab_size, config.num_token_ids) == (384, 300)
    assert (config.n_positions, config.n_ctx, config.n_inner) == (32, 32, 64)
    assert (config.bos_token_id, config.eos_token_id, config.pad_token_id) == (0, 5, 1)


def test_the_one_kernel_activation_is_gpt2s_own() -> None:
    import torch
    from transformers.activations import ACT2FN

    x = torch.linspace(-6, 6, 1000)
    config = gpt2_config(ModelConfig(), 300, SPECIAL)
    assert torch.allclose(ACT2FN[config.activation_function](x), ACT2FN["gelu_new"](x), atol=1e-6)


def test_dropout_is_set_everywhere() -> None:
    from torch import nn

    model = build_model(ModelConfig(num_layers=2, num_heads=2, width=16, context_length=32), 300, SPECIAL)
    set_dropout(model, 0.25)
    assert {module.p for module in model.modules() if isinstance(module, nn.Dropout)} == {0.25}
    assert model.config.resid_pdrop == model.config.attn_pdrop == model.config.embd_pdrop == 0.25
