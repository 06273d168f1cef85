import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers.delta_c9_inputs import delta_c9_study, toy_row
from helpers.figure_text import text_that_leaves
from scipy.stats import binom

from hepsets.analyses.delta_c9.page.intervals import coverage, rank_histograms
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.report.page import drawing
from hepsets.report.style import model_styles


def every_figure(models):
    study = delta_c9_study(models)
    styles = model_styles(list(study.quality))
    return {
        "coverage": coverage(study.quality, styles),
        "ranks": rank_histograms(study.ranks, styles, draws=199),
    }


@pytest.mark.parametrize("models", [1, 10])
def test_no_text_leaves_a_figure_and_no_axis_is_without_a_name(models):
    for name, figure in every_figure(models).items():
        assert text_that_leaves(figure) == [], name
        assert any(axes.get_xlabel() for axes in figure.axes), name
    assert plt.get_fignums() == []


def test_figures_become_drawings_of_the_page():
    for name, figure in every_figure(3).items():
        assert drawing(figure, name).svg.startswith("<svg")


def test_coverage_is_drawn_for_models_with_intervals_only():
    study = delta_c9_study()
    figure = coverage(study.quality, model_styles(list(study.quality)))
    titles = [axes.get_title("left") for axes in figure.axes]
    assert "morphing" in titles
    assert "cnn" not in titles
    shown = figure.axes[titles.index("morphing")].containers[0].lines[0].get_ydata()
    expected = [p.quality.coverage68.value for p in study.quality["morphing"] if p.events == 8000]
    assert shown == pytest.approx(expected)


def test_a_coverage_of_zero_stays_on_the_axis():
    bad = [toy_row(t, 8000, Measured(1, 0.1), Measured(1, 0.1), 1, Measured(0.0, 0.01)) for t in (0, 1)]
    axes = coverage({"raw": bad}, model_styles(["raw"])).axes[0]
    assert axes.get_ylim()[0] < 0


def test_coverage_without_any_interval_is_nothing_to_draw():
    study = delta_c9_study()
    with pytest.raises(InputError, match="nothing to draw"):
        coverage({"cnn": study.quality["cnn"]}, model_styles(["cnn"]))


def test_uniform_ranks_average_to_one_within_their_band():
    ranks = np.arange(2000) % 200
    axes = rank_histograms({"a": ranks}, model_styles(["a"]), draws=199).axes[0]
    heights, edges, _ = next(patch for patch in axes.patches if hasattr(patch, "get_data")).get_data()
    assert len(edges) == 21
    assert heights == pytest.approx(1)
    assert axes.get_title("left") == "a\nuniform: p = 1.00"
    band = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    assert (band.y0, band.y1) == pytest.approx(tuple(binom.ppf([0.025, 0.975], 2000, 0.05) / 100))


def test_bins_divide_the_ranks_evenly():
    ranks = np.random.default_rng(1).integers(0, 100, 3000)
    axes = rank_histograms({"a": ranks}, model_styles(["a"]), draws=99, bins=12).axes[0]
    heights, edges, _ = next(patch for patch in axes.patches if hasattr(patch, "get_data")).get_data()
    assert len(edges) == 11
    assert heights.mean() == pytest.approx(1)


def test_ranks_beyond_the_draws_are_refused():
    with pytest.raises(InputError, match="outside 0 … 9"):
        rank_histograms({"a": [0, 10]}, model_styles(["a"]), draws=9)


def test_nothing_to_draw_is_said():
    with pytest.raises(InputError, match="nothing to draw"):
        rank_histograms({}, {}, draws=9)
