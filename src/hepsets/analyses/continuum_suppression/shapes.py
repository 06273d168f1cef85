"""The thirty variables as they are drawn: in signal and background, in enriched and in generic signal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from hepsets.analyses.continuum_suppression.sample import FED_BY_FRAGMENTATION
from hepsets.analyses.continuum_suppression.samples import Samples
from hepsets.core.particle_sets import ParticleSets
from hepsets.select.variables.continuum import VARIABLES

SHOWN_EVENTS = 40_000
"""Most test events in figures of distributions."""

LEAST_GENERIC = 21
"""Fewer generic events say nothing."""


@dataclass(frozen=True, eq=False)
class Shapes:
    """Variables of some test events, all of shape ``(n_events,)``.

    Parameters
    ----------
    values
        By variable.
    label, weight
        Whether the events are signal, and what they weigh.
    """

    values: dict[str, NDArray[np.floating]]
    label: NDArray[np.bool_]
    weight: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GenericSignal:
    """Signal with one forced decay against signal in which both B decayed by themselves.

    Modes that fragmentation feeds are left out of all but ``fed``.

    Parameters
    ----------
    values
        By variable, shape ``(n_enriched + n_generic,)``.
    enriched
        Which of these have a forced decay.
    p_values
        Of Kolmogorov and Smirnov's test, by variable.
    fed
        Share of the modes that fragmentation feeds, in enriched and in generic signal.
    """

    values: dict[str, NDArray[np.floating]]
    enriched: NDArray[np.bool_]
    p_values: dict[str, float]
    fed: tuple[float, float]


def shapes_of(events: ParticleSets) -> Shapes:
    """Variables of some of the events."""
    some = _some(events)
    return Shapes(
        {name: some.columns[name] for name in VARIABLES},
        some.columns["label"],
        some.columns["weight"].astype(np.float64),
    )


def compare_with_generic(samples: Samples) -> GenericSignal | None:
    """Compare enriched with generic signal, where there is enough of the latter."""
    generic = samples.generic_signal
    if generic is None or len(generic) < LEAST_GENERIC:
        return None
    test = samples.pairs[samples.studied].test
    both = _some(test[test.columns["label"]]), generic
    fed = tuple(float(np.isin(one.columns["mode"], FED_BY_FRAGMENTATION).mean()) for one in both)
    enriched, generic = (one[~np.isin(one.columns["mode"], FED_BY_FRAGMENTATION)] for one in both)
    return GenericSignal(
        {name: np.concatenate([enriched.columns[name], generic.columns[name]]) for name in VARIABLES},
        np.arange(len(enriched) + len(generic)) < len(enriched),
        {name: float(ks_2samp(enriched.columns[name], generic.columns[name]).pvalue) for name in VARIABLES},
        (fed[0], fed[1]),
    )


def _some(events: ParticleSets) -> ParticleSets:
    return events[:: max(1, -(-len(events) // SHOWN_EVENTS))]
