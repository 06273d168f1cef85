import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers.delta_c9_inputs import SIZES, delta_c9_study
from helpers.figure_text import text_that_leaves

from hepsets.analyses.delta_c9.page.sizes import errors_by_size, spread_and_bias
from hepsets.core.errors import InputError
from hepsets.report.page import drawing
from hepsets.report.style import model_styles


def of_some_truths(quality):
    return {
        name: [p for p in points if p.quality.delta_c9 in (-0.8, 0.0)] for name, points in quality.items()
    }


def every_figure(models):
    study = delta_c9_study(models)
    styles = model_styles(list(study.quality))
    return {
        "errors": errors_by_size(study.squared, study.absolute, styles, study.bounds),
        "spread": spread_and_bias(of_some_truths(study.quality), styles),
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


def test_the_bound_on_errors_is_that_of_a_gaussian():
    study = delta_c9_study(1)
    figure = errors_by_size(study.squared, study.absolute, model_styles(["exact"]), study.bounds)
    random = np.random.default_rng(5).normal(size=(20_000, 1)) * study.bounds[8000]
    for axes, expected in zip(figure.axes, (np.mean(random**2), np.mean(np.abs(random))), strict=True):
        assert axes.lines[0].get_ydata()[0] == pytest.approx(expected, rel=0.02)
        assert axes.get_yscale() == "log"


def test_an_estimator_at_the_bound_lies_on_its_line():
    study = delta_c9_study(2)
    figure = errors_by_size(study.squared, study.absolute, model_styles(list(study.squared)), study.bounds)
    for axes in figure.axes:
        assert axes.containers[0].lines[0].get_ydata() == pytest.approx(axes.lines[0].get_ydata(), rel=0.05)


def test_spread_and_bias_are_in_units_of_the_bound_one_column_per_truth():
    study = delta_c9_study()
    quality = {"cnn": of_some_truths(study.quality)["cnn"]}
    figure = spread_and_bias(quality, model_styles(["cnn"]))
    assert [axes.get_title("left") for axes in figure.axes[:2]] == [
        r"true $\Delta C_9$ = −0.8",
        r"true $\Delta C_9$ = 0",
    ]
    assert figure.axes[0].containers[0].lines[0].get_ydata() == pytest.approx([2.6, 2.6, 2.6])
    at_zero = [p.quality.bias.value / p.bound for p in quality["cnn"] if p.quality.delta_c9 == 0]
    x, y = figure.axes[3].containers[0].lines[0].get_data()
    assert y == pytest.approx(at_zero)
    assert x == pytest.approx(SIZES)
    assert [text.get_text() for text in figure.axes[2].get_xticklabels()] == [
        "8\u202f000",
        "16\u202f000",
        "32\u202f000",
    ]


def test_nothing_to_draw_is_said():
    for draw in (
        lambda: errors_by_size({}, {}, {}, {}),
        lambda: spread_and_bias({}, {}),
    ):
        with pytest.raises(InputError, match="nothing to draw"):
            draw()
