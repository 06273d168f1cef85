"""The house style: what is written over figures of simulation."""

import pytest
from matplotlib.figure import Figure

from hepsets.report.style import house_style, mark_simulation


@pytest.mark.parametrize("title", ["", "one line", "one\ntwo\nthree"])
def test_the_mark_of_simulation_touches_no_title_and_stays_on_the_figure(title):
    with house_style():
        figure = Figure(figsize=(4, 3))
        panels = figure.subplots(2, 2)
        panels[0, 1].set_title(title)
        figure.legend([panels[0, 0].plot([0, 1])[0]], ["a curve"], loc="outside right upper")
        mark_simulation(figure)
        figure.draw_without_rendering()
    (mark,) = panels[0, 1].texts
    over = mark.get_window_extent()
    below = panels[0, 1].title.get_window_extent() if title else panels[0, 1].get_window_extent()
    left = panels[0, 1]._left_title.get_window_extent()
    assert over.y0 >= max(below.y1, left.y1 if title else 0) - 0.5
    assert over.y1 <= figure.bbox.y1
    assert over.x1 <= figure.legends[0].get_window_extent().x0
