"""Features by name."""

import numpy as np
import pytest
from helpers.toy_z_events import TRACK, events_of_sizes, turned, without, z_events

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.represent.vertexed_events.identification import KINDS
from hepsets.represent.vertexed_events.inputs import (
    PARTICLE_STRUCTURE,
    PUBLISHED_INPUTS,
    InputSpec,
    feature_table,
    proper_inputs,
)

EVERYTHING = proper_inputs("truth", structure=True) + proper_inputs("dndx+tof") + PUBLISHED_INPUTS


def test_each_identification_sees_what_it_may() -> None:
    names = {which: set(proper_inputs(which).particles) for which in ("truth", "dndx+tof", "dndx", "none")}
    assert names["none"] < names["dndx"] < names["dndx+tof"]
    assert not any(name.startswith(("is_", "has_clusters", "has_flight")) for name in names["none"])
    assert all(set(KINDS) < names[which] for which in ("truth", "dndx+tof", "dndx"))
    assert not any(name.startswith("truth") for name in names["dndx+tof"])
    assert not any(name.startswith(("flight", "clusters")) for name in names["truth"])
    assert proper_inputs("none", structure=True).particles[-len(PARTICLE_STRUCTURE) :] == PARTICLE_STRUCTURE


def test_no_feature_of_a_measurement_looks_at_the_truth() -> None:
    some = z_events(20, seed=1)
    particles = dict(some.particles.particles)
    particles["true_pdg"] = np.zeros_like(particles["true_pdg"])
    particles["origin"] = 1 - particles["origin"]
    vertices = {**some.vertices.particles, "origin": 1 - some.vertices.particles["origin"]}
    columns = {
        **some.columns,
        "flavour": some.columns["flavour"][::-1],
        "quark_cos": -some.columns["quark_cos"],
    }
    blind = VertexedEvents(
        ParticleSets(particles, some.particles.offsets, columns),
        ParticleSets(vertices, some.vertices.offsets),
    )
    spec = proper_inputs("dndx+tof", structure=True)
    for name in ("particles", "vertices", "events"):
        np.testing.assert_array_equal(
            getattr(feature_table(some, spec), name), getattr(feature_table(blind, spec), name)
        )


def test_features_are_finite_and_of_the_size_of_one_whatever_comes() -> None:
    some = z_events(8, seed=2)
    rng = np.random.default_rng(1)

    def spoilt(table):
        found = {}
        for name, column in table.items():
            values = column.copy()
            if values.dtype.kind == "f":
                values[rng.random(len(values)) < 0.2] = np.nan
                values[rng.random(len(values)) < 0.1] = 1e30
            found[name] = values
        return found

    broken = VertexedEvents(
        ParticleSets(spoilt(some.particles.particles), some.particles.offsets, spoilt(some.columns)),
        ParticleSets(spoilt(some.vertices.particles), some.vertices.offsets),
    )
    table = feature_table(broken, EVERYTHING)
    for part in (table.particles, table.vertices, table.events):
        assert np.isfinite(part).all()
    proper = feature_table(broken, proper_inputs("dndx+tof", structure=True))
    assert np.abs(proper.particles).max() <= 25
    assert np.abs(proper.vertices).max() <= 25


def test_columns_that_a_file_lacks_are_zeros_with_masks() -> None:
    some = z_events(6, seed=3)
    bare = without(some, *TRACK, "n_clusters", "flight_time", "kind", "thrust", "is_track", "true_pdg")
    spec = proper_inputs("dndx+tof")
    table = feature_table(bare, spec)
    column = {name: table.particles[:, place] for place, name in enumerate(spec.particles)}
    assert (column["has_clusters"] == 0).all()
    assert (column["flight_mass"] == 0).all()
    assert np.isfinite(table.particles).all()


def test_a_turn_around_the_beam_changes_no_proper_feature() -> None:
    some = z_events(10, seed=4)
    spec = proper_inputs("dndx+tof", structure=True)
    one, other = feature_table(some, spec), feature_table(turned(some, 0.7), spec)
    np.testing.assert_allclose(one.particles, other.particles, atol=0.05)
    np.testing.assert_allclose(one.vertices, other.vertices, atol=0.01)


def test_no_particles_and_no_events_have_tables() -> None:
    for sizes in ([], [0, 0]):
        table = feature_table(events_of_sizes(sizes), EVERYTHING)
        assert table.particles.shape == (0, len(EVERYTHING.particles))
        assert len(table.events) == len(sizes)


def test_unknown_features_are_refused() -> None:
    with pytest.raises(InputError, match="unheard_of"):
        feature_table(z_events(2), InputSpec(("unheard_of",)))


def with_rubbish(events: VertexedEvents) -> VertexedEvents:
    """With a vertex and two particles more in each event, not valid; one of these is that vertex's."""
    parts = []
    for place in range(len(events)):
        one = events[place : place + 1]
        n, k = one.particles.n_particles, one.vertices.n_particles
        tables = []
        for table, more, new in ((one.particles, 2, [k, 0]), (one.vertices, 1, [])):
            columns = {
                name: np.concatenate([column, np.resize(np.array([3], column.dtype), more)])
                for name, column in table.particles.items()
            }
            if new:
                columns["vertex"][n:] = new
                columns["is_valid"] = np.arange(n + more) < n
            else:
                columns["is_valid"] = np.arange(k + more) < k
            tables.append(ParticleSets(columns, [0, table.n_particles + more], table.columns))
        parts.append(VertexedEvents(*tables))
    return VertexedEvents.concatenate(parts)


@pytest.mark.parametrize("lacking", [(), ("thrust_x", "thrust_y", "thrust_z")])
def test_what_is_marked_as_not_valid_has_no_features_and_changes_none(lacking: tuple[str, ...]) -> None:
    some = without(z_events(12, seed=4), *lacking)
    spoilt = with_rubbish(some)
    assert spoilt.particles.n_particles == some.particles.n_particles + 24
    one, other = (feature_table(events, EVERYTHING) for events in (some, spoilt))
    for name in ("particles", "vertices", "events", "particle_offsets", "vertex_offsets", "vertex"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_particles_of_a_vertex_that_is_not_valid_belong_to_none() -> None:
    some = z_events(6, seed=5)
    vertices = {**some.vertices.particles, "is_valid": some.vertices.particles["kind"] == 0}
    found = feature_table(
        VertexedEvents(some.particles, ParticleSets(vertices, some.vertices.offsets)), EVERYTHING
    )
    of_displaced = some.particles.particles["vertex"] > 0
    assert (found.vertex[of_displaced] == -1).all()
    assert not found.particles[of_displaced, EVERYTHING.particles.index("in_vertex")].any()
    assert not found.vertices[:, EVERYTHING.vertices.index("vertex_displaced")].any()
