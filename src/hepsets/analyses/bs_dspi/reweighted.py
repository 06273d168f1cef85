"""Simulated signal reweighted to data by sWeights, and whether a classifier still tells the two apart."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.bs_dspi.mass_fits import Selection
from hepsets.analyses.bs_dspi.samples import SIGNAL, Samples
from hepsets.analyses.bs_dspi.unfolded import signal_weights
from hepsets.core.errors import InputError
from hepsets.core.run import log
from hepsets.evaluate.fits.record import MassFit
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
        Of all of it, shape ``(n_signal,)``; their mean is 1.
    variables
        That were looked at; none if nothing was reweighted.
    before, after
        How well a classifier tells simulation from data; ``None`` if they are too few.
    """

    weights: Array
    variables: tuple[str, ...]
    before: ToldApart | None
    after: ToldApart | None

    @classmethod
    def none(cls, n_signal: int) -> Reweighted:
        """Simulation as it is.

        Parameters
        ----------
        n_signal
            Simulated candidates.
        """
        return cls(np.ones(n_signal), (), None, None)


def reweight_signal(
    samples: Samples, kept: Selection, result: MassFit, config: ReweightingConfig, *, seed: int
) -> Reweighted:
    """Weights with which simulated signal is distributed as the signal in data.

    Parameters
    ----------
    samples
        Candidates.
    kept
        A selection that leaves enough of the signal and little else, by trees that saw no weights.
    result
        The mass fit of the data that it keeps: its sWeights tell signal.
    config
        Of the reweighters.
    seed
        Of their folds.
    """
    signal, data = samples.signal, samples.data
    variables = tuple(name for name in VARIABLES if name in signal.columns and name in data.columns)
    of_signal = kept.simulated[SIGNAL]
    number, settings = "underlying_event", dataclasses.replace(config, seed=seed)
    try:
        weights = signal_weights(samples, kept, result)
        used = weights != 0
        simulated = Sample(signal[of_signal], signal.columns[number][of_signal])
        true = Sample(data[used], data.columns[number][used], weights[used])
        made = reweight(simulated, true, variables, settings)
        before, after = judge_reweighting(simulated, true, variables, settings)
    except InputError as error:
        log.warning("simulation is not reweighted: %s", error)
        return Reweighted.none(len(signal))
    found = np.empty(len(signal))
    found[of_signal] = made.weights
    if not of_signal.all():
        found[~of_signal] = made.multipliers(signal[~of_signal])
    return Reweighted(found / found.mean(), variables, before, after)
