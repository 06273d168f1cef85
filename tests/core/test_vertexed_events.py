import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets, write_particle_sets
from hepsets.core.purpose import Purpose
from hepsets.core.vertexed_events import (
    NO_VERTEX,
    VertexedEvents,
    iter_vertexed_events,
    read_vertexed_events,
    write_vertexed_events,
)
from tests.core.test_particle_sets import same

shapes = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=8)
"""Particles and vertices of each event."""


def make_events(shape, seed=0):
    rng = np.random.default_rng(seed)
    counts, found = np.array(shape).T
    particles = {
        "px": rng.normal(size=counts.sum()).astype(np.float32),
        "vertex": rng.integers(NO_VERTEX, np.repeat(found, counts)).astype(np.int16),
    }
    columns = {"number": np.arange(len(counts))}
    vertices = {"z": rng.normal(size=found.sum()), "chi2": rng.random(found.sum())}
    return VertexedEvents(
        ParticleSets(particles, np.concatenate([[0], np.cumsum(counts)]), columns),
        ParticleSets(vertices, np.concatenate([[0], np.cumsum(found)])),
    )


def alike(one, other):
    return same(one.particles, other.particles) and same(one.vertices, other.vertices)


@given(shapes)
def test_events_survive_a_file_with_their_types(tmp_path_factory, shape):
    path = tmp_path_factory.mktemp("events") / "events.parquet"
    events = make_events(shape)
    write_vertexed_events(events, path)
    assert alike(read_vertexed_events(path), events)


@given(shapes, st.data())
def test_particles_keep_their_vertices_whatever_events_are_chosen(shape, data):
    events = make_events(shape)
    chosen = np.array(data.draw(st.lists(st.integers(0, len(events) - 1), max_size=9)), dtype=np.int64)
    picked = events[chosen]
    z = np.append(events.vertices.particles["z"], np.nan)  # NO_VERTEX takes the last
    of_particle = z[events.vertex_row]
    places = [
        np.arange(events.particles.offsets[event], events.particles.offsets[event + 1]) for event in chosen
    ]
    expected = of_particle[np.concatenate([np.zeros(0, dtype=np.int64), *places])]
    seen = np.append(picked.vertices.particles["z"], np.nan)[picked.vertex_row]
    np.testing.assert_array_equal(seen, expected)


@given(shapes, shapes)
def test_joined_tables_are_the_events_one_after_the_other(first, second):
    one, other = make_events(first), make_events(second, seed=1)
    both = VertexedEvents.concatenate([one, other])
    assert alike(both[: len(one)], one)
    assert alike(both[len(one) :], other)


def test_a_stream_of_tables_becomes_one_file(tmp_path):
    parts = [make_events([(2, 1), (0, 0)], seed=seed) for seed in range(3)]
    write_vertexed_events(iter(parts), tmp_path / "events.parquet")
    read = list(iter_vertexed_events(tmp_path / "events.parquet"))
    assert alike(VertexedEvents.concatenate(read), VertexedEvents.concatenate(parts))


def test_purposes_are_those_of_the_particles():
    events = make_events([(2, 1), (1, 0)]).used_for(Purpose.TRAINING)
    assert events.held_out(np.array([1])).purpose == Purpose.VALIDATION
    with pytest.raises(InputError, match="training"):
        events.used_for(Purpose.TEST)


@pytest.mark.parametrize("vertex", [1, -2, 999])
def test_a_vertex_that_the_event_does_not_have_is_refused(vertex):
    particles = ParticleSets({"vertex": np.array([0, vertex])}, [0, 1, 2])
    with pytest.raises(InputError, match=f"vertex {vertex} of a particle in event 1, which has 1"):
        VertexedEvents(particles, ParticleSets({"z": np.zeros(2)}, [0, 1, 2]))


def test_particles_without_vertices_beside_them_are_refused(tmp_path):
    events = make_events([(2, 1), (1, 0)])
    with pytest.raises(InputError, match="vertices of 1 events beside particles of 2"):
        VertexedEvents(events.particles, events.vertices[:1])
    with pytest.raises(InputError, match="no column 'vertex'"):
        VertexedEvents(ParticleSets({"px": np.zeros(1)}, [0, 1]), events.vertices[:1])
    with pytest.raises(InputError, match="event columns label"):
        VertexedEvents(events.particles, events.vertices.with_columns(label=np.zeros(2)))
    write_particle_sets(events.particles, tmp_path / "particles.parquet")
    with pytest.raises(InputError, match="lists 'particles' and 'vertices'"):
        read_vertexed_events(tmp_path / "particles.parquet")


def marked(events, seed=0):
    """The same events, some particles and vertices of which are marked as not valid."""
    rng = np.random.default_rng([seed, 7])
    particles, vertices = (
        ParticleSets(
            {**one.particles, "is_valid": rng.random(one.n_particles) < 0.6}, one.offsets, one.columns
        )
        for one in (events.particles, events.vertices)
    )
    return VertexedEvents(particles, vertices)


@given(shapes)
def test_what_is_not_valid_is_left_out_and_the_rest_keeps_its_vertices(shape):
    events = marked(make_events(shape)).used_for(Purpose.TEST)
    left = events.valid()
    kept, fitted = (one.particles["is_valid"] for one in (events.particles, events.vertices))
    z = np.append(np.where(fitted, events.vertices.particles["z"], np.nan), np.nan)
    seen = np.append(left.vertices.particles["z"], np.nan)[left.vertex_row]
    np.testing.assert_array_equal(seen, z[events.vertex_row][kept])
    assert left.particles.particles["px"].tolist() == events.particles.particles["px"][kept].tolist()
    assert (len(left), left.purpose) == (len(events), Purpose.TEST)
    assert left.particles.particles["vertex"].dtype == events.particles.particles["vertex"].dtype


def test_events_without_masks_are_valid_as_they_are():
    events = make_events([(3, 2), (0, 1)])
    assert events.valid() is events


@pytest.mark.parametrize(("table", "column"), [("vertices", "chi2"), ("vertices", "z"), ("particles", "px")])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_in_a_file_of_ours_is_refused_with_its_event(tmp_path, table, column, value):
    events = make_events([(2, 1), (1, 2), (3, 3)])
    getattr(events, table).particles[column][-1] = value
    path = tmp_path / "events.parquet"
    write_vertexed_events(events, path)
    kind = "vertex column " if table == "vertices" else ""
    with pytest.raises(
        InputError, match=rf"events\.parquet: {kind}{column} = (nan|inf) in event 2; expected fin"
    ):
        read_vertexed_events(path)
