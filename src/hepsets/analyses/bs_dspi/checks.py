"""What may be wrong with a selection: the mass sculpted, a sideband unlike the peak; and what it rests on."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.bs_dspi.classifier import Trained, within
from hepsets.analyses.bs_dspi.config import IsolationStep
from hepsets.analyses.bs_dspi.mass_fits import Selection
from hepsets.analyses.bs_dspi.samples import DATA, SIGNAL, Samples
from hepsets.analyses.bs_dspi.variables import GROUPS
from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.run import log
from hepsets.evaluate.filter.bias import Bias
from hepsets.evaluate.scores.area_importance import AreaImportance, area_importance
from hepsets.evaluate.scores.importance import exchange_columns
from hepsets.evaluate.scores.isolation import compare_isolation
from hepsets.evaluate.scores.sculpting import measure_sculpting
from hepsets.evaluate.scores.sideband import SidebandTest, compare_sideband
from hepsets.select.bs_dspi.truth import Category

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Isolation:
    """How well isolation alone tells signal from the sideband.

    Parameters
    ----------
    signal, background
        Candidates.
    auc
        Of trees on the two classic variables, of a network on all tracks around, and of one with both.
    gain
        Of the networks over the trees, on the same candidates.
    """

    signal: int
    background: int
    auc: dict[str, Measured]
    gain: dict[str, Measured]


@dataclass(frozen=True, eq=False)
class Sculpting:
    """Whether a cut changes the mass of combinations.

    Parameters
    ----------
    bias
        Mass of all combinations and of those that are kept.
    p_value
        Chance of a difference as large if the cut does not know the mass. Combinations share D_s and tracks:
        those of one family count once.
    families
        How many there are, 0 if they were too few to count so.
    """

    bias: Bias
    p_value: float
    families: int


@dataclass(frozen=True, eq=False)
class Checks:
    """What was looked at.

    Parameters
    ----------
    sculpting
        Whether the cut changes the mass of combinations; by model, the one that selects first.
    sideband
        Whether combinations above the peak stand for those under it; ``None`` where nobody knows.
    importance
        Of groups of variables.
    isolation
        Learnt isolation beside the classic variables; ``None`` without tracks around candidates.
    """

    sculpting: dict[str, Sculpting]
    sideband: SidebandTest | None
    importance: list[AreaImportance]
    isolation: Isolation | None


def vetoed(trained: Trained, passing: Selection) -> Trained:
    """The same with scores of 0, below any cut, where vetoes discard a candidate: what vetoes and cut do
    together.

    Parameters
    ----------
    trained
        Scores of all candidates.
    passing
        What vetoes keep.
    """
    kept = {DATA: passing.data, **passing.simulated}
    scores = {name: np.where(kept[name], found, 0.0) for name, found in trained.scores.items()}
    return dataclasses.replace(trained, scores=scores)


def sculpting(
    samples: Samples, trained: Trained, efficiency: float, window: tuple[float, float]
) -> Sculpting:
    """Whether a cut that keeps a share of the signal changes the mass of combinations.

    Parameters
    ----------
    samples, trained
        Candidates and their scores, those of :func:`vetoed` for vetoes and cut together. Of the data true
        combinations are looked at where the truth is known,
        else what lies above the peak.
    efficiency
        Share of the signal that the cut keeps.
    window
        Masses that are looked at [GeV].
    """
    columns = samples.data.columns
    which = within(samples.data, window)
    if samples.truth_known:
        which &= columns["category"] == Category.COMBINATORIAL
    else:
        which &= columns["bs_mass"] > np.quantile(samples.signal.columns["bs_mass"], 0.999)
    mass, scores = columns["bs_mass"][which], trained.scores[DATA][which]
    bias = measure_sculpting(
        "bs_mass",
        np.concatenate([samples.signal.columns["bs_mass"], mass]),
        np.arange(len(samples.signal) + len(mass)) < len(samples.signal),
        np.concatenate([trained.scores[SIGNAL], scores]),
        signal_efficiency=efficiency,
    )
    kept = scores >= float(np.quantile(trained.scores[SIGNAL], 1 - efficiency))
    try:  # the same question with the roles changed: are masses alike where the score is high and low
        alike = compare_sideband(mass, columns["underlying_event"][which], kept, ~kept, 0.0)
    except InputError:
        return Sculpting(bias, bias.p_value, 0)
    return Sculpting(bias, alike.p_value, alike.families)


def sideband_stands_for_peak(
    samples: Samples,
    trained: Trained,
    threshold: float,
    under_peak: tuple[float, float],
    sideband: tuple[float, float],
) -> SidebandTest | None:
    """Whether combinations under the peak have the scores of those in the sideband.

    Parameters
    ----------
    samples, trained
        Candidates and their scores, those of :func:`vetoed` for vetoes and cut together.
    threshold
        Of the cut.
    under_peak, sideband
        Masses [GeV].

    Returns
    -------
    SidebandTest or None
        ``None`` where the truth of the data is unknown, or they are too few.
    """
    columns = samples.data.columns
    if not samples.truth_known:
        return None
    which = columns["category"] == Category.COMBINATORIAL
    combinations = samples.data[which]
    try:
        return compare_sideband(
            trained.scores[DATA][which],
            combinations.columns["underlying_event"],
            within(combinations, under_peak),
            within(combinations, sideband),
            threshold,
        )
    except InputError as error:
        log.warning("the sideband is not compared: %s", error)
        return None


def importances(
    samples: Samples, trained: Trained, sideband: tuple[float, float], *, seed: int
) -> list[AreaImportance]:
    """How much area under the ROC curve is lost without each group of variables.

    Parameters
    ----------
    samples, trained
        Candidates and the trees, each of which scores the fold that it did not see.
    sideband
        Masses of the data that are background [GeV].
    seed
        Of the exchanges.
    """
    variables = trained.trees[0].variables
    beside = within(samples.data, sideband)
    columns = (*variables, "underlying_event")
    table = EventFrame.concatenate(
        [
            EventFrame({name: part.columns[name] for name in columns})
            for part in (samples.signal, samples.data)
        ]
    )[np.concatenate([np.ones(len(samples.signal), dtype=bool), beside])]
    families = table["underlying_event"]
    exchanges = {
        name: exchange_columns([one for one in group if one in variables])
        for name, group in GROUPS.items()
        if set(group) & set(variables)
    }
    try:
        return area_importance(
            lambda events: trained.models.score(events, families),
            table,
            np.arange(len(table)) < len(samples.signal),
            families,
            exchanges,
            repeats=2,
            seed=seed,
        )
    except InputError as error:
        log.warning("no importance: %s", error)
        return []


def compare_isolations(
    samples: Samples, trained: Trained, sideband: tuple[float, float], config: IsolationStep, *, seed: int
) -> Isolation | None:
    """Isolation that is learnt from the tracks around a candidate beside the classic variables.

    Parameters
    ----------
    samples, trained
        Candidates, and the trees whose folds are used.
    sideband
        Masses of the data that are background [GeV].
    config
        The network, and how many candidates of each kind it sees.
    seed
        Of the network.

    Returns
    -------
    Isolation or None
        ``None`` for candidates without tracks around, or too few.
    """
    if not (samples.signal.n_particles and samples.data.n_particles):
        return None
    beside = np.flatnonzero(within(samples.data, sideband))[: config.candidates]
    signal, background = samples.signal[: config.candidates], samples.data[beside]
    shared = [name for name in signal.columns if name in background.columns]
    both = ParticleSets.concatenate(
        [
            ParticleSets(one.particles, one.offsets, {name: one.columns[name] for name in shared})
            for one in (signal, background)
        ]
    )
    labels = np.arange(len(both)) < len(signal)
    folds = np.concatenate([trained.folds[SIGNAL][: config.candidates], trained.folds[DATA][beside]])
    network = dataclasses.replace(config.network, fit=dataclasses.replace(config.network.fit, seed=seed))
    try:
        found = compare_isolation(
            both, labels, both.columns["underlying_event"], network=network, folds=folds, seed=seed
        )
    except InputError as error:
        log.warning("isolation is not compared: %s", error)
        return None
    return Isolation(len(signal), len(background), dict(found.auc), dict(found.gain))
