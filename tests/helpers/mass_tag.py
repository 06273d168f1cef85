"""Hemispheres of generated Z decays, tagged by their heaviest vertex, as SLD did, and by their farthest."""

from __future__ import annotations

import numpy as np

from hepsets.analyses.z_flavour.blocks import EVENTS, Z_SAMPLES
from hepsets.generate.z_pole import generate_z_block
from hepsets.represent.vertexed_events.data import VertexedData
from hepsets.represent.vertexed_events.hemispheres import hemispheres
from hepsets.represent.vertexed_events.inputs import InputSpec
from hepsets.select.vertices.event import vertexed
from hepsets.simulate.idea import IdeaConfig
from hepsets.simulate.layered import see_z_events

OF_B, OF_C = "vertex_corrected_mass", "vertex_flight_significance"
"""What tells b, and c: the largest of the displaced vertices of a hemisphere."""

SPEC = InputSpec(("charge",), ("vertex_displaced", OF_B, OF_C))


def tagged_block(task: tuple[int, int, int]) -> np.ndarray:
    """Both scores of both hemispheres of a block of events, shape ``(n_events, 2, 2)``: events, scores,
    hemispheres; 0 without a displaced vertex. ``task`` is the flavour, the number of the block, and the seed.
    """
    flavour, number, seed = task
    events = generate_z_block(Z_SAMPLES[flavour], seed, number, EVENTS)
    numbers = np.arange(EVENTS) + EVENTS * number + (flavour << 40)
    seen = see_z_events(events, seed=seed, event_numbers=numbers, detector=IdeaConfig().detector())
    data = VertexedData.from_events(hemispheres(vertexed(seen, vertices="found")), SPEC)
    displaced, *told = data.vertices.features.numpy().T
    scores = np.zeros((2, len(data)))
    for score, value in zip(scores, told, strict=True):
        np.maximum.at(score, data.vertices.event_of_particle.numpy(), np.where(displaced > 0, value, 0.0))
    return scores.reshape(2, -1, 2).transpose(1, 0, 2)
