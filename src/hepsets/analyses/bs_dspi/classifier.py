"""Trees that select: signal of simulation against the upper sideband of data, by folds of parton events."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.bs_dspi.config import ClassifierConfig
from hepsets.analyses.bs_dspi.samples import DATA, SIGNAL, Samples
from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.particle_sets import ParticleSets
from hepsets.learn.tables.boosted_trees import BoostedTrees, fit_trees
from hepsets.learn.tables.folds import CrossTrained, TrainingPart, cross_train
from hepsets.learn.tables.oversampling import smote

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pool:
    """All candidates of a run, end to end, so that one share-out by parton event holds for all of them.

    Parameters
    ----------
    table
        Their columns: data first, then the simulated samples.
    place
        Where each sample lies among them.
    use
        What trees are trained on: simulated signal, and the sideband of data; shape ``(n_candidates,)``.
    is_signal
        Simulated signal, shape ``(n_candidates,)``.
    """

    table: EventFrame
    place: dict[str, slice]
    use: NDArray[np.bool_]
    is_signal: NDArray[np.bool_]

    @classmethod
    def of(cls, samples: Samples, sideband: tuple[float, float]) -> Pool:
        """The candidates of a run.

        Parameters
        ----------
        samples
            Data and simulation.
        sideband
            Masses of the data that are background [GeV].
        """
        parts = samples.by_name
        ends = np.cumsum([0, *(len(part) for part in parts.values())])
        place = {name: slice(int(ends[k]), int(ends[k + 1])) for k, name in enumerate(parts)}
        table = EventFrame.concatenate([EventFrame(part.columns) for part in parts.values()])
        is_signal = np.zeros(len(table), dtype=bool)
        is_signal[place[SIGNAL]] = True
        use = is_signal.copy()
        use[place[DATA]] = within(samples.data, sideband)
        return cls(table, place, use, is_signal)


@dataclass(frozen=True, eq=False)
class Trained:
    """A cross-training over a pool.

    Parameters
    ----------
    name
        Of the trees.
    models
        Those of the folds.
    scores
        Of each sample, by the model that saw no relative of the candidate; each of shape ``(n_candidates,)``.
    folds
        Of each sample, shape ``(n_candidates,)``.
    """

    name: str
    models: CrossTrained
    scores: dict[str, Array]
    folds: dict[str, NDArray[np.int64]]

    @property
    def trees(self) -> tuple[BoostedTrees, ...]:
        """Those of the folds."""
        return tuple(model for model in self.models.models if isinstance(model, BoostedTrees))


def within(candidates: ParticleSets, window: tuple[float, float]) -> NDArray[np.bool_]:
    """Which candidates have a B_s mass in a window [GeV], shape ``(n_candidates,)``."""
    mass = candidates.columns["bs_mass"]
    return np.asarray((mass >= window[0]) & (mass < window[1]))


FEWEST = 10
"""Candidates of data in a sideband without which nothing is known of the background."""


def demand_sidebands(samples: Samples, sidebands: Mapping[str, tuple[float, float]]) -> None:
    """Refuse data that end before the sidebands begin, before anything is grown.

    Parameters
    ----------
    samples
        Candidates.
    sidebands
        Masses [GeV], by the setting that says them.

    Raises
    ------
    InputError
        For a sideband with fewer than :data:`FEWEST` candidates of data, or of fewer events.
    """
    for name, (low, high) in sidebands.items():
        inside = within(samples.data, (low, high))
        n, events = int(inside.sum()), len(np.unique(samples.data.columns["underlying_event"][inside]))
        if events < FEWEST <= n:
            raise InputError(
                f"{n} candidates of {events} events in {name}",
                f"{FEWEST} events or more, which folds and errors count",
                "leave out columns of run and event number that do not tell events apart",
            )
        if n < FEWEST:
            raise InputError(
                f"{n} candidates of data in {name}, {low:g} to {high:g} GeV",
                f"{FEWEST} or more, which say what background is",
                f"--set '{name}=[LOW, HIGH]', with fit.window below cut.sideband",
            )


def train_trees(
    pool: Pool,
    variables: Sequence[str],
    config: ClassifierConfig,
    *,
    seed: int,
    name: str,
    signal_weights: Array | None = None,
) -> Trained:
    """Grow trees for each fold on all others, and score all candidates.

    Signal and background weigh the same.

    Parameters
    ----------
    pool
        All candidates.
    variables
        Columns that the trees see.
    config
        How.
    seed
        Of folds and trees.
    name
        What the trees are called.
    signal_weights
        Of the simulated signal, shape ``(n_signal,)``, or for the trees of each fold,
        ``(n_folds, n_signal)``.
    """
    settings = dataclasses.replace(config.trees, seed=seed)

    def train(part: TrainingPart[EventFrame]) -> BoostedTrees:
        return fit_trees(
            part.events,
            part.labels,
            variables,
            part.weights,
            settings,
            groups=part.groups,
            oversample=partial(smote, seed=seed) if config.oversample else None,
            name=name,
        )[0]

    rows = None if signal_weights is None else np.atleast_2d(signal_weights)
    weights = (
        balanced(pool.is_signal, pool.use)
        if rows is None
        else np.stack([balanced(pool.is_signal, pool.use, row) for row in rows])
    )
    models = cross_train(
        pool.table.select_columns(variables),
        pool.is_signal,
        pool.table["underlying_event"],
        train,
        weights=weights,
        use=pool.use,
        folds=config.folds,
        seed=seed,
    )
    return Trained(
        name,
        models,
        {sample: models.scores[place] for sample, place in pool.place.items()},
        {sample: models.folds[place] for sample, place in pool.place.items()},
    )


def balanced(
    is_signal: NDArray[np.bool_], use: NDArray[np.bool_], signal_weights: Array | None = None
) -> Array:
    """Weights with which both classes weigh the same; their mean is 1 where they are used.

    Parameters
    ----------
    is_signal, use
        Which candidates are simulated signal, and which are trained on, shape ``(n_candidates,)``.
    signal_weights
        What the signal has already, shape ``(n_signal,)``.
    """
    weights = np.ones(len(use))
    if signal_weights is not None:
        weights[is_signal] = signal_weights
    for which in (use & is_signal, use & ~is_signal):
        weights[which] *= 0.5 * use.sum() / max(float(weights[which].sum()), 1e-30)
    return weights
