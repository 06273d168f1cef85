"""Events of Belle II's generic samples: Pythia 8 with Belle II's decay table, block by block."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.units import MM_PER_CM, SPEED_OF_LIGHT
from hepsets.generate.beams import BeamConfig, BPairs, draw_b_pairs, to_laboratory
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
from hepsets.generate.decay_table import DecayTable, belle2_decay_table
from hepsets.generate.fragmentation import settings_of
from hepsets.generate.inclusive import repeats_listed_channel
from hepsets.generate.pythia_particles import load_into, set_lifetimes
from hepsets.generate.record import Record, is_decayed_to_the_end, to_events
from hepsets.generate.rho_rho_decays import rho_rho_decays
from hepsets.generate.tag_decays import TagDecays, tag_decays

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SAMPLES = ("mixed", "charged", "uubar", "ddbar", "ssbar", "ccbar")
"""B⁰B̄⁰, B⁺B⁻ and the four light continuum flavours."""

Forced = Literal["tag", "rho_rho"]
"""Into what one B of each event can be forced to decay: a mode of the hadronic tag, or ρ⁺ρ⁰."""

_STREAMS: dict[Forced | None, list[int]] = {None: [], "tag": [0x7A6], "rho_rho": [0x7A7]}
"""Keeps forced events apart from generic events of the same sample, seed and block."""

_UPSILON_4S = 300553
_QUARK_OF_SAMPLE = {"ddbar": 1, "uubar": 2, "ssbar": 3, "ccbar": 4}
_MESON_OF_SAMPLE = {"mixed": 511, "charged": 521}
LEAST_HADRONIC_MASS = 4.0
"""Continuum events whose initial-state photons leave less than this [GeV] are not generated."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class GenerateConfig:
    """What to generate.

    Parameters
    ----------
    sample
        One of :data:`SAMPLES`.
    events
        How many events.
    seed
        Same seed, same events, whatever the number of workers.
    workers
        Processes to generate in.
    beam
        The beams.
    """

    sample: str = "mixed"
    events: int = Field(default=10_000, ge=1)
    seed: int = Field(default=1, ge=0, lt=2**63)
    workers: int = Field(default=1, ge=1)
    beam: BeamConfig = Field(default_factory=BeamConfig)


def event_type(sample: str) -> int:
    """Number of a sample in the event column ``event_type``; 0 is left for events of unknown origin."""
    return SAMPLES.index(sample) + 1


def event_types(sample: str, events: int) -> NDArray[np.int8]:
    """The column ``event_type`` of so many events of a sample, shape ``(events,)``."""
    return np.full(events, event_type(sample), dtype=np.int8)


def generate(config: GenerateConfig) -> Iterator[Events]:
    """Exactly ``config.events`` events, in blocks of at most :data:`BLOCK_EVENTS`.

    Fewer events of the same seed are the first of more events. Memory does not grow with the
    number of events.

    Raises
    ------
    InputError
        For an unknown sample, or if Pythia 8 is not installed.
    """
    check_sample(config.sample, SAMPLES)
    import_pythia()
    make = partial(generate_block, config.sample, config.seed, beam=config.beam)
    return in_blocks(make, config.events, config.workers)


def generate_block(
    sample: str,
    seed: int,
    block: int,
    n_events: int = BLOCK_EVENTS,
    beam: BeamConfig | None = None,
    *,
    forced: Forced | None = None,
    fragmentation: str | None = None,
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
    beam
        The beams; those of the Υ(4S) run by default.
    forced
        Let one of the two B, either with the same probability, decay as the hadronic tag wants it
        (``"tag"``, see :mod:`hepsets.generate.tag_decays`), or into ρ⁺ρ⁰ (``"rho_rho"``, see
        :mod:`hepsets.generate.rho_rho_decays`); the other decays as always. The events are others
        than those that are not forced.
    fragmentation
        Of the quarks of continuum events, see :mod:`hepsets.generate.fragmentation`; Pythia's own by default.

    Raises
    ------
    InputError
        If Pythia 8 is not installed, for an unknown sample, for too many events, for a forced decay in
        events without such a B, or for an unknown fragmentation, or one of B B̄ events.
    """
    check_sample(sample, SAMPLES)
    if forced is not None:
        able = [name for name, pdg in _MESON_OF_SAMPLE.items() if pdg in _forced_decays(forced).own_id]
        if sample not in able:
            raise InputError(f"forced decays {forced!r} in sample {sample!r}", f"one of {', '.join(able)}")
    tune = settings_of(fragmentation)
    if tune and sample not in _QUARK_OF_SAMPLE:
        raise InputError(f"fragmentation {fragmentation!r} in sample {sample!r}", "a continuum sample")
    beam = beam or BeamConfig()
    check_block(n_events)
    rng = np.random.default_rng([seed, SAMPLES.index(sample), block, *_STREAMS[forced]])
    rounds = round_seeds(rng)
    # all random numbers of the block are drawn, so that fewer events are the first of more
    spots = beam.spots(rng, BLOCK_EVENTS)
    if sample in _QUARK_OF_SAMPLE:
        frames = to_laboratory(beam.collisions(rng, BLOCK_EVENTS))
        attempt = partial(_make_continuum, sample, beam, tune, frames, spots)
    else:
        pdg = _MESON_OF_SAMPLE[sample]
        _, mass, mean_life = _decayer(pdg, forced)
        pairs = draw_b_pairs(rng, beam, BLOCK_EVENTS, pdg=pdg, mass=mass, mean_life=mean_life)
        inclusive = rng.random(pairs.pdg.shape) < belle2_decay_table().inclusive[pdg][1]
        which = np.zeros_like(inclusive)
        if forced is not None:
            which[np.arange(BLOCK_EVENTS), rng.integers(0, 2, BLOCK_EVENTS)] = True
            inclusive &= ~which
        attempt = partial(_decay_pairs, pdg, pairs, inclusive, which, forced, spots)
    return repeat_until_made(attempt, n_events, rounds)


def _make_continuum(
    sample: str,
    beam: BeamConfig,
    tune: tuple[str, ...],
    frames: Floats,
    spots: Floats,
    which: Integers,
    seed: int,
) -> tuple[Events, Integers]:
    pythia = _continuum_pythia(sample, beam.energy, tune)
    pythia.rndm.init(seed)
    record, succeeded = Record.read(pythia.nextBatch(len(which), "none"))
    which = which[succeeded]
    events = to_events(record.transformed(frames[which]), spots[which])
    whole = is_decayed_to_the_end(events)
    return events[whole], which[whole]


def _decay_pairs(
    pdg: int,
    pairs: BPairs,
    inclusive: NDArray[np.bool_],
    is_forced: NDArray[np.bool_],
    forced: Forced | None,
    spots: Floats,
    which: Integers,
    seed: int,
) -> tuple[Events, Integers]:
    pythia, _, _ = _decayer(pdg, forced)
    loaded = np.where(inclusive, belle2_decay_table().inclusive[pdg][0], pdg)
    if forced is not None:
        loaded[is_forced] = _forced_decays(forced).own_id[pdg]
    loaded *= np.sign(pairs.pdg)
    with _readable_file(_les_houches(loaded[which], pairs.momentum[which], pairs.mass)) as path:
        pythia.getLHAupPtr().newEventFile(path)
        pythia.rndm.init(seed)
        record, succeeded = Record.read(pythia.nextBatch(len(which), "none"))
    which = which[succeeded]
    events = to_events(record, spots[which], _UPSILON_4S, pairs.flights()[which])
    good = is_decayed_to_the_end(events) & ~repeats_listed_channel(events, inclusive[which], pdg)
    return events[good], which[good]


# -- Pythia -----------------------------------------------------------------------------------------

_NO_MIXING = "ParticleDecays:mixB = off"
"""Coherent mixing is drawn with the pair."""

_LHE_HEAD = """<LesHouchesEvents version="1.0">
<init>
11 -11 7.004 4.002 0 0 0 0 3 1
1 0 1 1
</init>
"""

_LHE_EVENT = """<event>
4 1 1 10 0.0073 0.118
11 -1 0 0 0 0 0 0 7.004 7.004 0 0 9
-11 -1 0 0 0 0 0 0 -4.002 4.002 0 0 9
%d 1 1 2 0 0 %.15g %.15g %.15g %.15g {mass!r} 0 9
%d 1 1 2 0 0 %.15g %.15g %.15g %.15g {mass!r} 0 9
</event>
"""


def _new_pythia(settings: tuple[str, ...], table: DecayTable | None = None) -> Any:
    pythia = new_pythia((_NO_MIXING, *settings))
    table = table or belle2_decay_table()
    load_into(pythia.particleData, table)
    set_lifetimes(pythia.particleData, table)
    return pythia


def _forced_decays(forced: Forced) -> TagDecays:
    return {"tag": tag_decays, "rho_rho": rho_rho_decays}[forced]()


@lru_cache(maxsize=8)
def _decayer(pdg: int, forced: Forced | None) -> tuple[Any, float, float]:
    """Pythia, ready to decay the B of Les Houches events, and the B's mass [GeV] and mean life [ns].

    It knows the aliases of forced decays only if there are any; they would only cost time.
    """
    with _readable_file(_LHE_HEAD + "</LesHouchesEvents>\n") as path:
        pythia = _new_pythia(
            (
                "Beams:frameType = 4",
                f"Beams:LHEF = {path}",
                "PDF:lepton = off",
                "PartonLevel:ISR = off",
                "PartonLevel:FSR = off",
                "LesHouches:matchInOut = off",
                "Check:event = off",  # the beams of the file are not those of the event
            ),
            None if forced is None else _forced_decays(forced).table,
        )
        data = pythia.particleData
        mass, mean_life = data.m0(pdg), data.tau0(pdg) / MM_PER_CM / SPEED_OF_LIGHT
        pythia.readString(f"{pdg}:tau0 = 0")  # the decay time is drawn with the pair
        return initialised(pythia), mass, mean_life


@lru_cache(maxsize=4)
def _continuum_pythia(sample: str, energy: float, tune: tuple[str, ...]) -> Any:
    """Pythia, ready for e⁺e⁻ → γ* → q q̄ of one flavour, with initial-state radiation."""
    quark, least = str(_QUARK_OF_SAMPLE[sample]), f"23:mMin = {LEAST_HADRONIC_MASS}"
    return initialised(_new_pythia(electron_positron(energy, quark, "WeakZ0:gmZmode = 1", least, *tune)))


def _les_houches(pdg: Integers, momentum: Floats, mass: float) -> str:
    """Pairs of particles of one mass as Les Houches events."""
    rows = np.concatenate([pdg[..., None], momentum], axis=2).reshape(-1)
    event = _LHE_EVENT.format(mass=mass)
    return _LHE_HEAD + event * len(pdg) % tuple(rows.tolist()) + "</LesHouchesEvents>\n"


@contextmanager
def _readable_file(text: str) -> Iterator[str]:
    """Path of a file with this text; in memory where the system can, so that nothing is left by a kill."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        with os.fdopen(os.memfd_create("hepsets.lhe"), "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
        return
    with tempfile.NamedTemporaryFile("w", prefix="hepsets-", suffix=".lhe", encoding="ascii") as file:
        file.write(text)
        file.flush()
        yield file.name
