"""One level of realism in one window of q²: train every model there, and judge it on disjoint data sets."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hepsets.analyses.delta_c9.config import (
    ON_SETS,
    Config,
)
from hepsets.analyses.delta_c9.predictions import Key, Predictions, read_predictions, write_predictions
from hepsets.analyses.delta_c9.samples import (
    CALIBRATION,
    DATA,
    LINEARITY,
    POOL,
    TOYS,
    Cell,
    cells,
    sample_for,
    user_events,
)
from hepsets.analyses.delta_c9.training import Estimators, _has_networks_on_sets, train_cell
from hepsets.core.event_frame import EventFrame
from hepsets.core.parallel import map_in_order
from hepsets.core.progress import progress_bar
from hepsets.core.purpose import Purpose, demand
from hepsets.core.run import log
from hepsets.core.shared_events import content_hashes, refuse_shared
from hepsets.generate.kstmumu.density import (
    Q_SQUARED_LIMITS,
    TEST_VALUES,
    VARIABLES,
)
from hepsets.learn.data_sets.estimator import SetEstimates
from hepsets.learn.data_sets.event_posterior import EventPosterior, Posteriors
from hepsets.learn.data_sets.likelihood_estimator import LikelihoodEstimator
from hepsets.learn.data_sets.quadratic_likelihood import EventTerms
from hepsets.learn.data_sets.set_summary import SetSummary
from hepsets.learn.training.one_thread import one_thread
from hepsets.represent.data_sets.pools import EventSets, bootstrapped_sets, disjoint_sets

Floats = NDArray[np.float64]


CALIBRATION_EVENTS = 2000
"""Signal events in the sets of simulation-based calibration."""

SHIFTED_SETS = 50
"""Sets that are looked at again with their q² shifted."""


# -- predictions -----------------------------------------------------------------------------------


# -- running cells -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Task:
    config: Config
    cell: Cell
    folder: str


def run_cells(config: Config, folder: Path, *, workers: int = 1) -> dict[Cell, Predictions]:
    """Train and judge in every cell, several at once; what an earlier try has finished is read.

    Each cell uses one thread, so its numbers do not depend on ``workers``; on a GPU they follow one another.
    """
    (folder / "predictions").mkdir(exist_ok=True)
    every = cells(config)
    todo = [cell for cell in every if not _path(folder, cell).exists()]
    # the longest first: background is reconstructed, networks on sets learn slowly
    todo.sort(key=lambda cell: (_has_networks_on_sets(config, cell), cell.level != "generator"), reverse=True)
    tasks = [_Task(config, cell, str(folder)) for cell in todo]
    if torch.cuda.is_available():
        workers = 1
    with progress_bar("levels and windows", len(every)) as advance:
        advance(len(every) - len(todo))
        for _ in map_in_order(_run_cell, tasks, min(workers, max(len(todo), 1))):
            advance(1)
    return {cell: read_predictions(_path(folder, cell)) for cell in every}


def _path(folder: Path, cell: Cell) -> Path:
    return folder / "predictions" / f"{cell.name}.parquet"


def _run_cell(task: _Task) -> None:
    config, cell, folder = task.config, task.cell, Path(task.folder)
    with one_thread():
        estimators = train_cell(config, cell, folder / "models" / cell.name)
        predictions = dict(predict_cell(config, cell, estimators))
    write_predictions(_path(folder, cell), predictions)


# -- training ------------------------------------------------------------------------------------------


def refuse_shared_events(config: Config) -> None:
    """Refuse test events of the user that are trained on; nothing to do without such files.

    Raises
    ------
    InputError
        For a single event in both, whatever its label.
    """
    if not config.data.train:
        return
    trained, tested = (
        content_hashes({name: frame[name] for name in VARIABLES})
        for frame in (user_events(config.data.train, config), user_events(config.data.test, config))
    )
    refuse_shared(trained, tested, ", ".join(config.data.train), ", ".join(config.data.test))


# -- judging -------------------------------------------------------------------------------------------


def truths_of(config: Config, cell: Cell) -> tuple[float, ...]:
    """ΔC9 of the toys of a cell."""
    return tuple(dict.fromkeys((*config.truths, config.shown_truth(cell.window))))


def predict_cell(config: Config, cell: Cell, estimators: Estimators) -> Iterator[tuple[Key, SetEstimates]]:
    """What every model makes of the toys of a cell, and of the sets of the studies."""
    least = min(config.set_events)
    if cell.level == DATA:
        yield from _predict_users(config, estimators)
        return
    first = cell.window == config.windows[0]
    seen = (*VARIABLES, "delta_c9", "is_signal", *config.morphing.signal_columns)
    for number, truth in enumerate(truths_of(config, cell)):
        toys = config.data.toys[cell.level] * least
        pool = sample_for(config, cell, TOYS, number, truth, toys, seen)
        sets = disjoint_sets(pool, least, background="poisson", seed=config.seed)
        joined = [size // least for size in config.set_events]
        for model, size, found in estimate(estimators, sets, least, joined=joined):
            yield Key("toys", model, truth, size), found
        if "q2_shift" in config.studies and first and truth == config.shown_truth(cell.window):
            yield from _shifted(config, estimators, sets[: min(SHIFTED_SETS, len(sets))], truth, least)
    if not first:
        return
    for number, truth in enumerate(TEST_VALUES):
        toys = config.data.linearity_toys * least
        pool = sample_for(config, cell, LINEARITY, number, truth, toys, seen)
        sets = disjoint_sets(pool, least, background="poisson", seed=config.seed)
        for model, _, found in estimate(estimators, sets, least):
            yield Key("linearity", model, truth, least), found
    if "calibration" in config.studies:
        yield from _calibration(config, cell, estimators, seen)
    if "pools" in config.studies and cell.level == "generator":
        truth = config.shown_truth(cell.window)
        pool = sample_for(config, cell, POOL, 0, truth, config.study.pool_events, seen)
        sets = bootstrapped_sets(pool, least, config.study.pooled_sets, config.seed)
        for model, _, found in estimate(_on_single_events(estimators), sets, least):
            yield Key("pooled", model, truth, least), found


def _predict_users(config: Config, estimators: Estimators) -> Iterator[tuple[Key, SetEstimates]]:
    frame = user_events(config.data.test, config).used_for(Purpose.TEST)
    for size in config.set_events:
        sets = disjoint_sets(frame, size)
        for truth in np.unique(sets.delta_c9):
            these = sets[sets.delta_c9 == truth]
            if len(these) < 2:
                log.warning("ΔC9 = %g: events for %d sets of %d, left out", truth, len(these), size)
                continue
            for model, _, found in estimate(estimators, these, size):
                yield Key("toys", model, float(truth), size), found


def estimate(
    estimators: Estimators, sets: EventSets, size: int, *, joined: Sequence[int] = (1,)
) -> Iterator[tuple[str, int, SetEstimates]]:
    """Estimates of all models that serve them, of the sets and of neighbouring ones joined.

    What a network makes of single events is computed once, whatever asks for it.

    Parameters
    ----------
    estimators
        The models.
    sets, size
        Sets of one ΔC9, and their number of signal events.
    joined
        How many neighbours are joined.

    Yields
    ------
    str, int, SetEstimates
        Name of the model, signal events in the joined sets, and its estimates.

    Raises
    ------
    InputError
        For sets of events that were trained on.
    """
    demand(sets.frame.purpose, Purpose.TEST, "models are judged")
    of_events: dict[str, EventTerms] = {}
    posteriors: Posteriors | None = None
    for number in joined:
        larger = sets.joined(number)
        for model, by_size in estimators.items():
            estimator = by_size.get(None, by_size.get(size * number))
            if estimator is None:
                continue
            if isinstance(estimator, EventPosterior):  # its variants share a network
                posteriors = estimator.set_log_posteriors(sets) if posteriors is None else posteriors
                found = posteriors.joined(number).estimates(normalised=estimator.normalised)
            elif isinstance(estimator, LikelihoodEstimator | SetSummary):
                scores = estimator.estimator if isinstance(estimator, SetSummary) else estimator
                if scores.name not in of_events:
                    of_events[scores.name], _ = scores.terms_of_sets(sets)
                terms = of_events[scores.name][: larger.offsets[-1]]
                found = estimator.estimate_terms(terms, larger.offsets)
            else:
                found = estimator.estimate_sets(larger)
            yield model, size * number, found


def _on_single_events(estimators: Estimators) -> Estimators:
    """Models that look at each event once, however many sets hold it."""
    return {name: by_size for name, by_size in estimators.items() if name not in ON_SETS}


def _shifted(
    config: Config, estimators: Estimators, sets: EventSets, truth: float, size: int
) -> Iterator[tuple[Key, SetEstimates]]:
    for model, _, found in estimate(estimators, sets, size):
        yield Key("unshifted", model, truth, size), found
    for shift in config.study.q2_shifts:
        q_squared = np.clip(sets.frame["q_squared"] + shift, *Q_SQUARED_LIMITS)
        frame = sets.frame.with_columns(q_squared=q_squared)
        moved = dataclasses.replace(sets, frame=frame)
        for model, _, found in estimate(estimators, moved, size):
            yield Key("shifted", model, truth, size, shift), found


def _calibration(
    config: Config, cell: Cell, estimators: Estimators, seen: Sequence[str]
) -> Iterator[tuple[Key, SetEstimates]]:
    """Posterior probability below the truth, for truths drawn from a flat prior."""
    number = config.study.calibration_sets
    truths = np.random.default_rng([config.seed, CALIBRATION]).uniform(*config.study.prior, number)
    frames = [
        sample_for(config, cell, CALIBRATION, i, float(truth), CALIBRATION_EVENTS, seen)
        for i, truth in enumerate(truths)
    ]
    offsets = np.concatenate([[0], np.cumsum([len(frame) for frame in frames])])
    frame = EventFrame.concatenate(frames)
    demand(frame.purpose, Purpose.TEST, "models are judged")
    for model, by_size in estimators.items():
        estimator = by_size.get(None)
        if isinstance(estimator, LikelihoodEstimator | SetSummary):
            values = estimator.posterior_cdf(frame, offsets, truths, config.study.prior)
            key = Key("calibration", model, 0.0, CALIBRATION_EVENTS)
            yield key, SetEstimates(values, truths, truths)


# -- the bound -----------------------------------------------------------------------------------------
