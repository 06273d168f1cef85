"""What the numbers stand for, and what the theory does not know: luminosity, form factors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hepsets.analyses.delta_c9.config import Config
from hepsets.analyses.delta_c9.samples import SHOWN, Cell, seed_of
from hepsets.core.measured import Measured
from hepsets.generate.kstmumu.density import WINDOWS
from hepsets.generate.kstmumu.nuisances import (
    directions,
    fit_profiled,
    profiled_bound,
    theory_shifts,
    theory_uncertainty,
)
from hepsets.generate.kstmumu.sampler import sample_decays
from hepsets.learn.data_sets.exact_likelihood import ExactLikelihood
from hepsets.select.kstmumu.cuts import efficiency
from hepsets.select.kstmumu.yields import luminosity_of, window_share

YIELD_DECAYS = 50_000
"""Decays that the efficiency behind the luminosity is measured with."""


@dataclass(frozen=True)
class Meaning:
    """What the decays of a data set take to be made, in the first window.

    Parameters
    ----------
    efficiency, window_share
        Share of the decays in the window that is selected, and of all decays that lie in it.
    luminosity
        Data set [1/ab] at Belle II, by number of selected decays.
    uncertainty
        Standard deviation of ΔC9 from the theory, by true ΔC9, then by group of parameters.
    """

    efficiency: Measured
    window_share: float
    luminosity: Mapping[int, Measured]
    uncertainty: Mapping[float, Mapping[str, float]]


@dataclass(frozen=True)
class Nuisances:
    """What the parameters of the theory do to ΔC9.

    Parameters
    ----------
    truth, events
        ΔC9 and the number of events of the set that is fitted.
    shifts
        Of ΔC9 by one standard deviation along each direction, to first order.
    uncertainty
        Standard deviation of ΔC9, by group of parameters.
    bound
        Of Cramér and Rao, for a fit in which the directions float.
    floating
        ΔC9 of that fit of the set.
    fixed_se
        Half the 68.3 % interval of the fit with the theory fixed.
    """

    truth: float
    events: int
    shifts: Mapping[str, float]
    uncertainty: Mapping[str, float]
    bound: float
    floating: Measured
    fixed_se: float


def find_meaning(config: Config) -> Meaning:
    """Luminosity and theory's uncertainty behind the data sets of a run."""
    window = WINDOWS[config.windows[0]]
    passed = efficiency(window, 0.0, YIELD_DECAYS, config.seed)
    share = window_share(window)
    return Meaning(
        passed,
        share,
        {events: luminosity_of(events, passed, share) for events in config.set_events},
        {truth: theory_uncertainty(truth, window) for truth in config.truths},
    )


def study_nuisances(config: Config) -> Nuisances:
    """Fit one large data set with the theory fixed and floating."""
    window = WINDOWS[config.windows[0]]
    truth = config.shown_truth(config.windows[0])
    events = max(config.set_events)
    groups = [one.group for one in directions()]
    labels = [f"{group} {1 + groups[:i].count(group)}" for i, group in enumerate(groups)]
    cell = Cell("generator", config.windows[0])
    frame = sample_decays(events, truth, seed_of(config, cell, SHOWN, 1), window=window)
    fixed = ExactLikelihood(window, config.morphing.limits).infer(frame)
    return Nuisances(
        truth,
        events,
        dict(zip(labels, theory_shifts(truth, window).tolist(), strict=True)),
        theory_uncertainty(truth, window),
        profiled_bound(truth, window, events),
        fit_profiled(frame, window).delta_c9,
        (fixed.high - fixed.low) / 2,
    )
