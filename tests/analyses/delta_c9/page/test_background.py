import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers.delta_c9_inputs import decay_study
from helpers.figure_text import text_that_leaves

from hepsets.analyses.delta_c9.page.background import (
    mbc_and_delta_e,
    sideband_comparison,
    trees_and_merit,
)
from hepsets.core.errors import InputError
from hepsets.evaluate.estimates.two_sample_chi2 import two_sample_chi2
from hepsets.report.page import drawing
from hepsets.report.style import p_text


def every_figure():
    study = decay_study()
    return {
        "mbc": mbc_and_delta_e(study.signal, study.background),
        "sideband": sideband_comparison(study.sideband, study.region),
        "suppression": trees_and_merit(study.suppression),
    }


def test_no_text_leaves_a_figure_and_every_axis_has_a_name():
    for name, figure in every_figure().items():
        assert text_that_leaves(figure) == [], name
        assert any(axes.get_xlabel() for axes in figure.axes), name
    assert plt.get_fignums() == []


def test_figures_become_drawings_of_the_page():
    for name, figure in every_figure().items():
        assert drawing(figure, name).svg.startswith("<svg")


def test_all_candidates_stand_in_the_mass_and_those_of_the_signal_region_in_the_energy():
    study = decay_study()
    full, zoomed, energy = mbc_and_delta_e(study.signal, study.background).axes
    in_region = {
        kind: np.count_nonzero((side["mbc"] > 5.27) & (side["mbc"] < 5.29) & (abs(side["delta_e"]) < 0.06))
        for kind, side in (("background", study.background), ("signal", study.signal))
    }
    drawn = {patch.get_label(): patch.get_data().values.sum() for patch in energy.patches}
    assert drawn == in_region
    masses = {patch.get_label(): patch.get_data().values.sum() for patch in full.patches}
    assert masses["background"] == len(study.background["mbc"])
    assert [axes.get_ylabel() for axes in (full, zoomed, energy)] == [
        "candidates / 5 MeV",
        "candidates / 1 MeV",
        "candidates / 2.5 MeV",
    ]
    assert energy.get_xlabel() == r"$\Delta E$ [GeV], signal region"


def test_signal_region_and_sideband_are_marked_where_they_are():
    study = decay_study()
    full, zoomed, _ = mbc_and_delta_e(study.signal, study.background).axes
    assert [tuple(line.get_xdata()) for line in full.lines] == [(4.8, 5.26), (5.27, 5.29)]
    assert tuple(zoomed.lines[1].get_xdata()) == (5.27, 5.29)
    assert [text.get_text() for text in zoomed.texts] == ["sideband", "signal region"]


def test_the_sideband_is_compared_in_each_variable_with_its_test():
    study = decay_study()
    figure = sideband_comparison(study.sideband, study.region, bins=15)
    for i, name in enumerate(study.sideband):
        both = np.concatenate([study.sideband[name], study.region[name]])
        edges = np.linspace(both.min(), both.max(), 16)
        a, b = (np.histogram(side[name], edges)[0] for side in (study.sideband, study.region))
        test = two_sample_chi2(a, b)
        assert figure.axes[i].get_title("left") == f"χ²/ndf = {test.chi2:.1f}/14\np {p_text(test.p_value)}"
        assert figure.axes[4 + i].containers[0].lines[0].get_ydata() == pytest.approx(
            (b / b.sum()) / (a / a.sum())
        )


def test_a_sideband_that_differs_fails_its_test():
    random = np.random.default_rng(1)
    figure = sideband_comparison({"chi": random.normal(size=4000)}, {"chi": random.normal(0.3, 1, 4000)})
    exponent = figure.axes[0].get_title("left").split("10^{")[1]
    assert int(exponent.rstrip("}$")) < -6


def test_the_cut_is_marked_in_both_panels_and_the_merit_at_it_quoted():
    study = decay_study()
    left, right = trees_and_merit(study.suppression).axes
    for axes in (left, right):
        assert list(axes.lines[-1].get_xdata()) == [study.suppression.cut] * 2
    texts = {text.get_text() for text in right.texts}
    assert texts == {"without a cut", f"{study.suppression.fom:.1f}"}
    assert right.get_ylabel() == r"$S/\sqrt{S+B}$, expected yields"


def test_outputs_of_each_class_integrate_to_one():
    study = decay_study()
    left = trees_and_merit(study.suppression).axes[0]
    for patch in left.patches:
        heights, edges, _ = patch.get_data()
        assert heights @ np.diff(edges) == pytest.approx(1)


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(InputError, match="nothing to draw"):
        mbc_and_delta_e({}, {})
    with pytest.raises(InputError, match="nothing to draw"):
        sideband_comparison({}, {})
