from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.toy_decays import information, log_posterior, toy_decays, toy_sample, with_background
from scipy.special import log_softmax, logsumexp
from torch import nn

from hepsets.core.errors import InputError
from hepsets.learn.data_sets.event_posterior import EventPosterior, EventPosteriorConfig, fit_event_posterior
from hepsets.learn.data_sets.posterior_norm import smoothing
from hepsets.learn.data_sets.published_fit import PublishedFit
from hepsets.represent.data_sets.pools import disjoint_sets

VALUES = np.linspace(-1.5, 1.5, 16)
CONFIG = EventPosteriorConfig(
    fit=PublishedFit(epochs=4, batch=512, learning_rate=3e-3, schedule="cosine", device="cpu")
)
FRAME = toy_sample(5000, VALUES.tolist(), seed=1)


@pytest.fixture(scope="module")
def model() -> EventPosterior:
    return fit_event_posterior(FRAME, CONFIG)[0]


def test_posteriors_of_events_come_near_the_exact_ones(model: EventPosterior) -> None:
    frame = toy_decays(2000, 0.6, seed=2)
    found, exact = model.event_log_posterior(frame), log_posterior(frame, VALUES)
    np.testing.assert_allclose(logsumexp(found, axis=1), 0.0, atol=1e-5)
    assert np.abs(np.exp(found) - np.exp(exact)).mean() < 0.08 / len(VALUES)


def test_a_set_has_the_product_of_its_events(model: EventPosterior) -> None:
    frame = toy_decays(30, 0.6, seed=3)
    sums = model.event_log_posterior(frame).astype(float).sum(0)
    offsets = np.array([0, 30])
    raw = model.variant(normalised=False).log_posterior(frame, offsets)
    np.testing.assert_allclose(raw[0], log_softmax(sums), atol=1e-6)
    normalised = model.log_posterior(frame, offsets)
    smooth = smoothing(model.values) @ sums
    np.testing.assert_allclose(normalised[0], log_softmax(smooth - 30 * model.log_norm), atol=1e-6)
    np.testing.assert_allclose(model.running_log_posterior(frame)[-1], normalised[0], atol=1e-5)


def test_the_norm_is_that_of_events_never_trained_on(model: EventPosterior) -> None:
    fresh = toy_sample(5000, VALUES.tolist(), seed=4)
    expected = np.log(len(VALUES) * np.exp(model.event_log_posterior(fresh)).mean(0))
    np.testing.assert_allclose(model.log_norm, expected, atol=0.02)


def test_normalising_undoes_outputs_that_are_off(model: EventPosterior) -> None:
    tilted = fit_event_posterior(FRAME, replace(CONFIG, fit=replace(CONFIG.fit, epochs=1)))[0]
    tilted.network.load_state_dict(model.network.state_dict())
    last = tilted.network.layers[-1]
    assert isinstance(last, nn.Linear)
    last.bias.data += 0.05 * torch.from_numpy(VALUES).float()  # favours large values a little
    held = toy_sample(10_000, VALUES.tolist(), seed=6)
    sets = disjoint_sets(toy_decays(50_000, 0.0, seed=5), 1000)
    sigma = 1 / np.sqrt(1000 * information(0.0))
    means = []
    for one in (model, tilted):
        log_norm = np.log(len(VALUES) * np.exp(one.event_log_posterior(held)).mean(0))
        found = EventPosterior(CONFIG, VALUES, log_norm)
        found.network.load_state_dict(one.network.state_dict())
        posteriors = found.set_log_posteriors(sets)
        means.append([posteriors.estimates(normalised=which).value.mean() for which in (False, True)])
    raw, normalised = np.diff(means, axis=0)[0]
    assert raw > 3 * sigma
    assert abs(normalised) < 0.2 * raw


def test_posteriors_of_sets_join_to_that_of_all_their_events(model: EventPosterior) -> None:
    sets = disjoint_sets(toy_decays(700, 0.6, seed=3), 100)
    joined, whole = model.set_log_posteriors(sets).joined(3), model.set_log_posteriors(sets.joined(3))
    assert joined.raw.shape == (2, len(VALUES))  # the seventh set is left out
    np.testing.assert_allclose(joined.raw, whole.raw, atol=1e-6)
    np.testing.assert_allclose(joined.normalised, whole.normalised, atol=1e-6)


def test_estimates_follow_the_truth_with_the_spread_that_physics_sets(model: EventPosterior) -> None:
    sigma = 1 / np.sqrt(500 * information(0.5))
    sets = disjoint_sets(toy_decays(50_000, 0.5, seed=7), 500)
    found = model.estimate_sets(sets)
    assert found.value.std() == pytest.approx(sigma, rel=0.3)
    assert abs(found.value.mean() - 0.5) < 0.5 * sigma
    assert (found.high - found.low).mean() / 2 == pytest.approx(sigma, rel=0.3)


def test_labels_are_balanced_and_background_counts() -> None:
    mixed = with_background(toy_sample(3000, (-1.0, 0.0, 1.0), seed=8), 1.0, seed=9)
    nobody = mixed.with_columns(delta_c9=np.where(mixed["is_signal"], mixed["delta_c9"], np.nan))
    config = replace(CONFIG, fit=replace(CONFIG.fit, batch=64))
    model, _ = fit_event_posterior(nobody, config)
    assert model.values.tolist() == [-1.0, 0.0, 1.0]
    # half of the events say nothing: posteriors are flatter than those of pure signal
    pure, _ = fit_event_posterior(mixed[mixed["is_signal"]], config)
    frame = toy_decays(1000, 1.0, seed=10)
    flatness = [np.ptp(one.event_log_posterior(frame), axis=1).mean() for one in (model, pure)]
    assert flatness[0] < 0.75 * flatness[1]


def test_training_lasts_until_so_many_events_were_shown() -> None:
    frame = toy_sample(100, (-1.0, 1.0), seed=1)  # half of 200 events to train on
    for shown, epochs in ((290, 3), (1, 1), (None, 4)):
        _, fit = fit_event_posterior(frame, replace(CONFIG, events_shown=shown))
        assert len(fit.history) == epochs


def test_one_value_cannot_be_told_apart() -> None:
    with pytest.raises(InputError, match="at least two values"):
        fit_event_posterior(toy_decays(100, 0.0, seed=1), CONFIG)
