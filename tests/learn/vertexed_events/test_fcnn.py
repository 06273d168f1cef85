"""Means and standard deviations; that they are numpy's is tested where the published columns are."""

import torch

from hepsets.learn.vertexed_events.fcnn import moments
from hepsets.represent.particle_sets.data import PackedSet


def test_an_empty_event_has_moments_of_zero() -> None:
    values = torch.tensor([[1.0], [3.0]])
    mean, deviation = moments(values, PackedSet(values, torch.tensor([0, 2, 2])))
    assert mean[:, 0].tolist() == [2, 0]
    torch.testing.assert_close(deviation[:, 0], torch.tensor([1.0, 0.0]), atol=1e-5, rtol=0)
