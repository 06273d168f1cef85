"""B⁺ → ρ⁺ρ⁰ candidates: three charged pions and a π⁰, each ρ in a mass window.

The windows of Mbc and ΔE are those of a fit with its sidebands, as analyses of charmless decays take
them, and wider than those of the hadronic tag: continuum has candidates in a few per cent of its events.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.kernel import Record, as_record, kernel
from hepsets.core.masses import M_RHO, WIDTH_RHO
from hepsets.select.candidates.charm import reduced_vertex_chi2
from hepsets.select.candidates.record import (
    CANDIDATE,
    PI0,
    PION,
    Batch,
    ParticleLists,
    Seen,
    add,
    copy,
    seen_in,
    set_mass,
)
from hepsets.select.candidates.truth import true_mother
from hepsets.select.skims.hadronic_tag import B_CANDIDATE, BUILT, Candidates

_CHARGED_B = 521


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class RhoRhoConfig:
    """Cuts on the candidates."""

    min_mbc: float = 5.20
    """[GeV]"""
    max_delta_e: float = 0.3
    """[GeV]"""
    min_rho_mass: float = 0.50
    """Window [GeV] of either two-pion mass."""
    max_rho_mass: float = 1.10


@kernel
def _line_shape(mass: float) -> float:
    """Breit–Wigner of the ρ, 1 at its top."""
    pull = (mass - M_RHO) / (0.5 * WIDTH_RHO)
    return 1.0 / (1.0 + pull * pull)


@kernel
def _in_window(c: Record, cuts: Record) -> bool:
    set_mass(c)
    return bool(cuts.min_rho_mass < c.mass < cuts.max_rho_mass)


@kernel
def _store(
    charged: Record,
    neutral: Record,
    event: int,
    seen: Seen,
    cuts: Record,
    beam_energy: float,
    equations: NDArray[np.float64],
    found: NDArray[np.void],
    built: NDArray[np.void],
    n: int,
) -> int:
    """Make a B of two ρ and return the number of candidates so far."""
    px, py, pz = charged.px + neutral.px, charged.py + neutral.py, charged.pz + neutral.pz
    delta_e = charged.energy + neutral.energy - beam_energy
    mbc2 = beam_energy * beam_energy - px * px - py * py - pz * pz
    if abs(delta_e) > cuts.max_delta_e or mbc2 < cuts.min_mbc**2:
        return n
    if n < len(found):
        b = found[n]
        b.tracks, b.clusters = charged.tracks | neutral.tracks, charged.clusters | neutral.clusters
        b.mbc, b.delta_e = math.sqrt(mbc2), delta_e
        chi2 = 3.0 * reduced_vertex_chi2(b.tracks, seen.tracks, equations) + charged.neutral_chi2
        pid = math.exp(charged.pid + neutral.pid)
        b.signal_probability = max(
            pid * math.exp(-0.5 * min(chi2, 50.0)) * _line_shape(charged.mass) * _line_shape(neutral.mass),
            1.0e-12,
        )
        b.event, b.mode, b.charm_mode, b.charge = event, 0, -1, charged.charge
        b.flavour = 1 if charged.charge > 0 else -1
        b.is_correct = False
        if charged.matched and neutral.matched:
            expected = b.flavour * _CHARGED_B
            b.is_correct = true_mother(b.tracks, b.clusters, seen, expected, False) >= 0
        built[n].px, built[n].py, built[n].pz, built[n].kaons = px, py, pz, np.uint64(0)
    return n + 1


@kernel
def _find(
    lists: NDArray[np.void],
    offsets: NDArray[np.int64],
    batch: Batch,
    cuts: Record,
    beam_energy: float,
    scratch: NDArray[np.void],
    found: NDArray[np.void],
    built: NDArray[np.void],
) -> int:
    equations = np.zeros(10)
    charged, neutral = scratch[0], scratch[1]
    n = 0
    for event in range(len(offsets)):
        at = offsets[event]
        first, last = at[PION], at[PION + 1]
        seen = seen_in(batch, event)
        for i in range(first, last):
            for k in range(at[PI0], at[PI0 + 1]):
                copy(lists[i], charged)
                add(charged, lists[k])
                if not _in_window(charged, cuts):
                    continue
                missing = beam_energy - charged.energy
                for a in range(first, last):
                    if a == i or lists[a].charge < 0:
                        continue
                    for b in range(first, last):
                        if b == i or lists[b].charge > 0:
                            continue
                        if abs(lists[a].energy + lists[b].energy - missing) > cuts.max_delta_e:
                            continue
                        copy(lists[a], neutral)
                        add(neutral, lists[b])
                        if _in_window(neutral, cuts):
                            n = _store(
                                charged,
                                neutral,
                                event,
                                seen,
                                cuts,
                                beam_energy,
                                equations,
                                found,
                                built,
                                n,
                            )
    return n


def find_rho_rho(lists: ParticleLists, event_numbers: NDArray[np.int64]) -> Candidates:
    """All B⁺ → ρ⁺ρ⁰ candidates, of either charge.

    ``signal_probability`` is the product of the pions' probabilities, of the chances of the vertex
    and the π⁰ mass, and of the ρ line shapes (1 at their top): it knows neither Mbc nor ΔE.

    Parameters
    ----------
    lists
        The particle lists of a batch of events.
    event_numbers
        Shape ``(n_events,)``.
    """
    seen = lists.reconstructed
    capacity = 4 * len(seen) + 64
    while True:
        found, built = np.empty(capacity, dtype=B_CANDIDATE), np.empty(capacity, dtype=BUILT)
        n = _find(
            lists.values,
            lists.offsets,
            Batch.of(seen),
            as_record(RhoRhoConfig()),
            0.5 * seen.detector.beams.energy,
            np.zeros(2, dtype=CANDIDATE),
            found,
            built,
        )
        if n <= capacity:
            none = np.empty((n, 0))
            return Candidates(found[:n].copy(), event_numbers, ("rho+ rho0",), none, built[:n].copy())
        capacity = n
