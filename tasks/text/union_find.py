"""Union-find over numbers from 0 on: a set is known by its smallest member, so the order of joining changes nothing."""

import numpy as np
from numpy.typing import NDArray

from tasks.text.kernels import kernel

Indices = NDArray[np.int64]


@kernel
def root_of(roots: Indices, member: int) -> int:
    """The smallest member of the set of `member`; shortens the way to it for the next time."""
    while roots[member] != member:
        roots[member] = roots[roots[member]]
        member = roots[member]
    return member


@kernel
def unite(roots: Indices, left: Indices, right: Indices) -> None:
    """Joins the sets of left[i] and right[i], for all i."""
    for i in range(len(left)):
        low, high = root_of(roots, left[i]), root_of(roots, right[i])
        if low > high:
            low, high = high, low
        roots[high] = low


@kernel
def flatten(roots: Indices) -> None:
    """Lets every member know its smallest one directly."""
    for member in range(len(roots)):
        roots[member] = roots[roots[member]]  # a parent is smaller, so it is flat already
