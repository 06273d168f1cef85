import numpy as np
import pytest
from helpers import quadratic_family

from hepsets.core.errors import InputError
from hepsets.generate.kstmumu.density import WINDOWS, rate_coefficients
from hepsets.generate.kstmumu.sampler import sample_decays
from hepsets.learn.data_sets.truth_ratios import TruthRatios, signal_of


@pytest.fixture(scope="module")
def selected():
    """Smeared events of a selection that prefers high q², made at four ΔC9."""
    random = np.random.default_rng(1)
    return quadratic_family.seen(quadratic_family.mixture(40_000, (-2.0, -1.0, 0.0, 1.1), random), random)


@pytest.fixture(scope="module")
def truth(selected):
    return TruthRatios.after_selection(
        *quadratic_family.coefficients(selected, "truth_"), selected["delta_c9"]
    )


def test_the_rate_of_a_selection_is_found_from_a_mixture(truth):
    flat = quadratic_family.flat(1_000_000, np.random.default_rng(2))
    beta, gamma = quadratic_family.coefficients(flat)
    kept = 0.3 + 0.03 * flat["q_squared"]
    expected = np.average(beta, weights=kept), np.average(gamma, weights=kept)
    assert (truth.rate.linear, truth.rate.quadratic) == pytest.approx(expected, abs=0.004)
    assert not truth.rate_is_known
    biased = beta.mean(), gamma.mean()
    assert abs(expected[0] - biased[0]) > 0.02


def test_weights_turn_the_mixture_into_a_sample_at_any_value(selected, truth):
    random = np.random.default_rng(3)
    for delta_c9 in (-1.5, 0.0, 0.6):
        direct = quadratic_family.seen(quadratic_family.sample(60_000, delta_c9, random), random)
        for name in ("q_squared", "costheta_mu", "costheta_K"):
            weighted = truth.weights(delta_c9) @ selected[name]
            error = np.std(direct[name]) * np.sqrt(1 / len(direct) + 1 / truth.effective_events(delta_c9))
            assert abs(weighted - direct[name].mean()) < 4 * error
    assert truth.weights(-1.5).sum() == pytest.approx(1)


def test_means_at_many_values_are_those_of_the_weights(selected, truth):
    quantities = np.stack([selected["q_squared"], selected["costheta_mu"]], axis=1).astype(np.float32)
    points = np.array([-1.5, 0.0, 0.6])
    means, scores = truth.means(points, quantities), truth.mean_scores(points)
    for delta_c9, mean, score in zip(points, means, scores, strict=True):
        weights = truth.weights(delta_c9)
        assert mean == pytest.approx(weights @ quantities)
        slope = (truth.beta + 2 * delta_c9 * truth.gamma) / truth.ratio(delta_c9)
        rate_slope = truth.rate.linear + 2 * delta_c9 * truth.rate.quadratic
        assert score == pytest.approx(weights @ slope - rate_slope / truth.rate(delta_c9), abs=1e-12)
    assert np.abs(scores).max() < 5 * np.sqrt(0.1 / len(truth))


def test_a_sample_at_zero_needs_no_weights():
    frame = quadratic_family.sample(500, 0.0, np.random.default_rng(4))
    truth = TruthRatios.after_selection(*quadratic_family.coefficients(frame), frame["delta_c9"])
    assert truth.weights(0.0) == pytest.approx(np.full(500, 1 / 500))
    assert truth.rate.linear == pytest.approx(truth.beta.mean())


def test_decays_without_detector_have_the_rate_of_the_theory():
    window = WINDOWS["1-19"]
    truth = TruthRatios.of(sample_decays(2000, -0.8, 5, window=window), window)
    assert truth.rate_is_known
    assert (truth.rate.linear, truth.rate.quadratic) == rate_coefficients(window)


def test_all_events_are_signal_unless_the_frame_says_otherwise():
    frame = quadratic_family.flat(3, np.random.default_rng(6))
    assert signal_of(frame).all()
    assert signal_of(frame.with_columns(is_signal=np.array([1, 0, 1]))).tolist() == [True, False, True]


def test_truth_that_is_missing_is_refused():
    with pytest.raises(InputError, match="not finite"):
        TruthRatios.after_selection(np.array([np.nan]), np.array([0.0]), np.array([0.0]))
