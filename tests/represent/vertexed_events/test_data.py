"""Features as tensors and batches."""

import numpy as np
import pytest
import torch
from helpers.toy_z_events import z_events

from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose
from hepsets.represent.vertexed_events.data import VertexedData, halved
from hepsets.represent.vertexed_events.inputs import InputSpec, proper_inputs

SPEC = proper_inputs("dndx+tof", structure=True)


def test_a_batch_in_any_order_holds_what_single_events_hold() -> None:
    data = VertexedData.from_events(z_events(12, seed=1), SPEC)
    batch = data.batch(torch.tensor([7, 2, 2, 11]))
    for place, number in enumerate([7, 2, 2, 11]):
        one = data.batch(torch.tensor([number]))
        begin, end = batch.particles.offsets[place : place + 2]
        assert torch.equal(batch.particles.features[begin:end], one.particles.features)
        assert torch.equal(batch.vertex[begin:end], one.vertex)
    rows = batch.vertex_row
    assert ((rows < batch.vertices.n_particles) == (batch.vertex >= 0)).all()


def test_batches_in_order_and_selections_are_the_same_events() -> None:
    data = VertexedData.from_events(z_events(10, seed=2), SPEC)
    parts = list(data.batches(4))
    assert [part.n_events for part in parts] == [4, 4, 2]
    last = data.select(torch.tensor([8, 9])).batch(torch.arange(2))
    assert torch.equal(parts[2].particles.features, last.particles.features)
    assert torch.equal(parts[2].vertex, last.vertex)
    assert torch.equal(data[8:].particles.features, last.particles.features)


def test_joined_parts_are_the_whole() -> None:
    some = z_events(9, seed=4)
    whole = VertexedData.from_events(some, SPEC)
    parts = [VertexedData.from_events(some[:4], SPEC), VertexedData.from_events(some[4:], SPEC)]
    for one, other in zip(whole.tensors(), VertexedData.joined(parts).tensors(), strict=True):
        assert torch.equal(one, other)


def test_a_part_of_the_features_is_chosen_by_name() -> None:
    data = VertexedData.from_events(z_events(3, seed=5), SPEC)
    part = data.seeing(InputSpec(("charge", "side"), ("vertex_mass",)))
    assert torch.equal(
        part.particles.features[:, 0], data.particles.features[:, SPEC.particles.index("charge")]
    )
    assert part.event_features.shape == (3, 0)
    with pytest.raises(InputError, match="truth_kaon"):
        data.seeing(proper_inputs("truth"))


def test_sorted_particles_stay_in_their_events() -> None:
    data = VertexedData.from_events(z_events(6, seed=6), SPEC)
    names = ("has_impact", "log_momentum")
    places = [SPEC.particles.index(name) for name in names]
    ordered = data.sorted_by(names)
    for number in range(6):
        begin, end = data.particles.offsets[number : number + 2]
        keys = ordered.particles.features[begin:end, places].numpy()
        expected = data.particles.features[begin:end, places].numpy()
        np.testing.assert_array_equal(keys, expected[np.lexsort((-expected[:, 1], -expected[:, 0]))])
    assert ordered.sorted_by(names) is ordered  # what is sorted already takes no memory again


def test_every_choice_of_events_serves_the_purpose_that_they_are_for() -> None:
    some = z_events(6, seed=8).used_for(Purpose.VALIDATION)
    data = VertexedData.from_events(some, SPEC)
    choices = (
        data, data[2:], data[np.array([1, 0])], data.select(torch.tensor([1])), halved(data),
        data.seeing(InputSpec(("charge",))), data.sorted_by(("log_momentum",)), data.to("cpu"),
        VertexedData.joined([data[:2], data[2:]]),
    )  # fmt: skip
    assert {one.purpose for one in choices} == {Purpose.VALIDATION}
    assert VertexedData.from_events(z_events(6, seed=8), SPEC).used_for(Purpose.TEST).purpose is Purpose.TEST


def test_events_for_one_purpose_serve_no_other_and_are_not_joined_with_others() -> None:
    data = VertexedData.from_events(z_events(4, seed=9), SPEC)
    train, test = data[:2].used_for(Purpose.TRAINING), data[2:].used_for(Purpose.TEST)
    with pytest.raises(InputError, match="training events where test events are needed"):
        train.used_for(Purpose.TEST)
    for pair in ([train, test], [train, data[2:]]):
        with pytest.raises(InputError, match="joined; expected events for one purpose"):
            VertexedData.joined(pair)
