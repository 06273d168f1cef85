"""Random numbers that depend only on (seed, event number, trial), never on batches or workers.

A stream is a SplitMix64 generator: a counter that steps by the golden ratio and a bijective mixer
[Steele, Lea, Flood, OOPSLA 2014, doi:10.1145/2660193.2660195]. Each (seed, event, trial) begins at
its own point of the 2^64 cycle, found by mixing the three numbers one after another. An event takes
about a thousand numbers, so streams overlap with a probability of about 1e-16 per pair.
"""

from __future__ import annotations

import math
from collections.abc import Sized
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.kernel import kernel

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S11, _S27, _S30, _S31 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31)
_TO_UNIT = 1.0 / 9007199254740992.0  # 2^-53

Stream = NDArray[np.uint64]
"""The state of a stream: a uint64 array of shape (1,)."""


def checked_event_numbers(numbers: NDArray[Any], events: Sized) -> NDArray[np.int64]:
    """Numbers that fix the streams of events, int64, shape ``(n_events,)``.

    Raises
    ------
    InputError
        Unless there is one for each event.
    """
    found = np.ascontiguousarray(numbers, dtype=np.int64)
    if found.shape != (len(events),):
        raise InputError(f"event numbers of shape {found.shape}", f"({len(events)},), one per event")
    return found


@kernel
def mix(value: np.uint64) -> np.uint64:
    """Scramble 64 bits (a bijection)."""
    value = (value ^ (value >> _S30)) * _MIX_1
    value = (value ^ (value >> _S27)) * _MIX_2
    return value ^ (value >> _S31)


@kernel
def start(stream: Stream, seed: int, event_number: int, trial: int) -> None:
    """Put ``stream`` at the beginning of the sequence of this seed, event and trial."""
    key = mix(np.uint64(seed) + _GOLDEN)
    key = mix((key ^ np.uint64(event_number)) + _GOLDEN)
    stream[0] = mix((key ^ np.uint64(trial)) + _GOLDEN)


@kernel
def uniform(stream: Stream) -> float:
    """A number in [0, 1)."""
    stream[0] = stream[0] + _GOLDEN
    return float(mix(stream[0]) >> _S11) * _TO_UNIT


@kernel
def normal(stream: Stream) -> float:
    """A standard normal number (Box-Muller, one of the pair)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(stream)))
    return radius * math.cos(2.0 * math.pi * uniform(stream))


@kernel
def exponential(stream: Stream) -> float:
    """An exponential number of mean one."""
    return -math.log(1.0 - uniform(stream))


@kernel
def poisson(stream: Stream, mean: float) -> int:
    """A Poisson number of small mean (inversion by multiplication)."""
    limit = math.exp(-mean)
    product = uniform(stream)
    count = 0
    while product > limit:
        product *= uniform(stream)
        count += 1
    return count
