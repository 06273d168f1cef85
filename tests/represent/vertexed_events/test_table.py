"""Events as rows for trees."""

import numpy as np
from helpers.toy_z_events import events_of_sizes, shuffled, z_events

from hepsets.core.purpose import Purpose
from hepsets.represent.vertexed_events.data import VertexedData
from hepsets.represent.vertexed_events.inputs import proper_inputs
from hepsets.represent.vertexed_events.table import ABSENT, tree_table

SPEC = proper_inputs("dndx+tof")


def rows(events):
    return tree_table(VertexedData.from_events(events, SPEC)).columns


def test_leading_tracks_are_those_of_the_largest_significances() -> None:
    some = z_events(10, seed=1)
    found = rows(some)
    data = VertexedData.from_events(some, SPEC)
    column = data.particles.features[:, SPEC.particles.index("impact_3d_significance")].numpy()
    known = data.particles.features[:, SPEC.particles.index("has_impact")].numpy() > 0
    for number in range(10):
        own = slice(*data.particles.offsets[number : number + 2].tolist())
        best = np.sort(column[own][known[own]])[::-1]
        assert found["impact_3d_significance_1"][number] == best[0]
        assert found["impact_3d_significance_2"][number] == best[1]


def test_the_primary_vertex_is_not_among_the_leading_ones() -> None:
    found = rows(z_events(10, seed=2))
    assert (found["vertex_primary_1"] == 0).all()
    assert (found["vertex_flight_significance_1"] >= found["vertex_flight_significance_2"]).all()
    assert (found["vertex_flight_3"] == ABSENT).all()  # toy events have two


def test_rows_do_not_depend_on_the_order_of_particles_and_empty_events_have_one() -> None:
    some = z_events(10, seed=3)
    one, other = rows(some), rows(shuffled(some, 1))
    for name, column in one.items():
        np.testing.assert_allclose(column, other[name], rtol=1e-4, atol=1e-4)
    assert all(
        np.isfinite(column).all() and len(column) == 2 for column in rows(events_of_sizes([0, 3])).values()
    )


def test_rows_are_for_what_their_events_are_for() -> None:
    data = VertexedData.from_events(z_events(3, seed=4).used_for(Purpose.TEST), SPEC)
    assert tree_table(data).purpose is Purpose.TEST
