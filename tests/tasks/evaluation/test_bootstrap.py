"""Intervals against figures known by hand and against scipy-free textbook approximations."""

import numpy as np

from tasks.evaluation.bootstrap import ratio_interval


def test_the_interval_of_a_mean_is_near_the_normal_approximation() -> None:
    """Mean of 400 values: 95 % interval = mean ± 1.96 s / √n (central limit theorem)."""
    values = np.random.Generator(np.random.PCG64(5)).normal(3.0, 2.0, 400)
    low, high = ratio_interval(values, np.ones(400), 4_000, seed=1)
    half = 1.96 * values.std() / 20
    assert abs(low - (values.mean() - half)) < 0.02
    assert abs(high - (values.mean() + half)) < 0.02


def test_examples_weigh_by_their_bytes() -> None:
    """Equal bits a byte in every example leave no room, whatever the lengths: 6/3 = 2/1 = 20/10."""
    assert ratio_interval(np.array([6.0, 2.0, 20.0]), np.array([3.0, 1.0, 10.0]), 100, seed=1) == (2.0, 2.0)


def test_pairing_takes_out_what_both_models_find_hard() -> None:
    """One model needs 1 bit more on each example of 10 bytes: exactly 0.1, however the examples differ."""
    theirs = np.array([5.0, 90.0, 33.0, 61.0])
    assert np.allclose(ratio_interval((theirs + 1.0) - theirs, np.full(4, 10.0), 200, seed=1), 0.1)


def test_equal_seeds_give_equal_intervals() -> None:
    values = np.arange(30.0)
    assert ratio_interval(values, np.ones(30), 100, seed=1) == ratio_interval(values, np.ones(30), 100, seed=1)
    assert ratio_interval(values, np.ones(30), 100, seed=1) != ratio_interval(values, np.ones(30), 100, seed=2)
