"""One 64-bit number per event, made of what the event is: its number, its particles, its weights.

The filter draws its random number from it, so events of different content have independent random
numbers even where their event numbers are equal, as in the jobs of a farm that all count from 0.
Nothing but numpy is needed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.event_random import GOLDEN, mix
from hepsets.core.events import Events
from hepsets.core.weight_names import says_nothing_new

Words = NDArray[np.uint64]

_MOMENTUM = ("px", "py", "pz", "energy")


def event_keys(events: Events, numbers: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """A number for each event, from its event number, its particles and its weights.

    Particles count with their id, their four-momentum in single precision, as
    :class:`~hepsets.core.events.Events` holds it, and their mother. Their order and their indices do
    not matter: the number is made of a sum over the particles. Production points and times are left
    out, which formats keep in other ways (HepMC: one point per vertex, none for roots, ct in mm).

    Event columns of floating-point numbers count as weights, but for scores, predictions and the second names
    that filters give to weights (:mod:`hepsets.core.weight_names`). An earlier
    filter's decision is thus part of what an event is, and a second one decides independently of
    it. A weight of exactly 1 counts as none: who was kept with certainty has used no random number,
    and formats differ in whether they write such a weight at all.

    Parameters
    ----------
    events
        Any events.
    numbers
        Integers, shape ``(n_events,)``.

    Returns
    -------
    ndarray
        int64, shape ``(n_events,)``; for :func:`hepsets.core.event_random.uniforms`.
    """
    with np.errstate(over="ignore"):  # arithmetic is modulo 2^64 by design
        key = mix(_particles(events) + GOLDEN)
        key = mix((key ^ np.asarray(numbers).astype(np.int64).view(np.uint64)) + GOLDEN)
        weights = _weights(events)
        if weights.any():
            key = np.where(weights, mix((key ^ weights) + GOLDEN), key)
    return key.view(np.int64)


# -- inside ----------------------------------------------------------------------------------------


def _factors(n: int) -> Words:
    """Odd numbers with random bits."""
    with np.errstate(over="ignore"):
        return mix(np.arange(1, n + 1, dtype=np.uint64) * GOLDEN) | np.uint64(1)


*_FACTORS, _ID_FACTOR, _MOTHER_FACTOR = _factors(len(_MOMENTUM) + 2)


def _particles(events: Events) -> Words:
    """Sum over the particles of each event, each mixed with its mother."""
    own = events.particles["pdg"].view(np.uint32) * _ID_FACTOR
    for name, factor in zip(_MOMENTUM, _FACTORS, strict=True):
        column = events.particles[name] + np.float32(0)  # minus zero is zero
        own += column.view(np.uint32) * factor
    own = mix(own)
    own = mix(own + own[events.mothers] * _MOTHER_FACTOR)
    total = np.zeros(len(events), dtype=np.uint64)
    holding = np.flatnonzero(events.multiplicity)
    if len(holding):
        total[holding] = np.add.reduceat(own, events.offsets[holding])
    return total


def _weights(events: Events) -> Words:
    """Sum over the weights of each event that are not 1."""
    total = np.zeros(len(events), dtype=np.uint64)
    for name, column in events.columns.items():
        if column.dtype.kind == "f" and not says_nothing_new(name):
            weights = column.astype(np.float64).reshape(len(events), math.prod(column.shape[1:])) + 0.0
            words = np.where(weights == 1, np.uint64(0), mix(weights.view(np.uint64) + GOLDEN))
            total += words.sum(axis=1, dtype=np.uint64)
    return total
