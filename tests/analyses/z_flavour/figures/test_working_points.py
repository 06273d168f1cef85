import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers.figure_text import text_that_leaves
from helpers.flavour_scores import flavour_scores

from hepsets.analyses.z_flavour.figures.working_points import (
    Scan,
    caveats,
    detector_scans,
    pair_rocs,
    working_point_bars,
)
from hepsets.analyses.z_flavour.published import PARTICLE_TRANSFORMER, PUBLISHED
from hepsets.evaluate.scores.working_points import WORKING_POINTS, pair_curve, working_points
from hepsets.report.page import drawing
from hepsets.report.style import model_styles

NAMES = ("deep_sets", "vertex_graph")

STYLES = model_styles(NAMES)

SCORES = {name: flavour_scores(i, 1500, distance=0.8 + 0.3 * i) for i, name in enumerate(NAMES)}

PAIRS = list(dict.fromkeys((flavour, against) for flavour, against, _ in WORKING_POINTS))

CURVES = {name: [pair_curve(sample, *pair) for pair in PAIRS] for name, sample in SCORES.items()}

POINTS = {name: working_points(sample) for name, sample in SCORES.items()}


def scan(label, nominal, values):
    wanted = (("b", "c", 0.01), ("s", "ud", 0.1))
    points = [working_points(flavour_scores(i, 500), wanted) for i, _ in enumerate(values)]
    frozen = [working_points(flavour_scores(9 + i, 500), wanted[:1]) for i, _ in enumerate(values)]
    return Scan(label, nominal, values, points, frozen, logarithmic=min(values) > 0)


SCANS = [
    scan("first layer's radius [mm]", 13.7, (10.0, 13.7, 20.0)),
    scan("counting efficiency [%]", 80.0, (80.0, 0.0, 40.0)),
]


def every_figure():
    return {
        "pairs": pair_rocs(CURVES, STYLES, level="hemisphere"),
        "points": working_point_bars(POINTS, STYLES, level="hemisphere"),
        "scans": detector_scans(SCANS, level="event"),
    }


def test_no_text_leaves_a_figure_and_every_axis_has_a_name():
    for name, figure in every_figure().items():
        assert text_that_leaves(figure) == [], name
        assert any(axes.get_xlabel() for axes in figure.axes), name
        assert drawing(figure, name).svg.startswith("<svg")
    assert plt.get_fignums() == []


def test_published_points_stand_where_they_were_read():
    figure = pair_rocs(CURVES, STYLES, level="hemisphere")
    axes = next(axes for axes in figure.axes if axes.get_title(loc="left") == "c against b")
    published = [line.get_xydata().tolist() for line in axes.lines if line.get_linestyle() == "None"]
    expected = [
        [p.mistag, p.efficiency] for p in PARTICLE_TRANSFORMER.points if (p.flavour, p.against) == ("c", "b")
    ]
    assert expected in published
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert set(names) == {*NAMES, *(f"{tagger.name} (published)" for tagger in PUBLISHED)}


def test_a_curve_is_drawn_with_its_band():
    figure = pair_rocs(CURVES, STYLES, level="hemisphere")
    for axes in figure.axes:
        assert len(axes.collections) == len(NAMES)


def test_a_scan_runs_along_its_axis_whatever_the_order_of_its_values():
    axes = detector_scans(SCANS, level="event").axes[1]
    line = axes.containers[0].lines[0]
    assert line.get_xdata().tolist() == [0.0, 40.0, 80.0]
    assert line.get_ydata()[0] == SCANS[1].points[1][0].efficiency


def test_the_tagger_of_the_planned_detector_is_drawn_open_beside_those_trained_anew():
    figure = detector_scans(SCANS, level="event")
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["b at 1 % c", "b at 1 % c, trained on the planned detector", "s at 10 % ud"]
    fills = [container.lines[0].get_markerfacecolor() for container in figure.axes[0].containers]
    assert [fill == "none" for fill in fills] == [False, True, False]


def test_working_points_are_drawn_with_both_their_errors():
    axes = working_point_bars(POINTS, STYLES, level="event").axes[0]
    first = POINTS["deep_sets"][0]
    (bars,) = axes.containers[0].lines[2]
    low, high = sorted(bars.get_segments()[0][:, 0])
    assert low == pytest.approx(first.low)
    assert high == pytest.approx(first.high)
    assert np.all([p.low <= p.efficiency <= p.high for p in POINTS["deep_sets"]])


def test_every_published_tagger_has_a_line_of_caveats():
    assert len(caveats()) == len(PUBLISHED)
    assert "60 GeV" in caveats()[0]
