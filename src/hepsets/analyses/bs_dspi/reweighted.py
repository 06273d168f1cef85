"""Simulated signal reweighted to data by sWeights, and whether a classifier still tells the two apart."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.bs_dspi.classifier import Trained
from hepsets.analyses.bs_dspi.config import FitConfig
from hepsets.analyses.bs_dspi.mass_fits import Selection, fit_candidates
from hepsets.analyses.bs_dspi.samples import DATA, SIGNAL, Samples
from hepsets.analyses.bs_dspi.unfolded import signal_weights
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.run import log
from hepsets.evaluate.scores.told_apart import ToldApart, judge_reweighting
from hepsets.learn.tables.reweighting import ReweightingConfig, Sample, reweight

Array = NDArray[np.float64]

VARIABLES = ("bs_pt", "bs_eta", "n_tracks")
"""What simulation seldom has right: how b hadrons fly, and how much else there is in the event."""


@dataclass(frozen=True, eq=False)
class Reweighted:
    """Weights of the simulated signal.

    Parameters
    ----------
    weights
        Of all of it, each made without the candidate's own fold; their mean is 1. Shape ``(n_signal,)``.
    by_fold
        Those that the trees of each fold are grown with, made without simulation and data of that fold, whose
        candidates they score; shape ``(n_folds, n_signal)``.
    variables
        That were looked at; none if nothing was reweighted.
    before, after
        How well a classifier tells simulation from data; ``None`` if they are too few.
    """

    weights: Array
    by_fold: Array
    variables: tuple[str, ...]
    before: ToldApart | None
    after: ToldApart | None

    @classmethod
    def none(cls, n_signal: int, folds: int) -> Reweighted:
        """Simulation as it is.

        Parameters
        ----------
        n_signal
            Simulated candidates.
        folds
            How many.
        """
        return cls(np.ones(n_signal), np.ones((folds, n_signal)), (), None, None)


def reweight_signal(
    samples: Samples,
    kept: Selection,
    blind: Trained,
    fit: FitConfig,
    config: ReweightingConfig,
    *,
    seed: int,
) -> Reweighted:
    """Weights with which simulated signal is distributed as the signal in data, by sWeights of mass fits.

    For each fold the data of all others are fitted anew, and weights are made of these alone: no candidate
    has a say in the weights that the trees which score it were grown with.

    Parameters
    ----------
    samples
        Candidates.
    kept
        A selection that leaves enough of the signal and little else, by trees that saw no weights.
    blind
        These trees, whose folds are those of the trees that the weights are for.
    fit
        Of the mass fits.
    config
        Of the reweighters.
    seed
        Of their own folds.
    """
    signal, folds, count = samples.signal, blind.folds, len(blind.models.models)
    variables = tuple(name for name in VARIABLES if name in signal.columns and name in samples.data.columns)
    settings, everything = dataclasses.replace(config, seed=seed), np.ones(len(samples.data), dtype=bool)
    try:
        rows = []
        for fold in range(count):
            which = kept.simulated[SIGNAL] & (folds[SIGNAL] != fold)
            true = _signal_in_data(samples, kept, folds[DATA] != fold, fit)
            made = reweight(_simulated(samples, which), true, variables, settings)
            found = np.empty(len(signal))
            found[which] = made.weights
            found[~which] = made.multipliers(signal[~which])
            rows.append(found / found.mean())
        true = _signal_in_data(samples, kept, everything, fit)
        simulated = _simulated(samples, kept.simulated[SIGNAL])
        before, after = judge_reweighting(simulated, true, variables, settings)
    except InputError as error:
        log.warning("simulation is not reweighted: %s", error)
        return Reweighted.none(len(signal), count)
    by_fold = np.array(rows)
    weights = by_fold[folds[SIGNAL], np.arange(len(signal))]
    return Reweighted(weights / weights.mean(), by_fold, variables, before, after)


def _simulated(samples: Samples, which: NDArray[np.bool_]) -> Sample:
    signal = samples.signal[which]
    return Sample(signal, signal.columns["underlying_event"])


def _signal_in_data(samples: Samples, kept: Selection, which: NDArray[np.bool_], fit: FitConfig) -> Sample:
    """Some of the data with the sWeights of a fit to them alone."""
    share = float(which.mean())
    rest = dataclasses.replace(
        samples,
        data=samples.data[which],
        yields={name: Measured(share * one.value, share * one.se) for name, one in samples.yields.items()},
    )
    selected = Selection(kept.data[which], kept.simulated)
    _, result = fit_candidates(rest, selected, fit)
    weights = signal_weights(rest, selected, result)
    data = rest.data[weights != 0]
    return Sample(data, data.columns["underlying_event"], weights[weights != 0])
