r"""Super Fox–Wolfram moments of a B candidate and the rest of its event (KSFW, as Belle II defines them).

All momenta are those of the centre-of-mass frame. *Signal* are the final-state particles of the
candidate, *rest* is every other particle of the event, and what both lack of the collision's
four-momentum :math:`(\sqrt s, \vec 0)` is *missing*: one neutral object. In basf2 these are
``KSFWVariables(…, FS1)``; without ``FS1`` basf2 takes the direct daughters of the candidate as signal.

The moments were introduced by Belle: Phys. Rev. Lett. 91 (2003) 261801; their definition is also in
The Physics of the B Factories, Eur. Phys. J. C 74 (2014) 3026, section 9.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.errors import InputError
from hepsets.core.kernel import kernel
from hepsets.select.variables.fox_wolfram import checked_momenta

Array = NDArray[np.float64]

ORDERS = 5
"""Legendre polynomials P0 to P4."""


@dataclass(frozen=True)
class KsfwMoments:
    r"""KSFW moments of each event.

    Parameters
    ----------
    et
        Shape ``(n_events,)``, sum of transverse momenta of all particles [GeV].
    mm2
        Shape ``(n_events,)``, missing mass squared [GeV²].
    hso
        Shape ``(n_events, 3, 5)``: signal against charged rest, neutral rest and missing (second
        axis), for the five Legendre polynomials. Without unit; :math:`|hso_{jk}| \le hso_{j0}`.
    hoo
        Shape ``(n_events, 5)``: pairs among rest and missing. Without unit;
        :math:`|hoo_k| \le hoo_0`.
    """

    et: Array
    mm2: Array
    hso: Array
    hoo: Array


def ksfw_moments(
    momenta: ArrayLike,
    energies: ArrayLike,
    charges: ArrayLike,
    from_candidate: ArrayLike,
    offsets: ArrayLike,
    *,
    candidate_energy: ArrayLike,
    sqrt_s: float,
) -> KsfwMoments:
    r"""All KSFW moments of each event.

    .. math::

        hso_{jk} = \frac{\sum_{i \in signal} \sum_{l \in j} c_{il} |p_l| P_k(\cos\theta_{il})}
                        {2 (\sqrt s - E_B)}, \qquad
        hoo_k = \frac{\sum_{i < l} c_{il} |p_i| |p_l| P_k(\cos\theta_{il})}{[2 (\sqrt s - E_B)]^2},

    where j = 0, 1, 2 are charged rest, neutral rest and missing, the sum of hoo runs over pairs of
    rest and missing, and :math:`c_{il}` is 1 for even k and :math:`q_i q_l` for odd k. So the odd
    moments of neutral and missing objects are zero.

    A particle without momentum has no direction and enters no moment. Without rest, hso of rest and
    all hoo are zero (a single missing object makes no pair), et, mm2 and hso of missing are those of the
    candidate alone. Without candidate, hso is zero.

    Parameters
    ----------
    momenta
        Shape ``(n_particles, 3)`` [GeV].
    energies
        Shape ``(n_particles,)`` [GeV].
    charges
        Shape ``(n_particles,)``, units of e.
    from_candidate
        Shape ``(n_particles,)``, bool: signal, or else rest.
    offsets
        Shape ``(n_events + 1,)``.
    candidate_energy
        :math:`E_B`, shape ``(n_events,)`` [GeV].
    sqrt_s
        Energy of the collision in its centre-of-mass frame [GeV].

    Raises
    ------
    InputError
        If shapes do not fit, or a candidate has all the energy of the collision or more.

    Examples
    --------
    One candidate photon along z, and the rest balances it:

    >>> moments = ksfw_moments([[0, 0, 5], [0, 0, -5]], [5, 5], [0, 0], [True, False], [0, 2],
    ...                        candidate_energy=[5], sqrt_s=10)
    >>> moments.hso[0, 1].tolist(), moments.mm2.tolist()
    ([0.5, 0.0, 0.5, 0.0, 0.5], [0.0])
    """
    p, edge = checked_momenta(momenta, offsets)
    n = len(edge) - 1
    energy = _column(energies, len(p), "energies", np.float64)
    charge = _column(charges, len(p), "charges", np.float64)
    signal = _column(from_candidate, len(p), "from_candidate", np.bool_)
    scale = 2.0 * (sqrt_s - _column(candidate_energy, n, "candidate energies", np.float64))
    if not (scale > 0.0).all():
        event = int(np.argmin(scale))
        raise InputError(
            f"a candidate of {sqrt_s - scale[event] / 2:.4g} GeV in event {event} at √s = {sqrt_s:.4g} GeV",
            "candidates with less energy than the collision",
            "give energies of the centre-of-mass frame in GeV",
        )
    missing = _missing(p, energy, edge, sqrt_s)
    hso, hoo = _moments(p, charge, signal, edge, missing)
    return KsfwMoments(
        _transverse(p, edge), _missing_mass(missing), hso / scale[:, None, None], hoo / scale[:, None] ** 2
    )


def transverse_energy(momenta: ArrayLike, offsets: ArrayLike) -> Array:
    r"""Sum of transverse momenta :math:`\sum \sqrt{p_x^2 + p_y^2}` of each event [GeV].

    Shape ``(n_events,)``, at least 0; 0 without particles. Arguments as for :func:`ksfw_moments`.

    Examples
    --------
    >>> transverse_energy([[3, 4, 0], [0, 0, 7]], [0, 2])
    array([5.])
    """
    return np.asarray(_transverse(*checked_momenta(momenta, offsets)))


def missing_momentum(momenta: ArrayLike, energies: ArrayLike, offsets: ArrayLike, *, sqrt_s: float) -> Array:
    r"""What all particles lack of :math:`(\vec 0, \sqrt s)`, shape ``(n_events, 4)``: px, py, pz, E [GeV].

    Arguments as for :func:`ksfw_moments`.
    """
    p, edge = checked_momenta(momenta, offsets)
    return np.asarray(_missing(p, _column(energies, len(p), "energies", np.float64), edge, sqrt_s))


def missing_mass_squared(
    momenta: ArrayLike, energies: ArrayLike, offsets: ArrayLike, *, sqrt_s: float
) -> Array:
    r"""Missing mass squared of each event [GeV²].

    :math:`E^2 - p^2` of the missing four-momentum, and :math:`-E^2 - p^2` where more energy than
    :math:`\sqrt s` was seen, so that it falls as the seen energy rises. Shape ``(n_events,)``, at
    most s, which it is for an event without particles. Arguments as for :func:`ksfw_moments`.
    """
    return _missing_mass(missing_momentum(momenta, energies, offsets, sqrt_s=sqrt_s))


# -- inside ----------------------------------------------------------------------------------------


def _missing_mass(missing: Array) -> Array:
    energy = missing[:, 3]
    return np.asarray(np.copysign(energy**2, energy) - np.sum(missing[:, :3] ** 2, axis=1))


@kernel
def _transverse(p: Any, offsets: Any) -> Any:
    out = np.zeros(len(offsets) - 1)
    for event in range(len(out)):
        for i in range(offsets[event], offsets[event + 1]):
            out[event] += np.sqrt(p[i, 0] ** 2 + p[i, 1] ** 2)
    return out


@kernel
def _missing(p: Any, energy: Any, offsets: Any, sqrt_s: Any) -> Any:
    out = np.zeros((len(offsets) - 1, 4))
    for event in range(len(out)):
        for i in range(offsets[event], offsets[event + 1]):
            for a in range(3):
                out[event, a] -= p[i, a]
            out[event, 3] -= energy[i]
        out[event, 3] += sqrt_s
    return out


@kernel
def _add(sums: Any, cosine: Any, even: Any, odd: Any) -> None:
    """Add the five Legendre polynomials, even ones times ``even``, odd ones times ``odd``."""
    square = cosine * cosine
    sums[0] += even
    sums[2] += even * (1.5 * square - 0.5)
    sums[4] += even * ((4.375 * square - 3.75) * square + 0.375)
    if odd != 0.0:
        sums[1] += odd * cosine
        sums[3] += odd * cosine * (2.5 * square - 1.5)


@kernel
def _moments(p: Any, charge: Any, signal: Any, offsets: Any, missing: Any) -> Any:
    n_events = len(offsets) - 1
    hso, hoo = np.zeros((n_events, 3, ORDERS)), np.zeros((n_events, ORDERS))
    most = 1
    for event in range(n_events):
        most = max(most, offsets[event + 1] - offsets[event] + 1)
    # directions and charges of the signal; the same, momenta and kinds (j of hso) of all other objects
    signal_unit, signal_charge = np.empty((most, 3)), np.empty(most)
    unit, q, size, kind = np.empty((most, 3)), np.empty(most), np.empty(most), np.empty(most, np.int64)
    for event in range(n_events):
        begin, end = offsets[event], offsets[event + 1]
        n_signal, n_others = 0, 0
        for i in range(begin, end + 1):
            momentum = missing[event] if i == end else p[i]
            px, py, pz = momentum[0], momentum[1], momentum[2]
            length = np.sqrt(px * px + py * py + pz * pz)
            if length == 0.0:
                continue
            if i < end and signal[i]:
                own, place = signal_unit, n_signal
                signal_charge[place] = charge[i]
                n_signal += 1
            else:
                own, place = unit, n_others
                q[place] = charge[i] if i < end else 0.0
                size[place] = length
                kind[place] = 2 if i == end else 1 if charge[i] == 0.0 else 0
                n_others += 1
            own[place, 0], own[place, 1], own[place, 2] = px / length, py / length, pz / length
        for j in range(n_others):
            for i in range(n_signal):
                cosine = _dot(signal_unit[i], unit[j])
                _add(hso[event, kind[j]], cosine, size[j], size[j] * signal_charge[i] * q[j])
            for i in range(j):
                _add(hoo[event], _dot(unit[i], unit[j]), size[i] * size[j], size[i] * size[j] * q[i] * q[j])
    return hso, hoo


@kernel
def _dot(one: Any, two: Any) -> Any:
    return one[0] * two[0] + one[1] * two[1] + one[2] * two[2]


def _column(values: ArrayLike, length: int, name: str, dtype: type[np.generic]) -> NDArray[Any]:
    column = np.ascontiguousarray(values, dtype=dtype)
    if column.shape != (length,):
        raise InputError(f"{name} of shape {column.shape}", f"({length},)")
    return column
