import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.evaluate.scores import learning_curve
from hepsets.evaluate.scores.learning_curve import fit_learning_curve

SIZES = np.array([2e3, 6e3, 2e4, 6e4, 1.5e5])

TARGET = 2e6


def law(n, offset=0.03, amplitude=1.5, exponent=0.35):
    return offset + amplitude * np.asarray(n) ** -exponent


def test_intervals_hold_the_true_error_rate_as_often_as_they_claim():
    random = np.random.default_rng(1)
    se = np.full(5, 0.0015)
    inside, widths = [], []
    for _ in range(150):
        found = fit_learning_curve(SIZES, random.normal(law(SIZES), se), se, at=TARGET, drawn=2)
        inside.append(found.extrapolated.low <= law(TARGET) <= found.extrapolated.high)
        widths.append(found.extrapolated.high - found.extrapolated.low)
    assert 0.58 < np.mean(inside) < 0.80
    assert np.mean(widths) > 0.005  # three times the error of one point: that is what extrapolating costs


def test_exact_points_give_the_law_back():
    found = fit_learning_curve(SIZES, law(SIZES), np.full(5, 1e-5), at=TARGET)
    assert found.offset == pytest.approx(0.03, abs=1e-4)
    assert found.exponent == pytest.approx(0.35, abs=1e-3)
    assert found.amplitude == pytest.approx(1.5, rel=0.02)
    assert found.extrapolated.value == pytest.approx(law(TARGET), abs=1e-4)
    assert found.chi2 < 0.1
    assert found.drawn_rate == pytest.approx(law(found.drawn_events), abs=1e-3)
    assert (found.drawn_low <= found.drawn_rate + 1e-9).all()
    assert (found.drawn_rate <= found.drawn_high + 1e-9).all()


def test_an_offset_that_the_points_do_not_show_is_left_open():
    """Without a floor in sight the extrapolation may reach from nothing gained to nearly no errors."""
    se = np.full(5, 0.004)
    found = fit_learning_curve(SIZES, law(SIZES, offset=0.0, amplitude=0.6, exponent=0.2), se, at=TARGET)
    assert found.extrapolated.low < law(TARGET, 0.0, 0.6, 0.2) < found.extrapolated.high
    assert found.extrapolated.high < found.error_rate[-1] + se[-1]


def test_a_flat_curve_says_that_more_events_buy_nothing():
    found = fit_learning_curve(SIZES, np.full(5, 0.1), np.full(5, 0.001), at=TARGET)
    assert found.extrapolated.value == pytest.approx(0.1, abs=1e-3)
    assert found.extrapolated.high == pytest.approx(0.1, abs=1e-3)


def test_points_that_no_law_fits_have_their_errors_scaled_until_one_does():
    rates = np.array([0.152, 0.134, 0.114])  # falls faster from the second to the third: no offset bends so
    se = np.array([0.0016, 0.0015, 0.0014])
    found, wider = (fit_learning_curve(SIZES[1:4], rates, k * se, at=TARGET) for k in (1.0, 5.0))
    assert found.error_scale == pytest.approx(np.sqrt(found.chi2))
    assert found.error_scale > 1
    assert wider.error_scale == 1
    scaled = fit_learning_curve(SIZES[1:4], rates, found.error_scale * se, at=TARGET)
    assert scaled.chi2 == pytest.approx(1)
    assert (scaled.extrapolated.low, scaled.extrapolated.high) == pytest.approx(
        (found.extrapolated.low, found.extrapolated.high), rel=1e-3
    )


def test_the_order_of_points_does_not_matter():
    se = np.array([0.004, 0.003, 0.002, 0.002, 0.001])
    one = fit_learning_curve(SIZES, law(SIZES), se, at=TARGET)
    other = fit_learning_curve(SIZES[::-1], law(SIZES)[::-1], se[::-1], at=TARGET)
    assert one.extrapolated.low == pytest.approx(other.extrapolated.low)
    assert one.exponent == other.exponent


def test_rates_that_rise_are_taken_for_a_flat_law_at_their_weighted_mean():
    rates, se = np.array([0.10, 0.13, 0.11, 0.15, 0.14]), np.array([1, 1, 2, 1, 1]) * 0.01
    found = fit_learning_curve(SIZES, rates, se, at=TARGET)
    mean = np.average(rates, weights=se**-2)
    assert (found.offset, found.amplitude) == (pytest.approx(mean), 0)
    assert found.chi2 == pytest.approx(np.sum(((rates - mean) / se) ** 2))
    assert found.ndof == 2
    assert found.error_scale == pytest.approx(np.sqrt(found.chi2 / 2))
    assert found.extrapolated.value == pytest.approx(mean)


def test_rates_that_fall_the_faster_the_lower_have_no_offset():
    se = np.array([0.01, 0.02, 0.01])
    found = fit_learning_curve([1.0, 10.0, 100.0], [0.2, 0.19, 0.1], se, at=1)
    assert found.offset == 0
    fall = np.array([1.0, 10.0, 100.0]) ** -found.exponent
    assert found.amplitude == pytest.approx(np.sum([0.2, 0.19, 0.1] * fall / se**2) / np.sum(fall**2 / se**2))


@pytest.mark.parametrize(
    ("at", "rates"),
    [
        (0.3, [0.30, 0.17, 0.12]),
        (30.0, [0.30, 0.17, 0.12]),
        (1000.0, [0.30, 0.17, 0.12]),
        (30.0, [0.30, 0.17, 0.02]),
    ],
)
def test_the_interval_holds_what_laws_within_one_of_the_best_chi2_reach(at, rates, monkeypatch):
    """Laws of three exponents, whose offsets and amplitudes are tried one by one."""
    exponents = np.array([0.2, 0.5, 1.0])
    monkeypatch.setattr(learning_curve, "EXPONENTS", exponents)
    n, rates, se = np.array([1.0, 10.0, 100.0]), np.array(rates), np.array([0.02, 0.01, 0.02])
    found = fit_learning_curve(n, rates, se, at=at, drawn=3)
    offset, amplitude = np.linspace(0, 0.25, 500)[:, None], np.linspace(0, 0.5, 500)
    reached, chi2 = [], []
    for b in exponents:
        laws = offset + amplitude * at**-b
        misses = [
            (offset + amplitude * size**-b - rate) / e for size, rate, e in zip(n, rates, se, strict=True)
        ]
        reached.append(laws.ravel())
        chi2.append(np.sum(np.square(misses), axis=0).ravel())
    reached, chi2 = np.concatenate(reached), np.concatenate(chi2)
    assert found.chi2 == pytest.approx(chi2.min(), abs=0.01)
    inside = reached[chi2 <= found.chi2 + found.error_scale**2]
    assert found.extrapolated.low == pytest.approx(inside.min(), abs=0.003)
    assert found.extrapolated.high == pytest.approx(inside.max(), abs=0.003)
    assert found.extrapolated.value == pytest.approx(reached[np.argmin(chi2)], abs=0.003)


def test_the_curve_runs_from_the_smallest_training_to_the_target_or_the_largest():
    n, rates, se = [1.0, 10.0, 100.0], [0.3, 0.2, 0.15], [0.01, 0.02, 0.03]
    found = fit_learning_curve(n, rates, se, at=1000)
    assert len(found.drawn_events) == len(found.drawn_rate) == 25
    assert found.drawn_events[[0, -1]] == pytest.approx([1, 1000])
    assert (found.at, found.ndof) == (1000.0, 0)
    assert [found.events.tolist(), found.error_rate.tolist(), found.error_rate_se.tolist()] == [n, rates, se]
    near = fit_learning_curve(n, rates, se, at=10, drawn=2)
    assert near.drawn_events == pytest.approx([1, 100])


@pytest.mark.parametrize(
    ("n", "rates", "at"),
    [([0.0, 1, 2], [0.1] * 3, 5), ([1.0, 2, 3], [0.1] * 3, 0), ([1.0, 2, 3], [0.1] * 2, 5)],
)
def test_no_events_and_shapes_that_do_not_fit_are_refused(n, rates, at):
    with pytest.raises(InputError):
        fit_learning_curve(n, rates, [0.01] * 3, at=at)


def test_two_sizes_or_errors_of_nothing_are_refused():
    with pytest.raises(InputError, match="2 sizes"):
        fit_learning_curve([1e3, 1e4], [0.1, 0.05], [0.01, 0.01], at=TARGET)
    with pytest.raises(InputError, match="not positive"):
        fit_learning_curve(SIZES, law(SIZES), np.zeros(5), at=TARGET)
