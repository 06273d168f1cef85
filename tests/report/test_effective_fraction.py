"""The figure of effective fractions shows every bin with passing events, and its speedup."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.evaluate.filter.effective_fraction import measure_effective_fraction
from hepsets.evaluate.filter.speedup import SpeedupConfig
from hepsets.report.effective_fraction import effective_fractions

COSTS = SpeedupConfig(time_network=0.0)


def measured(name, keep, labels, values, edges):
    return measure_effective_fraction(name, values[labels], labels, keep, None, COSTS, edges=edges)


def test_every_rule_and_bin_is_drawn_and_the_right_axis_is_the_speedup():
    rng = np.random.default_rng(1)
    labels, values = rng.random(2000) < 0.5, rng.uniform(0, 3, 2000)
    rules = {
        name: [
            measured("missing_energy", keep, labels, values, [0, 1, 2, 3, 9]),
            measured("r2", keep, labels, values, [0, 1.5, 3]),
        ]
        for name, keep in (("least cost", 0.2 + 0.2 * values), ("protect", np.full(2000, 0.4)))
    }
    figure = effective_fractions(rules, {"r2": "$R_2$"})
    panels = [axes for axes in figure.axes if axes.get_xlabel()]
    assert [axes.get_xlabel() for axes in panels] == ["missing_energy", "$R_2$"]
    drawn = [container.lines[0].get_ydata() for container in panels[0].containers]
    for points, found in zip(drawn, (rules["least cost"][0], rules["protect"][0]), strict=True):
        assert points == pytest.approx(found.fraction[:3])  # nothing passes in the fourth bin
    (right,) = panels[1].child_axes
    figure.draw_without_rendering()
    found = rules["least cost"][1]
    assert right.get_ylim()[1] == pytest.approx(found.speedup[0] / found.fraction[0])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(rules)


def test_nothing_to_draw_is_refused():
    with pytest.raises(InputError, match="nothing to draw"):
        effective_fractions({}, {})
