"""The thirty event-shape variables that B factories hold against continuum, all in one call.

Their definitions are Belle II's (basf2's continuum suppression); each stands in the docstring of the
function that computes it, and together in docs/event_shape.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.select.variables.cleo_cones import N_CONES, cleo_cones
from hepsets.select.variables.event_shape import thrust
from hepsets.select.variables.fox_wolfram import fox_wolfram_r2
from hepsets.select.variables.ksfw import ksfw_moments

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ContinuumVariable:
    """What a figure or a table needs to know about one variable.

    Parameters
    ----------
    name
        As in ``result.json``, after basf2.
    label
        Axis label without unit, in matplotlib's math text.
    unit
        Unit in matplotlib's math text, empty for pure numbers.
    low, high
        Limits that no event exceeds; infinite where there is none.
    """

    name: str
    label: str
    unit: str
    low: float
    high: float


_SHAPES = (
    ContinuumVariable("R2", "$R_2$", "", 0.0, 1.0),
    ContinuumVariable("thrustBm", "$T_B$", "", 0.0, 1.0),
    ContinuumVariable("thrustOm", r"$T_\mathrm{ROE}$", "", 0.0, 1.0),
    ContinuumVariable("cosTBTO", r"$|\cos\theta(\vec T_B, \vec T_\mathrm{ROE})|$", "", 0.0, 1.0),
    ContinuumVariable("cosTBz", r"$|\cos\theta(\vec T_B, z)|$", "", 0.0, 1.0),
)
_KSFW = (
    ContinuumVariable("et", "$E_T$", "GeV", 0.0, np.inf),
    ContinuumVariable("mm2", r"$M^2_\mathrm{miss}$", "GeV$^2$", -np.inf, np.inf),
    *(
        ContinuumVariable(f"hso{j}{k}", rf"$H^{{so}}_{{{j}{k}}}$", "", 0.0 if k == 0 else -np.inf, np.inf)
        for j in range(3)
        for k in (0, 2, 4)
    ),
    *(
        ContinuumVariable(f"hoo{k}", rf"$H^{{oo}}_{k}$", "", 0.0 if k == 0 else -np.inf, np.inf)
        for k in range(5)
    ),
)
_CONES = tuple(
    ContinuumVariable(
        f"cleoCone{i}", rf"CLEO cone ${10 * (i - 1)}^\circ$–${10 * i}^\circ$", "GeV", 0.0, np.inf
    )
    for i in range(1, N_CONES + 1)
)

CONTINUUM_VARIABLES: tuple[ContinuumVariable, ...] = (*_SHAPES, *_KSFW, *_CONES)
"""The thirty, in the order in which models take them: 5 shapes, 16 KSFW moments, 9 CLEO cones."""

VARIABLES: tuple[str, ...] = tuple(variable.name for variable in CONTINUUM_VARIABLES)
"""Their names."""


def cosine_between(axis: ArrayLike, other: ArrayLike) -> Array:
    r"""Absolute cosine :math:`|\cos\theta|` of the angle between two axes of each event.

    Of the thrust axes of candidate and rest it is cosTBTO: near 1 for jets, flat for B decays; of the
    former and z it is cosTBz.

    Parameters
    ----------
    axis, other
        Shape ``(n_events, 3)`` or ``(3,)``, of any length and sign.

    Returns
    -------
    Array
        Shape ``(n_events,)``, between 0 and 1; 0 where one of both is the null vector, as is the
        thrust axis of an empty rest of event.

    Examples
    --------
    >>> cosine_between([[0, 0, 1], [1, 0, 1], [0, 0, 0]], [0, 0, -2]).round(3).tolist()
    [1.0, 0.707, 0.0]
    """
    one, two = np.broadcast_arrays(np.atleast_2d(np.asarray(axis, np.float64)), np.asarray(other, np.float64))
    size = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    dot = np.abs(np.einsum("ij,ij->i", one, two))
    return np.asarray(np.minimum(np.divide(dot, size, out=np.zeros(len(dot)), where=size > 0.0), 1.0))


def continuum_variables(sets: ParticleSets, sqrt_s: float) -> dict[str, Array]:
    """All thirty variables of each event, in the order of :data:`VARIABLES`.

    An empty rest of event gives thrustOm = cosTBTO = 0, hso of the rest = 0 and all hoo = 0; the
    other variables are those of the candidate alone. An event without candidate gives thrustBm =
    cosTBTO = cosTBz = 0, hso = 0 and cones of 0. Nothing is ever NaN for finite input.

    Parameters
    ----------
    sets
        All particles of each event in the centre-of-mass frame: columns ``px py pz energy`` [GeV],
        ``charge``, ``from_candidate`` (bool; the rest of event is what is not), and the event column
        ``candidate_energy`` [GeV].
    sqrt_s
        Energy of the collision in its centre-of-mass frame [GeV].

    Returns
    -------
    dict[str, Array]
        One array of shape ``(n_events,)`` for every name in :data:`VARIABLES`.

    Raises
    ------
    InputError
        If a column is missing, or a candidate has all the energy of the collision or more.
    """
    wanted = ("px", "py", "pz", "energy", "charge", "from_candidate")
    missing = [name for name in wanted if name not in sets.particles]
    missing += [name for name in ("candidate_energy",) if name not in sets.columns]
    if missing:
        raise InputError(
            f"sets of particles without {', '.join(missing)}",
            f"particle columns {', '.join(wanted)} and the event column candidate_energy",
        )
    momenta = np.stack([sets.particles[name] for name in ("px", "py", "pz")], axis=1).astype(np.float64)
    signal = sets.particles["from_candidate"].astype(np.bool_)
    seen = np.concatenate([[0], np.cumsum(signal)])[sets.offsets]
    candidate = thrust(momenta[signal], seen)
    rest = thrust(momenta[~signal], sets.offsets - seen)
    moments = ksfw_moments(
        momenta,
        sets.particles["energy"],
        sets.particles["charge"],
        signal,
        sets.offsets,
        candidate_energy=sets.columns["candidate_energy"],
        sqrt_s=sqrt_s,
    )
    cones = cleo_cones(momenta, candidate.axis, sets.offsets)
    return {
        "R2": fox_wolfram_r2(momenta, sets.offsets),
        "thrustBm": candidate.value,
        "thrustOm": rest.value,
        "cosTBTO": cosine_between(candidate.axis, rest.axis),
        "cosTBz": cosine_between(candidate.axis, (0.0, 0.0, 1.0)),
        "et": moments.et,
        "mm2": moments.mm2,
        **{f"hso{j}{k}": moments.hso[:, j, k] for j in range(3) for k in (0, 2, 4)},
        **{f"hoo{k}": moments.hoo[:, k] for k in range(5)},
        **{f"cleoCone{i + 1}": cones[:, i] for i in range(N_CONES)},
    }
