"""Figures of oscillations show decays, fit, acceptance, truth; and refuse to be drawn of nothing."""

import numpy as np
import pytest
from helpers.tagged_decays import TRUTH, tagged_decays

from hepsets.core.errors import InputError
from hepsets.evaluate.decay_time.acceptance import measured_acceptance
from hepsets.evaluate.decay_time.fit import fit_delta_m
from hepsets.report.decay_time_figures import decay_time_figure, oscillation_figure


@pytest.fixture(scope="module")
def decays():
    return tagged_decays(3000, mistag=0.15)


@pytest.fixture(scope="module")
def fit(decays):
    return fit_delta_m(decays)


def test_times_are_drawn_for_unmixed_mixed_and_untagged_decays_with_the_acceptance(decays, fit):
    figure = decay_time_figure(decays, fit, measured_acceptance(decays.time, decays.resolution))
    axes, beside = figure.axes
    named = [text.get_text() for text in axes.get_legend().get_texts()]
    assert named == ["unmixed", "mixed", "without a tag"]
    assert "acceptance" in beside.get_ylabel()
    assert len(decay_time_figure(decays, fit).axes) == 1


def test_curves_of_times_hold_as_many_decays_as_there_are(decays, fit):
    axes = decay_time_figure(decays, fit, measured_acceptance(decays.time, decays.resolution), bins=50).axes[
        0
    ]
    curves = [line for line in axes.lines if line.get_label() in ("unmixed", "mixed", "without a tag")]
    for line, state in zip(curves, (1, -1, 0), strict=True):
        points, curve = line.get_data()
        width = (points[-1] - points[0]) / 50
        number = ((decays.mixing == state) & (decays.time < 5)).sum()
        assert np.trapezoid(curve, points) / width == pytest.approx(number, abs=4 * np.sqrt(number))


def test_the_folded_asymmetry_follows_the_fit_and_the_likelihood_has_its_peak_there(decays, fit):
    left, right = oscillation_figure(decays, fit, truth=TRUTH).axes
    (curve,) = [line for line in left.lines if line.get_label() == "fit"]
    phase, value = curve.get_data()
    assert value[0] > 0.2
    assert value[len(value) // 2] < -0.2
    bars = left.containers[0].lines[0].get_data()
    assert np.corrcoef(bars[1], np.interp(bars[0], phase, value))[0, 1] > 0.9
    told = [text.get_text() for text in right.get_legend().get_texts()]
    assert any("truth 17.7683" in line for line in told)
    assert any("fit" in line for line in told)


def test_nothing_cannot_be_drawn(decays, fit):
    with pytest.raises(InputError, match="no decays"):
        decay_time_figure(decays[:0], fit)
    with pytest.raises(InputError, match="no decays"):
        oscillation_figure(decays[decays.mixing == 0], fit)
