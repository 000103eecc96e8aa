"""Sampling against numbers by hand and against Hugging Face's own processors."""

from collections import Counter

import pytest
import torch
from transformers.generation.logits_process import (
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from pipeline_config.interaction import SamplingConfig
from tasks.model.sampling import forbid, keep_top_k, keep_top_p, next_token, penalise_repetition

NEVER = float("-inf")
PLAIN = SamplingConfig(temperature=1.0, top_k=None, top_p=1.0, repetition_penalty=1.0)


def logits_of(seed: int, size: int = 50) -> torch.Tensor:
    return 3 * torch.randn(size, generator=torch.Generator().manual_seed(seed))


def test_a_penalty_makes_used_tokens_less_likely_whatever_their_sign() -> None:
    logits = torch.tensor([2.0, -2.0, 1.0, -1.0, 0.0])
    assert penalise_repetition(logits, [0, 1, 1, 4], 2.0).tolist() == [1.0, -4.0, 1.0, -1.0, 0.0]
    assert logits.tolist() == [2.0, -2.0, 1.0, -1.0, 0.0]


def test_no_token_is_penalised_before_one_is_used_or_by_a_penalty_of_one() -> None:
    logits = torch.tensor([2.0, -2.0])
    assert penalise_repetition(logits, [], 2.0).tolist() == [2.0, -2.0]
    assert penalise_repetition(logits, [0, 1], 1.0).tolist() == [2.0, -2.0]


def test_top_k_keeps_the_k_greatest_and_ties_with_the_last() -> None:
    assert keep_top_k(torch.tensor([1.0, 3.0, 2.0, 2.0]), 2).tolist() == [NEVER, 3.0, 2.0, 2.0]
    assert keep_top_k(torch.tensor([1.0, 3.0]), 9).tolist() == [1.0, 3.0]


def test_top_p_keeps_the_fewest_tokens_that_reach_the_share() -> None:
    logits = torch.tensor([0.1, 0.5, 0.15, 0.25]).log()
    assert keep_top_p(logits, 0.7).isfinite().tolist() == [False, True, False, True]
    assert keep_top_p(logits, 0.8).isfinite().tolist() == [False, True, True, True]
    assert keep_top_p(logits, 0.01).isfinite().tolist() == [False, True, False, False]
    assert keep_top_p(logits, 1.0).isfinite().all()


def test_forbidden_tokens_cannot_be_drawn() -> None:
    assert forbid(torch.tensor([1.0, 2.0, 3.0]), [0, 2]).tolist() == [NEVER, 2.0, NEVER]


@pytest.mark.parametrize("seed", range(5))
def test_each_step_equals_the_one_of_transformers(seed: int) -> None:
    logits = logits_of(seed)
    used = [3, 7, 7, 11, 40]
    row, ids = logits[None], torch.tensor([used])
    for penalty in (1.1, 1.5):
        expected = RepetitionPenaltyLogitsProcessor(penalty)(ids, row)[0]
        assert torch.equal(penalise_repetition(logits, used, penalty), expected)
    for k in (1, 5, 50, 90):
        assert torch.equal(keep_top_k(logits, k), TopKLogitsWarper(k)(ids, row)[0])
    for p in (0.05, 0.5, 0.9, 0.999):
        assert torch.equal(keep_top_p(logits, p), TopPLogitsWarper(p)(ids, row)[0])


def test_a_draw_follows_the_distribution_that_transformers_makes_of_the_logits() -> None:
    logits, used = logits_of(9, size=12), [2, 5]
    config = SamplingConfig(temperature=0.7, top_k=6, top_p=0.9, repetition_penalty=1.3)
    row, ids = logits[None], torch.tensor([used])
    for warp in (
        RepetitionPenaltyLogitsProcessor(1.3),
        TemperatureLogitsWarper(0.7),
        TopKLogitsWarper(6),
        TopPLogitsWarper(0.9),
    ):
        row = warp(ids, row)
    expected = row[0].softmax(dim=-1)
    generator = torch.Generator().manual_seed(0)
    drawn = Counter(next_token(logits, used, (), config, generator) for _ in range(4_000))
    assert set(drawn) <= set(expected.nonzero()[:, 0].tolist())
    # 4 standard errors of a share at 4,000 draws are at most 0.032
    assert all(abs(drawn[i] / 4_000 - float(p)) < 0.032 for i, p in enumerate(expected))


def test_temperature_zero_takes_the_likeliest_and_draws_nothing() -> None:
    generator = torch.Generator().manual_seed(3)
    before = generator.get_state()
    greedy = PLAIN.model_copy(update={"temperature": 0.0})
    assert next_token(torch.tensor([0.0, 5.0, 1.0]), [], (), greedy, generator) == 1
    assert next_token(torch.tensor([0.0, 5.0, 1.0]), [], (1,), greedy, generator) == 2
    assert torch.equal(generator.get_state(), before)


def test_equal_seeds_draw_equal_tokens() -> None:
    def draw(seed: int) -> list[int]:
        generator = torch.Generator().manual_seed(seed)
        return [next_token(logits_of(1), [], (), PLAIN, generator) for _ in range(20)]

    assert draw(4) == draw(4)
    assert draw(4) != draw(5)


def test_a_temperature_too_small_to_divide_by_is_refused() -> None:
    with pytest.raises(ValueError, match="set 0 for the most likely token"):
        SamplingConfig(temperature=1e-6)
