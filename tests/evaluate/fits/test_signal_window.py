"""Signal and background within three widths."""

import numpy as np
import pytest
from helpers.toy_spectra import fitted, peak_on_exponential

from hepsets.evaluate.fits.signal_window import all_windows, signal_windows


def test_three_widths_hold_nearly_all_signal_and_a_part_of_the_background():
    _model, masses, fit = fitted()
    (window,) = signal_windows(fit)
    assert window.high - window.low == pytest.approx(6 * fit["width"].value.value, rel=1e-3)
    assert window.signal.value == pytest.approx(0.9973 * fit["signal"].value.value, rel=1e-3)
    inside = ((masses[0] > window.low) & (masses[0] < window.high)).sum()
    assert window.signal.value + window.background.value == pytest.approx(inside, rel=0.03)


def test_the_error_of_the_ratio_knows_that_signal_and_background_are_correlated():
    _, _, fit = fitted()
    (window,) = signal_windows(fit)
    s, b, ratio = window.signal, window.background, window.s_over_b
    assert ratio.value == pytest.approx(s.value / b.value)
    alone = ratio.value * np.hypot(s.se / s.value, b.se / b.value)
    assert alone < ratio.se < 1.3 * alone  # what signal has, background lacks


def test_the_spread_of_repeated_fits_is_the_error_of_the_ratio():
    ratios = [all_windows(fitted(seed=seed)[2])[2] for seed in range(40)]
    assert np.std([one.value for one in ratios], ddof=1) == pytest.approx(
        np.mean([one.se for one in ratios]), rel=0.3
    )


def test_categories_add_up():
    fit = fitted(peak_on_exponential(400, 500, counts={"0": 900.0, "1": 900.0}))[2]
    both = signal_windows(fit)
    assert [one.category for one in both] == ["0", "1"]
    signal, background, _ = all_windows(fit)
    assert signal.value == pytest.approx(sum(one.signal.value for one in both))
    assert background.value == pytest.approx(sum(one.background.value for one in both))


def test_the_window_ends_with_the_range():
    _, _, fit = fitted()
    (window,) = signal_windows(fit, n_sigma=30)
    assert (window.low, window.high) == (5.2, 5.8)
    assert window.signal.value == pytest.approx(fit["signal"].value.value)
