"""R_b and R_c of a mixture of test events that is known, measured by double tags of their hemispheres.

Half of the test events stand for data, mixed as the Z decays; the other half for simulation. The tagger saw
neither. So what comes out must agree with what was mixed, within errors that hold the counts of both halves.
R_c comes from a second tag where there are events enough, and is not measured where not. That is a
closure: it tests tagger, counting and errors, not whether simulation is like nature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.purpose import Purpose, demand
from hepsets.evaluate.double_tag import (
    B_TAG,
    C_TAG,
    NO_TAG,
    DoubleTag,
    count_tags,
    measure_partial_widths,
    tag_hemispheres,
)
from hepsets.evaluate.scores.sample import Array
from hepsets.evaluate.scores.working_points import pair_scores

SHARES: Mapping[str, float] = {"b": 0.2158, "c": 0.1722, "s": 0.2197, "ud": 0.3923}
"""Of hadronic Z decays, about as in the Standard Model; what is mixed is what must come out."""

B_MISTAG, C_MISTAG = 0.01, 0.01
"""Cuts are set on validation hemispheres: where this share of c is taken for b, and this of ud for c."""

MARGIN, ROOM = 1.03, 3.0
"""Flavours fluctuate in the mixture, which must not run out of events: so many more of each are there than
expected, and so many standard deviations."""


@dataclass(frozen=True)
class HemisphereScores:
    """What tells b and c in the hemispheres of events.

    Parameters
    ----------
    b, c
        Shape ``(n_events, 2)``: the smaller of ln p_b / p_c and ln p_b / p_ud, and that of ln p_c / p_ud and
        ln p_c / p_b: both other flavours must be unlikely.
    purpose
        What the events are for, if that is settled.
    """

    b: Array
    c: Array
    purpose: Purpose | None = None

    @staticmethod
    def of(
        probabilities: ArrayLike, classes: Sequence[str], purpose: Purpose | None = None
    ) -> HemisphereScores:
        """From probabilities of both hemispheres of each event, shape ``(2 n_events, n_classes)``.

        Raises
        ------
        InputError
            Unless there are classes b, c and ud.
        """
        p = np.asarray(probabilities, dtype=np.float64)
        lacking = {"b", "c", "ud"} - set(classes)
        if lacking:
            raise InputError(f"a tagger without {', '.join(sorted(lacking))}", "one of b, c, s and ud")
        b, c, light = (classes.index(name) for name in ("b", "c", "ud"))
        of_b = np.minimum(pair_scores(p, b, c), pair_scores(p, b, light))
        of_c = np.minimum(pair_scores(p, c, light), pair_scores(p, c, b))
        return HemisphereScores(of_b.reshape(-1, 2), of_c.reshape(-1, 2), purpose)


@dataclass(frozen=True)
class Cuts:
    """Scores from which on a hemisphere is tagged b, and c."""

    b: float
    c: float


@dataclass(frozen=True)
class Closure:
    """R_b and R_c of a known mixture.

    Parameters
    ----------
    whole
        Of all data, by two tags; by that for b alone, and R_c as it was mixed, where these have no solution.
    two_tags
        Whether it is by two tags. If not, R_c was not measured.
    samples
        R_b of disjoint samples of the data by the tag for b, with R_c as it was mixed; errors are those of
        their own counts, as all of them share the simulation.
    truth
        Shares that were mixed: chances of each decay.
    realised
        Shares of the flavours among the decays that were drawn.
    cuts
        Where hemispheres were tagged.
    """

    whole: DoubleTag
    two_tags: bool
    samples: tuple[Measured, ...]
    truth: Mapping[str, float]
    realised: Mapping[str, float]
    cuts: Cuts

    @property
    def pulls(self) -> Array:
        """(measured - true) / error of the disjoint samples."""
        return np.array([(one.value - self.truth["b"]) / one.se for one in self.samples])

    @property
    def pull_width(self) -> Measured:
        """Standard deviation of the pulls, one if errors are right."""
        width = float(self.pulls.std(ddof=1))
        return Measured(width, width / float(np.sqrt(2 * (len(self.pulls) - 1))))


def choose_cuts(scores: HemisphereScores, truth: NDArray[np.int64], classes: Sequence[str]) -> Cuts:
    """Cuts at the mis-identifications :data:`B_MISTAG` of c and :data:`C_MISTAG` of ud, on validation events.

    Parameters
    ----------
    scores
        Of validation events.
    truth
        Shape ``(n_events,)``: places of the true flavours in ``classes``.
    classes
        Names of the flavours.

    Raises
    ------
    InputError
        For training or test events.
    """
    demand(scores.purpose, Purpose.VALIDATION, "cuts are chosen")
    of_c, of_light = (truth == classes.index(name) for name in ("c", "ud"))
    return Cuts(
        float(np.quantile(scores.b[of_c], 1 - B_MISTAG)), float(np.quantile(scores.c[of_light], 1 - C_MISTAG))
    )


def measure_closure(
    scores: HemisphereScores,
    truth: NDArray[np.int64],
    classes: Sequence[str],
    cuts: Cuts,
    *,
    samples: int = 20,
    seed: int = 0,
) -> Closure:
    """Mix test events as the Z decays, and measure R_b and R_c.

    Parameters
    ----------
    scores
        Of test events.
    truth
        Shape ``(n_events,)``: places of the true flavours in ``classes``.
    classes
        Names of the flavours, those of :data:`SHARES`.
    cuts
        Chosen on other events, see :func:`choose_cuts`.
    samples
        Number of disjoint samples of the data.
    seed
        Of the mixture.

    Raises
    ------
    InputError
        For training or validation events, if a flavour has no events, or as
        :func:`hepsets.evaluate.double_tag.measure_partial_widths`.
    """
    demand(scores.purpose, Purpose.TEST, "R_b is measured")
    random = np.random.default_rng([seed, 31])
    tags = tag_hemispheres(scores.b, cuts.b, scores.c, cuts.c)
    data: dict[str, NDArray[np.int64]] = {}
    simulation = {}
    for flavour in SHARES:
        own = random.permutation(np.flatnonzero(truth == classes.index(flavour)))
        if len(own) < 4 * samples:
            raise InputError(f"{len(own)} test events of {flavour}", f"{4 * samples} or more for R_b")
        half = len(own) // 2
        data[flavour] = own[:half]
        simulation[flavour] = _counts(tags[own[half:]])
    parts = _mixed(data, _events_within(data) // samples, samples, random)
    light = {flavour: SHARES[flavour] for flavour in ("s", "ud")}

    given = Measured(SHARES["c"], 0.0)
    of_b = {flavour: _of_b(counts) for flavour, counts in simulation.items()}

    def by_b_tag(which: NDArray[np.int64]) -> DoubleTag:
        counts = _of_b(_counts(tags[which]))
        return measure_partial_widths(counts, of_b, light_shares=light, r_c=given)

    everything = np.concatenate(parts)
    two_tags = True
    try:
        whole = measure_partial_widths(_counts(tags[everything]), simulation, light_shares=light)
    except InputError:  # too few events for five unknown shares
        whole, two_tags = by_b_tag(everything), False
    found = [by_b_tag(part) for part in parts]
    return Closure(
        whole,
        two_tags,
        tuple(Measured(one.r_b.value, one.r_b_data) for one in found),
        dict(SHARES),
        {name: float(np.mean(truth[everything] == classes.index(name))) for name in SHARES},
        cuts,
    )


def _events_within(data: Mapping[str, NDArray[np.int64]]) -> int:
    """How many events can be mixed."""
    most = []
    for flavour, own in data.items():
        share = SHARES[flavour]
        spread = ROOM * float(np.sqrt(1 - share))  # n + spread √n is in reach of n expected ones
        expected = (np.sqrt(spread**2 / 4 + len(own)) - spread / 2) ** 2
        most.append(min(expected, len(own) / MARGIN) / share)
    return int(min(most))


def _mixed(
    data: Mapping[str, NDArray[np.int64]], events: int, samples: int, random: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Disjoint samples whose flavours fluctuate as those of a fixed number of decays; of fewer decays in the
    rare case that a flavour runs out.
    """
    at_hand = np.array([len(own) for own in data.values()])
    numbers = random.multinomial(events, list(SHARES.values()), size=samples)
    while (numbers.sum(axis=0) > at_hand).any():
        events -= 1
        numbers = random.multinomial(events, list(SHARES.values()), size=samples)
    ends = numbers.cumsum(axis=0)
    return [
        np.concatenate([own[end - n : end] for own, n, end in zip(data.values(), *row, strict=True)])
        for row in zip(numbers, ends, strict=True)
    ]


def _of_b(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The counts with the tag for b alone."""
    none = [NO_TAG, C_TAG]
    bare = counts[np.ix_(none, none)].sum()
    once = counts[NO_TAG, B_TAG] + counts[B_TAG, C_TAG]
    return np.array([[bare, once], [0, counts[B_TAG, B_TAG]]])


def _counts(tags: NDArray[np.int64]) -> NDArray[np.int64]:
    return count_tags(tags[:, 0], tags[:, 1], tags=2)
