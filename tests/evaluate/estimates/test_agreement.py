"""Comparisons of few events with few simulated ones, each by hand."""

import numpy as np
import pytest
from scipy.stats import chi2, ks_2samp, kstwo

from hepsets.core.event_frame import EventFrame
from hepsets.evaluate.estimates.agreement import compare, fit_cells, for_events, shares_in_cells
from hepsets.evaluate.estimates.goodness_of_fit import CellModel
from hepsets.evaluate.estimates.reference_events import ReferenceEvents

LIMITS = (-3.0, 2.0)


def cells(*thresholds):
    n = len(thresholds) + 1
    return CellModel(("x",), np.array(thresholds), np.zeros((3, n)), np.zeros(n), np.zeros(n), np.zeros(n))


def simulated(x, *shares):
    """Events with w₀ of one if nothing else is said, and zeros for all shares that are not given."""
    rows = np.zeros((4, len(x)))
    rows[: len(shares) or 1] = shares or 1.0
    return ReferenceEvents(EventFrame({"x": np.asarray(x, dtype=np.float32)}), rows)


def judged(x, reference, *thresholds):
    return compare(EventFrame({"x": np.asarray(x)}), reference, cells(*thresholds), ["x"], LIMITS)


def test_two_cells_fix_one_delta_c9():
    """Shares of (1 ± δ / 5) / 2."""
    shares = np.array([[0.5, 0.5], [0.1, -0.1], [0, 0], [0, 0]])
    found = fit_cells(np.array([60, 40]), shares, LIMITS)
    assert found.delta_c9 == pytest.approx(1, abs=3e-4)
    assert found.background_fraction == 0
    assert found.log_likelihood == pytest.approx(60 * np.log(0.6) + 40 * np.log(0.4))
    assert fit_cells(np.array([100, 0]), shares, LIMITS).delta_c9 == 2.0
    assert fit_cells(np.array([0, 100]), shares, LIMITS).delta_c9 == -3.0


def test_a_quadratic_term_changes_the_rate_too():
    shares = np.array([[0.5, 0.5], [0, 0], [0.1, 0], [0, 0]])
    found = fit_cells(np.array([60, 40]), shares, (0.0, 2.0))
    assert found.delta_c9 == pytest.approx(np.sqrt(2.5), abs=2e-4)


def test_a_third_cell_holds_the_background_alone():
    shares = np.array([[0.5, 0.5, 0], [0.1, -0.1, 0], [0, 0, 0], [0, 0, 0.25]])
    found = fit_cells(np.array([36, 24, 40]), shares, LIMITS)
    assert found.delta_c9 == pytest.approx(1, abs=3e-4)
    assert found.background_fraction == pytest.approx(0.4, abs=3e-4)
    expected = 36 * np.log(0.36) + 24 * np.log(0.24) + 40 * np.log(0.4)
    assert found.log_likelihood == pytest.approx(expected, abs=1e-5)


def test_where_nothing_is_simulated_three_tenths_of_a_cell_are_expected_and_nothing_negative():
    empty = np.array([[0.5, 0.5, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]])
    found = fit_cells(np.array([1, 1, 1]), empty, LIMITS).log_likelihood
    assert found == pytest.approx(2 * np.log(0.5) + np.log(0.15))
    steep = np.array([[0.5, 0.5], [0.3, -0.3], [0, 0], [0, 0]])
    assert fit_cells(np.array([0, 10]), steep, LIMITS).log_likelihood == pytest.approx(0)


def test_shares_are_summed_in_cells():
    reference = simulated([-1, 2, -3], [1, 2, 3], [4, 5, 6], [7, 8, 9], [1, 0, 1])
    assert shares_in_cells(reference, cells(0.0)).tolist() == [[4, 2], [10, 5], [16, 8], [2, 0]]
    assert shares_in_cells(simulated([1, 1]), cells(0.0)).tolist()[0] == [0, 2]


@pytest.mark.parametrize(("events", "found"), [(5, 2), (47, 2), (48, 4), (100, 8), (10_000, 16)])
def test_cells_are_joined_until_they_hold_twelve_events(events, found):
    assert for_events(cells(*range(15)), events).n_cells == found


def test_numbers_in_cells_are_compared_with_both_errors():
    """18 and 12 of 30 are expected by ten simulated events, six of which are negative."""
    reference = simulated([-6, -5, -4, -3, -2, -1, 1, 2, 3, 4])
    found = judged([-1.0] * 24 + [1.0] * 6, reference, 0.0)
    (test,) = (test for test in found.tests if test.variable is None)
    assert test.p_value == pytest.approx(chi2.sf(36 / (18 + 54) + 36 / (12 + 36), 1))
    assert test.what == "6 events where x ≥ 0, 12 expected"
    assert [t.p_value for t in found.tests] == sorted(t.p_value for t in found.tests)
    assert found.p_value == pytest.approx(min(1, 3 * found.tests[0].p_value))


def test_a_single_event_where_none_is_expected_is_a_pull_of_one():
    reference = simulated([-4, -3, -2, -1])
    found = judged([-1.0] * 10 + [1.0], reference, 0.0)
    (test,) = (test for test in found.tests if test.variable is None)
    assert test.p_value == pytest.approx(chi2.sf(1 / (11 + 121 / 4) + 1, 1))


def test_simulation_is_weighted_to_the_fitted_delta_c9():
    reference = simulated([-2, -1, 1, 2], [1, 1, 1, 1], [0.2, 0.2, -0.2, -0.2])
    found = judged(np.repeat([-2.0, -1, 1, 2], [30, 30, 20, 20]), reference, 0.0)
    assert found.fit.delta_c9 == pytest.approx(1, abs=3e-4)
    assert all(0.99 < test.p_value <= 1 for test in found.tests)
    assert found.p_value == 1


def test_simulated_background_has_the_fitted_share():
    reference = simulated([-2, -1, 1, 2], [3, 3, 1, 1], [0] * 4, [0] * 4, [1, 1, 3, 3])
    found = judged(np.repeat([-2.0, -1, 1, 2], [20, 20, 30, 30]), reference, 0.0)
    assert found.fit.background_fraction == pytest.approx(0.7, abs=3e-4)
    assert all(0.98 < test.p_value <= 1 for test in found.tests)


def test_events_may_all_lie_in_the_first_cell():
    found = judged([-1.0] * 30, simulated([-3, -2, -1, 1]), 0.0)
    assert any(test.what.startswith("0 events where x ≥ 0") for test in found.tests)


def test_values_above_those_expected_are_as_far_away_as_below():
    values, x = np.repeat([0.0, 6, 8, 9], 10), np.arange(60) % 12
    found = judged(values, simulated(x), 4.0)
    (test,) = (t for t in found.tests if t.variable == "x" and t.empty is None)
    assert test.p_value == pytest.approx(kstwo.sf(ks_2samp(values, x).statistic, 24))
    assert test.what == "50 % of the events have x up to 6, 58 % expected"


def test_distributions_are_compared_as_by_kolmogorov_and_smirnov_with_ties():
    random = np.random.default_rng(1)
    values, x = random.integers(0, 9, 40) + 0.0, random.integers(0, 12, 60)
    found = judged(values, simulated(x), 4.0)
    (test,) = (t for t in found.tests if t.variable == "x" and t.empty is None)
    distance = ks_2samp(values, x).statistic
    assert test.p_value == pytest.approx(kstwo.sf(distance, 24))  # 40 · 60 / 100
    at = max(np.unique(values), key=lambda v: abs(np.mean(values <= v) - np.mean(x <= v)))
    shares = 100 * np.mean(values <= at), 100 * np.mean(x <= at)
    assert test.what == f"{shares[0]:.0f} % of the events have x up to {at:.3g}, {shares[1]:.0f} % expected"


def test_weighted_simulation_counts_by_its_effective_events():
    """Half of 20 events have the weight 3: distances are those of repeated ones, but 16 events are left."""
    x, weights = np.arange(20.0), np.tile([1.0, 3.0], 10)
    values = np.arange(16.0) / 2
    found = judged(values, simulated(x, weights), 4.0)
    shape, run = (
        next(t for t in found.tests if t.variable and (t.empty is None) == one) for one in (True, False)
    )
    distance = ks_2samp(values, np.repeat(x, weights.astype(int))).statistic
    assert shape.p_value == pytest.approx(kstwo.sf(distance, 8))  # 16 · 16 / 32
    # above 7.5: 8 to 19 with 24 of 40 of the weight, so 9.6 of 16
    assert run.p_value == pytest.approx(min(1, 17 * 0.5**9.6))
    assert run.what == "no event has x above 7.5, 10 expected"
    assert run.empty == (7.5, np.inf)


@pytest.mark.parametrize(
    ("values", "ends", "words", "inside"),
    [
        (np.r_[0:10, 30:40], (9, 30), "from 9 to 30", 20),
        (np.r_[25:40], (-np.inf, 25), "below 25", 25),
        (np.r_[0:25], (24, np.inf), "above 24", 15),
    ],
)
def test_the_longest_run_without_an_event_is_as_likely_as_so_many_draws(values, ends, words, inside):
    found = judged(values.astype(float), simulated(np.arange(40.0)), 19.5)
    (test,) = (t for t in found.tests if t.empty is not None)
    n = len(values)
    assert test.p_value == pytest.approx((n + 1) * (40 / (40 + n)) ** inside)
    assert test.empty == ends
    assert test.what == f"no event has x {words}, {n * inside / 40:.0f} expected"
