"""Events along the beam: images know quarter turns, sets know all turns, and no energy is lost."""

from __future__ import annotations

import numpy as np
import pytest

from hepsets.core.events import PARTICLE_COLUMNS, Events
from hepsets.core.particle_sets import ParticleSets
from hepsets.represent.images.event_views import (
    CYLINDRICAL,
    View,
    cylindrical,
    transverse_images,
    turn_events,
    visible,
)

VIEW = View(pixels=8, soft=0.2, hard=5.0)


@pytest.fixture(scope="module")
def particles():
    random = np.random.default_rng(3)
    offsets = np.array([0, 12, 12, 30, 41])  # an event is empty
    columns = {
        "px": random.normal(size=41),
        "py": random.normal(size=41),
        "charged": random.random(41) < 0.6,
    }
    return ParticleSets(columns, offsets)


def images(particles, view=VIEW):
    return transverse_images(particles, np.zeros(len(particles), dtype=int), view)


def test_an_image_holds_the_transverse_momenta_of_its_event(particles):
    pt = np.hypot(particles.particles["px"], particles.particles["py"])
    charged = particles.particles["charged"]
    sums = images(particles).pixels.sum(axis=(2, 3))
    for event in range(len(particles)):
        own = particles.event_of_particle == event
        np.testing.assert_allclose(
            sums[event], [pt[own & charged].sum(), pt[own & ~charged].sum()], rtol=1e-5
        )


def test_a_quarter_turn_of_the_event_is_one_of_the_image(particles):
    once = images(turn_events(particles, 90.0)).pixels
    np.testing.assert_allclose(once, np.rot90(images(particles).pixels, axes=(2, 3)), atol=1e-6)


def test_cylindrical_coordinates_know_no_turn_at_all(particles):
    before, after = cylindrical(particles), cylindrical(turn_events(particles, np.array([7.0, 1, 100, 333])))
    for name in CYLINDRICAL:
        np.testing.assert_allclose(before.particles[name], after.particles[name], atol=1e-9)
    np.testing.assert_allclose(np.hypot(before.particles["cosine"], before.particles["sine"]), 1)
    hardest = np.argmax(before.particles["log_pt"][:12])
    assert before.particles["cosine"][hardest] == pytest.approx(1)


def test_the_larger_py_is_above_and_the_larger_px_to_the_right():
    one = ParticleSets({"px": np.array([1.0]), "py": np.array([3.0]), "charged": np.array([True])}, [0, 1])
    row, column = np.argwhere(images(one).pixels[0, 0] > 0)[0]
    assert row < 3
    assert column > 3


def test_only_what_ends_in_the_detector_is_seen():
    rows = [  # pdg, mother, px, pz
        (511, 0, 0.0, 0.1),  # decays
        (-211, 0, 1.0, 0.1),
        (22, 0, 0.5, 0.5),
        (12, 0, 1.0, 0.0),  # a neutrino
        (321, 0, 0.01, 0.0),  # too soft
        (13, 0, 0.1, 5.0),  # along the beam
    ]
    columns = {name: np.zeros(len(rows), dtype) for name, dtype in PARTICLE_COLUMNS.items()}
    for name, place in (("pdg", 0), ("mother_index", 1), ("px", 2), ("pz", 3)):
        columns[name] = np.array([row[place] for row in rows]).astype(PARTICLE_COLUMNS[name])
    columns["index"] = np.arange(len(rows), dtype=np.int32)
    found = visible(Events(columns, np.array([0, len(rows)])))
    assert found.particles["px"].tolist() == [1.0, 0.5]
    assert found.particles["charged"].tolist() == [True, False]
