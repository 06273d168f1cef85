"""Whole events as tensors: one packed set of all tracks and clusters of each."""

from __future__ import annotations

import torch

from hepsets.core.particle_sets import ParticleSets
from hepsets.represent.particle_sets.data import PackedSet, SetData
from hepsets.represent.whole_events.features import particle_features


def whole_event_data(events: ParticleSets) -> SetData:
    """The features of all particles, and no numbers of the event as a whole.

    Parameters
    ----------
    events
        With the particle columns of :data:`~hepsets.select.whole_events.particles.COLUMNS`.

    Raises
    ------
    InputError
        For a particle column that is missing.
    """
    features = torch.from_numpy(particle_features(events))
    return SetData((PackedSet(features, torch.from_numpy(events.offsets)),), torch.empty(len(events), 0))
