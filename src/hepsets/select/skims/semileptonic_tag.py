"""Semileptonic B tag: a D- or D*- and a fast lepton, with room for one neutrino.

The neutrino is not seen, so there is neither Mbc nor Delta E. What stands in for them is the angle
between the B and its visible part Y = D(*) l, which energy and momentum conservation give if only a
massless particle is missing:
cos theta_BY = (2 E_B E_Y - m_B^2 - m_Y^2) / (2 |p_B| |p_Y|), centre-of-mass frame.
Cuts as in Belle II's semileptonic skim of the Full Event Interpretation (``feiSLB0`` in basf2).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.kernel import Record, as_record, kernel
from hepsets.core.masses import M_B0
from hepsets.select.candidates.classifier import sigmoid
from hepsets.select.candidates.record import (
    D_PLUS,
    DSTAR_PLUS,
    ELECTRON,
    MUON,
    Batch,
    ParticleLists,
    Seen,
    overlap,
    seen_in,
)
from hepsets.select.candidates.truth import true_mother
from hepsets.select.skims.record import SkimCandidates, begin, candidate_dtype, join, skim

MODE_NAMES = ("D- e+", "D- mu+", "D*- e+", "D*- mu+")

SEMILEPTONIC_CANDIDATE = candidate_dtype("mass", "lepton_momentum", "cos_theta_by")
"""``mass`` of Y [GeV], CM ``lepton_momentum`` [GeV], ``cos_theta_by``, and what every skim tells."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SemileptonicConfig:
    """Cuts of Belle II's semileptonic FEI skim."""

    min_lepton_momentum: float = 1.0
    """In the centre of mass [GeV]."""
    min_cos_theta_by: float = -4.0
    """Wider than [-1, 1] for resolution and for a pion or photon that was missed."""
    max_cos_theta_by: float = 3.0
    min_signal_probability: float = 0.00398
    """Smallest product (10^-2.4) of the charm meson's signal probability and the lepton's."""


@kernel
def _is_true(charm: Record, charm_pdg: int, lepton: Record, lepton_pdg: int, seen: Seen) -> bool:
    """Whether both come straight from one B0 that has, besides them, one final particle: the neutrino."""
    if not (charm.matched and lepton.matched):
        return False
    meson = true_mother(charm.tracks, charm.clusters, seen, charm.charge * charm_pdg, False)
    track = true_mother(lepton.tracks, lepton.clusters, seen, -lepton.charge * lepton_pdg, False)
    if meson < 0 or track < 0:
        return False
    b = seen.mothers[meson]
    return bool(
        seen.mothers[track] == b
        and seen.pdg[b] == 511 * lepton.charge
        and seen.n_leaves[b] == seen.n_leaves[meson] + 2
    )


@kernel
def _find(
    lists: NDArray[np.void],
    offsets: NDArray[np.int64],
    batch: Batch,
    cuts: Record,
    beam_energy: float,
    found: NDArray[np.void],
) -> int:
    b_momentum = math.sqrt(beam_energy * beam_energy - M_B0 * M_B0)
    n = 0
    for event in range(len(offsets)):
        at = offsets[event]
        for i in range(at[ELECTRON], at[MUON + 1]):
            lepton = lists[i]
            lepton_momentum = math.sqrt(lepton.px**2 + lepton.py**2 + lepton.pz**2)
            if lepton_momentum <= cuts.min_lepton_momentum:
                continue
            is_muon = 1 if i >= at[MUON] else 0
            for kind in (D_PLUS, DSTAR_PLUS):
                for k in range(at[kind], at[kind + 1]):
                    charm = lists[k]
                    if charm.charge * lepton.charge > 0 or overlap(charm, lepton):
                        continue
                    probability = sigmoid(charm.quality) * math.exp(lepton.pid)
                    if probability <= cuts.min_signal_probability:
                        continue
                    energy = charm.energy + lepton.energy
                    px, py, pz = charm.px + lepton.px, charm.py + lepton.py, charm.pz + lepton.pz
                    momentum2 = px * px + py * py + pz * pz
                    mass2 = energy * energy - momentum2
                    cosine = (2.0 * beam_energy * energy - M_B0 * M_B0 - mass2) / (
                        2.0 * b_momentum * math.sqrt(momentum2)
                    )
                    if not (cuts.min_cos_theta_by < cosine < cuts.max_cos_theta_by):
                        continue
                    b = found[n]
                    begin(b, event, is_muon + (2 if kind == DSTAR_PLUS else 0), charm)
                    join(b, lepton)
                    b.mass, b.lepton_momentum, b.cos_theta_by = math.sqrt(mass2), lepton_momentum, cosine
                    b.signal_probability = probability
                    b.charm_mode, b.flavour = charm.mode, lepton.charge
                    b.is_correct = _is_true(
                        charm,
                        413 if kind == DSTAR_PLUS else 411,
                        lepton,
                        13 if is_muon else 11,
                        seen_in(batch, event),
                    )
                    n += 1
    return n


def find_semileptonic_b0(
    lists: ParticleLists, event_numbers: NDArray[np.int64], *, cuts: SemileptonicConfig | None = None
) -> SkimCandidates:
    """All accepted pairs of a D- or D*- and a positive lepton, and their charge conjugates.

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
        Records :data:`SEMILEPTONIC_CANDIDATE`. A candidate is correct if its B0 has no other final
        particle than those used and the neutrino.
    """
    most = int((lists.counts(D_PLUS, DSTAR_PLUS) * lists.counts(ELECTRON, MUON)).sum())
    found = np.empty(most, dtype=SEMILEPTONIC_CANDIDATE)
    n = _find(
        lists.values,
        lists.offsets,
        Batch.of(lists.reconstructed),
        as_record(cuts or SemileptonicConfig()),
        0.5 * lists.reconstructed.detector.beams.energy,
        found,
    )
    return SkimCandidates(found[:n].copy(), event_numbers, MODE_NAMES)


@skim(keep=0.25, place=2)
def semileptonic_b0(lists: ParticleLists, event_numbers: NDArray[np.int64]) -> SkimCandidates:
    """B0 → D(*)- l+ neutrino with everything found but the neutrino.

    See :data:`~hepsets.select.skims.record.Find` for what it takes and gives.
    """
    return find_semileptonic_b0(lists, event_numbers)
