"""Whole events as tensors."""

import torch
from helpers.random_whole_events import whole_events_of_sizes

from hepsets.represent.whole_events.data import whole_event_data
from hepsets.represent.whole_events.features import FEATURES


def test_a_batch_holds_the_particles_of_its_events_and_no_others():
    data = whole_event_data(whole_events_of_sizes([3, 0, 5, 2]))
    assert len(data) == 4
    batch = data.batch(torch.tensor([3, 1, 0]))
    assert batch.sets[0].offsets.tolist() == [0, 2, 2, 5]
    assert batch.sets[0].features.shape == (5, len(FEATURES))
    assert torch.equal(batch.sets[0].features[:2], data.sets[0].features[8:])
