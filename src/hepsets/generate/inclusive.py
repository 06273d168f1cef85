"""Which inclusive B decays EvtGen would have given up, because the table lists their hadrons."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.events import Events
from hepsets.generate.decay_table import belle2_decay_table, conjugate


def repeats_listed_channel(events: Events, inclusive: NDArray[np.bool_], pdg: int) -> NDArray[np.bool_]:
    """Whether an inclusive decay of either B has the products of a channel that the table lists.

    Parameters
    ----------
    events
        Υ(4S) → B B̄ events: the B have index 1 and 2.
    inclusive
        Which B decayed inclusively, shape ``(n_events, 2)``.
    pdg
        511 or 521.

    Returns
    -------
    NDArray[np.bool_]
        Shape ``(n_events,)``.
    """
    mother = events.particles["mother_index"]
    daughter = np.flatnonzero((mother == 1) | (mother == 2))
    b = 2 * events.event_of_particle[daughter] + mother[daughter] - 1
    code = np.bincount(b, _codes(events.particles["pdg"][daughter]), minlength=2 * len(events))
    anti = events.particles["pdg"][(events.offsets[:-1, None] + [1, 2]).ravel()] < 0
    listed, conjugated = _listed_codes(pdg)
    repeats = np.where(anti, np.isin(code, conjugated), np.isin(code, listed)).reshape(-1, 2)
    either: NDArray[np.bool_] = np.any(repeats & inclusive, axis=1)
    return either


def _codes(pdg: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """A pseudo-random whole number below 2⁴⁶ per id; sums of up to 100 are exact and name a set.

    The mixing is that of splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
    """
    z = pdg.astype(np.int64).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(18)).astype(np.float64)


@lru_cache(maxsize=2)
def _listed_codes(pdg: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Codes of the products of all listed channels of a B, and of its antiparticle."""
    table = belle2_decay_table()
    channels = [
        [table.aliases.get(abs(i), abs(i)) * (1 if i > 0 else -1) for i in channel.products]
        for channel in table.channels[pdg]
    ]
    conjugated = [[conjugate(i) for i in products] for products in channels]
    return _codes_of_sets(channels), _codes_of_sets(conjugated)


def _codes_of_sets(sets: list[list[int]]) -> NDArray[np.float64]:
    return np.array([_codes(np.array(products)).sum() for products in sets])
