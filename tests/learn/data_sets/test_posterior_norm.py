"""Products of posteriors of a network that is off: what each normalisation makes of them."""

import numpy as np
import pytest
from helpers import quadratic_family
from scipy.special import log_softmax

from hepsets.learn.data_sets.posterior_norm import mean_output, peak_at_truth, smoothing
from hepsets.learn.data_sets.quadratic_likelihood import Rate
from hepsets.learn.data_sets.truth_ratios import TruthRatios, signal_of

VALUES = np.linspace(-2.0, 1.1, 32)
RANDOM = np.random.default_rng(7)


def exact_posterior(frame, rate: Rate):
    beta, gamma = quadratic_family.coefficients(frame)
    ratio = 1 + VALUES * (beta[:, None] + VALUES * gamma[:, None])
    return log_softmax(np.log(ratio / rate(VALUES)), axis=1)


def off(frame, rate: Rate):
    """Posteriors that lean to one side, more so where ΔC9 counts, and err by class."""
    lean = 0.02 + 0.3 * quadratic_family.coefficients(frame)[0][:, None]
    by_class = 0.01 * np.sin(40 * VALUES) * np.cos(frame["chi"])[:, None] + 0.005 * np.cos(55 * VALUES)
    return log_softmax(exact_posterior(frame, rate) + lean * VALUES + by_class, axis=1)


@pytest.fixture(scope="module")
def simulated():
    frame = quadratic_family.mixture(6000, VALUES.tolist(), np.random.default_rng(1))
    return frame, TruthRatios.after_selection(*quadratic_family.coefficients(frame), frame["delta_c9"])


def found(posterior, norm):
    """Where a parabola through the three highest points of the mean log posterior has its vertex."""
    mean = posterior.mean(0) - norm
    top = int(np.clip(mean.argmax(), 1, len(VALUES) - 2))
    a, b, _ = np.polyfit(VALUES[top - 1 : top + 2], mean[top - 1 : top + 2], 2)
    return -b / (2 * a)


def test_an_exact_posterior_needs_no_normalisation(simulated):
    frame, truth = simulated
    posterior = exact_posterior(frame, truth.rate)
    assert np.abs(mean_output(posterior)).max() < 2e-3
    norm = peak_at_truth(VALUES, posterior, signal_of(frame), truth)
    assert np.abs(norm).max() < 1e-3


@pytest.mark.parametrize("true", [-1.5, -0.8, 0.6])
def test_the_mean_log_posterior_of_a_network_that_is_off_peaks_at_the_truth(simulated, true):
    frame, truth = simulated
    posterior = off(frame, truth.rate)
    sample = quadratic_family.sample(400_000, true, np.random.default_rng(2))
    seen, best = off(sample, truth.rate), exact_posterior(sample, truth.rate)
    norms = peak_at_truth(VALUES, posterior, signal_of(frame), truth), mean_output(posterior)
    exact = found(best, 0.0)  # shares the fluctuation of the sample
    assert found(seen, norms[0]) == pytest.approx(exact, abs=0.015)
    assert abs(found(seen, norms[1]) - exact) > 0.03
    assert abs(found(seen, 0.0) - exact) > 0.1


def test_background_dilutes_what_is_normalised(simulated):
    frame, truth = simulated
    both = np.concatenate([off(frame, truth.rate), np.full((len(frame), len(VALUES)), -np.log(len(VALUES)))])
    alone = peak_at_truth(VALUES, off(frame, truth.rate), signal_of(frame), truth)
    among = peak_at_truth(VALUES, both, np.arange(len(both)) < len(frame), truth)
    assert among - among.mean() == pytest.approx(alone / 2, abs=1e-6)


def test_smoothing_leaves_cubics_alone_and_levels_errors_of_single_values():
    matrix = smoothing(VALUES)
    for power in range(4):
        assert matrix @ VALUES**power == pytest.approx(VALUES**power, abs=1e-9)
    noise = np.random.default_rng(5).normal(size=(len(VALUES), 4000))
    assert (matrix @ noise).std(1)[6:-6].max() < 0.6
    assert smoothing(VALUES[::10]) == pytest.approx(np.eye(4))


def test_few_values_get_the_mean_output():
    frame = quadratic_family.mixture(500, (-1.0, 0.0, 1.0), np.random.default_rng(3))
    truth = TruthRatios.after_selection(*quadratic_family.coefficients(frame), frame["delta_c9"])
    posterior = log_softmax(np.random.default_rng(4).normal(size=(len(frame), 3)), axis=1)
    norm = peak_at_truth(np.array([-1.0, 0.0, 1.0]), posterior, signal_of(frame), truth)
    assert norm == pytest.approx(mean_output(posterior))
