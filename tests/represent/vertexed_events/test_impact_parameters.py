"""Impact parameters towards the primary vertex and the hemisphere's axis."""

import numpy as np
import pytest
from helpers.toy_z_events import TRACK, mirrored, turned, without, z_events

from hepsets.core.particle_sets import ParticleSets
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.represent.vertexed_events.geometry import Geometry
from hepsets.represent.vertexed_events.impact_parameters import UNIT, impact_parameters, lines


def one_track(vertex, direction, primary=(0.0, 0.0, 0.0), axis=(0.0, 1.0, 0.0), error=1e-3) -> VertexedEvents:
    """An event of one track that comes from ``vertex``, and a primary vertex without errors."""
    d = np.asarray(direction, dtype=float)
    phi, tan = np.arctan2(d[1], d[0]), d[2] / np.hypot(d[0], d[1])
    x, y, z = vertex
    columns = {
        **{f"p{name}": d[i : i + 1] for i, name in enumerate("xyz")},
        "charge": np.ones(1, np.int8),
        "is_track": np.ones(1, bool),
        "d0": np.array([-x * np.sin(phi) + y * np.cos(phi)]),
        "z0": np.array([z - tan * (x * np.cos(phi) + y * np.sin(phi))]),
        "phi": np.array([phi]),
        "tan_lambda": np.array([tan]),
        "cov_d0_d0": np.array([error**2]),
        "cov_z0_z0": np.array([error**2]),
        "vertex": np.array([-1], np.int16),
    }
    thrust = {f"thrust_{name}": np.array([axis[i]]) for i, name in enumerate("xyz")}
    at = {name: np.array([primary[i]]) for i, name in enumerate("xyz")}
    vertices = ParticleSets({**at, "kind": np.zeros(1, np.int8)}, [0, 1])
    return VertexedEvents(ParticleSets(columns, [0, 1], thrust), vertices)


def found(events: VertexedEvents) -> dict[str, float]:
    return {name: float(values[0]) for name, values in impact_parameters(Geometry(events)).items()}


def test_a_track_from_a_point_on_the_axis_passes_by_what_geometry_says() -> None:
    # from 1 mm along the axis y, across it: 1 mm from the primary vertex, and 1 mm along the axis
    values = found(one_track((0.0, 0.1, 0.0), (1.0, 0.01, 0.0)))
    assert np.sinh(values["impact_2d"]) * UNIT == pytest.approx(0.1, rel=1e-3)
    assert np.sinh(values["impact_3d"]) * UNIT == pytest.approx(0.1, rel=1e-3)
    assert np.sinh(values["impact_2d_significance"]) == pytest.approx(100, rel=1e-3)
    assert np.sinh(values["axis_length"]) * UNIT == pytest.approx(0.1, rel=1e-3)
    assert np.exp(values["axis_distance"]) * UNIT < 1e-4
    assert np.exp(values["impact_error"]) * UNIT == pytest.approx(1e-3, rel=1e-3)


def test_behind_the_primary_vertex_the_signs_are_negative() -> None:
    values = found(one_track((0.0, -0.1, 0.0), (1.0, 0.01, 0.0)))
    assert np.sinh(values["impact_2d"]) * UNIT == pytest.approx(-0.1, rel=1e-3)
    assert values["impact_3d_significance"] < 0
    assert values["axis_length"] < 0


def test_distances_are_to_the_primary_vertex_wherever_it_is() -> None:
    here = found(one_track((0.0, 0.1, 0.02), (1.0, 0.3, 0.5)))
    there = found(one_track((0.03, 0.08, 0.42), (1.0, 0.3, 0.5), primary=(0.03, -0.02, 0.4)))
    assert here == pytest.approx(there, abs=1e-6)


def test_in_space_a_track_along_the_beam_is_nearer_than_across_it() -> None:
    values = found(one_track((0.0, 0.0, 0.1), (1.0, 0.0, 1.0), axis=(0.7, 0.0, 0.7)))
    assert abs(np.sinh(values["impact_3d"])) * UNIT == pytest.approx(0.1 / np.sqrt(2), rel=1e-3)
    assert np.sinh(values["impact_z_significance"]) == pytest.approx(100, rel=1e-3)


def test_turns_and_mirrors_change_no_impact_parameter() -> None:
    some = z_events(30, seed=2)
    own = impact_parameters(Geometry(some))
    for change in (lambda events: turned(events, 1.3), mirrored):
        for name, values in impact_parameters(Geometry(change(some))).items():
            np.testing.assert_allclose(own[name], values, atol=0.05)


def test_neutral_particles_have_none_and_their_mask_says_so() -> None:
    some = z_events(10, seed=3)
    neutral = some.particles.particles["charge"] == 0
    for values in impact_parameters(Geometry(some)).values():
        assert (values[neutral] == 0).all()


def test_files_without_track_parameters_have_lines_through_their_vertices() -> None:
    some = z_events(10, seed=4)
    known = lines(Geometry(some))
    guessed = lines(Geometry(without(some, *TRACK, "is_track")))
    both = known.known & guessed.known
    displaced = both & (np.abs(known.d0) > 0.02)
    assert displaced.any()
    np.testing.assert_allclose(known.d0[displaced], guessed.d0[displaced], atol=0.02)
    assert (guessed.known == (some.particles.particles["vertex"] >= 0)).all()


def test_with_hostile_numbers_all_stays_finite() -> None:
    some = z_events(6, seed=5)
    particles = dict(some.particles.particles)
    for name in ("d0", "cov_d0_d0", "px", "z0"):
        particles[name] = particles[name].copy()
        particles[name][::3] = np.nan
        particles[name][1::3] = 1e30
    broken = VertexedEvents(ParticleSets(particles, some.particles.offsets, some.columns), some.vertices)
    assert all(np.isfinite(values).all() for values in impact_parameters(Geometry(broken)).values())
