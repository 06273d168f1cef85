import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers.delta_c9_inputs import TRUTHS, delta_c9_study, toy_row
from helpers.figure_text import text_that_leaves

from hepsets.analyses.delta_c9.page.predictions import (
    linearity,
    prediction_distributions,
    toy_pools,
)
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.report.page import drawing
from hepsets.report.style import model_styles


def of_one_size(quality, events=8000):
    return {name: [p for p in points if p.events == events] for name, points in quality.items()}


def every_figure(models):
    study = delta_c9_study(models)
    styles = model_styles(list(study.quality))
    at = {"truth": study.truth, "bound": study.sigma}
    exact = next(iter(study.predictions.values()))
    return {
        "linearity": linearity(of_one_size(study.quality), styles),
        "distributions": prediction_distributions(study.predictions, styles, exact=exact, **at),
        "distributions alone": prediction_distributions(study.predictions, styles, **at),
        "pools": toy_pools(study.predictions, study.pooled, styles, **at),
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


def test_linearity_shows_mean_predictions_at_the_truths_and_their_distance_in_bounds():
    study = delta_c9_study()
    points = of_one_size(study.quality)["morphing"]
    figure = linearity({"morphing": points[::-1]}, model_styles(["morphing"]))
    top, bottom = figure.axes
    x, y = top.containers[0].lines[0].get_data()
    assert x == pytest.approx(TRUTHS)
    assert y == pytest.approx([p.quality.delta_c9 + p.quality.bias.value for p in points])
    distance = bottom.containers[0].lines[0].get_ydata()
    assert distance == pytest.approx([p.quality.bias.value / p.bound for p in points])


def test_a_mean_far_beyond_the_axis_is_an_arrow_at_its_rim():
    far = toy_row(-0.5, 8000, Measured(-3.0, 0.01), Measured(0.1, 0.01), 0.1)
    near = toy_row(0.0, 8000, Measured(0.0, 0.01), Measured(0.1, 0.01), 0.1)
    bottom = linearity({"cnn": [far, near]}, model_styles(["cnn"])).axes[1]
    arrows = {line.get_marker(): line.get_xdata() for line in bottom.lines if line.get_marker() in "^v"}
    assert list(arrows["v"]) == [-0.5]
    assert len(arrows["^"]) == 0
    assert list(bottom.containers[0].lines[0].get_xdata()) == [0.0]


def test_distributions_integrate_to_the_share_on_the_axis_and_say_what_lies_beyond():
    values = np.concatenate([np.random.default_rng(3).normal(-0.8, 0.04, 900), np.full(100, 0.5)])
    figure = prediction_distributions({"cnn": values}, model_styles(["cnn"]), truth=-0.8, bound=0.04, most=10)
    heights, edges, _ = figure.axes[0].patches[0].get_data()
    assert heights @ np.diff(edges) == pytest.approx(0.9)
    assert "10 % beyond" in {text.get_text() for text in figure.axes[0].texts}
    assert edges[[0, -1]] == pytest.approx([-1.2, -0.4])


def test_the_bound_is_drawn_as_its_gaussian():
    study = delta_c9_study(1)
    axes = prediction_distributions(
        study.predictions, model_styles(["exact"]), truth=study.truth, bound=study.sigma
    ).axes[0]
    x, y = axes.lines[0].get_data()
    assert y.max() == pytest.approx(1 / np.sqrt(2 * np.pi) / study.sigma, rel=1e-3)
    assert np.trapezoid(y, x) == pytest.approx(1, abs=1e-3)


def test_the_title_has_mean_and_spread_with_their_errors():
    values = np.random.default_rng(4).normal(-0.8, 0.04, 2000)
    axes = prediction_distributions({"cnn": values}, model_styles(["cnn"]), truth=-0.8, bound=0.04).axes[0]
    mean = Measured(values.mean(), values.std(ddof=1) / np.sqrt(2000))
    assert f"mean {mean}".replace("-", "−") in axes._left_title.get_text()
    assert "spread 0.0" in axes._left_title.get_text()


def test_both_kinds_of_toys_are_drawn_and_quoted():
    study = delta_c9_study()
    figure = toy_pools(
        {"cnn": study.predictions["cnn"]},
        study.pooled,
        model_styles(["cnn"]),
        truth=study.truth,
        bound=study.sigma,
    )
    drawn = [patch.get_data() for patch in figure.axes[0].patches]
    centre = [(edges[1:] + edges[:-1]) / 2 @ heights / heights.sum() for heights, edges, _ in drawn]
    assert centre == pytest.approx(
        [study.predictions["cnn"].mean(), study.pooled["cnn"].mean()], abs=0.3 * study.sigma
    )
    title = figure.axes[0]._left_title.get_text()
    assert "disjoint −0." in title
    assert "one pool −0." in title


def test_nothing_to_draw_is_said():
    for draw in (
        lambda: linearity({}, {}),
        lambda: prediction_distributions({}, {}, truth=0, bound=1),
        lambda: toy_pools({}, {}, {}, truth=0, bound=1),
    ):
        with pytest.raises(InputError, match="nothing to draw"):
            draw()


@pytest.mark.parametrize("values", [[0.1], [0.1, float("nan"), 0.2]])
def test_predictions_without_a_spread_are_refused(values):
    with pytest.raises(InputError, match="at least two, all finite"):
        prediction_distributions({"cnn": values}, model_styles(["cnn"]), truth=0, bound=1)
