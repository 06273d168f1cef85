"""Events of beauty at the LHC, block by block: p p → b b̄, as it comes or with a decay that is forced."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hepsets.core.events import Events
from hepsets.core.ragged import places
from hepsets.generate.blocks import check_block, check_sample, import_pythia, in_blocks
from hepsets.generate.lhc_beauty.chains import FORCED
from hepsets.generate.lhc_beauty.decays import Decayed, decay
from hepsets.generate.lhc_beauty.hadronisation import Hadrons, hadronised, lhc_pythia

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

GENERIC = "lhcb_bbbar"
"""b b̄ with all decays as Pythia has them."""

SAMPLES = (GENERIC, *FORCED)
"""The samples: generic, and forced decays (:data:`~hepsets.generate.lhc_beauty.chains.FORCED`)."""

BLOCK_EVENTS = 1000
"""Events of one block."""

_STREAM = 0x1B
"""Keeps these samples apart from others of the same seed and block."""

_MOST_PARTON_EVENTS = 100 * BLOCK_EVENTS
"""In a block; a hundred times what the rarest sample takes."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class LhcConfig:
    """Collisions, and how often each is used.

    Parameters
    ----------
    energy
        In the centre of mass [GeV].
    spot_size
        Standard deviations of the collision point in x, y, z [cm]: of the size of LHCb's in Run 2.
    rehadronisations
        How often each parton event is hadronised, for each way to turn it that has a b quark forwards.
    redecays
        How often a forced decay is drawn anew in each hadronised event.
    """

    energy: float = Field(default=13_000.0, ge=1000)
    spot_size: tuple[float, float, float] = (4e-3, 4e-3, 5.0)
    rehadronisations: int = Field(default=10, ge=1)
    redecays: int = Field(default=10, ge=1)


def generate_lhc(
    sample: str, events: int, *, seed: int, workers: int = 1, config: LhcConfig | None = None
) -> Iterator[Events]:
    """Exactly so many events, in blocks; fewer events of the same seed are the first of more.

    Parameters
    ----------
    sample
        One of :data:`SAMPLES`.
    events, seed, workers
        How many; same seed, same events, whatever the number of processes.
    config
        Collisions, and how often each is used.

    Raises
    ------
    InputError
        For an unknown sample, or if Pythia 8 is not installed.
    """
    check_sample(sample, SAMPLES)
    import_pythia()
    make = partial(generate_lhc_block, sample, seed, config=config)
    return in_blocks(make, events, workers, BLOCK_EVENTS)


def generate_lhc_block(
    sample: str, seed: int, block: int, n_events: int = BLOCK_EVENTS, config: LhcConfig | None = None
) -> Events:
    """Generate one block of events; a pure function of its arguments.

    Parameters
    ----------
    sample
        One of :data:`SAMPLES`.
    seed, block
        Together they seed the random numbers of the block.
    n_events
        At most :data:`BLOCK_EVENTS`; fewer events are the first of more.
    config
        Collisions, and how often each is used.

    Returns
    -------
    Events
        Charged particles forwards (1.5 < η < 5.5) that end in no decay, all hadrons that they come from, and
        the whole tree of a forced decay; what comes from a string is a root. Event columns:
        ``underlying_event`` (int64), the parton event, which several events share and samples must be
        split by; ``beauty`` (int8), b hadrons with 2 < η < 5; ``pv_x pv_y pv_z`` [cm], where the protons
        collided; and of the forced decay ``signal`` (int32), the ``index`` of its b hadron, ``decay_mode``
        (int8), ``decay_time_true`` [ps], ``flavour_produced`` and ``flavour_decayed`` (int8, the sign of
        the PDG id), without one -1, -1, 0, 0, 0.

    Raises
    ------
    InputError
        If Pythia 8 is not installed, for an unknown sample, or for too many events.
    """
    check_sample(sample, SAMPLES)
    check_block(n_events, BLOCK_EVENTS)
    config = config or LhcConfig()
    hadron = FORCED[sample].hadron if sample in FORCED else 0
    redecays = config.redecays if hadron else 1
    pythia = lhc_pythia(hadron, config.energy)
    made: list[Hadrons] = []
    numbers: list[int] = []
    spots: list[Floats] = []
    trials: list[int] = []
    for collision in range(_MOST_PARTON_EVENTS):
        rng = np.random.default_rng([seed, SAMPLES.index(sample), block, collision, _STREAM])
        number, pythia_seed = int(rng.integers(2**52)), int(rng.integers(1, 900_000_000))
        spot = rng.normal(0, config.spot_size)
        for trial, hadrons in enumerate(
            hadronised(pythia, hadron, pythia_seed, config.rehadronisations, rng)
        ):
            made.append(hadrons)
            numbers.append(number)
            spots.append(spot)
            trials.append(trial)
            if len(made) * redecays >= n_events:
                return _assembled(
                    sample, made, np.array(numbers), np.array(spots), np.array(trials), redecays, seed
                )[:n_events]
    raise RuntimeError(f"{len(made) * redecays} events in {_MOST_PARTON_EVENTS} collisions")


def _assembled(
    sample: str,
    made: list[Hadrons],
    numbers: Integers,
    spots: Floats,
    trials: Integers,
    redecays: int,
    seed: int,
) -> Events:
    """Event tables of hadronised events, each repeated with forced decays of its signal, if it has one."""
    which = np.repeat(np.arange(len(made)), redecays)
    sizes = np.array([len(hadrons.pdg) for hadrons in made])
    # particles of all hadronised events end to end, then taken as often as there are decays
    starts = np.concatenate([[0], np.cumsum(sizes)])[:-1]
    row = np.repeat(starts[which], sizes[which]) + places(sizes[which])
    event = np.repeat(np.arange(len(which)), sizes[which])
    pdg = np.concatenate([hadrons.pdg for hadrons in made])[row]
    mother = np.concatenate([hadrons.mother for hadrons in made])[row]
    momentum = np.concatenate([hadrons.momentum for hadrons in made])[row]
    vertex = np.concatenate([hadrons.vertex for hadrons in made])
    vertex[:, :3] += np.repeat(spots, sizes, axis=0)
    vertex = vertex[row]
    signal = np.array([hadrons.signal for hadrons in made])[which]
    columns = {
        "underlying_event": numbers[which],
        "beauty": np.array([hadrons.beauty for hadrons in made], dtype=np.int8)[which],
        **{f"pv_{axis}": spots[which, place] for place, axis in enumerate("xyz")},
        "signal": signal.astype(np.int32),
    }
    if sample == GENERIC:
        return _events(pdg, mother, momentum, vertex, event, len(which)).with_columns(
            **columns, **_no_decay(len(which))
        )
    at = starts[which] + signal
    whole = np.concatenate([hadrons.momentum for hadrons in made])[at]
    born = np.concatenate([hadrons.vertex for hadrons in made])[at]
    born[:, :3] += spots[which]
    species = np.concatenate([hadrons.pdg for hadrons in made])[at]
    order = trials[which] * redecays + np.arange(len(which)) % redecays
    forced = decay(sample, species, whole[:, :3], born, seed=seed, numbers=numbers[which], trials=order)
    joined = _with_forced((pdg, mother, momentum, vertex, event), sizes[which], signal, forced)
    return _events(*joined, len(which)).with_columns(
        **columns,
        decay_mode=forced.mode.astype(np.int8),
        decay_time_true=forced.time,
        flavour_produced=np.sign(species).astype(np.int8),
        flavour_decayed=forced.flavour.astype(np.int8),
    )


def _no_decay(n: int) -> dict[str, NDArray[np.int8] | Floats]:
    nothing = np.zeros(n, dtype=np.int8)
    return {
        "decay_mode": np.full(n, -1, dtype=np.int8),
        "decay_time_true": np.zeros(n),
        "flavour_produced": nothing,
        "flavour_decayed": nothing.copy(),
    }


def _with_forced(
    rest: tuple[Integers, Integers, Floats, Floats, Integers],
    sizes: Integers,
    signal: Integers,
    forced: Decayed,
) -> tuple[Integers, Integers, Floats, Floats, Integers]:
    """Add the daughters of forced decays behind the other particles of their events."""
    there = forced.pdg != 0
    there[:, 0] = False
    # the place of each daughter in its event; a pair that is no particle hands on its mother
    place = np.where(there, sizes[:, None] + np.cumsum(there, axis=1) - 1, -1)
    place[:, 0] = signal
    for i in range(1, place.shape[1]):
        pair = (forced.mother[:, i] >= 0) & ~there[:, i]
        place[pair, i] = place[pair, forced.mother[pair, i]]
    mother = np.take_along_axis(place, np.maximum(forced.mother, 0), axis=1)
    event, column = np.nonzero(there)
    pdg = np.concatenate([rest[0], forced.pdg[event, column]])
    mothers = np.concatenate([rest[1], mother[event, column]])
    momentum = np.concatenate([rest[2], forced.momentum[event, column]])
    vertex = np.concatenate([rest[3], forced.vertex[event, column]])
    events = np.concatenate([rest[4], event])
    order = np.argsort(events, kind="stable")
    return pdg[order], mothers[order], momentum[order], vertex[order], events[order]


def _events(
    pdg: Integers, mother: Integers, momentum: Floats, vertex: Floats, event: Integers, n_events: int
) -> Events:
    counts = np.bincount(event, minlength=n_events).astype(np.int64)
    return Events(
        {
            "pdg": pdg,
            "index": places(counts),
            "mother_index": mother,
            "prod_time": vertex[:, 3],
            **{axis: vertex[:, place] for place, axis in enumerate("xyz")},
            **{name: momentum[:, place] for place, name in enumerate(("px", "py", "pz", "energy"))},
        },
        np.concatenate([[0], np.cumsum(counts)]),
    )
