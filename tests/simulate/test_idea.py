"""IDEA's numbers: the geometry of the card, and settings."""

import pytest

from hepsets.core.config import from_mapping
from hepsets.core.errors import InputError
from hepsets.simulate.idea import IDEA, IdeaConfig


def test_the_geometry_is_that_of_the_card():
    layers = IDEA.tracker.layers
    wires = [layer for layer in layers if layer.resolution == 0.01]
    assert len(wires) == 112
    assert (wires[0].position, wires[-1].position) == (36, 200)
    assert wires[0].stereo == pytest.approx(0.0203738, rel=1e-3)
    assert wires[-1].stereo == pytest.approx(-0.112723, rel=1e-3)
    vertex = [layer.position for layer in layers if layer.resolution == 3e-4]
    assert vertex == [1.37, 2.37, 3.40, 14.1]
    assert layers[0].material == pytest.approx(0.0068)
    assert IDEA.tracker.field == 2.0


def test_settings_move_what_they_say():
    changed = IdeaConfig(
        first_layer_radius=1.0,
        first_layer_resolution=5e-4,
        counting_efficiency=0.6,
        time_resolution=0.1,
        field=1.5,
    ).detector()
    assert changed.tracker.field == 1.5
    assert (changed.tracker.layers[1].position, changed.tracker.layers[1].resolution) == (1.0, 5e-4)
    assert changed.tracker.layers[0].position == pytest.approx(0.9)  # the beam pipe stays within
    assert changed.tracker.layers[2:] == IDEA.tracker.layers[2:]
    assert changed.cluster_counting.efficiency == 0.6
    assert changed.time_of_flight.resolution == 0.1
    assert changed.energy_flow == IDEA.energy_flow
    assert IdeaConfig().detector() == IDEA


@pytest.mark.parametrize(
    "change", [{"first_layer_radius": 3.0}, {"counting_efficiency": 1.2}, {"field": 0}, {"radius": 1}]
)
def test_impossible_settings_are_refused(change):
    with pytest.raises(InputError, match=next(iter(change))):
        from_mapping(IdeaConfig, change)
