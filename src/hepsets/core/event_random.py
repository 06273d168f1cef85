"""One random number per event that depends only on seed and event number, without compiled code.

It is the first number of the stream of :mod:`hepsets.core.random_stream`, for whole arrays of
events at once; a test holds the two against each other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""An odd constant between mixings, 2^64 over the golden ratio."""

_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def uniforms(seed: int, event_numbers: NDArray[np.integer[Any]], trial: int) -> NDArray[np.float64]:
    """A number in [0, 1) for each event.

    Parameters
    ----------
    seed
        Seed, not negative.
    event_numbers
        Integers, any shape.
    trial
        Keeps different uses of one seed apart.

    Returns
    -------
    ndarray
        Same shape as ``event_numbers``.

    Examples
    --------
    >>> import numpy as np
    >>> uniforms(1, np.array([7, 8, 7]), 0).round(6)
    array([0.044786, 0.548607, 0.044786])
    """
    with np.errstate(over="ignore"):  # arithmetic is modulo 2^64 by design
        key = mix(np.asarray(seed, dtype=np.uint64) + GOLDEN)
        key = mix((key ^ np.asarray(event_numbers).astype(np.int64).view(np.uint64)) + GOLDEN)
        state = mix((key ^ np.uint64(trial)) + GOLDEN)
        bits = mix(state + GOLDEN) >> np.uint64(11)
    return np.asarray(bits * 2.0**-53)


def mix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix the bits of numbers of any shape, one to one (the last step of SplitMix64)."""
    value = (value ^ (value >> np.uint64(30))) * _MIX_1
    value = (value ^ (value >> np.uint64(27))) * _MIX_2
    return value ^ (value >> np.uint64(31))
