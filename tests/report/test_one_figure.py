"""A figure of a page is drawn alone, by its name."""

import pytest
from matplotlib.figure import Figure

from hepsets.core.errors import InputError
from hepsets.report.one_figure import one_figure

DRAWN = []


def page(figures):
    for name in ("roc", "speedup", "limit"):
        DRAWN.append(name)
        figure = Figure()
        figure.subplots().set_title(name)
        figures.of_simulation()(name, figure, "A caption.")


def test_it_is_the_one_that_was_asked_for_and_nothing_is_drawn_after_it():
    DRAWN.clear()
    figure = one_figure(page, "speedup")
    assert figure.axes[0].get_title() == "speedup"
    assert DRAWN == ["roc", "speedup"]
    assert [text.get_text() for text in figure.axes[0].texts] == ["simulation"]
    assert one_figure(page).axes[0].get_title() == "roc"


def test_a_figure_that_there_is_not_names_those_that_there_are():
    with pytest.raises(InputError, match="no figure 'rocs'; expected one of roc, speedup, limit"):
        one_figure(page, "rocs")
    with pytest.raises(InputError, match="a page without figures"):
        one_figure(lambda figures: None)
