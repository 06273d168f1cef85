import numpy as np
import pytest

from hepsets.core.errors import InputError
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


def test_two_sizes_or_errors_of_nothing_are_refused():
    with pytest.raises(InputError, match="2 sizes"):
        fit_learning_curve([1e3, 1e4], [0.1, 0.05], [0.01, 0.01], at=TARGET)
    with pytest.raises(InputError, match="not positive"):
        fit_learning_curve(SIZES, law(SIZES), np.zeros(5), at=TARGET)
