import numpy as np
import pytest
from helpers.figure_text import text_that_leaves

from hepsets.analyses.z_flavour.figures.limits import (
    learning_curves,
    partial_widths,
    repeated_measurements,
)
from hepsets.core.measured import Measured
from hepsets.evaluate.scores.learning_curve import fit_learning_curve
from hepsets.evaluate.scores.repeated_measurement import judge_repeated
from hepsets.report.page import drawing
from hepsets.report.style import model_styles

STYLES = model_styles(("deep_sets", "vertex_graph"))

SIZES = np.array([2e3, 6e3, 2e4, 5e4])

CURVES = {
    name: fit_learning_curve(SIZES, floor + 1.2 * SIZES**-0.35, np.full(4, 0.002), at=2e6)
    for name, floor in (("deep_sets", 0.05), ("vertex_graph", 0.03))
}


def repeated(seed):
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, 500)
    p = 1 / (1 + np.exp(-random.normal(np.where(truth, 1, -1), 1 + seed, (4, 500))))
    return judge_repeated(truth, np.stack([1 - p, p], 2))


REPEATED = {"deep_sets": repeated(1), "vertex_graph": repeated(0)}

SAMPLES = [Measured(0.2158 + 0.004 * x, 0.004) for x in np.random.default_rng(1).normal(size=30)]


def every_figure():
    return {
        "learning": learning_curves(CURVES, STYLES),
        "repeated": repeated_measurements(REPEATED, STYLES),
        "r_b": partial_widths(SAMPLES, 0.2158, Measured(0.216, 0.001)),
    }


def test_no_text_leaves_a_figure_and_every_axis_has_a_name():
    for name, figure in every_figure().items():
        assert text_that_leaves(figure) == [], name
        assert all(axes.get_xlabel() for axes in figure.axes), name
        assert drawing(figure, name).svg.startswith("<svg")


def test_the_extrapolation_is_drawn_at_its_number_of_events():
    axes = learning_curves(CURVES, STYLES).axes[0]
    far = [c.lines[0].get_xydata()[0] for c in axes.containers if len(c.lines[0].get_xdata()) == 1]
    assert [x for x, _ in far] == [2e6, 2e6]
    assert [y for _, y in far] == [curve.extrapolated.value for curve in CURVES.values()]


def test_pulls_are_those_of_the_samples():
    figure = partial_widths(SAMPLES, 0.2158, Measured(0.216, 0.001))
    right = figure.axes[1]
    assert sum(patch.get_height() for patch in right.patches) == len(SAMPLES)
    pulls = np.array([(one.value - 0.2158) / one.se for one in SAMPLES])
    assert f"width {pulls.std(ddof=1):.2f}" in right.get_title(loc="left")
    assert pulls.std(ddof=1) == pytest.approx(1, abs=0.4)
