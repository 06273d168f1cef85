"""The layered detector: columns, reproducibility, pulls, and what becomes of each kind of particle."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.events import PARTICLE_COLUMNS, Events
from hepsets.core.reconstructed import (
    COVARIANCE,
    TRACK_PARAMETERS,
)
from hepsets.generate.z_pole import generate_z_block
from hepsets.simulate.idea import IDEA
from hepsets.simulate.layered import see_z_events


def gun(pdg, n, momentum, theta=90.0, *, at=(0.0, 0.0, 0.0), phi=0.3, mass=0.13957, mother=0):
    """Events of one particle each; with a mother at the origin if ``mother`` is an id."""
    first = 1 if mother else 0
    size = first + 1
    particles = {name: np.zeros(size * n, dtype) for name, dtype in PARTICLE_COLUMNS.items()}
    own = slice(first, None, size)
    if mother:
        particles["pdg"][::size] = mother
        particles["index"][own] = 1
    p, angle = np.broadcast_to(momentum, n), np.radians(theta)
    particles["pdg"][own] = pdg
    particles["px"][own] = p * np.sin(angle) * np.cos(phi)
    particles["py"][own] = p * np.sin(angle) * np.sin(phi)
    particles["pz"][own] = p * np.cos(angle)
    particles["energy"][own] = np.hypot(p, mass)
    for name, value in zip("xyz", at, strict=True):
        particles[name][own] = value
    return Events(particles, np.arange(n + 1) * size)


def look(events, detector=IDEA, *, seed=1, trial=0, numbers=None):
    numbers = np.arange(len(events)) if numbers is None else numbers
    return see_z_events(events, seed=seed, event_numbers=numbers, trial=trial, detector=detector)


@pytest.fixture(scope="module")
def events():
    return generate_z_block("zbb", 11, 0, 400)


def same(left, right):
    return np.array_equal(left.offsets, right.offsets) and all(
        np.array_equal(left.particles[name], right.particles[name]) for name in left.particles
    )


def test_particles_have_all_columns_and_finite_values(events):
    seen = look(events, numbers=np.arange(400) + 7)
    seen.validate()
    wanted = {"px", "py", "pz", "energy", "charge", "is_track", "kind", *TRACK_PARAMETERS, *COVARIANCE}
    wanted |= {"n_clusters", "track_length", "has_clusters", "flight_time", "flight_length"}
    wanted |= {"has_flight_time", "true_pdg", "origin"}
    assert set(seen.particles) == wanted
    assert {"flavour", "quark_x", "event_number"} <= set(seen.columns)
    assert seen.columns["event_number"].tolist() == list(range(7, 407))
    is_track = seen.particles["is_track"]
    for name in (*TRACK_PARAMETERS, *COVARIANCE, "charge"):
        assert not seen.particles[name][~is_track].any()


def test_an_event_looks_the_same_alone_in_any_batch_and_order(events):
    whole = look(events)
    order = np.random.default_rng(1).permutation(len(events))[:50]
    assert same(whole[order], look(events[order], numbers=order))
    assert not same(whole, look(events, trial=1))
    assert not same(whole, look(events, seed=2))


def test_empty_events_stay_empty():
    nothing = Events({name: np.zeros(0, dtype) for name, dtype in PARTICLE_COLUMNS.items()}, [0, 0, 0])
    seen = look(nothing)
    assert (len(seen), seen.n_particles) == (2, 0)
    assert len(look(nothing[:0])) == 0


def test_event_numbers_are_one_per_event(events):
    with pytest.raises(InputError, match=r"event numbers of shape \(3,\)"):
        look(events, numbers=np.arange(3))
