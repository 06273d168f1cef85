import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.scores.background_at import (
    BackgroundLeft,
    background_at,
    background_curve,
    background_gain,
    background_ratio,
    background_ratio_curve,
    efficiency_at,
)
from hepsets.evaluate.scores.classification import roc


def two_models(random, signal=400, background=700, weighted=False):
    """Normal scores of two models with shared noise; the first separates better."""
    labels = np.repeat([True, False], [signal, background])
    shared = random.normal(size=len(labels))
    logits = [shift * labels + 0.8 * shared + 0.6 * random.normal(size=len(labels)) for shift in (2.2, 1.7)]
    weights = random.choice([1.0, 5.0], len(labels)) if weighted else np.ones(len(labels))
    return labels, *(norm.cdf(logit - 1) for logit in logits), weights


def exact(efficiency, shift):
    return norm.sf(norm.isf(efficiency) + shift)


FEW = np.array([1, 1, 1, 0, 0, 0], dtype=bool)
FEW_SCORES, FEW_WEIGHTS = np.array([0.9, 0.7, 0.5, 0.8, 0.7, 0.3]), np.array([1.0, 2.0, 1.0, 1.0, 1.0, 2.0])


@pytest.mark.parametrize(
    ("efficiency", "threshold", "left"), [(0.5, 0.7, 0.375), (0.75, 0.7, 0.5), (0.9, 0.5, 0.5), (0.2, 0.9, 0)]
)
def test_of_events_at_the_threshold_the_share_is_kept_that_makes_the_efficiency_exact(
    efficiency, threshold, left
):
    """Signal of shares 1/4, 1/2, 1/4 at 0.9, 0.7, 0.5; background of 1/4, 1/4, 1/2 at 0.8, 0.7, 0.3."""
    found = background_at(FEW, FEW_SCORES, FEW_WEIGHTS, efficiency)
    assert (found.signal_efficiency, found.threshold) == (efficiency, threshold)
    assert found.background.value == pytest.approx(left)


@pytest.mark.parametrize(("signal", "background"), [(300, 200), (6000, 200), (300, 30)])
def test_each_event_moves_the_background_by_its_share_and_signal_by_the_slope(signal, background):
    """The slope is that of a straight line through two points of the curve, on axes of normal quantiles."""
    labels, scores, _, weights = two_models(np.random.default_rng(7), signal, background, weighted=True)
    found = background_at(labels, scores, weights, 0.8)

    def count(events):
        return weights[events].sum() ** 2 / np.sum(weights[events] ** 2)

    def left(efficiency):
        return background_at(labels, scores, weights, efficiency).background.value

    half = 0.5 * 0.2 * min(1.0, (2000 / count(labels)) ** 0.2)
    ends = [0.8 - half, 0.8 + half]
    run = np.diff(norm.ppf(ends))[0]
    least = 0.5 / count(~labels)  # half an event where none is left
    rates = np.clip([left(end) for end in ends], least, 1 - least)
    assert (background == 30) == (rates[0] == least)
    slope = np.diff(norm.ppf(rates))[0] / run
    slope *= norm.pdf(norm.ppf(left(0.8))) / norm.pdf(norm.ppf(0.8))
    kept, at = (scores > found.threshold).astype(float), scores == found.threshold
    share = weights / weights[labels].sum()
    kept[at] = (0.8 - share[labels & ~at] @ kept[labels & ~at]) / share[labels & at].sum()
    for events, off in ((labels, -slope * (kept - 0.8)), (~labels, kept - left(0.8))):
        n = events.sum()
        influence = weights / weights[events].sum() * np.sqrt(n / (n - 1)) * off
        assert found.influence[events] == pytest.approx(influence[events], abs=1e-15)
    se = np.hypot(np.linalg.norm(found.influence), 0.5 / count(~labels))
    assert found.background.se == pytest.approx(se)


def test_a_ratio_knows_that_the_events_are_the_same():
    def left(value, influence, efficiency=0.9):
        return BackgroundLeft(efficiency, 0.5, Measured(value, 0.03), np.array(influence))

    model, reference = left(0.1, [0.01, -0.02, 0.0]), left(0.2, [0.02, 0.01, 0.02])
    ratio = background_ratio(model, reference)
    assert ratio.value == pytest.approx(0.5)
    assert ratio.se == pytest.approx(np.sqrt(0.025**2 + 0.01**2) / 0.2)
    gain = background_gain(model, reference)
    assert (gain.value, gain.se) == (pytest.approx(0.5), ratio.se)
    nothing = background_ratio(left(0.0, [0.0, 0.0, 0.0]), reference)
    assert (nothing.value, nothing.se) == (0, pytest.approx(0.03 / 0.2))


def test_curves_take_thirty_to_ninety_nine_percent():
    labels, good, fair, _ = two_models(np.random.default_rng(8), 200, 300)
    curve, ratio = background_curve(labels, good), background_ratio_curve(labels, good, fair)
    assert curve.signal_efficiency == pytest.approx(np.linspace(0.3, 0.99, 70))
    assert ratio.signal_efficiency == pytest.approx(np.linspace(0.3, 0.99, 70))
    assert curve.background[60] == background_at(labels, good).background.value
    over = curve.background / background_curve(labels, fair).background
    assert ratio.ratio == pytest.approx(over)


def test_the_background_left_for_normal_scores_is_the_known_one():
    labels, scores, _, weights = two_models(np.random.default_rng(1), 60_000, 60_000, weighted=True)
    for efficiency in (0.5, 0.9, 0.98):
        left = background_at(labels, scores, weights, efficiency)
        assert abs(left.background.value - exact(efficiency, 2.2)) < 4 * left.background.se
        assert left.threshold == pytest.approx(norm.cdf(1.2 + norm.isf(efficiency)), abs=0.01)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("efficiency", [0.6, 0.9])
def test_errors_cover_the_truth_as_often_as_they_say(weighted, efficiency):
    random = np.random.default_rng(2)
    left, gains = [], []
    for _ in range(300):
        labels, good, fair, weights = two_models(random, weighted=weighted)
        a = background_at(labels, good, weights, efficiency)
        left.append((a.background.value, a.background.se))
        gain = background_gain(a, background_at(labels, fair, weights, efficiency))
        gains.append((gain.value, gain.se))
    for points, truth in (
        (left, exact(efficiency, 2.2)),
        (gains, 1 - exact(efficiency, 2.2) / exact(efficiency, 1.7)),
    ):
        value, se = np.array(points).T
        assert np.mean(se) == pytest.approx(np.std(value), rel=0.15)
        covered = np.mean(np.abs(value - truth) < se)
        assert covered == pytest.approx(0.683, abs=0.09)


def test_errors_agree_with_the_bootstrap():
    random = np.random.default_rng(3)
    labels, good, fair, weights = two_models(random, 1500, 2500, weighted=True)
    model, reference = (background_at(labels, s, weights) for s in (good, fair))
    gain = background_gain(model, reference)
    replicas = []
    for _ in range(400):
        pick = random.integers(0, len(labels), len(labels))
        again = [background_at(labels[pick], s[pick], weights[pick]) for s in (good, fair)]
        replicas.append((again[0].background.value, background_gain(*again).value))
    spread = np.std(replicas, axis=0)
    assert model.background.se == pytest.approx(spread[0], rel=0.15)
    assert gain.se == pytest.approx(spread[1], rel=0.15)
    independent = (model.background.value / reference.background.value) * np.hypot(
        model.background.se / model.background.value, reference.background.se / reference.background.value
    )
    assert gain.se < 0.85 * independent


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), ties=st.booleans(), efficiency=st.floats(0.02, 0.98))
def test_the_point_lies_on_the_roc_curve(seed, ties, efficiency):
    random = np.random.default_rng(seed)
    labels, scores, _, weights = two_models(random, 60, 90, weighted=True)
    scores = np.round(scores, 1) if ties else scores
    left = background_at(labels, scores, weights, efficiency)
    curve = roc(labels, scores, weights)
    # the ROC curve leaves straight points out and is vertical where background events lie between
    lower = np.interp(efficiency - 1e-9, curve.true_positive_rate, curve.false_positive_rate)
    upper = np.interp(efficiency + 1e-9, curve.true_positive_rate, curve.false_positive_rate)
    assert lower - 1e-6 <= left.background.value <= upper + 1e-6
    scaled = background_at(labels, scores, np.where(labels, 3.0, 0.2) * weights, efficiency)
    assert scaled.background.value == pytest.approx(left.background.value, abs=1e-12)
    assert scaled.background.se == pytest.approx(left.background.se)


def test_a_model_that_knows_nothing_leaves_as_much_background_as_signal():
    left = background_at([1, 1, 0, 0, 0], np.full(5, 0.3), signal_efficiency=0.9)
    assert left.background.value == pytest.approx(0.9)


def test_the_gain_of_a_model_over_itself_is_exactly_nothing():
    labels, scores, _, weights = two_models(np.random.default_rng(4), weighted=True)
    left = background_at(labels, scores, weights)
    gain = background_gain(left, left)
    assert (gain.value, gain.se) == (0.0, 0.0)


def test_nothing_left_is_known_to_half_an_event():
    labels = np.repeat([True, False], [50, 100])
    perfect = background_at(labels, np.where(labels, 0.9, 0.1))
    assert perfect.background.value == 0
    assert perfect.background.se == pytest.approx(0.005)
    # nor does it matter which of the signal is kept
    spread = np.where(labels, np.linspace(0.99, 0.5, 150), 0.1)
    assert background_at(labels, spread).background.se == pytest.approx(0.005)
    fair = background_at(labels, np.concatenate([np.full(50, 0.9), np.linspace(0, 1, 100)]))
    gain = background_gain(perfect, fair)
    assert gain.value == 1
    assert gain.se >= perfect.background.se / fair.background.value


def test_curves_are_made_of_the_points():
    labels, good, fair, weights = two_models(np.random.default_rng(5), weighted=True)
    curve = background_curve(labels, good, weights, [0.5, 0.9])
    ratio = background_ratio_curve(labels, good, fair, weights, [0.5, 0.9])
    point, other = (background_at(labels, s, weights, 0.9) for s in (good, fair))
    assert curve.background[1] == point.background.value
    assert curve.background_se[1] == point.background.se
    expected = background_ratio(point, other)
    assert (ratio.ratio[1], ratio.ratio_se[1]) == (expected.value, expected.se)
    assert (np.diff(background_curve(labels, good, weights).background) >= 0).all()


def test_the_ratio_is_missing_where_the_reference_leaves_nothing():
    labels = np.repeat([True, False], [50, 100])
    perfect = np.where(labels, 0.9, 0.1)
    curve = background_ratio_curve(labels, perfect, perfect, None, [0.9])
    assert np.isnan(curve.ratio).all()
    assert np.isnan(curve.ratio_se).all()


def test_the_efficiency_at_a_given_cut_is_a_weighted_share():
    share = efficiency_at([0.2, 0.5, 0.8], 0.5, [1.0, 1.0, 2.0])
    assert share.value == pytest.approx(0.75)
    # off by 3/4, 1/4 and 1/4 of the mean; 16 / 6 effective events
    spread = np.sqrt(1.5 * ((1 * 0.75) ** 2 + (1 * 0.25) ** 2 + (2 * 0.25) ** 2)) / 4
    assert share.se == pytest.approx(np.hypot(spread, 0.5 / (16 / 6)))
    assert efficiency_at(np.ones(50), 0.5).se == pytest.approx(0.01)
    for scores, weights in (([[0.2, 0.5]], None), ([0.2, 0.5], [1.0]), ([], None)):
        with pytest.raises(InputError, match="one-dimensional"):
            efficiency_at(scores, 0.5, weights)
    with pytest.raises(InputError, match="1 scores that are not finite"):
        efficiency_at([0.2, np.nan], 0.5)


def test_what_cannot_be_compared_is_refused():
    labels, good, fair, _ = two_models(np.random.default_rng(6))
    left = background_at(labels, good)
    with pytest.raises(InputError, match="between 0 and 1"):
        background_at(labels, good, signal_efficiency=1.0)
    with pytest.raises(InputError, match="the same events"):
        background_ratio(left, background_at(labels[1:], fair[1:]))
    with pytest.raises(InputError, match="signal efficiencies"):
        background_ratio(left, background_at(labels, fair, signal_efficiency=0.8))
    perfect = background_at(labels, labels.astype(float))
    with pytest.raises(InputError, match="leaves no background"):
        background_gain(left, perfect)
    with pytest.raises(InputError, match="shapes"):
        efficiency_at([], 0.5)


def subtracted(random, n=4000):
    """Signal with dirt, minus a sideband that holds the dirt alone; and the signal as it is."""
    labels, scores, _, _ = two_models(random, n, n)
    dirt = 1 / (1 + np.exp(-random.normal(0, 1.5, (2, n // 2))))
    mixed = np.concatenate([scores, *dirt])
    weights = np.concatenate([np.ones(2 * n), np.ones(n // 2), -np.ones(n // 2)])
    return np.concatenate([labels, np.ones(n, dtype=bool)]), mixed, weights, (labels, scores)


def test_a_subtracted_sideband_leaves_the_background_that_signal_alone_would_with_a_larger_error():
    random = np.random.default_rng(5)
    pulls, errors = [], []
    for _ in range(60):
        labels, scores, weights, pure = subtracted(random)
        with_weights, alone = background_at(labels, scores, weights), background_at(*pure)
        errors.append(with_weights.background.se / alone.background.se)
        pulls.append((with_weights.background.value - alone.background.value) / with_weights.background.se)
    assert abs(np.mean(pulls)) < 0.5
    assert 0.2 < np.sqrt(np.mean(np.square(pulls))) < 1.1
    assert min(errors) > 1.05
    curve = background_curve(*subtracted(random)[:3])
    assert np.isfinite(curve.background).all()
    assert (curve.background_se > 0).all()


def test_weights_that_cancel_in_a_class_are_refused():
    labels = np.arange(20) < 10
    weights = np.where(np.arange(20) % 2 == 0, 1.0, -1.0)
    with pytest.raises(InputError, match="weights of signal that add to 0; expected a positive sum"):
        background_at(labels, np.linspace(0, 1, 20), weights)
