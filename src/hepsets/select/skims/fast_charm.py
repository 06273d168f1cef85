"""Fast charm mesons: what charm physics keeps, mostly from continuum; in B decays they are rare."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.kernel import Record, as_record, kernel
from hepsets.select.candidates.classifier import sigmoid
from hepsets.select.candidates.record import D0, D_PLUS, ParticleLists
from hepsets.select.skims.record import SkimCandidates, begin, candidate_dtype, skim

MODE_NAMES = ("D0", "D+")

CHARM_CANDIDATE = candidate_dtype("mass", "momentum")
"""``mass`` [GeV], CM ``momentum`` [GeV], and what every skim tells."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class FastCharmConfig:
    """Cuts on charm mesons."""

    min_momentum: float = 2.0
    """In the centre of mass [GeV], as in Belle II's charm skims; D mesons of B decays end near 2.5."""
    min_signal_probability: float = 0.1


@kernel
def _find(
    lists: NDArray[np.void],
    offsets: NDArray[np.int64],
    cuts: Record,
    found: NDArray[np.void],
) -> int:
    n = 0
    for event in range(len(offsets)):
        at = offsets[event]
        for kind in (D0, D_PLUS):
            for i in range(at[kind], at[kind + 1]):
                charm = lists[i]
                momentum = math.sqrt(charm.px**2 + charm.py**2 + charm.pz**2)
                probability = sigmoid(charm.quality)
                if momentum <= cuts.min_momentum or probability <= cuts.min_signal_probability:
                    continue
                new = found[n]
                begin(new, event, 1 if kind == D_PLUS else 0, charm)
                new.mass, new.momentum = charm.mass, momentum
                new.signal_probability = probability
                new.charm_mode, new.flavour = charm.mode, charm.flavour
                new.is_correct = charm.matched == 1
                n += 1
    return n


def find_fast_charm(
    lists: ParticleLists, event_numbers: NDArray[np.int64], *, cuts: FastCharmConfig | None = None
) -> SkimCandidates:
    """All accepted D0 and D+.

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
        Records :data:`CHARM_CANDIDATE`.
    """
    found = np.empty(int(lists.counts(D0, D_PLUS).sum()), dtype=CHARM_CANDIDATE)
    n = _find(lists.values, lists.offsets, as_record(cuts or FastCharmConfig()), found)
    return SkimCandidates(found[:n].copy(), event_numbers, MODE_NAMES)


@skim(keep=0.12, place=4)
def fast_charm(lists: ParticleLists, event_numbers: NDArray[np.int64]) -> SkimCandidates:
    """A D0 or D+ above 2 GeV in the centre of mass, and anything.

    See :data:`~hepsets.select.skims.record.Find` for what it takes and gives.
    """
    return find_fast_charm(lists, event_numbers)
