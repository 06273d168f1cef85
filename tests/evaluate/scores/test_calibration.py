import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

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
        errors.append(curve.expected_error.value)
        chance.append(curve.chance_error)
    assert np.mean(covered) == pytest.approx(0.683, abs=0.04)
    assert np.mean(errors) == pytest.approx(np.mean(chance), rel=0.1)


def test_an_overconfident_score_shows_its_expected_error():
    random = np.random.default_rng(2)
    labels, scores = calibrated(random, 200_000)
    bold = scores**2 / (scores**2 + (1 - scores) ** 2)
    expected = np.mean(np.abs(bold - scores))
    curve = calibrate(labels, bold, bins=30)
    assert curve.expected_error.value == pytest.approx(expected, abs=0.003 + 3 * curve.expected_error.se)


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


@pytest.mark.parametrize("confidence", [0.6827, 0.95])
def test_intervals_are_wilsons_and_equal_weights_do_not_change_them(confidence):
    """Bins of 8, 5 and 0 events of which 3 and 5 pass, and one event at a score of 1."""
    labels = np.array([1] * 3 + [0] * 5 + [1] * 5 + [0])
    scores = np.repeat([0.1, 0.3, 1.0], [8, 5, 1])
    for weights in (None, np.full(14, 4.0)):
        curve = calibrate(labels, scores, weights, bins=4, confidence=confidence)
        assert curve.events.tolist() == [8, 5, 1]
        assert curve.mean_score == pytest.approx([0.1, 0.3, 1.0])
        assert curve.observed == pytest.approx([3 / 8, 1, 0])
        for i, (passing, events) in enumerate([(3, 8), (5, 5), (0, 1)]):
            wilson = binomtest(passing, events).proportion_ci(confidence, method="wilson")
            assert (curve.low[i], curve.high[i]) == pytest.approx(tuple(wilson), abs=1e-12)


def test_errors_are_means_over_the_weights_of_the_bins():
    """Two bins of shares 1/4 and 3/4; the second holds two events of unlike weights."""
    curve = calibrate([0, 1, 1, 0], [0.2, 0.2, 0.6, 0.8], [1, 1, 4, 2], bins=2)
    share, mean = np.array([0.25, 0.75]), np.array([0.2, 4 / 6])
    sigma = np.sqrt(mean * (1 - mean) / [2, 36 / 20])
    assert curve.mean_score == pytest.approx([0.2, (4 * 0.6 + 2 * 0.8) / 6])
    assert curve.expected_error.value == pytest.approx(0.25 * 0.3 + 0.75 * abs(4 / 6 - mean[1]))
    assert curve.expected_error.se == pytest.approx(np.hypot(*(share * sigma)))
    assert curve.chance_error == pytest.approx(np.sqrt(2 / np.pi) * (share @ sigma))


def test_a_score_of_one_lies_in_the_last_bin():
    assert calibrate([0, 1, 1], [0.1, 0.9, 1.0], bins=4).events.tolist() == [1, 2]


def test_one_bin_holds_all_and_none_is_refused():
    assert calibrate([0, 1], [0.1, 0.5], bins=1).observed == pytest.approx([0.5])
    assert len(calibrate(np.arange(1000) % 2, np.arange(1000) / 1000).events) == 15
    with pytest.raises(InputError, match="0 calibration bins"):
        calibrate([0, 1], [0.1, 0.9], bins=0)


def test_with_signed_weights_a_bin_has_the_share_of_what_they_leave_and_its_error():
    random = np.random.default_rng(8)
    pulls = []
    for _ in range(40):
        score = random.random(4000)
        label = random.random(4000) < score
        extra = random.random((2, 1000))  # signal that a sideband of as much takes off again
        scores = np.concatenate([score, *extra])
        labels = np.concatenate([label, np.ones(2000, dtype=bool)])
        weights = np.concatenate([np.ones(4000), np.ones(1000), -np.ones(1000)])
        found = calibrate(labels, scores, weights, bins=5)
        pulls += list((found.observed - found.mean_score) / (0.5 * (found.high - found.low)))
    assert np.mean(pulls) == pytest.approx(0, abs=0.25)
    assert np.std(pulls) == pytest.approx(1, abs=0.25)
