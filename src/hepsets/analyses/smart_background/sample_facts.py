"""What is to be known of a run's events once they are gone: for its metrics and its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.smart_background.comparison import ModelResult, best_of, unknown_particles
from hepsets.analyses.smart_background.samples import Samples
from hepsets.core.events import Events
from hepsets.core.measured import Measured
from hepsets.select.variables.generated import passing_observables


@dataclass(frozen=True, eq=False)
class ShownEvent:
    """One test event whose decay tree is drawn.

    Parameters
    ----------
    number
        Which of the test events.
    passes, kept
        The skim, and the best model's threshold.
    particles
        Its particle columns, each of shape ``(n_particles,)``.
    """

    number: int
    passes: bool
    kept: bool
    particles: dict[str, NDArray[np.generic]]

    @property
    def events(self) -> Events:
        """As a table of one event."""
        return Events(self.particles, np.array([0, len(self.particles["pdg"])]), {})


@dataclass(frozen=True, eq=False)
class SampleFacts:
    """What is to be known of the events.

    Parameters
    ----------
    made_here, sample, skim, retention, retention_is_set, generated_per_s
        As in :class:`~hepsets.analyses.smart_background.samples.Samples`.
    training, test
        Numbers of events.
    label
        Whether each test event passes, shape ``(test,)``.
    unknown
        Particles of the test events that take the ``<unknown>`` token, and how many ids they have.
    axis_labels
        Of observables, with their units.
    shown
        The first test event of each kind: kept or dropped, passing or failing.
    """

    made_here: bool
    sample: str
    skim: str
    retention: Measured
    retention_is_set: bool
    generated_per_s: float | None
    training: int
    test: int
    label: NDArray[np.bool_]
    unknown: tuple[int, int]
    axis_labels: dict[str, str]
    shown: tuple[ShownEvent, ...]


def facts_of(samples: Samples, models: Sequence[ModelResult]) -> SampleFacts:
    """What is to be known of the samples, with the events that the best of the models sorts."""
    return SampleFacts(
        samples.made_here,
        samples.sample,
        samples.skim,
        samples.retention,
        samples.retention_is_set,
        samples.generated_per_s,
        len(samples.train),
        len(samples.test),
        samples.test.columns["label"],
        unknown_particles(samples),
        {
            found.name: f"{found.label} [{found.unit}]" if found.unit else found.label
            for found in passing_observables(samples.test[:1])
        },
        _shown(samples.test, best_of(models)),
    )


def _shown(test: Events, best: ModelResult) -> tuple[ShownEvent, ...]:
    label, kept = test.columns["label"], best.scores >= best.speedup.threshold
    found = []
    for wanted in ((True, True), (True, False), (False, True), (False, False)):
        like = np.flatnonzero((kept == wanted[0]) & (label == wanted[1]))
        if len(like):
            number = int(like[0])
            particles = dict(test[number : number + 1].particles)
            found.append(ShownEvent(number, passes=wanted[1], kept=wanted[0], particles=particles))
    return tuple(found)
