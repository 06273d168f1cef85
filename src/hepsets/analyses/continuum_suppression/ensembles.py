"""Models that were trained several times, taken together: mean probability and spread of each test event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.continuum_suppression.config import Config
from hepsets.analyses.continuum_suppression.training import class_weights
from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.purpose import Purpose, demand
from hepsets.evaluate.scores.background_at import background_at
from hepsets.evaluate.scores.calibration import Calibration, calibrate
from hepsets.evaluate.scores.classification import classify
from hepsets.evaluate.scores.ensemble import SpreadAgainstError, Together, spread_against_error, together

Array = NDArray[np.float64]

LEAST_EVENTS = 1000
"""Fewer test events say nothing about the error where trainings agree."""


@dataclass(frozen=True, eq=False)
class Ensemble:
    """The trainings of one model, taken together, on the test events.

    Parameters
    ----------
    name
        The model.
    trainings
        How many.
    auc, auc_of_first
        Area under the ROC curve of the mean score, and of the first training.
    left, left_of_first
        Background left at the signal efficiency of the run, likewise.
    spread
        Root of the mean squared spread of the events.
    calibration
        Of the mean score in the balanced test sample.
    against_error
        Spread beside error; None with fewer than :data:`LEAST_EVENTS` events.
    """

    name: str
    trainings: int
    auc: Measured
    auc_of_first: Measured
    left: Measured
    left_of_first: Measured
    spread: float
    calibration: Calibration
    against_error: SpreadAgainstError | None


def ensemble_columns(repeated: Mapping[str, Mapping[int, Array]]) -> dict[str, Array]:
    """Mean and spread of each model with several trainings, ``MODEL_mean`` and ``MODEL_spread``.

    Shape ``(n_events,)`` each.
    """
    columns: dict[str, Array] = {}
    for model, by_seed in repeated.items():
        if len(by_seed) > 1:
            found = together([by_seed[seed] for seed in sorted(by_seed)])
            columns |= {f"{model}_mean": found.mean, f"{model}_spread": found.spread}
    return columns


def judge_ensembles(
    config: Config, test: ParticleSets, repeated: Mapping[str, Mapping[int, Array]]
) -> tuple[Ensemble, ...]:
    """The models that were trained several times, judged on test events."""
    demand(test.purpose, Purpose.TEST, "ensembles are judged")
    return tuple(
        _judged(config, name, test, by_seed[0], together(list(by_seed.values())), len(by_seed))
        for name, by_seed in repeated.items()
        if len(by_seed) > 1
    )


def _judged(
    config: Config, name: str, test: ParticleSets, first: Array, found: Together, trainings: int
) -> Ensemble:
    label, weight = test.columns["label"], test.columns["weight"].astype(np.float64)
    balanced = class_weights(test) if (weight < 0).any() else None
    auc, auc_of_first = (classify(label, one, weight).auc for one in (found.mean, first))
    left, left_of_first = (
        background_at(label, one, weight, config.signal_efficiency).background for one in (found.mean, first)
    )
    return Ensemble(
        name,
        trainings,
        auc,
        auc_of_first,
        left,
        left_of_first,
        float(np.sqrt(np.mean(found.spread**2))),
        calibrate(label, found.mean, balanced),
        spread_against_error(label, found, balanced) if len(label) >= LEAST_EVENTS else None,
    )
