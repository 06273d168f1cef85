"""The way to the timing layer, and what 30 ps tell apart."""

import math

import pytest

from hepsets.core.kernel import as_record
from hepsets.core.units import SPEED_OF_LIGHT
from hepsets.simulate.idea import IDEA
from hepsets.simulate.time_of_flight import way_to_timing_layer

LAYER = as_record(IDEA.time_of_flight)


def test_straight_tracks_end_on_the_cylinder_or_its_ends():
    assert way_to_timing_layer(LAYER, 1e-9, 0.0, 0.0) == pytest.approx(205.0)
    assert way_to_timing_layer(LAYER, 1e-9, 2.0, 0.0) == pytest.approx(115.5)
    assert way_to_timing_layer(LAYER, 1e-9, 2.0, 1.0) == pytest.approx(115.0)
    assert way_to_timing_layer(LAYER, 1e-9, -2.0, 1.0) == pytest.approx(116.0)


def test_a_track_that_curls_up_has_no_time():
    assert way_to_timing_layer(LAYER, 1 / 102.0, 0.0, 0.0) == -1
    assert way_to_timing_layer(LAYER, 1 / 103.0, 0.0, 0.0) > 205.0


@pytest.mark.parametrize(("momentum", "separation"), [(1, 24), (3, 2.8)])
def test_time_of_flight_fills_the_gap_of_cluster_counting(momentum, separation):
    way = way_to_timing_layer(LAYER, 0.3 * 2 / 100 / momentum, 0.0, 0.0)
    times = [way * math.hypot(1, mass / momentum) / SPEED_OF_LIGHT for mass in (0.13957, 0.49368)]
    assert (times[1] - times[0]) / LAYER["resolution"] == pytest.approx(separation, rel=0.15)
