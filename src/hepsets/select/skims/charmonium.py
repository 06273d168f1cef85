"""J/psi → e+e- or mu+mu-: two identified leptons within a window of the mass.

Electrons lose energy in the material. The parametric detector gives the radiated photons no cluster,
so there is nothing to recover; the window of electrons reaches further down instead.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.kernel import Record, as_record, kernel
from hepsets.core.masses import M_JPSI
from hepsets.select.candidates.record import ELECTRON, MUON, Batch, ParticleLists, seen_in
from hepsets.select.candidates.truth import true_mother
from hepsets.select.skims.record import SkimCandidates, begin, candidate_dtype, join, skim

MODE_NAMES = ("J/psi -> e+ e-", "J/psi -> mu+ mu-")

JPSI_CANDIDATE = candidate_dtype("mass", "momentum")
"""``mass`` [GeV], CM ``momentum`` [GeV], and what every skim tells."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class JpsiConfig:
    """Mass windows around the J/psi, those of Belle's sin 2phi_1 (Phys. Rev. Lett. 87 (2001) 091802)."""

    below_electrons: float = 0.150
    """[GeV]"""
    below_muons: float = 0.060
    """[GeV]"""
    above: float = 0.036
    """[GeV]"""
    min_signal_probability: float = 0.25
    """Smallest product of the two lepton probabilities."""


@kernel
def _find(
    lists: NDArray[np.void],
    offsets: NDArray[np.int64],
    batch: Batch,
    cuts: Record,
    found: NDArray[np.void],
) -> int:
    n = 0
    for event in range(len(offsets)):
        at = offsets[event]
        for kind in (ELECTRON, MUON):
            lowest = M_JPSI - (cuts.below_electrons if kind == ELECTRON else cuts.below_muons)
            for i in range(at[kind], at[kind + 1]):
                for j in range(at[kind], at[kind + 1]):
                    plus, minus = lists[i], lists[j]
                    if plus.charge < 0 or minus.charge > 0:
                        continue
                    probability = math.exp(plus.pid + minus.pid)
                    if probability <= cuts.min_signal_probability:
                        continue
                    energy = plus.energy + minus.energy
                    px, py, pz = plus.px + minus.px, plus.py + minus.py, plus.pz + minus.pz
                    momentum2 = px * px + py * py + pz * pz
                    mass = math.sqrt(max(energy * energy - momentum2, 0.0))
                    if not (lowest < mass < M_JPSI + cuts.above):
                        continue
                    new = found[n]
                    begin(new, event, 1 if kind == MUON else 0, plus)
                    join(new, minus)
                    new.mass, new.momentum = mass, math.sqrt(momentum2)
                    new.signal_probability = probability
                    if plus.matched and minus.matched:
                        seen = seen_in(batch, event)
                        new.is_correct = true_mother(new.tracks, new.clusters, seen, 443, False) >= 0
                    n += 1
    return n


def find_jpsi(
    lists: ParticleLists, event_numbers: NDArray[np.int64], *, cuts: JpsiConfig | None = None
) -> SkimCandidates:
    """All accepted J/psi → e+e- and J/psi → mu+mu-.

    Parameters
    ----------
    lists
        The particle lists of a batch of events.
    event_numbers
        Shape ``(n_events,)``.
    cuts
        By default those of the package.

    Returns
    -------
    SkimCandidates
        Records :data:`JPSI_CANDIDATE`.
    """
    found = np.empty(int((lists.counts(ELECTRON, MUON) ** 2).sum()), dtype=JPSI_CANDIDATE)
    n = _find(
        lists.values,
        lists.offsets,
        Batch.of(lists.reconstructed),
        as_record(cuts or JpsiConfig()),
        found,
    )
    return SkimCandidates(found[:n].copy(), event_numbers, MODE_NAMES)


@skim(keep=1.0, place=3)
def jpsi(lists: ParticleLists, event_numbers: NDArray[np.int64]) -> SkimCandidates:
    """J/psi → e+e- or mu+mu-, and anything.

    See :data:`~hepsets.select.skims.record.Find` for what it takes and gives.
    """
    return find_jpsi(lists, event_numbers)
