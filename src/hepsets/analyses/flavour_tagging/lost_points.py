"""Where the points go: from perfect knowledge of true decays, step by step, to what a tagger reaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.flavour_tagging.comparison import tagged
from hepsets.analyses.flavour_tagging.training import Trained
from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.purpose import Purpose, demand
from hepsets.evaluate.scores.flavour_tags import (
    TaggedSample,
    power_difference,
    power_of_states,
    power_steps,
    tagging_power,
)
from hepsets.select.whole_events.particles import TRUE_SPECIES
from hepsets.select.whole_events.tag_truth import STAGES, VOTES
from hepsets.simulate.particle_id import MASSES, SPECIES_NAMES

FATES: Mapping[str, str] = {
    "true": "outside the acceptance",
    "accepted": "no track",
    "found": "taken for another species",
    "identified": "found and identified",
}
"""The stage that the best of the voting particles came to, and what that means."""

LEAST = 20
"""Fewer decays are not judged by themselves."""


@dataclass(frozen=True)
class Step:
    """One step on the way from true decays to the tagger.

    Parameters
    ----------
    name, what
        Of what is known from here on.
    power
        Effective efficiency of the best use of it.
    lost
        How much less that is than before the step; None of the first.
    """

    name: str
    what: str
    power: Measured
    lost: Measured | None


@dataclass(frozen=True)
class Fate:
    """The decays with a vote of one category of which the voting particles came equally far.

    Parameters
    ----------
    category
        Which particles vote.
    stage
        One of :data:`FATES`.
    share
        Of the decays in which the category votes.
    perfect
        Effective efficiency inside of a tagger that sees this vote alone, perfectly; None of few decays.
    reached
        That of our tagger inside.
    lost
        By how much all decays' effective efficiency would rise if ours reached inside what the perfect tagger
        of this vote does; less than 0 where ours knows more than this vote.
    """

    category: str
    stage: str
    share: Measured
    perfect: Measured | None
    reached: Measured | None
    lost: Measured | None


@dataclass(frozen=True)
class Identification:
    """The same tagger, told the true species of each track.

    Parameters
    ----------
    power
        Its effective efficiency; a tagger that was trained so might gain more.
    gain
        How much more that is than before, on the same decays.
    """

    power: Measured
    gain: Measured


@dataclass(frozen=True)
class LostPoints:
    """Where the points go.

    Parameters
    ----------
    steps
        From all votes of true decays to the tagger.
    fates
        By category.
    identification
        With perfect identification; None where true species are not known.
    """

    steps: tuple[Step, ...]
    fates: tuple[Fate, ...]
    identification: Identification | None


def known_votes(test: ParticleSets) -> bool:
    """Whether the decays know how far their voting particles came; a user's sets do not."""
    return all(name in test.columns for stage in ("true", *STAGES) for name in stage_columns(stage))


def stage_columns(stage: str) -> list[str]:
    """The event columns of a stage, ``"true"`` or one of
    :data:`~hepsets.select.whole_events.tag_truth.STAGES`, in the order of the categories.
    """
    return [name.replace("true", stage, 1) for name in VOTES]


def states_of(test: ParticleSets, stage: str) -> NDArray[np.int64]:
    """A number for each combination of the votes of a stage, its sign turned over where all votes are; shape
    ``(n_events,)``.
    """
    votes = [test.columns[name].astype(np.int64) for name in stage_columns(stage)]
    return np.asarray(sum(vote * 3**place for place, vote in enumerate(votes)))


def lost_points(test: ParticleSets, sample: TaggedSample, tagger: Trained, seed: int) -> LostPoints:
    """Follow the effective efficiency from true decays to a tagger.

    Parameters
    ----------
    test
        Test events that know their votes.
    sample
        What the tagger says of them.
    tagger
        It.
    seed
        Of bootstraps.

    Raises
    ------
    InputError
        For training or validation events.
    """
    demand(test.purpose, Purpose.TEST, "taggers are judged")
    fates = tuple(fate for name in VOTES for fate in _fates(test, sample, name.removeprefix("true_"), seed))
    identification = None
    if TRUE_SPECIES in test.particles:
        better = tagged(test, tagger.r(with_true_species(test)))
        gain = power_difference(better, sample, seed=seed)
        identification = Identification(tagging_power(better, seed=seed).binned, gain)
    return LostPoints(_steps(test, sample, seed), fates, identification)


def with_true_species(sets: ParticleSets) -> ParticleSets:
    """The same sets with tracks identified without a mistake: probability 1 of the true species.

    Energies follow from it; momenta stay, which were brought into the Υ(4S)'s frame with the mass of the most
    probable species. Tracks without a true species stay as they are.
    """
    p, species = dict(sets.particles), sets.particles[TRUE_SPECIES]
    known = species >= 0
    for place, name in enumerate(SPECIES_NAMES):
        p[name] = np.where(known, species == place, p[name]).astype(p[name].dtype)
    momentum2 = sum(p[name].astype(np.float64) ** 2 for name in ("px", "py", "pz"))
    mass = np.array(MASSES)[np.maximum(species, 0)]
    p["energy"] = np.where(known, np.sqrt(momentum2 + mass**2), p["energy"]).astype(p["energy"].dtype)
    return ParticleSets(p, sets.offsets, sets.columns, sets.purpose)


def _steps(test: ParticleSets, sample: TaggedSample, seed: int) -> tuple[Step, ...]:
    told = {"true": "all votes of true decays", **{name: f"… {what}" for name, what in STAGES.items()}}
    facts = [states_of(test, stage) for stage in told]
    losses = power_steps(facts, sample, seed=seed)
    steps = [
        Step(stage, what, power_of_states(states, sample.q), losses[place - 1] if place else None)
        for place, ((stage, what), states) in enumerate(zip(told.items(), facts, strict=True))
    ]
    reached = tagging_power(sample, seed=seed).binned
    return (*steps, Step("tagger", "what the tagger makes of all that was seen", reached, losses[-1]))


def _fates(test: ParticleSets, sample: TaggedSample, category: str, seed: int) -> list[Fate]:
    name, vote = category.replace("_", " "), test.columns[f"true_{category}"].astype(np.int64)
    found, left = [], vote != 0
    voting = max(int(left.sum()), 1)
    for stage in reversed(list(FATES)):
        inside = left & (test.columns[f"{stage}_{category}"] != 0)
        left = left & ~inside
        share = Measured.proportion(int(inside.sum()), voting)
        if inside.sum() < LEAST:
            found.append(Fate(name, stage, share, None, None, None))
            continue
        ours, of_all = sample[inside], Measured.proportion(int(inside.sum()), len(test))
        (gap,) = power_steps([vote[inside]], ours, seed=seed)
        error = float(np.hypot(gap.se * of_all.value, gap.value * of_all.se))
        found.append(
            Fate(
                name,
                stage,
                share,
                power_of_states(vote[inside], ours.q),
                tagging_power(ours, seed=seed).binned,
                Measured(gap.value * of_all.value, error),
            )
        )
    return found[::-1]
