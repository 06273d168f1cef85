"""Members side by side."""

import torch

from hepsets.learn.vertexed_events.padded import Padded
from hepsets.represent.particle_sets.data import PackedSet


def test_the_first_members_stand_in_their_places_and_empty_ones_hold_zeros() -> None:
    values = torch.arange(1.0, 7.0)[:, None]
    padded = Padded(PackedSet(values, torch.tensor([0, 1, 1, 6])), 3)
    assert padded(values)[:, :, 0].tolist() == [[1, 0, 0], [0, 0, 0], [2, 3, 4]]
    assert padded.filled.tolist() == [[True, False, False], [False] * 3, [True] * 3]
