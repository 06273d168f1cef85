"""Generated Z decays that the detector sees again and again, and what one tagger says of each time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.z_flavour.blocks import EVENTS, Z_SAMPLES
from hepsets.analyses.z_flavour.cells import FLAVOUR_OF
from hepsets.generate.z_pole import generate_z_block
from hepsets.learn.training.score import score_heads
from hepsets.learn.vertexed_events.model import VertexedModel
from hepsets.select.vertices.event import vertexed
from hepsets.simulate.idea import IdeaConfig
from hepsets.simulate.layered import see_z_events

FIRST_BLOCK = 3 * 2**20
"""Number of the first block of these events, which no training and no other test has."""


@dataclass(frozen=True)
class SeenAgain:
    """A block of events of one flavour to be seen several times, and the tagger that scores them.

    Parameters
    ----------
    model
        A tagger of events with found vertices.
    flavour
        Its name.
    number, events
        Number of the block, from 0, and its events, at most
        :data:`~hepsets.analyses.z_flavour.blocks.EVENTS`.
    trials
        How often the detector sees them.
    seed
        Of events and detector, that of the run.
    detector
        Its settings.
    """

    model: VertexedModel
    flavour: str
    number: int
    events: int
    trials: int
    seed: int
    detector: IdeaConfig


def score_again(task: SeenAgain) -> NDArray[np.float32]:
    """Probabilities of the classes for each time that the events are seen.

    Shape ``(n_trials, n_events, n_classes)``.
    """
    flavour = FLAVOUR_OF[task.flavour]
    block = FIRST_BLOCK + task.number
    events = generate_z_block(Z_SAMPLES[flavour], task.seed, block, task.events)
    numbers = np.arange(task.events) + EVENTS * block + (flavour << 40)
    detector = task.detector.detector()
    found = []
    for trial in range(task.trials):
        seen = see_z_events(events, seed=task.seed, event_numbers=numbers, trial=trial, detector=detector)
        found.append(score_heads(task.model, vertexed(seen, vertices="found")))
    return np.stack(found)[:, :, : len(task.model.classes)]
