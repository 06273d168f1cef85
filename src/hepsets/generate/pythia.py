"""Events of Belle II's generic samples: Pythia 8 with Belle II's decay table, block by block."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.parallel import map_in_order
from hepsets.core.units import MM_PER_CM, SPEED_OF_LIGHT
from hepsets.generate.beams import BeamConfig, BPairs, draw_b_pairs
from hepsets.generate.decay_table import belle2_decay_table, load_into
from hepsets.generate.record import Record, to_events

SAMPLES = ("mixed", "charged", "uubar", "ddbar", "ssbar", "ccbar")
"""B⁰B̄⁰, B⁺B⁻ and the four light continuum flavours."""

BLOCK_EVENTS = 5000
"""Events that are generated from one seed: the unit of reproducibility."""

_SPARE_EVENTS = 100
"""Collisions beyond the block, for those whose decay Pythia gives up."""

_UPSILON_4S = 300553
_VIRTUAL_PHOTON = 23
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
    """

    sample: str = "mixed"
    events: int = 10_000
    seed: int = 1
    workers: int = 1
    beam: BeamConfig = BeamConfig()

    def __post_init__(self) -> None:
        _check_sample(self.sample)
        for name, least in (("events", 1), ("seed", 0), ("workers", 1)):
            value = getattr(self, name)
            if value < least:
                raise InputError(f"{name} = {value}", f"a whole number of at least {least}")


def _check_sample(sample: str) -> None:
    if sample not in SAMPLES:
        raise InputError(f"sample {sample!r}", f"one of {', '.join(SAMPLES)}")


def generate(config: GenerateConfig) -> Iterator[Events]:
    """Yield exactly ``config.events`` events in blocks of at most :data:`BLOCK_EVENTS`.

    Fewer events of the same seed are the first of more events.

    Raises
    ------
    InputError
        If Pythia 8 is not installed.
    """
    _import_pythia()
    sizes = [min(BLOCK_EVENTS, config.events - start) for start in range(0, config.events, BLOCK_EVENTS)]
    make = partial(_generate_task, config.sample, config.seed, config.beam)
    yield from map_in_order(make, enumerate(sizes), config.workers)


def _generate_task(sample: str, seed: int, beam: BeamConfig, task: tuple[int, int]) -> Events:
    block, n_events = task
    return generate_block(sample, seed, block, n_events, beam)


def generate_block(
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
        At most :data:`BLOCK_EVENTS`; fewer events are the first of more.
    beam
        The beams; those of the Υ(4S) run by default.

    Raises
    ------
    InputError
        If Pythia 8 is not installed, for an unknown sample, or for too many events.
    """
    _check_sample(sample)
    beam = beam or BeamConfig()
    if not 0 < n_events <= BLOCK_EVENTS:
        raise InputError(f"{n_events} events in a block", f"1 to {BLOCK_EVENTS}")
    rng = np.random.default_rng([seed, SAMPLES.index(sample), block])
    pythia_seed = int(rng.integers(1, 900_000_000))
    n_collisions = BLOCK_EVENTS + _SPARE_EVENTS  # whatever n_events is: fewer are the first of more
    spots = beam.spots(rng, n_collisions)
    if sample in _QUARK_OF_SAMPLE:
        pythia = _continuum_pythia(sample, beam)
        pythia.rndm.init(pythia_seed)
        record, used = _next_events(pythia, n_events)
        return to_events(record, spots[used])
    pdg = _MESON_OF_SAMPLE[sample]
    pythia, mass, mean_life = _decayer(pdg)
    pairs = draw_b_pairs(rng, beam, n_collisions, pdg=pdg, mass=mass, mean_life=mean_life)
    with tempfile.TemporaryDirectory(prefix="hepsets-") as folder:
        path = Path(folder) / "pairs.lhe"
        _write_lhe(path, pairs, n_events + _SPARE_EVENTS)
        pythia.getLHAupPtr().newEventFile(str(path))
        pythia.rndm.init(pythia_seed)
        record, used = _next_events(pythia, n_events)
    return to_events(record, spots[used], _UPSILON_4S, pairs.flights()[used])


# -- Pythia -----------------------------------------------------------------------------------------

_SETTINGS = (
    "Print:quiet = on",
    "Next:numberShowEvent = 0",
    "PartonLevel:MPI = off",
    "ParticleDecays:mixB = off",  # coherent mixing is drawn with the pair
)

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


def _import_pythia() -> Any:
    try:
        import pythia8mc
    except ImportError as error:
        raise InputError(
            "Pythia 8 is not installed",
            "the package pythia8mc, which generates the events",
            'pip install "hepsets[generate]"',
        ) from error
    return pythia8mc


def _new_pythia(settings: tuple[str, ...]) -> Any:
    pythia = _import_pythia().Pythia("", False)
    for setting in _SETTINGS + settings:
        if not pythia.readString(setting):
            raise RuntimeError(f"Pythia refuses the setting {setting!r}")
    load_into(pythia.particleData, belle2_decay_table())
    return pythia


def _initialised(pythia: Any) -> Any:
    if not pythia.init():
        raise RuntimeError("Pythia cannot be initialised")
    return pythia


@lru_cache(maxsize=2)
def _decayer(pdg: int) -> tuple[Any, float, float]:
    """Pythia, ready to decay the B of Les Houches events, and the B's mass [GeV] and mean life [ns]."""
    with tempfile.TemporaryDirectory(prefix="hepsets-") as folder:
        path = Path(folder) / "empty.lhe"
        path.write_text(_LHE_HEAD + "</LesHouchesEvents>\n")
        pythia = _new_pythia(
            (
                "Beams:frameType = 4",
                f"Beams:LHEF = {path}",
                "PDF:lepton = off",
                "PartonLevel:ISR = off",
                "PartonLevel:FSR = off",
                "LesHouches:matchInOut = off",
                "Check:event = off",  # the beams of the file are not those of the event
            )
        )
        data = pythia.particleData
        mass, mean_life = data.m0(pdg), data.tau0(pdg) / MM_PER_CM / SPEED_OF_LIGHT
        pythia.readString(f"{pdg}:tau0 = 0")  # the decay time is drawn with the pair
        return _initialised(pythia), mass, mean_life


@lru_cache(maxsize=4)
def _continuum_pythia(sample: str, beam: BeamConfig) -> Any:
    """Pythia, ready for e⁺e⁻ → γ* → q q̄ of one flavour, with initial-state radiation."""
    electron, positron = beam.momenta()
    return _initialised(
        _new_pythia(
            (
                "Beams:frameType = 3",
                "Beams:idA = 11",
                "Beams:idB = -11",
                *(f"Beams:p{axis}A = {p!r}" for axis, p in zip("xyz", electron, strict=True)),
                *(f"Beams:p{axis}B = {p!r}" for axis, p in zip("xyz", positron, strict=True)),
                "Beams:allowMomentumSpread = on",
                f"Beams:sigmaPzA = {beam.electron_spread}",
                f"Beams:sigmaPzB = {beam.positron_spread}",
                "WeakSingleBoson:ffbar2gmZ = on",
                "WeakZ0:gmZmode = 1",
                "23:onMode = off",
                f"23:onIfAny = {_QUARK_OF_SAMPLE[sample]}",
                f"23:mMin = {LEAST_HADRONIC_MASS}",
            )
        )
    )


def _write_lhe(path: Path, pairs: BPairs, n: int) -> None:
    """Write the first ``n`` pairs as Les Houches events."""
    rows = np.concatenate([pairs.pdg[:n, :, None], pairs.momentum[:n]], axis=2).reshape(-1)
    event = _LHE_EVENT.format(mass=pairs.mass)
    path.write_text(_LHE_HEAD + event * n % tuple(rows.tolist()) + "</LesHouchesEvents>\n")


def _next_events(pythia: Any, n_events: int) -> tuple[Record, np.ndarray[Any, np.dtype[np.int64]]]:
    """Exactly ``n_events`` events, and which collision each is; the next replaces one that fails."""
    records: list[Record] = []
    used: list[int] = []
    tried = 0
    while len(used) < n_events:
        batch = pythia.nextBatch(n_events - len(used), "none")
        record, succeeded = Record.read(batch)
        records.append(record)
        used.extend((tried + np.flatnonzero(succeeded)).tolist())
        tried += len(succeeded)
        if tried > n_events + _SPARE_EVENTS:
            raise RuntimeError(f"Pythia failed in {tried - len(used)} of {tried} events")
    return Record.joined(records), np.array(used)
