"""The measure of a vertex finder, on toy events with a known answer."""

import numpy as np
import pytest
from helpers.toy_vertices import b_event, primary_group, seen_from_groups

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.evaluate.vertexing import (
    b_efficiency,
    chi2_probabilities,
    core_width,
    fake_rate,
    match,
    narrow_width,
    vertexing_quality,
)
from hepsets.select.vertices.event import vertexed


def by_hand(kinds, origins, flavour, z):
    """One event whose vertices lie on the thrust axis, the primary one at 0."""
    n = len(kinds)
    vertices = {"x": np.zeros(n), "y": np.zeros(n), "z": np.array(z, dtype=float)}
    vertices |= {"kind": np.array(kinds, dtype=np.int8), "origin": np.array(origins, dtype=np.int8)}
    columns = {"thrust_x": [0.0], "thrust_y": [0.0], "thrust_z": [1.0], "flavour": [flavour]}
    return VertexedEvents(
        ParticleSets(
            {"vertex": np.zeros(1, dtype=np.int16)}, [0, 1], {k: np.array(v) for k, v in columns.items()}
        ),
        ParticleSets(vertices, [0, n]),
    )


def test_one_hemisphere_of_two_with_a_vertex_of_the_chain_is_one_half():
    assert b_efficiency(by_hand([0, 1, 1], [0, 1, 2], 5, [0, 0.3, 0.5])).value == 0.5
    assert b_efficiency(by_hand([0, 1, 1], [0, 1, 2], 5, [0, 0.3, -0.5])).value == 1.0
    assert b_efficiency(by_hand([0, 1, 2], [0, -1, 1], 5, [0, 0.3, -0.5])).value == 0.0


def test_fakes_are_displaced_vertices_of_tracks_from_elsewhere():
    assert fake_rate(by_hand([0, 1], [0, -1], 3, [0, 0.3])).value == 1.0
    assert fake_rate(by_hand([0, 1, 1], [0, 4, 5], 3, [0, 0.3, 2.0])).value == 0.0
    assert fake_rate(by_hand([0, 2], [0, -1], 3, [0, 0.3])).value == 0.0


def test_what_is_measured_needs_events_of_its_flavour():
    with pytest.raises(InputError, match="no events of flavour 5"):
        b_efficiency(by_hand([0], [0], 3, [0]))


def test_the_core_is_the_standard_deviation_of_a_normal_distribution_whatever_its_tails():
    rng = np.random.default_rng(1)
    values = rng.normal(scale=3.0, size=20_000)
    width = core_width(values)
    assert width.value == pytest.approx(3.0, abs=4 * width.se)
    values[:200] = 1e6
    assert core_width(values).value == pytest.approx(3.0, rel=0.05)
    repeated = [core_width(rng.normal(size=400)).value for _ in range(400)]
    assert np.std(repeated) == pytest.approx(core_width(rng.normal(size=400)).se, rel=0.2)
    with pytest.raises(InputError, match="3 values"):
        core_width(values[:3])


def test_the_narrow_one_of_two_normal_distributions_does_not_see_the_other():
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(scale=2.0, size=8000), rng.normal(scale=20.0, size=2000)])
    width = narrow_width(values)
    assert width.value == pytest.approx(2.0, rel=0.06)
    assert core_width(values).value > 2.2
    one = rng.normal(scale=2.0, size=8000)
    assert narrow_width(one).value == pytest.approx(2.0, rel=0.12)


@pytest.fixture(scope="module")
def seen():
    rng = np.random.default_rng(2)
    made = seen_from_groups(
        [b_event(rng) for _ in range(150)] + [[primary_group(rng, 15)] for _ in range(50)]
    )
    return made.with_columns(flavour=np.repeat([5, 3], [150, 50]).astype(np.int8))


def test_toys_are_measured_as_they_were_made(seen):
    found, seeded = vertexed(seen, vertices="found"), vertexed(seen, vertices="seeded")
    quality = vertexing_quality(found, seeded, seen)
    assert quality.b_efficiency.value > 0.9
    assert quality.fake_rate.value < 0.1
    assert quality.chi2_probability_ks_p > 0.01
    for width in quality.pull_width:
        assert width.value == pytest.approx(1, abs=0.2)
    assert 0 < quality.flight_resolution_um.value < 100


def test_seeded_vertices_are_pure_and_without_bias(seen):
    matched = match(vertexed(seen, vertices="seeded"), seen)
    assert matched.is_pure.all()
    assert len(matched.pulls) == 600
    error = core_width(matched.flight_residual).value / np.sqrt(600)
    assert abs(np.median(matched.flight_residual)) < 5 * error


def test_probabilities_are_those_of_vertices_with_degrees_of_freedom(seen):
    events = vertexed(seen[:5], vertices="seeded")
    assert len(chi2_probabilities(events)) == (events.vertices.particles["ndf"] > 0).sum()
