"""The loss in pieces against the loss whole, and dialogues that share a row."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from tasks.training.scoring import ScoredModel


def test_loss_and_gradients_are_those_of_cross_entropy(tiny_model: Callable[[int], Any]) -> None:
    generator = torch.Generator().manual_seed(0)
    inputs, targets = (
        torch.randint(0, 300, (9, 60), generator=generator) for _ in range(2)
    )  # over 256 rows: two pieces
    weights = (torch.rand(9, 60, generator=generator) > 0.3).float() * 2.0
    positions = torch.arange(60).repeat(9, 1)
    ours, theirs = tiny_model(1), tiny_model(1)
    loss = ScoredModel(ours)(inputs, targets, weights, positions)
    (loss / 7.0).backward()
    logits = theirs(inputs, use_cache=False).logits
    expected = (
        functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none") * weights.flatten()
    ).sum()
    (expected / 7.0).backward()
    assert torch.allclose(loss, expected, rtol=1e-5)
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(a.grad, b.grad, atol=2e-4 * float(b.grad.abs().max())), name


def test_dialogues_in_one_row_do_not_see_each_other(tiny_model: Callable[[int], Any]) -> None:
    scored = ScoredModel(tiny_model(2))
    first, second = torch.randint(0, 300, (1, 20)), torch.randint(0, 300, (1, 15))

    def loss_of(*dialogues: torch.Tensor) -> float:
        inputs = torch.cat(dialogues, dim=1)
        positions = torch.cat([torch.arange(d.shape[1]) for d in dialogues])[None]
        return float(scored(inputs, inputs.flip(0), torch.ones(inputs.shape), positions))

    with torch.no_grad():
        alone = loss_of(first) + loss_of(second)
        assert abs(loss_of(first, second) - alone) < 1e-3
        seen = torch.cat([first, second], dim=1)
        leaking = float(scored(seen, seen.flip(0), torch.ones(seen.shape), torch.arange(35)[None]))
    assert abs(leaking - alone) > 0.1


def test_a_batch_without_scored_targets_has_no_loss_and_no_gradient(tiny_model: Callable[[int], Any]) -> None:
    model = tiny_model(3)
    ids = torch.ones(2, 5, dtype=torch.long)
    loss = ScoredModel(model)(ids, ids, torch.zeros(2, 5), torch.arange(5).repeat(2, 1))
    loss.backward()
    assert loss == 0.0
    assert not model.transformer.wte.weight.grad.any()
