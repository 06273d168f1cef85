"""What a candidate truly is: the decay that was forced, or a combination."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Category(IntEnum):
    """The column ``category``."""

    SIGNAL = 0
    COMBINATORIAL = 1
    B0_DPI = 2
    LB_LCPI = 3
    BS_DSSTPI = 4
    BS_DSRHO = 5
    BS_DSK = 6
    B0_DSPI = 7


CATEGORY = {
    "bs_dspi": Category.SIGNAL,
    "lhcb_bbbar": Category.COMBINATORIAL,
    "b0_dpi": Category.B0_DPI,
    "lb_lcpi": Category.LB_LCPI,
    "bs_dsstpi": Category.BS_DSSTPI,
    "bs_dsrho": Category.BS_DSRHO,
    "bs_dsk": Category.BS_DSK,
    "b0_dspi": Category.B0_DSPI,
}
"""What the forced decay of a sample is called."""


def is_forced(
    particles: Mapping[str, NDArray[Any]], members: NDArray[np.int64], signal: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether all four tracks of candidates are of the forced decay, three of them of its charm hadron.

    Parameters
    ----------
    particles
        Columns of the tracks of all events.
    members
        Two kaons and the pion of the D_s, and the other pion, shape ``(n, 4)``.
    signal
        ``index`` of the b hadron whose decay was forced, -1 without, shape ``(n,)``.
    """
    beauty, charm = particles["true_beauty"][members], particles["true_charm"][members]
    same = (beauty == signal[:, None]).all(axis=1) & (signal >= 0)
    together = (charm[:, :3] == charm[:, :1]).all(axis=1) & (charm[:, 0] >= 0)
    return np.asarray(same & together & (charm[:, 3] < 0))


def is_true_ds(particles: Mapping[str, NDArray[Any]], members: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the first three tracks are K, K and π of one charm hadron, shape ``(n,)``."""
    charm, pdg = particles["true_charm"][members[:, :3]], np.abs(particles["true_pdg"][members[:, :3]])
    together = (charm == charm[:, :1]).all(axis=1) & (charm[:, 0] >= 0)
    return np.asarray(together & (pdg == [321, 321, 211]).all(axis=1))
