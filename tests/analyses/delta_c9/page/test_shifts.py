import matplotlib.pyplot as plt
import pytest
from helpers.delta_c9_inputs import delta_c9_study
from helpers.figure_text import text_that_leaves

from hepsets.analyses.delta_c9.page.shifts import shift_effects
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.report.page import drawing
from hepsets.report.style import model_styles


@pytest.mark.parametrize("models", [1, 10])
def test_the_figure_becomes_a_drawing_and_no_text_leaves_it(models):
    study = delta_c9_study(models)
    figure = shift_effects(study.shifts, model_styles(list(study.quality)))
    assert text_that_leaves(figure) == []
    assert any(axes.get_xlabel() for axes in figure.axes)
    assert drawing(figure, "shifts").svg.startswith("<svg")
    assert plt.get_fignums() == []


def test_shifts_are_named_with_sign_and_unit():
    effects = {"cnn": {-0.01: Measured(-0.5, 0.1), 0.01: Measured(0.5, 0.1)}}
    axes = shift_effects(effects, model_styles(["cnn"])).axes[0]
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["$q^2$ −0.01 GeV²", "$q^2$ +0.01 GeV²"]
    assert [container.lines[0].get_xdata()[0] for container in axes.containers] == [-0.5, 0.5]


def test_nothing_to_draw_is_said():
    with pytest.raises(InputError, match="nothing to draw"):
        shift_effects({}, {})
