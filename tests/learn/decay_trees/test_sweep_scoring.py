"""``decay_sweep`` as it is scored: the numbers of the network as it is written, with fewer products."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hepsets.learn.decay_trees.decay_sweep import KINEMATICS, DecaySweep, kinematics
from hepsets.learn.decay_trees.sweep_scoring import _BELLE2, _Arranged, _kinematics, sum_of_particles
from hepsets.represent.decay_trees.batch import PackedBatch
from hepsets.represent.sums import EventSums

TOKENS = 7


def network(rounds=1):
    """As after training: no scale is 1 and no shift 0."""
    torch.manual_seed(5)
    made = DecaySweep(16, n_tokens=TOKENS, embedding=4, rounds=rounds)
    for part in made.modules():
        if isinstance(part, torch.nn.BatchNorm1d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(part.weight, 0.5, 1.5)
            torch.nn.init.normal_(part.bias)
    return made.eval()


def batch(sizes, seed, *, mothers_first=True):
    random = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    n = int(offsets[-1])
    mothers = np.arange(n)
    for begin, end in pairwise(offsets):
        for i in range(begin + 1, end):  # one in four is a root
            mothers[i] = i if random.random() < 0.25 else random.integers(begin, i)
        if not mothers_first and end - begin > 1:
            mothers[begin], mothers[end - 1] = end - 1, end - 1
    features = random.normal(size=(n, 8)).astype(np.float32)
    features[:, 4] = np.abs(features[:, 4]) + np.linalg.norm(features[:, 5:], axis=1)
    tokens = torch.from_numpy(random.integers(0, TOKENS, n))
    return PackedBatch(
        torch.from_numpy(features), tokens, torch.from_numpy(mothers), torch.from_numpy(offsets)
    )


def as_written(made, events):
    return events.sum(torch.relu(made.pool(made._particles(events))))


@settings(max_examples=30)
@given(st.lists(st.integers(0, 12), max_size=6), st.integers(0, 1000), st.integers(1, 2))
def test_sums_are_those_of_the_network_as_it_is_written(sizes, seed, rounds):
    made, events = network(rounds), batch(sizes, seed)
    with torch.inference_mode():
        found, expected = sum_of_particles(made, events), as_written(made, events)
    assert found.shape == (len(sizes), 32)
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-5)


def test_scores_of_a_trained_width_agree_to_a_millionth():
    torch.manual_seed(1)
    made = DecaySweep(64, n_tokens=TOKENS, embedding=24).eval()
    events = batch([40] * 50, 2)
    with torch.inference_mode():
        found = torch.sigmoid(made.head(sum_of_particles(made, events) / 40))
        expected = torch.sigmoid(made.head(as_written(made, events) / 40))
    assert float((found - expected).abs().max()) < 1e-6


def test_kinematics_are_those_that_training_sees():
    events = batch([3, 0, 40], 4)
    tree = _Arranged.of(events)
    graph = events.graph
    known = np.empty((events.n_particles, KINEMATICS), np.float32)
    _kinematics(events.features.numpy(), tree.particles, tree.is_daughter, tree.daughters, _BELLE2, known)
    expected = kinematics(events.features, graph.is_daughter, graph.n_daughters).numpy()[tree.particles]
    np.testing.assert_allclose(known, expected, rtol=3e-6, atol=3e-6)


def test_mothers_come_first_each_before_her_daughters():
    events = batch([5, 30, 1], 6)
    tree = _Arranged.of(events)
    places = np.arange(events.n_particles)
    assert (tree.daughters[: tree.n_mothers] > 0).all()
    assert (tree.daughters[tree.n_mothers :] == 0).all()
    assert (tree.mothers <= places).all()
    np.testing.assert_array_equal(tree.particles[tree.mothers], events.mothers.numpy()[tree.particles])
    np.testing.assert_array_equal(tree.event, events.event_of_particle.numpy()[tree.particles])


def test_what_it_cannot_do_is_left_to_the_network_as_it_is_written():
    made, events = network(), batch([6, 9], 3)
    assert sum_of_particles(made, events) is None  # gradients
    with torch.inference_mode():
        assert sum_of_particles(made, batch([6, 9], 3, mothers_first=False)) is None
        assert sum_of_particles(made.train(), events) is None
        assert made.eval().pooled(events).shape == (2, 32)


def test_numbers_that_overflow_stay_no_numbers():
    made, events = network(), batch([6, 9], 3)
    events.features[0, 4] = torch.inf
    with torch.inference_mode():
        found, expected = sum_of_particles(made, events), as_written(made, events)
    assert not torch.isfinite(found[0]).all()
    torch.testing.assert_close(found[1], expected[1], rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("sizes", [[], [0], [1]])
def test_no_particles_sum_to_nothing(sizes):
    made, events = network(), batch(sizes, 1)
    assert isinstance(events, EventSums)
    with torch.inference_mode():
        torch.testing.assert_close(
            sum_of_particles(made, events), as_written(made, events), rtol=2e-5, atol=2e-5
        )
