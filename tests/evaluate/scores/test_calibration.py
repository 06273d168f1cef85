import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core.errors import InputError
from hepsets.evaluate.scores.calibration import calibrate, correct_prior


def calibrated(random, n):
    scores = random.beta(1.5, 1.5, n)
    return random.random(n) < scores, scores


def test_a_calibrated_score_lies_on_the_diagonal_as_often_as_the_intervals_say():
    random = np.random.default_rng(1)
    covered, errors, chance = [], [], []
    for _ in range(150):
        curve = calibrate(*calibrated(random, 3000))
        covered.append(np.mean((curve.low <= curve.mean_score) & (curve.mean_score <= curve.high)))
        errors.append(curve.expected_error)
        chance.append(curve.chance_error)
    assert np.mean(covered) == pytest.approx(0.683, abs=0.04)
    assert np.mean(errors) == pytest.approx(np.mean(chance), rel=0.1)


def test_an_overconfident_score_shows_its_expected_error():
    random = np.random.default_rng(2)
    labels, scores = calibrated(random, 200_000)
    bold = scores**2 / (scores**2 + (1 - scores) ** 2)
    expected = np.mean(np.abs(bold - scores))
    curve = calibrate(labels, bold, bins=30)
    assert curve.expected_error == pytest.approx(expected, abs=0.003 + 3 * curve.expected_error_se)


def test_weights_bring_back_the_population():
    random = np.random.default_rng(3)
    labels, scores = calibrated(random, 60_000)
    chosen = labels | (random.random(len(labels)) < 0.1)
    weights = np.where(labels, 1.0, 10.0)[chosen]
    curve = calibrate(labels[chosen], scores[chosen], weights, bins=8)
    pulls = (curve.observed - curve.mean_score) / (0.5 * (curve.high - curve.low))
    assert np.abs(pulls).max() < 4
    assert curve.events.sum() == chosen.sum()


def test_intervals_stay_within_zero_and_one_and_never_vanish():
    curve = calibrate([0, 0, 1, 1], [0.02, 0.03, 0.97, 0.98], bins=10)
    assert (curve.low >= -1e-12).all()
    assert (curve.high <= 1 + 1e-12).all()
    assert (curve.high - curve.low > 0.1).all()


@given(probability=st.floats(0.001, 0.999), trained=st.floats(0.01, 0.99), population=st.floats(0.01, 0.99))
def test_changing_the_prior_there_and_back_changes_nothing(probability, trained, population):
    there = correct_prior(probability, trained, population)
    assert float(correct_prior(there, population, trained)) == pytest.approx(probability, rel=1e-9)


def test_the_corrected_probability_averages_to_the_retention():
    random = np.random.default_rng(4)
    truth = random.beta(0.2, 3.8, 400_000)
    labels = random.random(len(truth)) < truth
    retention = labels.mean()
    balanced = correct_prior(truth, retention, 0.5)
    assert np.allclose(correct_prior(balanced, 0.5, retention), truth)
    assert correct_prior(balanced, 0.5, retention).mean() == pytest.approx(retention, rel=0.01)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(InputError, match="share of passing events"):
        correct_prior(0.5, 0.5, share)
