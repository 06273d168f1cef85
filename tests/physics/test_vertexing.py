"""Vertices of simulated Z decays against what the study asks of them, and against files of FCC-ee courses."""

import numpy as np
import pytest

from hepsets.core.particle_kinds import VertexKind
from hepsets.core.particle_sets import ParticleSets
from hepsets.evaluate.vertexing import vertexing_quality
from hepsets.generate.z_pole import generate_z
from hepsets.select.vertices.event import vertexed
from hepsets.simulate.idea import IDEA
from hepsets.simulate.layered import see_z_events

pytestmark = pytest.mark.validate
N_EVENTS = 2000


@pytest.fixture(scope="module")
def seen():
    parts = []
    for sample in ("zbb", "zss"):
        for block in generate_z(sample, N_EVENTS, seed=11):
            parts.append(see_z_events(block, seed=11, event_numbers=np.arange(len(block)), detector=IDEA))
    return ParticleSets.concatenate(parts)


@pytest.fixture(scope="module")
def found(seen):
    return vertexed(seen, vertices="found")


@pytest.fixture(scope="module")
def seeded(seen):
    return vertexed(seen, vertices="seeded")


def test_two_of_three_b_hemispheres_have_their_vertex_and_few_light_events_have_one(seen, found, seeded):
    quality = vertexing_quality(found, seeded, seen)
    assert quality.b_efficiency.value > 0.65
    assert quality.fake_rate.value < 0.02
    assert quality.chi2_probability_ks_p > 0.01
    assert quality.flight_resolution_um.value < 40
    for width in quality.pull_width:
        assert width.value == pytest.approx(1, abs=0.1)


def test_seeded_b_events_have_4_8_vertices_and_two_tracks_in_the_median_one(seeded):
    of_b = seeded[seeded.columns["flavour"] == 5]
    vertices = of_b.vertices.particles
    assert of_b.vertices.multiplicity.mean() == pytest.approx(4.8, abs=0.3)
    assert np.median(vertices["n_tracks"]) <= 3


def test_the_primary_vertex_is_known_to_some_micrometres(found):
    vertices = found.vertices.particles
    primary = vertices["kind"] == VertexKind.PRIMARY
    along = 1e4 * np.sqrt(np.median(vertices["cov_z_z"][primary]))
    assert 2 < along < 6


def test_nearly_all_k_shorts_are_of_strange_origin(found):
    vertices = found.vertices.particles
    assert np.mean(vertices["origin"][vertices["kind"] == VertexKind.K_SHORT] == 4) > 0.93
