import numpy as np
import pytest
from scipy.stats import beta, binom, norm

from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose
from hepsets.evaluate.scores.many_classes import class_scores
from hepsets.evaluate.scores.working_points import (
    WORKING_POINTS,
    counting_interval,
    efficiency_of,
    pair_curve,
    pair_scores,
    working_point,
    working_points,
)

SHIFT = 2.5
"""Between the normal scores of b and c: the efficiency at a mis-identification m is Φ(shift + Φ⁻¹(m))."""


def tagged(random, b=400, c=600):
    """Probabilities of b and c from normal scores, beside a third class that takes half of them."""
    truth = np.repeat([0, 1, 2], [b, c, 10])
    score = random.normal(SHIFT * (truth == 0), 1.0)
    p = 1 / (1 + np.exp(-score))
    return class_scores(truth, np.stack([p / 2, (1 - p) / 2, np.full(len(p), 0.5)], axis=1), ("b", "c", "s"))


def expected(mistag):
    return norm.cdf(SHIFT + norm.ppf(mistag))


def by_hand():
    """Five events of b and nine of c: at the scores of c from above b keeps the efficiencies of STEPS."""
    score = np.array([0.95, 0.85, 0.8, 0.55, 0.05, *np.arange(1, 10) / 10])
    return class_scores(np.repeat([0, 1], [5, 9]), np.stack([score, 1 - score], axis=1), ("b", "c"))


STEPS = [0, 0.2, 0.5, 0.6, 0.6, 0.8, 0.8, 0.8, 0.8, 0.8, 1]
"""By the number of events of c above; the event of b that equals one of c counts half."""


@pytest.mark.parametrize(
    ("mistag", "efficiency", "threshold"),
    [(0.2, 0.5, 0.8), (0.25, 0.55, 1 / (1 + np.sqrt(1 / 4 * 3 / 7))), (0.9, 0.8, 0.1), (0.95, 0.9, 0.1)],
)
def test_a_point_lies_between_the_two_scores_next_to_its_place(mistag, efficiency, threshold):
    """The place m (n + 1) among nine events of c; the place itself follows a Beta distribution."""
    point = working_point(by_hand(), "b", "c", mistag)
    assert point.efficiency == pytest.approx(efficiency)
    assert point.threshold == pytest.approx(threshold)
    places = beta(10 * mistag, 10 * (1 - mistag)).ppf([(1 - 0.6827) / 2, (1 + 0.6827) / 2])
    choices = np.abs(np.interp(10 * places, np.arange(11), STEPS) - efficiency)
    assert (point.choice_low, point.choice_high) == pytest.approx(choices)
    low, high = counting_interval(5 * efficiency, 5)
    assert point.low == pytest.approx(efficiency - np.hypot(efficiency - low, choices[0]))
    assert point.high == pytest.approx(efficiency + np.hypot(high - efficiency, choices[1]))
    assert point.se == pytest.approx((point.high - point.low) / 2)
    assert (point.flavour, point.against, point.mistag) == ("b", "c", mistag)


@pytest.mark.parametrize(("passed", "total"), [(1, 20), (7, 20), (19, 20)])
def test_a_counting_interval_leaves_a_sixth_of_the_binomial_on_either_side(passed, total):
    low, high = counting_interval(passed, total)
    assert binom.sf(passed - 1, total, low) == pytest.approx((1 - 0.6827) / 2)
    assert binom.cdf(passed, total, high) == pytest.approx((1 - 0.6827) / 2)


def test_none_and_all_are_ends_of_their_intervals():
    assert counting_interval(0, 20)[0] == 0
    assert counting_interval(20, 20)[1] == 1
    assert 1 - counting_interval(20, 20)[0] == pytest.approx(counting_interval(0, 20)[1])


def test_one_background_event_above_the_threshold_is_enough():
    assert working_point(by_hand(), "b", "c", 1 / 9).mistag == pytest.approx(1 / 9)
    for mistag in (0.1, 0.0, 1.0, -0.2):
        with pytest.raises(InputError, match=r"9 events of c; expected one between 0\.11 and 1"):
            working_point(by_hand(), "b", "c", mistag)
    points = [("b", "c", 0.1), ("c", "b", 0.5), ("b", "s", 0.5), ("b", "c", 0.5)]
    found = [(p.flavour, p.against, p.mistag) for p in working_points(by_hand(), points)]
    assert found == [("c", "b", 0.5), ("b", "c", 0.5)]


def test_a_curve_has_fifteen_points_for_each_power_of_ten_that_the_events_resolve():
    curve = pair_curve(by_hand(), "b", "c")
    expected_mistags = [m for m in 10 ** (-4 + np.arange(60) / 15) if 9 * m >= 1]
    assert curve.mistag == pytest.approx(expected_mistags)
    assert (curve.flavour, curve.against) == ("b", "c")
    chosen = pair_curve(by_hand(), "b", "c", [0.2, 0.9])
    points = [working_point(by_hand(), "b", "c", m) for m in (0.2, 0.9)]
    for name in ("mistag", "efficiency", "low", "high"):
        assert getattr(chosen, name).tolist() == [getattr(p, name) for p in points]


def test_the_score_of_a_pair_is_the_logarithm_of_the_ratio():
    scores = pair_scores([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]], 2, 0)
    assert scores == pytest.approx([np.log(0.5 / 0.2), np.log(0.1 / 0.6)])
    assert np.isfinite(pair_scores([[0.0, 1.0], [1.0, 0.0]], 0, 1)).all()


@pytest.mark.parametrize("mistag", [0.01, 0.1])
def test_intervals_hold_the_efficiency_of_normal_scores_as_often_as_they_claim(mistag):
    random = np.random.default_rng(1)
    points = [working_point(tagged(random), "b", "c", mistag) for _ in range(500)]
    truth = expected(mistag)
    inside = np.mean([point.low <= truth <= point.high for point in points])
    assert 0.63 < inside < 0.78  # Clopper and Pearson cover at least; 500 samples know it to 0.02
    values = [point.efficiency for point in points]
    # six events of c above the threshold: the curve is concave, which costs a sixth of an error
    assert abs(np.mean(values) - truth) < 0.25 * np.std(values)
    assert np.mean([point.se for point in points]) == pytest.approx(np.std(values), rel=0.18)


def test_with_few_background_events_the_threshold_makes_most_of_the_error():
    point = working_point(tagged(np.random.default_rng(2), 50_000, 300), "b", "c", 0.01)
    low, high = counting_interval(point.efficiency * 50_000, 50_000)
    assert point.choice_low > 5 * (point.efficiency - low)
    assert point.choice_high > 5 * (high - point.efficiency)
    assert point.low < expected(0.01) < point.high + point.se


def test_the_score_of_a_pair_does_not_know_other_classes():
    sample = tagged(np.random.default_rng(3))
    crowded = sample.probabilities * [[0.2, 0.2, 1.8]]
    other = class_scores(sample.truth, crowded, sample.classes)
    mine, theirs = (working_point(one, "b", "c", 0.05) for one in (sample, other))
    assert mine.efficiency == pytest.approx(theirs.efficiency)
    assert mine.threshold == pytest.approx(theirs.threshold)


def test_the_threshold_keeps_as_much_as_is_said():
    sample = tagged(np.random.default_rng(4), 5000, 5000)
    point = working_point(sample, "b", "c", 0.1)
    ratio = sample.probabilities[:, 0] / sample.probabilities[:, :2].sum(axis=1)
    assert np.mean(ratio[sample.truth == 0] >= point.threshold) == pytest.approx(point.efficiency, abs=2e-3)
    assert np.mean(ratio[sample.truth == 1] >= point.threshold) == pytest.approx(0.1, abs=2e-3)


def test_a_tagger_that_guesses_keeps_what_it_mistakes():
    truth = np.repeat([0, 1], 500)
    sample = class_scores(truth, np.full((1000, 2), 0.5), ("s", "ud"))
    assert working_point(sample, "s", "ud", 0.1).efficiency == pytest.approx(0.5)  # all scores are equal
    random = np.random.default_rng(5).uniform(0.01, 0.99, 1000)
    sample = class_scores(truth, np.stack([random, 1 - random], 1), ("s", "ud"))
    point = working_point(sample, "s", "ud", 0.1)
    assert abs(point.efficiency - 0.1) < 3 * point.se


def test_certainty_beyond_double_precision_still_orders_events():
    scores = pair_scores(np.array([[1.0, 1e-30], [1.0, 1e-20], [1.0, 0.0]], dtype=np.float32), 0, 1)
    assert scores[2] > scores[0] > scores[1]


def test_points_without_class_or_events_are_left_out_and_refused_alone():
    sample = tagged(np.random.default_rng(6))
    found = working_points(sample)
    assert {(p.flavour, p.against, p.mistag) for p in found} >= {("b", "c", 0.01), ("c", "b", 0.1)}
    assert not any("ud" in (p.flavour, p.against) for p in found)
    assert ("b", "c", 0.001) in WORKING_POINTS
    assert all(p.mistag > 0.001 for p in found)  # 600 events of c
    with pytest.raises(InputError, match="600 events of c"):
        working_point(sample, "b", "c", 0.001)
    with pytest.raises(InputError, match="'ud'"):
        working_point(sample, "b", "ud", 0.1)


def test_a_curve_goes_through_its_working_points_and_rises():
    sample = tagged(np.random.default_rng(7), 3000, 3000)
    curve = pair_curve(sample, "b", "c", [0.001, 0.01, 0.1])
    assert curve.efficiency[1] == working_point(sample, "b", "c", 0.01).efficiency
    assert (curve.low < curve.efficiency).all()
    assert (curve.efficiency < curve.high).all()
    assert (np.diff(pair_curve(sample, "b", "c").efficiency) >= 0).all()


@pytest.mark.parametrize("purpose", [Purpose.TRAINING, Purpose.VALIDATION])
def test_efficiencies_are_those_of_test_events_and_of_no_others(purpose):
    sample = tagged(np.random.default_rng(8))
    others = sample._replace(purpose=purpose)
    for measure in (
        working_points,
        lambda one: working_point(one, "b", "c", 0.1),
        lambda one: pair_curve(one, "b", "c"),
    ):
        with pytest.raises(
            InputError, match=f"{purpose} events where efficiencies are measured; expected test"
        ):
            measure(others)
    assert working_points(sample._replace(purpose=Purpose.TEST)) == working_points(sample)


def test_influences_give_the_error_of_a_working_point_and_that_of_a_difference_on_the_same_events():
    random = np.random.default_rng(9)
    found, differences, paired = [], [], []
    for _ in range(200):
        one = tagged(random)
        blurred = one.probabilities * np.exp(0.2 * random.normal(size=one.probabilities.shape))
        other = class_scores(one.truth, blurred / blurred.sum(axis=1, keepdims=True), one.classes)
        first, second = (efficiency_of(each, "b", "c", 0.05) for each in (one, other))
        assert first.value == working_point(one, "b", "c", 0.05).efficiency
        found.append((first.value, first.se))
        differences.append(first.value - second.value)
        paired.append(np.linalg.norm(first.influence - second.influence))
    values, errors = np.transpose(found)
    assert np.mean(errors) == pytest.approx(np.std(values, ddof=1), rel=0.2)
    assert np.mean(paired) == pytest.approx(np.std(differences, ddof=1), rel=0.2)
    assert np.mean(paired) < np.mean(errors)
