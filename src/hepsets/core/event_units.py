"""Events in MeV, told by the masses of particles that everybody knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.masses import M_K, M_MU, M_P, M_PI

_LEAST = 50
"""With fewer pions, kaons, protons and muons nothing is said."""
_NEAR = (900.0, 1100.0)
"""Masses over what they should be, of events in MeV."""


def refuse_mev(particles: Mapping[str, NDArray[Any]]) -> None:
    """Refuse particles whose masses are a thousand times what they should be.

    Parameters
    ----------
    particles
        ``pdg`` and ``energy``, ``px``, ``py``, ``pz``, GeV as it should be; each of shape ``(n_particles,)``.

    Raises
    ------
    InputError
        If the median mass of charged pions, kaons, protons and muons, over what it is, is that of MeV.

    Examples
    --------
    >>> pions = {"pdg": np.full(60, 211), "energy": np.full(60, 171.5), "px": np.full(60, 100.0)}
    >>> refuse_mev({**pions, "py": np.zeros(60), "pz": np.zeros(60)})
    Traceback (most recent call last):
    ...
    hepsets.core.errors.InputError: momenta and energies in MeV (charged particles have 1e+03 times ...
    """
    ids = np.abs(particles["pdg"])
    known = np.zeros(len(ids))
    for pdg, mass in ((211, M_PI), (321, M_K), (2212, M_P), (13, M_MU)):
        known[ids == pdg] = mass
    some = np.flatnonzero(known)
    if len(some) < _LEAST:
        return
    energy, *momentum = (particles[name][some].astype(np.float64) for name in ("energy", "px", "py", "pz"))
    squared = energy**2 - sum(one**2 for one in momentum)
    ratio = float(np.median(np.sqrt(np.maximum(squared, 0)) / known[some]))
    if _NEAR[0] < ratio < _NEAR[1]:
        raise InputError(
            f"momenta and energies in MeV (charged particles have {ratio:.0e} times their masses)",
            "GeV",
            "divide px, py, pz and energy by 1000, and see that x, y and z are in cm",
        )
