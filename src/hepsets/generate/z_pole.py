"""Z → q q̄ in e⁺e⁻ at FCC-ee: Pythia 8 with its own decay table, a sample per flavour, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.events import Events
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
from hepsets.generate.record import Record, is_decayed_to_the_end, to_events

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SAMPLES = ("zbb", "zcc", "zss", "zud")
"""Z → b b̄, c c̄, s s̄, and u ū or d d̄ as often as the Z decays to each."""

_QUARKS = {"zbb": "5", "zcc": "4", "zss": "3", "zud": "1 2"}

FLAVOUR = {"zbb": 5, "zcc": 4, "zss": 3, "zud": 1}
"""The event column ``flavour`` of each sample: the quark's id; 1 stands for u, too."""

_STREAM = 0x5A
"""Keeps these samples apart from those of :mod:`hepsets.generate.pythia` of the same seed and block."""

_OUTGOING = 23
"""Pythia's status of what leaves the hard process, positive or negative."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ZBeamConfig:
    """FCC-ee's beams at the Z pole, head on.

    The luminous region is that of the winter-2023 samples of FCC-ee (FCC Conceptual Design Report, Eur. Phys.
    J. Spec. Top. 228 (2019) 261, as their vertex reconstruction assumes it). Energy spread and crossing angle
    are left out: the boost of 30 mrad is small beside the jets' energies.

    Parameters
    ----------
    energy
        In the centre of mass [GeV].
    spot_size
        Standard deviations of the collision point in x, y, z [cm].
    """

    energy: float = 91.19
    spot_size: tuple[float, float, float] = (4.5e-4, 2.0e-6, 3.0e-2)


def generate_z(
    sample: str, events: int, *, seed: int, workers: int = 1, beams: ZBeamConfig | None = None
) -> Iterator[Events]:
    """Exactly so many events, in blocks; fewer events of the same seed are the first of more.

    Parameters
    ----------
    sample
        One of :data:`SAMPLES`.
    events, seed, workers
        How many; same seed, same events, whatever the number of processes.
    beams
        The beams.

    Raises
    ------
    InputError
        For an unknown sample, or if Pythia 8 is not installed.
    """
    check_sample(sample, SAMPLES)
    import_pythia()
    return in_blocks(partial(generate_z_block, sample, seed, beams=beams), events, workers)


def generate_z_block(
    sample: str,
    seed: int,
    block: int,
    n_events: int = BLOCK_EVENTS,
    beams: ZBeamConfig | None = None,
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
    beams
        The beams.

    Returns
    -------
    Events
        Whole decay trees with the Z as root, and event columns ``flavour`` (int8: 5, 4, 3 or 1) and
        ``quark_x``, ``quark_y``, ``quark_z`` (float32), the direction of the quark (not the antiquark) as the
        Z decays.

    Raises
    ------
    InputError
        If Pythia 8 is not installed, for an unknown sample, or for too many events.
    """
    check_sample(sample, SAMPLES)
    check_block(n_events)
    beams = beams or ZBeamConfig()
    rng = np.random.default_rng([seed, SAMPLES.index(sample), block, _STREAM])
    rounds = round_seeds(rng)
    spots = rng.normal(
        0, beams.spot_size, (BLOCK_EVENTS, 3)
    )  # all, so that fewer events are the first of more
    events = repeat_until_made(partial(_make, sample, beams.energy, spots), n_events, rounds)
    return events.with_columns(flavour=np.full(n_events, FLAVOUR[sample], dtype=np.int8))


def _make(sample: str, energy: float, spots: Floats, which: Integers, seed: int) -> tuple[Events, Integers]:
    pythia = _z_pythia(sample, energy)
    pythia.rndm.init(seed)
    record, succeeded = Record.read(pythia.nextBatch(len(which), "none"))
    which = which[succeeded]
    quark = _quark_directions(record)
    events = to_events(record, spots[which]).with_columns(
        **{f"quark_{axis}": quark[:, place] for place, axis in enumerate("xyz")}
    )
    whole = is_decayed_to_the_end(events)
    return events[whole], which[whole]


def _quark_directions(record: Record) -> NDArray[np.float32]:
    """Unit vectors of the quarks that the Z decays to, shape ``(n_events, 3)``."""
    quark = np.flatnonzero((np.abs(record.status) == _OUTGOING) & (record.pdg > 0) & (record.pdg < 6))
    momentum = record.momentum[:3, quark].T
    return np.asarray(momentum / np.linalg.norm(momentum, axis=1, keepdims=True), dtype=np.float32)


@lru_cache(maxsize=len(SAMPLES))
def _z_pythia(sample: str, energy: float) -> Any:
    """Pythia, ready for e⁺e⁻ → γ*/Z → q q̄ of one sample, with radiation of initial and final state."""
    return initialised(new_pythia(electron_positron(energy, _QUARKS[sample])))
