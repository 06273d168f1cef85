from helpers.figure_text import text_that_leaves
from helpers.flavour_scores import flavour_scores

from hepsets.analyses.z_flavour.detector_scan import POINTS, DetectorScan, OtherSeed, SeenBy
from hepsets.analyses.z_flavour.page_detector import detector_section, points_text
from hepsets.evaluate.scores.working_points import working_points
from hepsets.report.page import Table


def points(seed, events=400):
    return tuple(working_points(flavour_scores(seed, events), POINTS))


SCAN = DetectorScan(
    "vertex_graph",
    1,
    (100, 20, 400),
    tuple(
        SeenBy(setting, value, planned, points(seed), points(seed if planned else seed + 50))
        for seed, (setting, value, planned) in enumerate(
            [
                ("first_layer_radius", 1.0, False),
                ("first_layer_radius", 1.37, True),
                ("time_resolution", 0.03, True),
                ("time_resolution", 0.1, False),
            ]
        )
    ),
    (OtherSeed(2, points(9)), OtherSeed(3, points(10))),
)


def shown(scan):
    drawn = {}

    def figures(name, figure, caption):
        drawn[name] = figure
        return caption

    return detector_section(scan, figures), drawn


def test_settings_are_shown_in_the_units_that_designers_use():
    section, drawn = shown(SCAN)
    (table,) = (content for content in section.content if isinstance(content, Table))
    assert [row[:3] for row in table.rows] == [
        ("radius of the first layer", "10 mm", "itself"),
        ("radius of the first layer", "10 mm", "the planned one"),
        ("radius of the first layer", "13.7 mm", "itself, planned"),
        ("resolution of the time of flight", "30 ps", "itself, planned"),
        ("resolution of the time of flight", "100 ps", "itself"),
        ("resolution of the time of flight", "100 ps", "the planned one"),
    ]
    radius, time = drawn["detectors"].axes
    assert radius.get_xlabel() == "radius of the first layer [mm]"
    assert time.get_xscale() == "log"
    assert text_that_leaves(drawn["detectors"]) == []


def test_layers_are_judged_by_b_and_c_and_timing_by_s():
    _, drawn = shown(SCAN)
    radius, time = drawn["detectors"].axes
    assert len(radius.containers) == 4  # two working points, trained anew and as planned
    assert len(time.containers) == 2


def test_the_scatter_of_trainings_is_told():
    section, _ = shown(SCAN)
    assert "with the seeds 1, 2, 3 scatter" in section.content[-1]
    alone, _ = shown(DetectorScan(SCAN.model, 1, SCAN.counts, SCAN.seen, ()))
    assert isinstance(alone.content[-1], Table)


def test_a_working_point_without_enough_events_is_left_empty():
    few = points(1, events=60)
    assert [bool(text) for text in points_text(few)] == [False, False, True]
    assert "to" in points_text(points(1))[0]
