"""Who descends from whom in generated events."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def is_below(mothers: NDArray[np.int64], of: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which particles are at the positions ``of``, or descend from one there; shape ``(n_particles,)``.

    ``mothers`` are the flat positions of all mothers, and a root is its own.

    Examples
    --------
    >>> is_below(np.array([0, 0, 0, 1, 3, 2]), np.array([1])).tolist()
    [False, True, False, True, True, False]
    """
    below = np.zeros(len(mothers), dtype=bool)
    below[of] = True
    ancestor = mothers
    while True:
        reached = below | below[ancestor]
        further = ancestor[ancestor]
        if np.array_equal(further, ancestor) and np.array_equal(reached, below):
            return below
        below, ancestor = reached, further
