"""Tracks as vertex fits take them: one row of numbers each, from the columns of particles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.reconstructed import COVARIANCE, TRACK_PARAMETERS

D0, PHI, OMEGA, Z0, TAN_LAMBDA = range(5)
"""Where the parameters of a helix stand in a row."""
COV = 5
"""Where the 15 numbers of the covariance begin in a row …"""
PT = 20
"""… and where the transverse momentum [GeV] stands."""


def track_rows(particles: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Parameters, covariance and transverse momentum of each particle.

    Parameters
    ----------
    particles
        Columns :data:`~hepsets.core.reconstructed.TRACK_PARAMETERS`,
        :data:`~hepsets.core.reconstructed.COVARIANCE`, ``px``, ``py``, each of shape ``(n_particles,)``.

    Returns
    -------
    rows
        Shape ``(n_particles, 21)``; what stands there for a particle without a track is of no use.

    Raises
    ------
    InputError
        If a column is missing.
    """
    missing = [name for name in (*TRACK_PARAMETERS, *COVARIANCE, "px", "py") if name not in particles]
    if missing:
        raise InputError(
            f"no column {', '.join(missing)}",
            "helices with their covariance",
            "simulate with a detector that measures them",
        )
    rows = np.empty((len(particles["px"]), PT + 1))
    for place, name in enumerate((*TRACK_PARAMETERS, *COVARIANCE)):
        rows[:, place] = particles[name]
    rows[:, PT] = np.hypot(particles["px"], particles["py"])
    return rows
