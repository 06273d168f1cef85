"""The tuned stack as it is scored: the numbers of the layers one by one."""

import pytest
import torch
from helpers.random_events import event_tables, events_of_sizes, random_events, shuffled
from helpers.trained_norms import with_trained_norms
from hypothesis import given, settings

from hepsets.core.pdg import PdgMap
from hepsets.learn.decay_trees.decay_gcn import GCNStack
from hepsets.learn.decay_trees.gcn_scoring import Folded, can_score
from hepsets.represent.decay_trees.data import EventData
from hepsets.represent.decay_trees.features import FeatureSpec

MAP = PdgMap((11, 13, 22, 211, -211))
FEATURES = FeatureSpec(coordinates="cylindrical")


def network(units=5):
    """As after training: no scale is 1 and no shift 0."""
    torch.manual_seed(5)
    made = GCNStack(len(FEATURES), units, n_tokens=len(MAP), embedding=3)
    return with_trained_norms(made)


def batch_of(events):
    data = EventData.from_events(events, MAP, FEATURES)
    return data.slice(0, len(data))


def both(made, batch):
    """Means by the compiled loops, and by the layers one by one."""
    with torch.inference_mode():
        assert can_score(made._blocks(), batch.features)
        found = Folded(made._blocks(), made.embedding.weight).means(batch.features, batch)
        return found, batch.mean(made._particles(batch.features, batch))


@settings(max_examples=30)
@given(event_tables())
def test_means_are_those_of_the_layers_one_by_one(events):
    found, expected = both(network(), batch_of(events))
    assert found.shape == (len(events), 5)
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("units", [1, 5, 31, 32, 33, 64, 70])
def test_any_width_and_order_of_particles_will_do(units):
    batch = batch_of(shuffled(random_events(20, seed=2), seed=1))  # mothers after daughters, too
    found, expected = both(network(units), batch)
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("sizes", [[], [0], [1], [0, 3, 0]])
def test_empty_events_have_means_of_zero(sizes):
    found, expected = both(network(), batch_of(events_of_sizes(sizes, seed=1)))
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-5)
    assert not found[[size == 0 for size in sizes]].any()


def test_scores_of_the_published_width_agree_to_a_millionth():
    made, batch = network(32), batch_of(random_events(100, seed=3))
    found, expected = both(made, batch)
    with torch.inference_mode():
        difference = torch.sigmoid(made.head(found)) - torch.sigmoid(made.head(expected))
        assert torch.equal(made(batch.features, batch), made.head(found))
    assert float(difference.abs().max()) < 1e-6


def test_features_may_lie_column_by_column():
    made, batch = network(), batch_of(random_events(10, seed=3))
    with torch.inference_mode():
        expected = made(batch.features, batch)
        assert torch.equal(made(batch.features.T.contiguous().T, batch), expected)


def test_what_is_no_number_stays_none():
    made, batch = network(), batch_of(random_events(3, seed=4))
    batch.features[0, 2] = torch.nan
    found, expected = both(made, batch)
    assert found[0].isnan().all()
    torch.testing.assert_close(found[1:], expected[1:], rtol=2e-5, atol=2e-5)


def test_what_it_cannot_do_is_left_to_the_layers_one_by_one():
    made, batch = network(), batch_of(random_events(3, seed=4))
    assert not can_score(made._blocks(), batch.features)  # gradients
    with torch.inference_mode():
        assert not can_score(made._blocks(), batch.features.double())
        made.dropout.train()  # as who wants a spread of scores does
        assert not can_score(made._blocks(), batch.features)
        made.dropout.eval()
        assert can_score(made._blocks(), batch.features)
        made.norms[1].track_running_stats = False
        assert not can_score(made._blocks(), batch.features)
        made.norms[1].track_running_stats = True
        made.norms[1].train()
        assert not can_score(made._blocks(), batch.features)
        assert not can_score(made.train()._blocks(), batch.features)


@pytest.mark.parametrize("token", [-1, len(MAP), 10**6])
@pytest.mark.parametrize("training", [True, False])
def test_tokens_beyond_the_embedding_are_refused(token, training):
    made, batch = network().train(training), batch_of(random_events(3, seed=4))
    batch.tokens[2] = token
    with torch.inference_mode(), pytest.raises(IndexError):
        made(batch.features, batch)
