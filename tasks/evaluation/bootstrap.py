"""Percentile bootstrap intervals: how far a figure would move on another draw of the same kind of examples.

Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 13.3 (percentile interval); Koehn 2004,
Statistical Significance Tests for Machine Translation Evaluation, section 4 (paired: both systems on one resample).
Examples are resampled, never tokens or turns: those of one example are not independent of each other.
"""

import numpy as np
import numpy.typing as npt

_LEVELS = (2.5, 97.5)

Floats = npt.NDArray[np.float64]


def ratio_interval(numerators: Floats, denominators: Floats, num_resamples: int, seed: int) -> tuple[float, float]:
    """The 95 % interval of sum(numerators) / sum(denominators) when examples are drawn again.

    With bits and bytes this is bits per byte; with ones as denominators it is a mean. With numerators that are the
    difference of two systems' bits on the same example it is the paired interval of their difference.

    Args:
        numerators: One value an example; at least one.
        denominators: As many, above 0.
        num_resamples: Draws, each of as many examples with replacement.
        seed: Equal seeds give equal intervals.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    num_examples = len(numerators)
    ratios = np.empty(num_resamples)
    for i in range(num_resamples):
        drawn = generator.integers(0, num_examples, num_examples)
        ratios[i] = numerators[drawn].sum() / denominators[drawn].sum()
    low, high = np.percentile(ratios, _LEVELS)
    return float(low), float(high)
