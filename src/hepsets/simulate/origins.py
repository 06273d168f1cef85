"""Truth for studies: which flying ancestor each generated particle comes from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepsets.core.events import Events
from hepsets.core.kernel import kernel
from hepsets.core.reconstructed import FROM_B, FROM_C, FROM_C_OF_B, FROM_PRIMARY, FROM_STRANGE


@kernel
def _is_flying_b(size: int) -> bool:
    """Whether a b hadron decays weakly, by its absolute id."""
    return size in (511, 521, 531, 541, 5122, 5132, 5232, 5332)


@kernel
def _is_flying_c(size: int) -> bool:
    return size in (411, 421, 431, 4122, 4132, 4232, 4332)


@kernel
def _is_flying_strange(size: int) -> bool:
    """K_S and hyperons; K_L and K± live too long to decay before the calorimeters."""
    return size in (310, 3112, 3122, 3222, 3312, 3322, 3334)


@kernel
def _find(pdg: NDArray[np.int32], mothers: NDArray[np.int64], origin: NDArray[np.int8]) -> None:
    for i in range(len(pdg)):
        origin[i] = FROM_PRIMARY
        at = i
        while mothers[at] != at:
            at = mothers[at]
            size = abs(pdg[at])
            if _is_flying_strange(size) and origin[i] == FROM_PRIMARY:
                origin[i] = FROM_STRANGE
                break
            if _is_flying_b(size):
                origin[i] = FROM_C_OF_B if origin[i] == FROM_C else FROM_B
                break
            if _is_flying_c(size):
                origin[i] = FROM_C  # and look on for a b hadron


def origins(events: Events) -> NDArray[np.int8]:
    """Where each generated particle comes from, shape ``(n_particles,)``.

    The values are those of :mod:`hepsets.core.reconstructed`; a particle that flies itself comes from what
    flew before it.
    """
    origin = np.zeros(events.n_particles, dtype=np.int8)
    _find(events.particles["pdg"], events.mothers, origin)
    return origin


@kernel
def _find_ancestors(
    pdg: NDArray[np.int32],
    mothers: NDArray[np.int64],
    index: NDArray[np.int32],
    charm: NDArray[np.int64],
    beauty: NDArray[np.int64],
) -> None:
    for i in range(len(pdg)):
        charm[i] = beauty[i] = -1
        at = i
        while mothers[at] != at:
            at = mothers[at]
            if _is_flying_b(abs(pdg[at])):
                beauty[i] = index[at]
                break
            if _is_flying_c(abs(pdg[at])) and charm[i] < 0:
                charm[i] = index[at]


def flying_ancestors(events: Events) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``index`` of the nearest charm and b hadron that each particle comes from and that flew, -1 for none.

    Both have shape ``(n_particles,)``.
    """
    charm, beauty = np.zeros((2, events.n_particles), dtype=np.int64)
    _find_ancestors(events.particles["pdg"], events.mothers, events.particles["index"], charm, beauty)
    return charm, beauty
