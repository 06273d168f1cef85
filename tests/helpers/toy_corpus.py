"""A toy corpus: random decay trees, and tracks and clusters that are their smeared particles."""

from __future__ import annotations

import numpy as np

from helpers.random_events import random_events
from hepsets.core.events import Events
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.pdg import PdgMap
from hepsets.learn.pretraining.corpus import LABELS, CorpusData
from hepsets.learn.pretraining.encoder import Trunk, TrunkConfig
from hepsets.select.variables.decay_class import N_CLASSES
from hepsets.select.whole_events.particles import TRUTH

SMALL = TrunkConfig(units=16, layers=1, attention_heads=2, embedding=4)


def toy_events(n_events: int, seed: int = 0) -> tuple[ParticleSets, Events]:
    """What was seen and what was generated; the label of the sample is whether there are many particles."""
    rng = np.random.default_rng([seed, 5])
    events = random_events(n_events, seed=seed, mean_particles=12)
    offsets = events.offsets
    many = np.diff(offsets) > np.median(np.diff(offsets))
    labels = np.column_stack([many, rng.integers(0, N_CLASSES, n_events), many]).astype(np.int64)
    seen = rng.random(events.n_particles) < 0.7
    source = np.flatnonzero(seen)
    own = events.event_of_particle[source]
    charge = rng.integers(-1, 2, len(source))
    species = np.eye(5)[np.abs(events.particles["pdg"][source]) % 5] * 0.9 + 0.02
    columns = {
        name: events.particles[name][source] * rng.normal(1, 0.02, len(source)) for name in ("px", "py", "pz")
    }
    columns |= {
        name: np.where(charge != 0, species[:, k], 0)
        for k, name in enumerate(("electron", "muon", "pion", "kaon", "proton"))
    }
    columns |= {
        "charge": charge,
        "d0": rng.normal(0, 0.01, len(source)),
        "z0": rng.normal(0, 0.02, len(source)),
    }
    columns[TRUTH] = np.where(rng.random(len(source)) < 0.1, -1, source - offsets[own])
    counts = np.bincount(own, minlength=n_events)
    return ParticleSets(columns, np.concatenate([[0], np.cumsum(counts)])), events.with_columns(
        **{LABELS: labels}
    )


def toy_trunk(generated: Events, config: TrunkConfig = SMALL) -> Trunk:
    """A trunk that knows the ids of these events."""
    return Trunk(config, PdgMap.fit(generated.particles["pdg"]))


def toy_corpus(n_events: int, seed: int = 0, config: TrunkConfig = SMALL) -> tuple[Trunk, CorpusData]:
    """Events in memory, and a trunk whose scales are theirs."""
    seen, generated = toy_events(n_events, seed)
    trunk = toy_trunk(generated, config)
    data = CorpusData.of(seen, generated, config.sets, trunk.pdg_map)
    trunk.fit_scales(data.sets, data.generated.slice(0, n_events))
    return trunk, data
