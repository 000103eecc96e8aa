"""Muon against torch's, and who gets which optimizer."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from pipeline_config.training import OptimizerConfig
from tasks.training.optimizer import Muon, build_optimizers, orthogonalized, set_learning_rate


def test_three_steps_of_muon_are_those_of_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(48, 64, generator=generator)
    ours = torch.nn.Parameter(start.clone())
    theirs = torch.nn.Parameter(start.T.clone())  # torch takes (fan_out, fan_in)
    our_muon = Muon([{"params": [ours]}], 0.02, momentum=0.95, weight_decay=0.1)
    their_muon = torch.optim.Muon([theirs], lr=0.02, momentum=0.95, weight_decay=0.1)
    for _ in range(3):
        ours.grad = torch.randn(48, 64, generator=generator)
        theirs.grad = ours.grad.T.clone()
        our_muon.step()
        their_muon.step()
    moved, expected = (ours - start).detach(), (theirs.T - start).detach()
    assert (moved - expected).norm() < 0.01 * expected.norm()  # torch iterates in bfloat16


def test_orthogonalized_matrices_have_singular_values_near_one_each_by_itself() -> None:
    generator = torch.Generator().manual_seed(0)
    matrices = [torch.randn(size, generator=generator) for size in ((16, 48), (16, 48), (32, 8))]
    for found in orthogonalized(matrices):
        values = torch.linalg.svdvals(found)
        assert values.min() > 0.6
        assert values.max() < 1.25
    whole = orthogonalized([matrices[0]], num_parts=3)[0]
    parts = [orthogonalized([part.contiguous()])[0] for part in matrices[0].chunk(3, dim=1)]
    assert torch.allclose(whole, torch.cat(parts, dim=1), atol=1e-5)


def test_muon_takes_the_blocks_matrices_and_adamw_the_rest(tiny_model: Callable[[int], Any]) -> None:
    model = tiny_model(0)
    muon, adamw = build_optimizers(model, OptimizerConfig(name="muon", weight_decay=0.1))
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    by_muon = {names[id(p)] for group in muon.param_groups for p in group["params"]}
    assert len(by_muon) == 2 * 4  # two blocks: query-key-value, projection, and both of the feed-forward
    assert all(".h." in name and name.endswith("weight") for name in by_muon)
    decayed = {names[id(p)] for p in adamw.param_groups[0]["params"]}
    assert decayed == {"transformer.wte.weight", "transformer.wpe.weight"}
    assert adamw.param_groups[1]["weight_decay"] == 0.0
    everything = by_muon | decayed | {names[id(p)] for p in adamw.param_groups[1]["params"]}
    assert everything == set(names.values())


def test_adamw_alone_decays_matrices_only(tiny_model: Callable[[int], Any]) -> None:
    (adamw,) = build_optimizers(tiny_model(0), OptimizerConfig(name="adamw"))
    assert all(p.ndim >= 2 for p in adamw.param_groups[0]["params"])
    assert all(p.ndim == 1 for p in adamw.param_groups[1]["params"])


def test_a_share_is_taken_of_each_groups_own_peak(tiny_model: Callable[[int], Any]) -> None:
    config = OptimizerConfig(name="muon", learning_rate=0.002, muon_learning_rate=0.02)
    optimizers = build_optimizers(tiny_model(0), config)
    set_learning_rate(optimizers, 0.5)
    set_learning_rate(optimizers, 0.25)
    assert optimizers[0].param_groups[0]["lr"] == pytest.approx(0.005)
    assert optimizers[1].param_groups[0]["lr"] == pytest.approx(0.0005)
