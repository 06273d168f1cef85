"""Sums over what each event owns are those of a loop, and so are their gradients."""

import pytest
import torch

from hepsets.represent.sums import EventSums

COUNTS = (3, 0, 1, 4, 0)


class Owned(EventSums):
    """Particles of events with so many each."""

    def __init__(self, counts):
        self.offsets = torch.tensor([0, *counts]).cumsum(0)

    @property
    def n_particles(self):
        return int(self.offsets[-1])


@pytest.fixture
def values():
    return torch.rand(sum(COUNTS), 2, generator=torch.Generator().manual_seed(1))


def test_every_particle_knows_its_event_also_beside_empty_ones():
    owned = Owned(COUNTS)
    assert owned.multiplicity.tolist() == list(COUNTS)
    assert owned.event_of_particle.tolist() == [0, 0, 0, 2, 3, 3, 3, 3]
    assert owned.n_events == 5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])  # a compiled loop, and torch's own sum
def test_sums_and_means_are_those_of_each_event_and_zero_without_particles(values, dtype):
    parts = values.to(dtype).split(COUNTS)
    owned = Owned(COUNTS)
    torch.testing.assert_close(owned.sum(values.to(dtype)), torch.stack([part.sum(0) for part in parts]))
    means = [part.mean(0) if len(part) else torch.zeros(2, dtype=dtype) for part in parts]
    torch.testing.assert_close(owned.mean(values.to(dtype)), torch.stack(means))


def test_the_gradient_of_a_sum_reaches_each_of_its_particles():
    values = torch.zeros(sum(COUNTS), 1, requires_grad=True)
    (Owned(COUNTS).sum(values) * torch.arange(5.0)[:, None]).sum().backward()
    assert values.grad.flatten().tolist() == [0, 0, 0, 2, 3, 3, 3, 3]


def test_where_no_loop_is_compiled_particles_know_their_events_too(monkeypatch):
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    assert Owned(COUNTS).event_of_particle.tolist() == [0, 0, 0, 2, 3, 3, 3, 3]
    assert Owned((0, 2)).event_of_particle.tolist() == [1, 1]
