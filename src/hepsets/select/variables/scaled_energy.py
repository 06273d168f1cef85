r"""Candidates of collisions below the Υ(4S) as they would be on it: momenta scaled to the beams' energy.

Continuum data are taken some 60 MeV below the resonance. There a candidate's Mbc ends 30 MeV lower and all
momenta are 0.6 % smaller. With :math:`r = E^*_\mathrm{beam}(\mathrm{on}) / E^*_\mathrm{beam}(\mathrm{off})`
all momenta in the centre of mass are multiplied by r, masses stay, energies follow: :math:`M_\mathrm{bc}`
becomes r times as large, exactly, and :math:`\Delta E` is taken from the new energies.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets

Array = NDArray[np.float64]

POWERS: Mapping[str, int] = {
    "mbc": 1,
    "delta_e": 1,
    "et": 1,
    "mm2": 2,
    **{f"cleoCone{i}": 1 for i in range(1, 10)},
}
"""With which power of momenta each variable grows; all other event-shape variables are ratios."""


def factor(on: float, below: float) -> float:
    """What momenta are multiplied by.

    Parameters
    ----------
    on
        Energy of the collision on resonance, in the centre of mass [GeV].
    below
        How far below it the data were taken [GeV].

    Raises
    ------
    InputError
        If that is nothing that collisions could have.
    """
    if not 0 <= below < on:
        raise InputError(f"data taken {below:g} GeV below {on:g} GeV", "from 0 to less than that energy")
    return on / (on - below)


def scaled_variables(columns: Mapping[str, NDArray[Any]], by: float) -> dict[str, NDArray[Any]]:
    """Mbc, ΔE and the event-shape variables of candidates whose particles are not known, all as if massless.

    Parameters
    ----------
    columns
        By the names of :data:`POWERS` and others, shape ``(n,)`` each.
    by
        Of :func:`factor`.
    """
    return {
        name: values * by ** POWERS.get(name, 0) if name in POWERS else values
        for name, values in columns.items()
    }


def scaled_sets(sets: ParticleSets, on: float, below: float) -> ParticleSets:
    """The same events with all momenta scaled.

    Parameters
    ----------
    sets
        As :func:`~hepsets.select.candidates.rest_of_event.candidate_events` makes them, of beams below the
        resonance.
    on, below
        As for :func:`factor`.

    Raises
    ------
    InputError
        As :func:`factor`; for columns that are missing.
    """
    by = factor(on, below)
    missing = [name for name in ("px", "py", "pz", "energy", "from_candidate") if name not in sets.particles]
    missing += [name for name in ("candidate_energy",) if name not in sets.columns]
    if missing:
        raise InputError(f"candidates without {', '.join(missing)}", "candidates with the rest of the event")
    old = {name: np.asarray(sets.particles[name], dtype=np.float64) for name in ("px", "py", "pz", "energy")}
    squares = old["px"] ** 2 + old["py"] ** 2 + old["pz"] ** 2
    mass_squared = np.maximum(old["energy"] ** 2 - squares, 0.0)
    moved = {name: by * old[name] for name in ("px", "py", "pz")}
    moved["energy"] = np.sqrt(by**2 * squares + mass_squared)
    own = sets.particles["from_candidate"].astype(bool)
    gained = np.bincount(
        sets.event_of_particle[own], (moved["energy"] - old["energy"])[own], minlength=len(sets)
    )
    columns = dict(sets.columns)
    columns["candidate_energy"] = columns["candidate_energy"] + gained
    for name in ("mbc", "candidate_px", "candidate_py", "candidate_pz"):
        if name in columns:
            columns[name] = columns[name] * by
    if "delta_e" in columns:
        columns["delta_e"] = columns["delta_e"] + gained - 0.5 * below
    kept = {
        name: moved[name].astype(column.dtype) if name in moved else column
        for name, column in sets.particles.items()
    }
    return ParticleSets(kept, sets.offsets, columns, sets.purpose)
