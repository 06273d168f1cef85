"""``decay_sweep`` as it is scored: the numbers of the layers one by one."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from helpers.random_events import event_tables, events_of_sizes, random_events, shuffled
from helpers.trained_norms import with_trained_norms
from hypothesis import given, settings

from hepsets.core.pdg import PdgMap
from hepsets.learn.decay_trees.decay_sweep import DecaySweep
from hepsets.learn.decay_trees.sweep_scoring import Folded, can_score
from hepsets.represent.decay_trees.data import EventData
from hepsets.represent.decay_trees.features import FeatureSpec

MAP = PdgMap((11, 13, 22, 211, -211))


def network(units=5, rounds=1):
    """As after training: no scale is 1 and no shift 0."""
    torch.manual_seed(5)
    made = DecaySweep(units, n_tokens=len(MAP), embedding=3, rounds=rounds)
    return with_trained_norms(made)


def batch_of(events):
    data = EventData.from_events(events, MAP, FeatureSpec())
    return data.slice(0, len(data))


def both(made, batch):
    """Sums by the compiled loops, and by the layers one by one."""
    with torch.inference_mode():
        assert can_score(made)
        return Folded(made).sums(batch), batch.sum(torch.relu(made.pool(made._particles(batch))))


@settings(max_examples=30)
@given(event_tables())
def test_sums_are_those_of_the_layers_one_by_one(events):
    found, expected = both(network(), batch_of(events))
    assert found.shape == (len(events), 10)
    torch.testing.assert_close(found, expected, rtol=5e-5, atol=5e-5)


@pytest.mark.parametrize("units", [1, 5, 16, 31, 32, 33, 64, 70])
@pytest.mark.parametrize("rounds", [1, 2])
def test_any_width_and_number_of_rounds_will_do(units, rounds):
    found, expected = both(network(units, rounds), batch_of(random_events(20, seed=2)))
    torch.testing.assert_close(found, expected, rtol=5e-5, atol=5e-5)


@pytest.mark.parametrize("sizes", [[], [0], [1], [0, 3, 0], [5, 0, 4, 1]])
def test_empty_events_have_sums_of_zero(sizes):
    found, expected = both(network(), batch_of(events_of_sizes(sizes, seed=1)))
    torch.testing.assert_close(found, expected, rtol=5e-5, atol=5e-5)
    assert not found[[size == 0 for size in sizes]].any()


def test_mothers_behind_their_daughters_are_left_to_the_layers():
    found, _ = both(network(), batch_of(shuffled(random_events(20, seed=2), seed=1)))
    assert found is None


def test_an_event_that_overflows_is_no_number_and_leaves_the_others_alone():
    batch = batch_of(random_events(20, seed=4))
    clean, _ = both(network(), batch)
    first, last = list(pairwise(batch.offsets.tolist()))[3]
    assert last > first
    batch.features[first] = np.nan
    found, _ = both(network(), batch)
    others = torch.arange(20) != 3
    assert found[3].isnan().any()
    assert torch.equal(found[others], clean[others])


def test_training_and_gradients_are_left_to_the_layers():
    made = network()
    assert not can_score(made)
    with torch.no_grad():
        assert can_score(made)
        assert not can_score(made.train())


def test_scores_of_the_usual_width_agree_to_a_millionth():
    made, batch = network(64), batch_of(random_events(100, seed=3))
    found, expected = both(made, batch)
    with torch.inference_mode():
        difference = torch.sigmoid(made.head(found / 40)) - torch.sigmoid(made.head(expected / 40))
    assert float(difference.abs().max()) < 1e-6
