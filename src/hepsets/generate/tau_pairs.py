"""Tau pairs at Belle II: Pythia 8 with its own τ decays, which know the polarisation, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.events import Events
from hepsets.generate.beams import BeamConfig, to_laboratory
from hepsets.generate.blocks import (
    BLOCK_EVENTS,
    check_block,
    check_sample,
    electron_positron,
    import_pythia,
    in_blocks,
    initialised,
    new_pythia,
    repeat_until_made,
    round_seeds,
)
from hepsets.generate.pythia import SAMPLES as HADRONIC
from hepsets.generate.record import Record, is_decayed_to_the_end, to_events

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SAMPLES = ("taupair",)
"""Pairs of τ leptons."""

EVENT_TYPE = len(HADRONIC) + 1
"""The event column ``event_type``: those of :data:`hepsets.generate.pythia.SAMPLES` come before."""

LEAST_MASS = 4.0
"""Events whose initial-state photons leave less than this [GeV] are not generated."""

_STREAM = 0x7A8
"""Keeps these events apart from those of :mod:`hepsets.generate.pythia` of the same seed and block."""


def generate_tau_pairs(sample: str, events: int, *, seed: int, workers: int = 1) -> Iterator[Events]:
    """Exactly so many events, in blocks; fewer events of the same seed are the first of more.

    Parameters
    ----------
    sample
        One of :data:`SAMPLES`.
    events, seed, workers
        How many; same seed, same events, whatever the number of processes.

    Raises
    ------
    InputError
        For an unknown sample, or if Pythia 8 is not installed.
    """
    check_sample(sample, SAMPLES)
    import_pythia()
    return in_blocks(partial(generate_tau_block, sample, seed), events, workers)


def generate_tau_block(
    sample: str, seed: int, block: int, n_events: int = BLOCK_EVENTS, beam: BeamConfig | None = None
) -> Events:
    """Generate one block of events; a pure function of its arguments.

    Parameters
    ----------
    sample
        One of :data:`SAMPLES`.
    seed, block
        Together they seed the random numbers of the block.
    n_events
        At most :data:`~hepsets.generate.blocks.BLOCK_EVENTS`; fewer events are the first of more.
    beam
        The beams; those of the Υ(4S) run by default.

    Returns
    -------
    Events
        Whole decay trees with the virtual photon as root, and the event column ``event_type``.

    Raises
    ------
    InputError
        If Pythia 8 is not installed, for an unknown sample, or for too many events.
    """
    check_sample(sample, SAMPLES)
    check_block(n_events)
    beam = beam or BeamConfig()
    rng = np.random.default_rng([seed, SAMPLES.index(sample), block, _STREAM])
    rounds = round_seeds(rng)
    # all random numbers of the block are drawn, so that fewer events are the first of more
    spots = beam.spots(rng, BLOCK_EVENTS)
    frames = to_laboratory(beam.collisions(rng, BLOCK_EVENTS))
    events = repeat_until_made(partial(_make, beam.energy, frames, spots), n_events, rounds)
    return events.with_columns(event_type=np.full(n_events, EVENT_TYPE, dtype=np.int8))


def _make(
    energy: float, frames: Floats, spots: Floats, which: Integers, seed: int
) -> tuple[Events, Integers]:
    pythia = _tau_pythia(energy)
    pythia.rndm.init(seed)
    record, succeeded = Record.read(pythia.nextBatch(len(which), "none"))
    which = which[succeeded]
    events = to_events(record.transformed(frames[which]), spots[which])
    whole = is_decayed_to_the_end(events)
    return events[whole], which[whole]


@lru_cache(maxsize=2)
def _tau_pythia(energy: float) -> Any:
    """Pythia, ready for e⁺e⁻ → γ* → τ⁺τ⁻ with radiation of initial and final state."""
    settings = electron_positron(energy, "15", "WeakZ0:gmZmode = 1", f"23:mMin = {LEAST_MASS}")
    return initialised(new_pythia(settings))
