import numpy as np
import pytest
from helpers.toy_z_events import z_events

from hepsets.analyses.z_flavour.cells import CELLS, SAMPLE_INPUTS
from hepsets.analyses.z_flavour.closer_look import (
    EVENT_SHAPES,
    PARTICLE_SHAPES,
    VERTEX_SHAPES,
    _exchanges,
    _first_of_each,
    _shapes,
)
from hepsets.analyses.z_flavour.samples import Labelled
from hepsets.represent.vertexed_events.data import VertexedData

CELL = CELLS["found"]


@pytest.fixture(scope="module")
def examples():
    events = z_events(80)
    flavour = np.arange(80) % 4
    data = VertexedData.from_events(events, SAMPLE_INPUTS["found"])
    return Labelled(data, flavour, np.zeros(80, dtype=np.int64), np.arange(80))


def test_the_features_that_are_drawn_exist():
    spec = SAMPLE_INPUTS["found"]
    assert set(PARTICLE_SHAPES) <= set(spec.particles)
    assert set(VERTEX_SHAPES) <= set(spec.vertices)
    assert set(EVENT_SHAPES) <= set(spec.events)


def test_every_feature_belongs_to_one_group_and_only_its_group_is_exchanged(examples):
    data, found = examples.data, {"particles": [], "vertices": []}
    for name, exchange in _exchanges(data):
        which = name.split(":")[0]
        changed = exchange(data, np.random.default_rng(1))
        for part in ("particles", "vertices"):
            old, new = getattr(data, part).features, getattr(changed, part).features
            columns = np.flatnonzero((old != new).any(0).numpy()).tolist()
            if part == which:
                found[which] += columns
                assert np.allclose(np.sort(old.numpy(), 0), np.sort(new.numpy(), 0))  # the same values
            else:
                assert columns == []
        assert changed.event_features is data.event_features
    for part in ("particles", "vertices"):
        assert len(found[part]) == len(set(found[part]))
    assert data.spec.particles.index("side") not in found["particles"]  # else there would be no hemispheres


def test_the_first_examples_of_each_flavour_are_taken_whole(examples):
    few = examples[_first_of_each(examples.flavour, 3)]
    assert np.bincount(few.flavour).tolist() == [3, 3, 3, 3]
    assert len(few.data) == 12
    assert few.event[:3].tolist() == [0, 4, 8]


def test_distributions_leave_out_what_is_not_known(examples):
    shapes = {shape.name: shape for shape in _shapes(examples.data, examples.flavour, CELL)}
    assert "vertex mass (asinh, 0.5 GeV)" in shapes
    for shape in shapes.values():
        for density in shape.density.values():
            assert np.sum(density * np.diff(shape.edges)) == pytest.approx(1)
