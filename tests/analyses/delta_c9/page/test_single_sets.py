import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers.delta_c9_inputs import VALUES, delta_c9_study
from helpers.figure_text import text_that_leaves

from hepsets.analyses.delta_c9.page.single_sets import nuisance_effects, posterior_products
from hepsets.core.errors import InputError
from hepsets.report.likelihood_figures import LEVELS, LikelihoodCurve, likelihood_curves
from hepsets.report.page import drawing
from hepsets.report.style import model_styles


def every_figure(models):
    study = delta_c9_study(models)
    styles = model_styles(list(study.quality))
    of_curves = model_styles(list(study.curves))
    return {
        "curves": likelihood_curves(study.curves, of_curves, truth=study.truth),
        "curves of data": likelihood_curves(study.curves, of_curves),
        "posteriors": posterior_products(VALUES, study.posteriors, study.running, truth=study.truth),
        "nuisances": nuisance_effects(study.directions, study.widths, styles),
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


def test_likelihoods_start_at_zero_and_cross_the_levels_of_wilks_at_their_intervals():
    curve = delta_c9_study().curves["exact"]
    axes = likelihood_curves({"exact": curve}, model_styles(["exact"]), truth=-0.8).axes[0]
    assert axes.lines[0].get_ydata().min() == 0
    ends = axes.lines[1]
    assert ends.get_xdata() == pytest.approx([curve.low, curve.high])
    assert ends.get_ydata() == pytest.approx([1, 1], abs=0.01)
    heights = [line.get_ydata()[0] for line in axes.lines[2:4]]
    assert heights == pytest.approx(list(LEVELS.values()))
    assert heights == pytest.approx([1, 1.96**2], rel=1e-3)


def test_the_legend_has_the_estimate_and_its_interval_where_it_closes():
    closed = LikelihoodCurve(np.linspace(-1, 1, 21), np.linspace(-1, 1, 21) ** 2 / 0.01, 0.0, -0.1, 0.12)
    opened = LikelihoodCurve(closed.delta_c9, closed.minus_two_log, -0.05, None, 0.12)
    axes = likelihood_curves({"a": closed, "b": opened}, model_styles(["a", "b"])).axes[0]
    first, second = (text.get_text() for text in axes.get_legend().get_texts())
    assert first == "a:  0.000 $^{+0.120}_{-0.100}$"
    assert second == "b:  −0.050"


def test_posteriors_and_products_are_those_given():
    study = delta_c9_study()
    figure = posterior_products(VALUES, study.posteriors, study.running, truth=study.truth)
    single, raw, normalised = figure.axes
    for line, posterior in zip(single.lines, study.posteriors, strict=False):
        assert line.get_ydata() == pytest.approx(posterior)
    assert [axes.get_title("left") for axes in (raw, normalised)] == ["raw", "normalised"]
    last = study.running["normalised"][32000]
    assert normalised.lines[4].get_ydata() == pytest.approx(last / last.max())
    texts = [text.get_text() for text in normalised.get_legend().get_texts()]
    assert texts == ["1", "10", "100", "1\u202f000", "32\u202f000"]


def test_posteriors_over_other_values_are_refused():
    with pytest.raises(InputError, match=r"\(n_events, 44\)"):
        posterior_products(VALUES, np.ones((3, 43)), {"raw": {1: VALUES}}, truth=0)


def test_each_direction_has_a_bar_for_either_sign():
    study = delta_c9_study()
    figure = nuisance_effects(study.directions, study.widths, model_styles(list(study.quality)))
    left, right = figure.axes
    bars = [patch.get_width() for patch in left.patches]
    up, down = zip(*list(study.directions.values())[::-1], strict=True)
    assert bars == pytest.approx([shift.value for shift in (*up, *down)])
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["fixed", "profiled"]
    drawn = {container.lines[0].get_xdata()[0] for container in right.containers}
    assert drawn == {width.value for of_model in study.widths.values() for width in of_model.values()}


def test_nothing_to_draw_is_said():
    for draw in (
        lambda: likelihood_curves({}, {}),
        lambda: posterior_products(VALUES, np.ones((1, 44)), {}, truth=0),
        lambda: nuisance_effects({}, {}, {}),
    ):
        with pytest.raises(InputError, match="nothing to draw"):
            draw()
