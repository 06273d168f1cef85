"""One data set at each level, looked at closely: its likelihood, and its product of posteriors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.delta_c9.config import Config, Level
from hepsets.analyses.delta_c9.samples import SHOWN, Cell, sample, seed_of
from hepsets.core.event_frame import EventFrame
from hepsets.generate.kstmumu.density import WINDOWS
from hepsets.learn.data_sets.event_posterior import EventPosterior
from hepsets.learn.data_sets.exact_likelihood import ExactLikelihood
from hepsets.learn.data_sets.likelihood_estimator import LikelihoodEstimator
from hepsets.learn.data_sets.morphing import Morphing
from hepsets.learn.files import load
from hepsets.report.likelihood_figures import LikelihoodCurve

Floats = NDArray[np.float64]

RUNNING = (1, 10, 100, 1000)
"""Numbers of events after which the running product of posteriors is kept."""

SINGLE_EVENTS = 5
"""Events whose own posteriors are kept."""


@dataclass(frozen=True, eq=False)
class PosteriorProducts:
    """What the event-by-event model makes of one data set.

    Parameters
    ----------
    values
        ΔC9, shape ``(n_values,)``.
    single
        Posteriors of the first events, shape ``(n_events, n_values)``.
    running
        By kind of product (raw, normalised), then by events multiplied: shape ``(n_values,)``.
    """

    values: Floats
    single: Floats
    running: Mapping[str, Mapping[int, Floats]]


@dataclass(frozen=True, eq=False)
class OneDataSet:
    """One data set of a level.

    Parameters
    ----------
    truth, events
        ΔC9, and signal events.
    curves
        Its likelihood by each model that has one.
    posteriors
        Of the event-by-event model, where it was trained.
    """

    truth: float
    events: int
    curves: Mapping[str, LikelihoodCurve]
    posteriors: PosteriorProducts | None


def look_at_one(config: Config, level: Level, models: Path) -> OneDataSet:
    """Infer from one data set of a level in the first window; ``models`` is the folder of all models."""
    cell = Cell(level, config.windows[0])
    events = min(config.set_events)
    truth = config.shown_truth(cell.window)
    frame = sample(config, cell, truth, events, seed_of(config, cell, SHOWN))
    estimators: list[LikelihoodEstimator] = []
    if level == "generator" and "exact" in config.models:
        estimators.append(ExactLikelihood(WINDOWS[cell.window], config.morphing.limits))
    path = models / cell.name / "morphing.safetensors"
    if path.is_file():
        estimators.append(load(path, Morphing))
    path = models / cell.name / "event_by_event.safetensors"
    posteriors = _products(load(path, EventPosterior), frame) if path.is_file() else None
    return OneDataSet(truth, events, {one.name: _curve(one, frame) for one in estimators}, posteriors)


def _curve(estimator: LikelihoodEstimator, frame: EventFrame) -> LikelihoodCurve:
    fit = estimator.infer(frame)
    return LikelihoodCurve(fit.delta_c9, -2 * fit.log_likelihood, fit.value, fit.low, fit.high)


def _products(model: EventPosterior, frame: EventFrame) -> PosteriorProducts:
    counts = sorted({*(n for n in RUNNING if n < len(frame)), len(frame)})
    running = {}
    for normalised in (False, True):
        after = model.variant(normalised=normalised).running_log_posterior(frame)
        running["normalised" if normalised else "raw"] = {n: np.exp(after[n - 1]) for n in counts}
    single = np.exp(model.event_log_posterior(frame[:SINGLE_EVENTS]))
    return PosteriorProducts(np.asarray(model.values), single, running)
