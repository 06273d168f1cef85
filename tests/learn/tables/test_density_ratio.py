"""Simulation weighted to data by a classifier."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.evaluate.scores.sample import effective_count
from hepsets.learn.tables.density_ratio import RatioConfig, density_ratio
from hepsets.learn.tables.reweighting import Sample

CONFIG = RatioConfig(folds=3)


def gauss(shift, n, seed):
    return EventFrame({"x": np.random.default_rng(seed).normal(shift, 1.0, n)})


def sample(events, first, weights=None):
    return Sample(events, np.arange(first, first + len(events)), weights)


@pytest.fixture(scope="module")
def found():
    """Simulation around 0, data around 0.5: the ratio is exp(x / 2 - 1 / 8)."""
    simulated, data = gauss(0.0, 4000, 1), gauss(0.5, 4000, 2)
    return simulated, density_ratio(sample(simulated, 0), sample(data, 4000), ["x"], CONFIG)


def test_weights_are_the_ratio_of_densities_and_keep_their_sum(found):
    simulated, ratio = found
    x = simulated.columns["x"]
    assert ratio.weights.sum() == pytest.approx(4000)
    inside = np.abs(x) < 1.5
    truth = np.exp(0.5 * x - 0.125)
    assert np.abs(ratio.weights / truth - 1)[inside].mean() < 0.12
    assert np.average(x, weights=ratio.weights) == pytest.approx(0.5, abs=0.09)


def test_events_that_made_no_weights_get_them_too(found):
    _, ratio = found
    others = gauss(0.0, 4000, 3)
    weights = ratio.multipliers(others)
    assert weights.mean() == pytest.approx(1)
    assert np.average(others.columns["x"], weights=weights) == pytest.approx(0.5, abs=0.09)
    assert 0.6 < effective_count(weights) / 4000 < 0.95  # exactly exp(-1/4) = 0.78


def test_no_event_has_a_say_in_its_own_weight():
    """Data without a difference: a classifier that knew its events would pull weights from 1."""
    found = density_ratio(sample(gauss(0, 1500, 4), 0), sample(gauss(0, 1500, 5), 1500), ["x"], CONFIG)
    assert np.std(found.weights) < 0.05


def test_large_ratios_are_clipped_and_counted():
    simulated, data = gauss(0.0, 3000, 6), gauss(2.5, 3000, 7)
    one = density_ratio(sample(simulated, 0), sample(data, 3000), ["x"], RatioConfig(folds=2, clip=3))
    assert one.clipped > 10
    assert (one.weights == one.weights.max()).sum() == one.clipped
    assert one.weights.min() < one.weights.max() / 100  # small ones stay


def test_sidebands_of_data_are_subtracted_by_negative_weights():
    simulated, signal = gauss(0.0, 4000, 8), gauss(0.5, 4000, 9)
    dirt = [gauss(-2.0, 1500, seed) for seed in (10, 11)]
    data = EventFrame.concatenate([signal, *dirt])
    weights = np.concatenate([np.ones(5500), -np.ones(1500)])
    found = density_ratio(sample(simulated, 0), sample(data, 4000, weights), ["x"], CONFIG)
    assert 0.3 < np.average(simulated.columns["x"], weights=found.weights) < 0.6
    with pytest.raises(InputError, match="negative weights of simulation"):
        density_ratio(sample(data, 4000, weights), sample(simulated, 0), ["x"], CONFIG)
