import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers.delta_c9_inputs import decay_study
from helpers.figure_text import text_that_leaves

from hepsets.analyses.delta_c9.detector import Efficiency
from hepsets.analyses.delta_c9.page.detector import (
    VETOES,
    asymmetries_along_q_squared,
    efficiency_curves,
    resolution_histograms,
)
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.report.page import drawing
from hepsets.report.style import COLOURS


def every_figure():
    study = decay_study()
    one = {"q_squared": study.efficiencies["q_squared"]}
    return {
        "efficiency": efficiency_curves(study.efficiencies, study.overall, vetoes=VETOES),
        "one efficiency": efficiency_curves(one),
        "resolution": resolution_histograms(study.differences, study.resolutions),
        "observables": asymmetries_along_q_squared(study.theory, study.measured),
        "one level": asymmetries_along_q_squared(
            study.theory, {"generator": study.measured["generator"]}, smooth=None
        ),
    }


def test_no_text_leaves_a_figure_and_no_axis_is_without_a_name():
    for name, figure in every_figure().items():
        assert text_that_leaves(figure) == [], name
        assert any(axes.get_xlabel() for axes in figure.axes), name
    assert plt.get_fignums() == []


def test_figures_become_drawings_of_the_page():
    for name, figure in every_figure().items():
        assert drawing(figure, name).svg.startswith("<svg")


def test_axes_carry_the_symbols_and_units_of_the_variables():
    study = decay_study()
    figure = efficiency_curves(study.efficiencies)
    assert [axes.get_xlabel() for axes in figure.axes] == [
        "$q^2$ [GeV²]",
        r"$\cos\theta_\mu$",
        r"$\cos\theta_K$",
        r"$\chi$ [rad]",
    ]


def test_wilson_intervals_stay_within_zero_and_one():
    share, low, high = Efficiency(np.arange(5.0), np.array([0, 10, 5, 0]), np.array([10, 10, 10, 0])).wilson()
    assert share[:3] == pytest.approx([0, 1, 0.5])
    assert low[0] == pytest.approx(0, abs=1e-12)
    assert high[0] == pytest.approx(1 / 11)  # z² / (n + z²)
    assert high[1] == pytest.approx(1)
    assert low[2] + high[2] == pytest.approx(1)
    assert np.isnan([share[3], low[3], high[3]]).all()


def test_points_lie_at_passed_over_total():
    study = decay_study()
    curve = study.efficiencies["chi"]
    figure = efficiency_curves({"chi": curve}, Measured(0.37, 0.01))
    assert figure.axes[0].containers[0].lines[0].get_ydata() == pytest.approx(curve.passed / curve.total)
    assert "0.370 ± 0.010" in figure.axes[0].get_title("left")


def test_resolutions_quote_their_widths_in_the_unit_of_the_axis():
    study = decay_study()
    figure = resolution_histograms(study.differences, study.resolutions)
    titles = [axes.get_title("left").split("\n")[0] for axes in figure.axes]
    assert titles[0] == "68 %: ± (0.0490 ± 0.0005) GeV²"
    assert titles[1] == "68 %: ± (2.500 ± 0.025) 10⁻³"
    assert titles[3] == "68 %: ± (8.000 ± 0.080) mrad"
    assert figure.axes[3].get_xlabel() == r"reco − true $\chi$ [mrad]"
    assert figure.axes[3].get_xlim() == pytest.approx((-48, 48))


def test_the_density_per_width_integrates_to_the_share_on_the_axis():
    study = decay_study()
    value = study.differences["q_squared"]
    figure = resolution_histograms({"q_squared": value}, study.resolutions)
    heights, edges, _ = next(p for p in figure.axes[0].patches if hasattr(p, "get_data")).get_data()
    width = study.resolutions["q_squared"].value
    assert heights @ np.diff(edges) / width == pytest.approx(np.mean(np.abs(value) < 6 * width))


def test_each_delta_c9_keeps_its_colour_and_points_follow_their_values():
    study = decay_study()
    figure = asymmetries_along_q_squared(study.theory, study.measured)
    assert [axes.get_ylabel() for axes in figure.axes[::2]] == [r"$A_\mathrm{FB}$", "$S_5$"]
    assert [axes.get_title("left") for axes in figure.axes[:2]] == ["generator", "detector"]
    for i, axes in enumerate(figure.axes):
        of_level = study.measured["detector" if i % 2 else "generator"]
        for k, (container, points) in enumerate(zip(axes.containers, of_level.values(), strict=True)):
            assert container.lines[0].get_color() == COLOURS[k]
            drawn = points.afb if i < 2 else points.s5
            assert container.lines[0].get_ydata() == pytest.approx(drawn, nan_ok=True)
            assert axes.lines[1 + 2 * k].get_color() == COLOURS[k]
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == [
        r"$\Delta C_9$ = −1.5",
        r"$\Delta C_9$ = −0.8",
        r"$\Delta C_9$ = 0",
        "veto",
    ]


def test_the_smooth_region_is_said():
    study = decay_study()
    figure = asymmetries_along_q_squared(study.theory, study.measured)
    for axes in figure.axes[:2]:
        assert [text.get_text() for text in axes.texts] == ["no resonances"]
        assert tuple(axes.lines[-1].get_xdata()) == (8.9, 14.0)


def test_what_cannot_be_drawn_is_said():
    for draw in (
        lambda: efficiency_curves({}),
        lambda: resolution_histograms({}, {}),
        lambda: asymmetries_along_q_squared({}, {}),
    ):
        with pytest.raises(InputError, match="nothing to draw"):
            draw()


def test_events_of_another_delta_c9_than_the_theory_are_refused():
    study = decay_study()
    with pytest.raises(InputError, match="those of the theory"):
        asymmetries_along_q_squared({0.0: study.theory[0.0]}, study.measured)
