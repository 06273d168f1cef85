r"""Forced decays of b hadrons: decay time, oscillation, masses of resonances, angles; compiled.

A B_s⁰ or B⁰ that was produced as one flavour decays at a proper time t with the density
:math:`e^{-\Gamma t} [\cosh(\Delta\Gamma t/2) \pm \cos(\Delta m\, t)]`, + as the same flavour and - as the
other (no CP violation in mixing): flavour-specific decays (Review of Particle Physics, "B⁰-B̄⁰ mixing").
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import kernel
from hepsets.core.lorentz_kernels import boost_from
from hepsets.core.random_stream import Stream, exponential, start, uniform
from hepsets.core.units import SPEED_OF_LIGHT
from hepsets.generate.lhc_beauty.chains import (
    COSINE_SQUARED,
    FORCED,
    ISOTROPIC,
    LIFETIMES,
    MASSES,
    OWN_ANTIPARTICLE,
    SINE_SQUARED,
)
from hepsets.generate.lhc_beauty.resonances import QUANTILES

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

DELTA_M = {531: 17.7683, 511: 0.5065}
"""Oscillation frequencies [1/ps]: B_s⁰ of LHCb (arXiv:2104.04421), B⁰ of HFLAV (arXiv:2206.07501)."""

DELTA_GAMMA_S = 0.084
"""Γ_L - Γ_H of the B_s⁰ [1/ps] (HFLAV, arXiv:2206.07501); that of the B⁰ is zero here."""

PS_PER_NS = 1e3
CM_PER_PS = SPEED_OF_LIGHT / PS_PER_NS

STEPS = 4
"""Most steps of a chain."""
PLACES = 1 + 2 * STEPS


class ChainTable(NamedTuple):
    """The chains of a sample as kernels take them.

    ``share``, cumulative, ``mode`` and ``n_steps`` have shape ``(n_chains,)``; ``mother`` and ``angle`` of
    steps ``(n_chains, STEPS)``; ``pdg``, ``mass`` [GeV], ``life`` [ps] and ``shape``, which of the
    ``quantiles`` gives the mass or -1, ``(n_chains, PLACES)``; ``quantiles`` ``(n_shapes, QUANTILES)``;
    ``oscillation``: Δm, Γ_L and Γ_H [1/ps].
    """

    share: Floats
    mode: Integers
    n_steps: Integers
    mother: Integers
    angle: Integers
    pdg: Integers
    mass: Floats
    life: Floats
    shape: Integers
    quantiles: Floats
    oscillation: Floats


class Decayed(NamedTuple):
    """Forced decays, place by place of their chains, shape ``(n, PLACES)``: ``pdg``, 0 beyond the end, and
    ``mother``, -1 there; ``momentum`` (px, py, pz, E) [GeV] and ``vertex`` of production (x, y, z [cm], t
    [ns]), shape ``(n, PLACES, 4)``. And of shape ``(n,)`` ``time`` [ps] in the frame of the b hadron,
    ``flavour`` as it decays, the sign of its PDG id, and ``mode``.
    """

    pdg: Integers
    mother: Integers
    momentum: Floats
    vertex: Floats
    time: Floats
    flavour: Integers
    mode: Integers


@lru_cache(maxsize=len(FORCED))
def chain_table(sample: str) -> ChainTable:
    """The chains of one of :data:`~hepsets.generate.lhc_beauty.chains.FORCED`."""
    forced = FORCED[sample]
    n = len(forced.chains)
    mother, angle = np.zeros((2, n, STEPS), dtype=np.int64)
    pdg, mass, life = np.zeros((n, PLACES), dtype=np.int64), np.zeros((n, PLACES)), np.zeros((n, PLACES))
    shape = np.full((n, PLACES), -1)
    quantiles: list[Floats] = []
    for row, chain in enumerate(forced.chains):
        pdg[row, 0] = forced.hadron
        for place, step in enumerate(chain.steps):
            mother[row, place], angle[row, place] = step.mother, step.angle
            pdg[row, 1 + 2 * place : 3 + 2 * place] = step.daughters
            if step.resonance is not None:
                shape[row, 1 + 2 * place] = len(quantiles)
                quantiles.append(step.resonance.quantiles())
        for place, particle in enumerate(np.abs(pdg[row])):
            mass[row, place], life[row, place] = MASSES.get(particle, 0.0), LIFETIMES.get(particle, 0.0)
    rate, half = 1 / LIFETIMES[forced.hadron], (DELTA_GAMMA_S / 2 if forced.hadron == 531 else 0.0)
    return ChainTable(
        np.cumsum([chain.share for chain in forced.chains]),
        np.array([chain.mode for chain in forced.chains]),
        np.array([len(chain.steps) for chain in forced.chains]),
        mother,
        angle,
        pdg,
        mass,
        life,
        shape,
        np.array(quantiles),
        np.array([DELTA_M.get(forced.hadron, 0.0), rate + half, rate - half]),
    )


@kernel
def _draw_time(stream: Stream, oscillation: Floats) -> tuple[float, bool]:
    """Proper decay time [ps], and whether the hadron then decays as the other flavour."""
    light, heavy = oscillation[1], oscillation[2]
    rate = light if uniform(stream) * (1.0 / light + 1.0 / heavy) < 1.0 / light else heavy
    time = exponential(stream) / rate
    same = 0.5 * (1.0 + math.cos(oscillation[0] * time) / math.cosh(0.5 * (light - heavy) * time))
    return time, uniform(stream) > same


@kernel
def _cosine(stream: Stream, law: int) -> float:
    if law == COSINE_SQUARED:
        value = 2.0 * uniform(stream) - 1.0
        return math.copysign(abs(value) ** (1.0 / 3.0), value)
    value = 2.0 * uniform(stream) - 1.0
    while law == SINE_SQUARED and uniform(stream) > 1.0 - value * value:
        value = 2.0 * uniform(stream) - 1.0
    return value


@kernel
def _direction(stream: Stream, axis: Floats, cosine: float, direction: Floats) -> None:
    """Fill ``direction`` with a unit vector at an angle to ``axis`` and any azimuth about it."""
    length = math.sqrt(axis[0] ** 2 + axis[1] ** 2 + axis[2] ** 2)
    ux, uy, uz = axis[0] / length, axis[1] / length, axis[2] / length
    # two unit vectors across: Duff et al., J. Comput. Graph. Tech. 6 (2017) 1
    sign = math.copysign(1.0, uz)
    a = -1.0 / (sign + uz)
    b = ux * uy * a
    azimuth = 2.0 * math.pi * uniform(stream)
    sine = math.sqrt(max(0.0, 1.0 - cosine * cosine))
    c, s = sine * math.cos(azimuth), sine * math.sin(azimuth)
    direction[0] = cosine * ux + c * (1.0 + sign * ux * ux * a) + s * b
    direction[1] = cosine * uy + c * sign * b + s * (sign + uy * uy * a)
    direction[2] = cosine * uz - c * sign * ux - s * uy


@kernel
def _decay_to_two(
    stream: Stream, law: int, parent: Floats, along: Floats, first: Floats, second: Floats, masses: Floats
) -> None:
    """Fill the four-momenta of two daughters; ``along`` is the momentum of the mother's mother, ``masses``
    those of mother and daughters.
    """
    m, m_1, m_2 = masses[0], masses[1], masses[2]
    square = (m * m - (m_1 + m_2) ** 2) * (m * m - (m_1 - m_2) ** 2)
    p = math.sqrt(max(square, 0.0)) / (2.0 * m)
    axis, direction = np.zeros(4), np.zeros(3)
    axis[2] = axis[3] = 1.0
    if law != ISOTROPIC:
        axis[:] = along
        boost_from(axis, parent, -1.0)
    _direction(stream, axis, _cosine(stream, law), direction)
    for k in range(3):
        first[k], second[k] = p * direction[k], -p * direction[k]
    first[3], second[3] = math.hypot(p, m_1), math.hypot(p, m_2)
    boost_from(first, parent, 1.0)
    boost_from(second, parent, 1.0)


@kernel
def _decay_one(
    stream: Stream, table: ChainTable, chain: int, time: float, momentum: Floats, vertex: Floats
) -> None:
    """Fill a chain with momenta and vertices, from the b hadron at place 0 on."""
    mass = np.zeros(PLACES)
    for place in range(PLACES):
        mass[place] = table.mass[chain, place]
        shape = table.shape[chain, place]
        if shape >= 0:
            at = uniform(stream) * (QUANTILES - 1)
            low = int(at)
            below, above = table.quantiles[shape, low], table.quantiles[shape, low + 1]
            mass[place] = below + (at - low) * (above - below)
    masses = np.zeros(3)
    grandmother = np.zeros(PLACES, dtype=np.int64)
    for step in range(table.n_steps[chain]):
        mother, one, two = table.mother[chain, step], 1 + 2 * step, 2 + 2 * step
        grandmother[one] = grandmother[two] = mother
        masses[0], masses[1], masses[2] = mass[mother], mass[one], mass[two]
        _decay_to_two(
            stream,
            table.angle[chain, step],
            momentum[mother],
            momentum[grandmother[mother]],
            momentum[one],
            momentum[two],
            masses,
        )
        proper = time if mother == 0 else table.life[chain, mother] * exponential(stream)
        scale = proper * CM_PER_PS / mass[mother]
        for daughter in (one, two):
            for k in range(3):
                vertex[daughter, k] = vertex[mother, k] + scale * momentum[mother, k]
            vertex[daughter, 3] = vertex[mother, 3] + scale * momentum[mother, 3] / SPEED_OF_LIGHT


@kernel
def _decay_all(
    table: ChainTable, seed: int, numbers: Integers, trials: Integers, hadron: Integers, out: Decayed
) -> None:
    stream = np.zeros(1, dtype=np.uint64)
    for i in range(len(numbers)):
        start(stream, seed, numbers[i], trials[i])
        draw, chain = uniform(stream) * table.share[-1], 0
        while draw >= table.share[chain]:
            chain += 1
        out.time[i], other = _draw_time(stream, table.oscillation)
        produced = 1 if hadron[i] > 0 else -1
        out.flavour[i] = -produced if other else produced
        out.mode[i] = table.mode[chain]
        _decay_one(stream, table, chain, out.time[i], out.momentum[i], out.vertex[i])
        out.pdg[i, 0], out.mother[i, 0] = hadron[i], 0
        for place in range(1, 1 + 2 * table.n_steps[chain]):
            pdg = table.pdg[chain, place]
            out.mother[i, place] = table.mother[chain, (place - 1) // 2]
            out.pdg[i, place] = pdg
            if out.flavour[i] < 0:
                conjugate = -pdg
                for own in OWN_ANTIPARTICLE:
                    if pdg == own:
                        conjugate = pdg
                out.pdg[i, place] = conjugate


def decay(
    sample: str,
    hadron: Integers,
    momentum: Floats,
    vertex: Floats,
    *,
    seed: int,
    numbers: Integers,
    trials: Integers,
) -> Decayed:
    """Let b hadrons decay as a sample demands.

    Parameters
    ----------
    sample
        One of :data:`~hepsets.generate.lhc_beauty.chains.FORCED`.
    hadron
        PDG ids as produced, shape ``(n,)``.
    momentum
        (px, py, pz) [GeV], shape ``(n, 3)``.
    vertex
        Where they are produced, (x, y, z [cm], t [ns]), shape ``(n, 4)``.
    seed, numbers, trials
        The random stream of each decay depends on these alone; both arrays have shape ``(n,)``.
    """
    n, table = len(hadron), chain_table(sample)
    out = Decayed(
        np.zeros((n, PLACES), dtype=np.int64),
        np.full((n, PLACES), -1),
        np.zeros((n, PLACES, 4)),
        np.zeros((n, PLACES, 4)),
        np.zeros(n),
        np.zeros(n, dtype=np.int64),
        np.zeros(n, dtype=np.int64),
    )
    out.momentum[:, 0, :3] = momentum
    out.momentum[:, 0, 3] = np.sqrt((momentum**2).sum(axis=1) + table.mass[0, 0] ** 2)
    out.vertex[:, 0] = vertex
    _decay_all(table, seed, numbers.astype(np.int64), trials.astype(np.int64), hadron.astype(np.int64), out)
    return out
