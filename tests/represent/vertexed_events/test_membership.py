"""Particles know what their vertex is like."""

import numpy as np
from helpers.toy_z_events import events_of_sizes, z_events

from hepsets.represent.vertexed_events.geometry import Geometry
from hepsets.represent.vertexed_events.membership import membership
from hepsets.represent.vertexed_events.vertices import vertices


def test_members_carry_the_numbers_of_their_vertex_and_others_zeros() -> None:
    some = z_events(10, seed=1)
    seen = Geometry(some)
    found, own = membership(seen), vertices(seen)
    inside = some.vertex_row >= 0
    for name, values in own.items():
        np.testing.assert_array_equal(found[f"in_{name}"][inside], values[some.vertex_row[inside]])
        assert (found[f"in_{name}"][~inside] == 0).all()
    assert (found["in_vertex"] == inside).all()


def test_events_without_any_vertex_have_zeros() -> None:
    some = events_of_sizes([0, 0])
    assert all(len(values) == 0 for values in membership(Geometry(some)).values())
