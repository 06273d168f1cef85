from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.toy_decays import information, toy_sample

from hepsets.core.errors import InputError
from hepsets.learn.data_sets.deep_sets import (
    DeepSetsNetwork,
    EventDeepSetsConfig,
    SetBatch,
    fit_event_deep_sets,
)
from hepsets.learn.data_sets.published_fit import PublishedFit
from hepsets.learn.data_sets.regression import Residuals, SetSampling
from hepsets.represent.data_sets.pools import bootstrapped_sets, disjoint_sets

CONFIG = EventDeepSetsConfig(
    event_widths=(16, 16, 8),
    set_widths=(16,),
    sampling=SetSampling(events=100, sets=60, validation_sets=20),
    fit=PublishedFit(epochs=20, batch=32, learning_rate=5e-3, schedule="cosine", device="cpu"),
)
VALUES = np.linspace(-1.5, 1.5, 7).tolist()


def test_published_widths_are_eight_and_eight_layers() -> None:
    config = EventDeepSetsConfig()
    network = DeepSetsNetwork(config.event_widths, config.set_widths, 8000)
    for part, ends in ((network.per_event, (4, 128)), (network.per_set, (128, 1))):
        linear = [layer for layer in part if isinstance(layer, torch.nn.Linear)]
        assert len(linear) == 8
        assert (linear[0].in_features, linear[-1].out_features) == ends


def test_it_learns_an_asymmetry() -> None:
    model, fit = fit_event_deep_sets(toy_sample(4000, VALUES, seed=1), CONFIG)
    sets = disjoint_sets(toy_sample(3000, (-0.8, 0.0, 0.8), seed=2), 100)
    found = model.estimate_sets(sets)
    sigma = 1 / np.sqrt(100 * information(0.8))
    assert np.sqrt(((found.value - sets.delta_c9) ** 2).mean()) < 1.5 * sigma
    covered = (found.low <= sets.delta_c9) & (sets.delta_c9 <= found.high)
    assert 0.5 < covered.mean() < 0.85
    assert fit.best_epoch > 1


def test_a_mean_serves_sets_of_any_size_and_a_sum_one() -> None:
    torch.manual_seed(1)
    features = torch.randn(600, 4)
    batch, double = SetBatch(features, [600]), SetBatch(features.repeat(2, 1), [1200])
    mean, total = (DeepSetsNetwork((8, 8), (8,), typical) for typical in (None, 600.0))
    with torch.inference_mode():
        torch.testing.assert_close(mean(batch), mean(double), rtol=0, atol=1e-6)
        assert (total(batch) - total(double)).abs() > 1e-3
        total.load_state_dict(mean.state_dict())
        torch.testing.assert_close(mean(batch), total(batch), rtol=0, atol=1e-6)


def test_intervals_shrink_with_the_size_of_the_set_down_to_what_the_network_cannot_do() -> None:
    values = np.linspace(-1, 1, 9)
    predictions = []
    rng = np.random.default_rng(1)
    for size in (100, 400):
        sets = bootstrapped_sets(toy_sample(10, values.tolist(), seed=1), size, 400, seed=2)
        noise = rng.normal(size=len(sets)) * np.sqrt(0.01 + 4.0 / size)
        predictions.append((sets, sets.delta_c9 + noise))
    sizes = np.array([100, 200, 400, 1600, 10**9, 0])
    found = Residuals.of(*predictions).estimates(np.zeros(6), sizes)
    expected = np.sqrt(0.01 + 4.0 / sizes[:5])
    np.testing.assert_allclose((found.high - found.low)[:5] / 2, expected, rtol=0.12)
    assert np.isfinite(found.high).all()
    one = Residuals.of(predictions[0]).estimates(np.zeros(6), sizes)
    np.testing.assert_allclose((one.high - one.low) / 2, expected[0], rtol=0.05)


def test_one_value_teaches_nothing() -> None:
    with pytest.raises(InputError, match="at least two values"):
        fit_event_deep_sets(toy_sample(400, [0.0], seed=1), CONFIG)


def test_full_scale_is_as_published() -> None:
    config = EventDeepSetsConfig.at_scale("full", 16_000)
    assert config == EventDeepSetsConfig(sampling=SetSampling(events=16_000))
    assert (config.sampling.sets, config.fit.epochs, config.fit.learning_rate) == (50, 80, 4e-4)
    assert config.pooling == "sum"
    for scale in ("quick", "standard"):
        assert EventDeepSetsConfig.at_scale(scale, 8000).fit.schedule == "cosine"
