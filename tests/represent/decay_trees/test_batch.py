from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.random_events import event_tables
from hypothesis import given

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.represent.decay_trees.batch import PackedBatch


def packed(events: Events, dtype: torch.dtype = torch.float32) -> PackedBatch:
    values = torch.randn(events.n_particles, 3, generator=torch.Generator().manual_seed(1), dtype=dtype)
    return PackedBatch(
        values,
        torch.zeros(events.n_particles, dtype=torch.int64),
        torch.from_numpy(events.mothers),
        torch.from_numpy(events.offsets),
    )


@given(event_tables())
def test_every_particle_knows_its_event(events: Events) -> None:
    np.testing.assert_array_equal(packed(events).event_of_particle, events.event_of_particle)


@given(event_tables())
def test_sums_and_means_are_those_of_each_event(events: Events) -> None:
    batch = packed(events)
    sums, means = batch.sum(batch.features), batch.mean(batch.features)
    for event in range(len(events)):
        own = batch.features[events.offsets[event] : events.offsets[event + 1]]
        torch.testing.assert_close(sums[event], own.sum(0), rtol=0, atol=1e-5)
        torch.testing.assert_close(means[event], own.mean(0) if len(own) else torch.zeros(3))


@given(event_tables())
def test_compiled_and_torch_sums_agree_with_their_gradients(events: Events) -> None:
    results = []
    for dtype in (torch.float32, torch.float64):  # double precision takes the road through torch
        batch = packed(events)
        values = batch.features.to(dtype).requires_grad_()
        total = batch.sum(values)
        (total**2).sum().backward()
        results.append((total.detach().double(), values.grad.double()))
    torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("particle", "mother"), [(3, 1), (1, 3), (2, -1), (4, 5), (0, 2**40)])
def test_a_mother_in_another_event_or_nowhere_is_refused_before_a_loop_looks_for_her(
    particle: int, mother: int
) -> None:
    mothers = torch.tensor([0, 0, 2, 2, 2])
    batch = PackedBatch(
        torch.ones(5, 1), torch.zeros(5, dtype=torch.int64), mothers, torch.tensor([0, 2, 2, 5])
    )
    assert batch.graph.n_daughters.tolist() == [1, 0, 2, 0, 0]
    wrong = replace(batch, mothers=mothers.clone())
    wrong.mothers[particle] = mother
    with pytest.raises(InputError, match=f"mother {mother} of particle {particle}"):
        _ = wrong.graph
