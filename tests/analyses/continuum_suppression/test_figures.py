import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers.continuum_inputs import continuum_study
from helpers.figure_text import text_that_leaves

from hepsets.analyses.continuum_suppression.figures import (
    VARIABLE_LABELS,
    background_curves,
    background_ratios,
    correlation_matrices,
    gains,
    importance_bars,
    penalty_costs,
    sculpting_histograms,
    shifted_detectors,
    unseen_modes,
    variable_distributions,
)
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.report.page import drawing
from hepsets.report.style import model_styles


def of_inputs():
    study = continuum_study()
    few = {name: study.variables[name] for name in ("R2", "mm2", "hso02")}
    return {
        "variables": variable_distributions(study.variables, study.labels, study.weights),
        "two kinds of signal": variable_distributions(
            few,
            study.mbc > 5.28,
            names=("enriched", "generic"),
            notes={"R2": "p = 0.31", "mm2": "p = 0.64"},
        ),
        "correlations": correlation_matrices(study.variables, study.labels, study.weights),
        "few correlations": correlation_matrices(few, study.labels),
        "variable importance": importance_bars(
            {"bdt": [one for group in study.importances.values() for one in group]}
        ),
        "set importance": importance_bars(study.importances),
    }


def of_models(models):
    study = continuum_study(models)
    styles = model_styles(list(study.scores))
    points = {name: left.background for name, left in study.left.items()}
    figures = {
        "curves": background_curves(study.curves, points, styles),
        "sculpting": sculpting_histograms(study.sculpting, styles),
        "penalty": penalty_costs({list(study.scores)[-1]: study.penalty}, styles),
        "shifts": shifted_detectors(study.shifted, styles),
        "modes": unseen_modes(study.unseen, styles),
        "gains": gains(
            {"shape only": {name: Measured(0.3, 0.02) for name in study.scores}, "tagged": {}}, "bdt", styles
        ),
    }
    if study.ratios:
        figures["ratios"] = background_ratios(study.ratios, next(iter(study.scores)), styles)
    return figures


@pytest.mark.parametrize("models", [0, 1, 3, 15])
def test_no_text_leaves_a_figure_and_no_axis_is_without_a_name(models):
    for name, figure in (of_models(models) if models else of_inputs()).items():
        assert text_that_leaves(figure) == [], name
        assert any(axes.get_xlabel() for axes in figure.axes) or "correlations" in name, name
    assert plt.get_fignums() == []


def test_figures_become_drawings_of_the_page():
    for name, figure in of_models(3).items():
        assert drawing(figure, name).svg.startswith("<svg")


def test_each_of_the_thirty_variables_has_its_panel_with_its_label():
    study = continuum_study()
    figure = variable_distributions(study.variables, study.labels)
    shown = [axes.get_xlabel() for axes in figure.axes]
    assert len(shown) == 30
    for text, label in zip(shown, VARIABLE_LABELS.values(), strict=True):
        assert text.startswith(label)
    assert sum("[GeV]" in text for text in shown) == 10


def test_the_densities_of_both_classes_integrate_to_one():
    study = continuum_study()
    figure = variable_distributions({"R2": study.variables["R2"]}, study.labels, study.weights)
    for steps in figure.axes[0].patches:
        if steps.get_label() in ("signal", "background"):
            values, edges, _ = steps.get_data()
            assert values @ np.diff(edges) == pytest.approx(1)


def test_the_correlations_are_weighted_and_those_of_their_class():
    study = continuum_study()
    chosen = {name: study.variables[name] for name in ("R2", "mm2", "cosTBz")}
    weights = np.random.default_rng(2).integers(1, 4, len(study.labels))
    figure = correlation_matrices(chosen, study.labels, weights)
    for axes, side in zip(figure.axes[:2], (study.labels, ~study.labels), strict=True):
        drawn = np.asarray(axes.collections[0].get_array()).reshape(3, 3)
        table = np.stack([values[side] for values in chosen.values()])
        assert drawn == pytest.approx(np.corrcoef(np.repeat(table, weights[side], axis=1)))


def test_the_least_background_ranks_first():
    study = continuum_study()
    points = {name: left.background for name, left in study.left.items()}
    figure = background_curves(study.curves, points, model_styles(list(points)))
    order = [text.get_text() for text in figure.axes[1].get_yticklabels()]
    assert order[-1] == min(points, key=lambda name: points[name].value)
    best = points[order[-1]]
    assert f"{best.value:.3f} ± {best.se:.3f}" in {text.get_text() for text in figure.axes[1].texts}


def test_sculpting_shows_its_p_value_and_a_ratio_around_one():
    study = continuum_study()
    figure = sculpting_histograms({"bdt": study.sculpting["bdt"]}, model_styles(["bdt"]))
    top, bottom = figure.axes[:2]
    bias = study.sculpting["bdt"][0]
    assert f"{bias.chi2:.1f}/{bias.ndof}" in top._left_title.get_text()
    points = bottom.containers[0].lines[0].get_ydata()
    assert points == pytest.approx(bias.kept_share / bias.all_share)


def test_points_that_fail_the_sculpting_test_are_open():
    study = continuum_study()
    figure = penalty_costs({"bdt": study.penalty}, model_styles(["bdt"]))
    drawn = [container.lines[0].get_markerfacecolor() for container in figure.axes[0].containers]
    closed = [colour == model_styles(["bdt"])["bdt"].colour for colour in drawn]
    assert closed == [point.p_value >= 0.01 for point in study.penalty]
    assert not closed[0]
    assert closed[-1]


def test_nothing_to_draw_is_said():
    for draw in (
        lambda: variable_distributions({}, []),
        lambda: correlation_matrices({}, []),
        lambda: background_curves({}, {}, {}),
        lambda: importance_bars({}),
        lambda: shifted_detectors({}, {}),
    ):
        with pytest.raises(InputError, match="nothing to draw"):
            draw()
    with pytest.raises(InputError, match="without models"):
        unseen_modes({"a": {}}, {})
