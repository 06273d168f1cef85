"""Small event tables with random trees, and whether two are the same."""

import numpy as np
from hypothesis import strategies as st

from hepsets.core.events import PARTICLE_COLUMNS, Events

multiplicities = st.lists(st.integers(1, 12), min_size=1, max_size=8)


def make_events(multiplicities, seed=0, **columns):
    """Random trees: each particle's mother is an earlier particle of its event."""
    rng = np.random.default_rng(seed)
    n = int(np.sum(multiplicities))
    particles = {name: rng.normal(size=n) for name, dtype in PARTICLE_COLUMNS.items() if dtype.kind == "f"}
    particles["pdg"] = rng.choice([211, -211, 22, 321, 511], size=n)
    particles["index"] = np.concatenate([np.arange(m) for m in multiplicities] or [np.zeros(0, int)])
    particles["mother_index"] = (rng.random(n) * np.maximum(particles["index"], 1)).astype(int)
    return Events(particles, np.concatenate([[0], np.cumsum(multiplicities)]), columns)


def same(one, other):
    """Whether two tables hold the same events, with the same columns."""
    return (
        np.array_equal(one.offsets, other.offsets)
        and all(np.array_equal(one.particles[name], other.particles[name]) for name in PARTICLE_COLUMNS)
        and set(one.columns) == set(other.columns)
        and all(np.array_equal(one.columns[name], other.columns[name]) for name in one.columns)
    )
