"""Random decay trees for tests: plausible particles, physics not included."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from hepsets.core.events import PARTICLE_COLUMNS, Events

PDG_IDS = np.array([22, 111, 211, -211, 321, -321, 11, -11, 13, -13, 421, -421, 413, 310, 2212], np.int32)
"""Ids that particles other than the root draw from."""

ROOT = 300553


def random_events(n_events: int, seed: int = 0, *, mean_particles: float = 41.0) -> Events:
    """Events with Poisson-distributed numbers of particles, at least one each."""
    rng = np.random.default_rng(seed)
    return events_of_sizes(np.maximum(rng.poisson(mean_particles, n_events), 1), seed)


def beam_events(n_events: int, seed: int = 0) -> Events:
    """Random events of 10 to 60 particles whose roots carry the momentum of the beams."""
    sizes = np.random.default_rng([seed, 9]).integers(10, 61, n_events)
    events = events_of_sizes(sizes, seed)
    roots = events.offsets[:-1]
    for name, value in (("px", 0.457), ("py", 0.0), ("pz", 3.002), ("energy", 11.006)):
        events.particles[name][roots] = value
    return events


def events_of_sizes(sizes: NDArray[np.integer] | list[int], seed: int = 0) -> Events:
    """Events with given numbers of particles; each particle's mother is drawn from those before it."""
    rng = np.random.default_rng([seed, 1])
    sizes = np.asarray(sizes, dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    n = int(offsets[-1])
    index = np.arange(n) - np.repeat(offsets[:-1], sizes)
    root = index == 0
    momentum = rng.normal(scale=0.7, size=(3, n))
    mass = rng.choice([0.0, 0.1396, 0.4937, 0.9383, 1.8648], n)
    flight = rng.exponential(0.5, n)
    position = rng.normal(scale=0.5, size=(3, n)) * flight
    particles = {
        "pdg": np.where(root, ROOT, rng.choice(PDG_IDS, n)),
        "index": index,
        "mother_index": np.where(root, 0, (rng.random(n) * index).astype(np.int64)),
        "prod_time": flight / 29.98,
        **dict(zip(("x", "y", "z"), position, strict=True)),
        **dict(zip(("px", "py", "pz"), momentum, strict=True)),
        "energy": np.sqrt((momentum**2).sum(0) + mass**2),
    }
    return Events({name: particles[name].astype(kind) for name, kind in PARTICLE_COLUMNS.items()}, offsets)


def shuffled(events: Events, seed: int = 0) -> Events:
    """The same events, their particles in another order and renumbered, each tree unchanged."""
    rng = np.random.default_rng([seed, 2])
    # a random number orders the particles within their event
    order = np.lexsort([rng.random(events.n_particles), events.event_of_particle])
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    begin = np.repeat(events.offsets[:-1], events.multiplicity)
    particles = {name: column[order] for name, column in events.particles.items()}
    particles["index"] = np.arange(events.n_particles) - begin
    particles["mother_index"] = place[events.mothers[order]] - begin
    return Events(particles, events.offsets, events.columns)


def muon_label(events: Events) -> NDArray[np.float64]:
    """1 for events with more muons than most, 0 for others: something that PDG ids can tell."""
    muon = np.abs(events.particles["pdg"]) == 13
    muons = np.bincount(events.event_of_particle, muon, minlength=len(events))
    return (muons > np.median(muons)).astype(float)


def event_tables(max_events: int = 6, max_particles: int = 12) -> st.SearchStrategy[Events]:
    """Hypothesis strategy: some events, empty ones among them."""
    return st.builds(
        events_of_sizes,
        st.lists(st.integers(0, max_particles), min_size=1, max_size=max_events),
        st.integers(0, 2**16),
    )
