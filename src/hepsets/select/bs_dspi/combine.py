"""Combinations of tracks: K⁺K⁻π± near the D_s, and these with a pion of the other charge; compiled."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import kernel
from hepsets.core.masses import M_K, M_PI

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

MASS_MARGIN = 0.02
"""Windows are this much wider [GeV] before vertices are fitted, which turns tracks a little."""


class TrackLists(NamedTuple):
    """Tracks of all events, end to end: momenta [GeV], shape ``(n, 3)``, charges, and what each may be taken
    for; event ``i`` has the tracks ``offsets[i]:offsets[i + 1]``.
    """

    momentum: Floats
    charge: NDArray[np.int8]
    kaon: Flags
    pion: Flags
    bachelor: Flags
    offsets: Integers


@kernel
def _mass(momentum: Floats, kaon_1: int, kaon_2: int, pion_1: int, pion_2: int) -> float:
    """Mass [GeV] of two kaons and a pion, and one more unless its place is negative."""
    px = py = pz = energy = 0.0
    for place in range(4):
        i = kaon_1 if place == 0 else kaon_2 if place == 1 else pion_1 if place == 2 else pion_2
        if i < 0:
            continue
        x, y, z = momentum[i, 0], momentum[i, 1], momentum[i, 2]
        mass = M_K if place < 2 else M_PI
        px, py, pz = px + x, py + y, pz + z
        energy += math.sqrt(x * x + y * y + z * z + mass * mass)
    return math.sqrt(max(energy * energy - px * px - py * py - pz * pz, 0.0))


@kernel
def _find_ds(lists: TrackLists, low: float, high: float, found: Integers) -> int:
    n = 0
    for event in range(len(lists.offsets) - 1):
        begin, end = lists.offsets[event], lists.offsets[event + 1]
        for pion in range(begin, end):
            if not lists.pion[pion]:
                continue
            for other in range(begin, end):
                if not lists.kaon[other] or lists.charge[other] == lists.charge[pion]:
                    continue
                for same in range(begin, end):
                    if same == pion or not lists.kaon[same] or lists.charge[same] != lists.charge[pion]:
                        continue
                    if low < _mass(lists.momentum, other, same, pion, -1) < high:
                        if n < len(found):
                            found[n, 0], found[n, 1], found[n, 2], found[n, 3] = event, other, same, pion
                        n += 1
    return n


@kernel
def _find_bs(lists: TrackLists, ds: Integers, mixed: bool, low: float, high: float, found: Integers) -> int:
    n = 0
    for candidate in range(len(ds)):
        event, other, same, pion = ds[candidate, 0], ds[candidate, 1], ds[candidate, 2], ds[candidate, 3]
        begin, end = lists.offsets[event], lists.offsets[event + 1]
        first, last = (0, lists.offsets[-1]) if mixed else (begin, end)
        for bachelor in range(first, last):
            taken = begin <= bachelor < end if mixed else bachelor in (other, same, pion)
            if taken or not lists.bachelor[bachelor] or lists.charge[bachelor] == lists.charge[pion]:
                continue
            if low < _mass(lists.momentum, other, same, pion, bachelor) < high:
                if n < len(found):
                    found[n, 0], found[n, 1] = candidate, bachelor
                n += 1
    return n


def find_ds(lists: TrackLists, window: tuple[float, float]) -> Integers:
    """All K⁺K⁻π± in a window of mass [GeV], widened by :data:`MASS_MARGIN`.

    Returns
    -------
    ndarray
        int64, shape ``(n, 4)``: event, the kaon of another charge than the pion, that of the same, the pion.
    """
    low, high = window[0] - MASS_MARGIN, window[1] + MASS_MARGIN
    return _grown(lambda found: _find_ds(lists, low, high, found), 4)


def find_bs(lists: TrackLists, ds: Integers, window: tuple[float, float], *, mixed: bool = False) -> Integers:
    """All D_s with a pion of the other charge in a window of mass [GeV], widened by ten :data:`MASS_MARGIN`.

    Parameters
    ----------
    ds
        Of :func:`find_ds`, or some of them.
    mixed
        With the pions of all events but that of the D_s, instead of those of its own.

    Returns
    -------
    ndarray
        int64, shape ``(n, 2)``: row of ``ds``, track.
    """
    low, high = window[0] - 10 * MASS_MARGIN, window[1] + 10 * MASS_MARGIN
    return _grown(lambda found: _find_bs(lists, ds, mixed, low, high, found), 2)


def _grown(fill: Callable[[Integers], int], columns: int) -> Integers:
    """What ``fill`` finds, again with more room if there is more than expected."""
    found = np.zeros((10_000, columns), dtype=np.int64)
    n = fill(found)
    if n > len(found):
        found = np.zeros((n, columns), dtype=np.int64)
        fill(found)
    return found[:n]
