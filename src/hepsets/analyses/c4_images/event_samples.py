"""The events of a run seen along the beam: as images, and as the same particles in sets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.c4_images.config import Config
from hepsets.analyses.c4_images.samples import TEST, Sample, store
from hepsets.core.events import Events
from hepsets.core.particle_sets import ParticleSets, read_particle_sets, write_particle_sets
from hepsets.core.purpose import Purpose
from hepsets.generate.samples import generate_sample
from hepsets.represent.images.event_views import View, cylindrical, transverse_images, turn_events, visible
from hepsets.represent.images.turns import draw_turns

_WORTH_PROCESSES = 10_000
"""Events of a kind from which on several processes are faster than one."""

TURNED = f"{TEST}_any"
"""The test events turned about the beam, each by an angle of its own."""


@dataclass(frozen=True)
class Collisions:
    """Events of one accelerator, of two kinds.

    Parameters
    ----------
    kinds
        By the name of the class the samples that are mixed, each with its share.
    soft, hard
        Scale of the images [GeV], see :class:`~hepsets.represent.images.event_views.View`.
    """

    kinds: dict[str, dict[str, float]]
    soft: float
    hard: float


VIEWS: dict[str, Collisions] = {
    "upsilon4s_views": Collisions(
        {
            "q q̄": {"uubar": 0.4, "ddbar": 0.1, "ssbar": 0.1, "ccbar": 0.4},
            "B B̄": {"mixed": 0.5, "charged": 0.5},
        },
        0.1,
        4.0,
    ),
    "z_views": Collisions({"light": {"zud": 0.6, "zss": 0.4}, "b b̄": {"zbb": 1.0}}, 0.5, 40.0),
}
"""What is looked at along the beam: B B̄ and the continuum at SuperKEKB, b and light quarks from the Z."""


def get_views(config: Config, folder: Path, *, workers: int = 1) -> dict[str, Sample]:
    """Generate the events of the study ``views``, and keep images and sets of them.

    Parameters
    ----------
    config
        The run's.
    folder
        Where they are kept.
    workers
        Processes of the generator.

    Raises
    ------
    InputError
        If Pythia 8 is not installed.
    """
    return {name: _views(config, name, what, folder / name, workers) for name, what in VIEWS.items()}


def some_events(sample: Sample, number: int = 5) -> NDArray[np.float32]:
    """Images of test events of each kind, shape ``(n_classes, number, channels, side, side)``."""
    images = sample.load(TEST)
    chosen = [np.flatnonzero(images.labels == kind)[:number] for kind in range(len(sample.classes))]
    return np.stack([images.pixels[places] for places in chosen])


def sets_of(sample: Sample, part: str) -> ParticleSets:
    """The particles of the events of a part, in cylindrical coordinates."""
    return read_particle_sets(sample.folder / f"{part}.parquet")


def _views(config: Config, name: str, what: Collisions, folder: Path, workers: int) -> Sample:
    folder.mkdir(parents=True, exist_ok=True)
    wanted = config.views
    counts = {
        Purpose.TRAINING: wanted.training,
        Purpose.VALIDATION: wanted.validation,
        Purpose.TEST: wanted.test,
    }
    total = sum(counts.values())
    workers = workers if total > _WORTH_PROCESSES else 1
    kinds = [_particles(shares, total, config.seed, workers) for shares in what.kinds.values()]
    view = View(wanted.pixels, what.soft, what.hard)
    images, begin = {}, 0
    for purpose, number in counts.items():
        part = ParticleSets.concatenate([kind[begin : begin + number] for kind in kinds])
        begin += number
        labels = np.repeat(np.arange(len(kinds)), number)
        seen = {str(purpose): part}
        if purpose is Purpose.TEST:
            seen[TURNED] = turn_events(part, draw_turns(len(part), "any", config.seed))
        for called, particles in seen.items():
            images[called] = transverse_images(particles, labels, view).used_for(purpose)
            write_particle_sets(cylindrical(particles), folder / f"{called}.parquet")
    return store(name, name, folder, images, tuple(what.kinds))


def _particles(shares: dict[str, float], total: int, seed: int, workers: int) -> ParticleSets:
    """Visible particles of a mixture of samples, in random order."""
    parts = []
    for name, share in shares.items():
        number = math.ceil(share * total)
        parts.append(
            visible(Events.concatenate(list(generate_sample(name, number, seed=seed, workers=workers))))
        )
    whole = ParticleSets.concatenate(parts)
    order = np.random.default_rng([seed, len(shares)]).permutation(len(whole))
    return whole[order[: min(total, len(whole))]]
