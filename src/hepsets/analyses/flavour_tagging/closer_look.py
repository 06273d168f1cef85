"""What a run looks at besides: learning curves, inputs, true decays, and whether truth leaks in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.flavour_tagging.comparison import tagged
from hepsets.analyses.flavour_tagging.config import Config
from hepsets.analyses.flavour_tagging.lost_points import LostPoints, known_votes, lost_points, states_of
from hepsets.analyses.flavour_tagging.training import Trained, Training
from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.purpose import Purpose, demand
from hepsets.evaluate.scores.flavour_tags import (
    TaggedSample,
    power_difference,
    power_of_states,
    tagging_power,
)
from hepsets.select.whole_events.particles import LABORATORY, MOMENTUM, TRUE_SPECIES, TRUTH
from hepsets.select.whole_events.tag_truth import VOTES
from hepsets.simulate.particle_id import SPECIES_NAMES

GROUPS: Mapping[str, tuple[str, ...]] = {
    "identification": SPECIES_NAMES,
    "momentum": (*MOMENTUM, *LABORATORY),
    "impact parameters": ("d0", "z0", "d0_error", "z0_error"),
    "cluster shape": ("shape", "region"),
}
"""Groups of columns that are exchanged between particles of a kind, so that they tell nothing."""

CLUSTERS = "clusters"
"""Importance of all clusters: they are left out."""


@dataclass(frozen=True)
class LearningPoint:
    """A tagger trained on some of the events.

    Parameters
    ----------
    model
        The model.
    events
        Tag sides to train on.
    power
        Effective efficiency on all test events.
    """

    model: str
    events: int
    power: Measured


@dataclass(frozen=True)
class Importance:
    """What is lost of the effective efficiency if a group of inputs tells nothing.

    Parameters
    ----------
    inputs
        The group.
    lost
        How much, averaged over repetitions; the error is that of the test events.
    """

    inputs: str
    lost: Measured


@dataclass(frozen=True)
class TrueCategory:
    """One kind of tell-tale particle in true decays.

    Parameters
    ----------
    name, what
        Which.
    share
        Share of decays in which such particles have a net vote.
    right
        Share of these in which it is right.
    perfect
        Effective efficiency of a tagger that sees such particles, and nothing else, perfectly.
    reached
        What our tagger gets of those decays: Σ ε (1 − 2w)², over all decays.
    inside
        The same over these decays alone.
    """

    name: str
    what: str
    share: Measured
    right: Measured
    perfect: Measured
    reached: Measured
    inside: Measured


@dataclass(frozen=True)
class TrueDecays:
    """What true decays tell.

    Parameters
    ----------
    categories
        Each kind of particle.
    together
        Effective efficiency of the best use of all votes together.
    silent
        Share of decays without any vote.
    silent_inside
        Effective efficiency of our tagger among these alone.
    """

    categories: tuple[TrueCategory, ...]
    together: Measured
    silent: Measured
    silent_inside: Measured


@dataclass(frozen=True)
class CloserLook:
    """All of it; what was not looked at is missing.

    Parameters
    ----------
    learning
        Learning curves.
    model
        Whose inputs and decays are looked at.
    importance
        What each group of inputs is worth to it, the largest first.
    decays
        What true decays tell; None for a user's sets, which do not know them.
    truth_changes
        Largest change of a tag if all that is truth in the events is replaced by garbage: it must be 0.
    lost
        Where the points go between true decays and the tagger; None as ``decays``.
    """

    learning: tuple[LearningPoint, ...]
    model: str
    importance: tuple[Importance, ...]
    decays: TrueDecays | None
    truth_changes: float
    lost: LostPoints | None = None


def look_closer(
    config: Config, test: ParticleSets, trained: Mapping[Training, Trained], model: str
) -> CloserLook:
    """Look at one model, and at the learning curves of several.

    Parameters
    ----------
    config
        The run's.
    test
        The test events.
    trained
        All trainings.
    model
        Whose inputs and decays are looked at.

    Raises
    ------
    InputError
        For training or validation events.
    """
    demand(test.purpose, Purpose.TEST, "taggers are judged")
    one = trained[Training(model)]
    sample = tagged(test, one.r(test))
    rng = np.random.default_rng([config.seed, 13])
    importance = _importances(test, one, sample, config, rng) if config.importance_repeats else ()
    decays = lost = None
    if known_votes(test):
        decays = true_decays(test, sample, config.seed)
        lost = lost_points(test, sample, one, config.seed)
    changes = _truth_changes(test, one, sample, rng)
    return CloserLook(_learning(config, test, trained), model, importance, decays, changes, lost)


def _learning(
    config: Config, test: ParticleSets, trained: Mapping[Training, Trained]
) -> tuple[LearningPoint, ...]:
    points = [
        LearningPoint(t.model, one.events, tagging_power(tagged(test, one.r(test)), seed=config.seed).binned)
        for t, one in trained.items()
        if t.model in config.learning_models and not t.repetition
    ]
    return tuple(sorted(points, key=lambda point: (point.model, point.events)))


def _importances(
    test: ParticleSets, one: Trained, sample: TaggedSample, config: Config, rng: np.random.Generator
) -> tuple[Importance, ...]:
    found = []
    without = test.select_particles(test.particles["charge"] != 0)
    loss = power_difference(sample, tagged(test, one.r(without)), seed=config.seed)
    found.append(Importance(CLUSTERS, loss))
    for name, columns in GROUPS.items():
        losses = [
            power_difference(sample, tagged(test, one.r(exchanged(test, columns, rng))), seed=config.seed)
            for _ in range(config.importance_repeats)
        ]
        value = float(np.mean([loss.value for loss in losses]))
        found.append(Importance(name, Measured(value, float(np.mean([loss.se for loss in losses])))))
    return tuple(sorted(found, key=lambda one: -one.lost.value))


def exchanged(sets: ParticleSets, columns: Sequence[str], rng: np.random.Generator) -> ParticleSets:
    """The same sets with some columns exchanged among all tracks, and among all clusters, of all events."""
    is_track = sets.particles["charge"] != 0
    place = np.arange(sets.n_particles)
    for kind in (is_track, ~is_track):
        place[kind] = rng.permutation(place[kind])
    changed = {name: sets.particles[name][place] for name in columns}
    return ParticleSets({**sets.particles, **changed}, sets.offsets, sets.columns, sets.purpose)


def true_decays(test: ParticleSets, sample: TaggedSample, seed: int) -> TrueDecays:
    """What the true decays tell, and what a tagger gets of them."""
    q, n = test.columns["q"], len(test)
    votes = {name: test.columns[name].astype(np.int64) for name in VOTES}
    categories = []
    for name, what in VOTES.items():
        there = votes[name] != 0
        right = int((votes[name][there] == q[there]).sum())
        inside = _power(sample, there, seed)
        share = Measured.proportion(int(there.sum()), n)
        categories.append(
            TrueCategory(
                name.removeprefix("true_").replace("_", " "),
                what,
                share,
                Measured.proportion(right, max(int(there.sum()), 1)),
                power_of_states(votes[name], q),
                Measured(share.value * inside.value, share.value * inside.se),
                inside,
            )
        )
    silent = np.all([vote == 0 for vote in votes.values()], axis=0)
    return TrueDecays(
        tuple(categories),
        power_of_states(states_of(test, "true"), q),
        Measured.proportion(int(silent.sum()), n),
        _power(sample, silent, seed),
    )


def _power(sample: TaggedSample, which: NDArray[np.bool_], seed: int) -> Measured:
    if which.sum() < 20:
        return Measured(0.0, 0.0)
    return tagging_power(sample[which], seed=seed).binned


def _truth_changes(test: ParticleSets, one: Trained, sample: TaggedSample, rng: np.random.Generator) -> float:
    garbage = {
        name: rng.integers(-1, 50, test.n_particles).astype(np.int32) for name in (TRUTH, TRUE_SPECIES)
    }
    columns = {name: rng.permutation(column) for name, column in test.columns.items()}
    spoilt = ParticleSets({**test.particles, **garbage}, test.offsets, columns, test.purpose)
    return float(np.abs(one.r(spoilt) - sample.r).max())
