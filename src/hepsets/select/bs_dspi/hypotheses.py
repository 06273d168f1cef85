"""Masses of a candidate by what its tracks may be: pairs that tell the mode of the D_s, and mistaken ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.masses import M_K, M_KSTAR, M_P, M_PHI, M_PI
from hepsets.select.bs_dspi.mass_constraint import mass_gradient

Floats = NDArray[np.float64]

PHI_PI, KSTAR_K, NON_RESONANT = range(3)
"""The column ``ds_mode``: by the mass of K⁺K⁻, then that of K π of unlike charges, as measured."""

PHI_WINDOW, KSTAR_WINDOW = 0.020, 0.050
"""How far from the resonance [GeV] a candidate is taken for it."""


def masses_by_hypothesis(ds: Floats, bachelor: Floats) -> dict[str, NDArray[Any]]:
    """Masses [GeV] of pairs and of mistaken candidates, and ``ds_mode``, each of shape ``(n_candidates,)``.

    ``kk_mass``, ``kpi_mass``, ``dplus_mass``, ``lc_mass``, ``bs_mass_as_b0`` and ``bs_mass_as_lb``.

    Parameters
    ----------
    ds
        Momenta [GeV] of the kaon of unlike and of like charge to the pion of the D_s, and of that pion, shape
        ``(n_candidates, 3, 3)``.
    bachelor
        Of the pion beside the D_s, shape ``(n_candidates, 1, 3)``.
    """

    def mass(momentum: Floats, *masses: float) -> Floats:
        return np.sqrt(mass_gradient(momentum, np.array(masses))[0])

    kk, kpi = mass(ds[:, :2], M_K, M_K), mass(ds[:, [0, 2]], M_K, M_PI)
    mode = np.where(np.abs(kk - M_PHI) < PHI_WINDOW, PHI_PI, NON_RESONANT)
    mode = np.where((mode != PHI_PI) & (np.abs(kpi - M_KSTAR) < KSTAR_WINDOW), KSTAR_K, mode)
    whole = np.concatenate([ds, bachelor], axis=1)
    return {
        "ds_mode": mode.astype(np.int8),
        "kk_mass": kk,
        "kpi_mass": kpi,
        "dplus_mass": mass(ds, M_K, M_PI, M_PI),
        "lc_mass": mass(ds, M_K, M_P, M_PI),
        "bs_mass_as_b0": mass(whole, M_K, M_PI, M_PI, M_PI),
        "bs_mass_as_lb": mass(whole, M_K, M_P, M_PI, M_PI),
    }
