"""The candidates of a run: simulation that trains and tells yields, and data drawn in these yields."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.bs_dspi.config import PEAK, Config, DataConfig
from hepsets.analyses.steps import Rounds, rounds_until_enough
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets, read_particle_sets, write_particle_sets
from hepsets.core.run import write_atomically
from hepsets.evaluate.fits.tails import FEWEST
from hepsets.formats.candidate_files import candidate_files
from hepsets.formats.lhcb_ntuple import read_candidates
from hepsets.generate.blocks import import_pythia
from hepsets.generate.lhc_beauty.samples import BLOCK_EVENTS, GENERIC
from hepsets.select.bs_dspi.sample import CandidateConfig, CandidateSample, make_block
from hepsets.select.bs_dspi.truth import CATEGORY, Category
from hepsets.select.bs_dspi.users import users_candidates
from hepsets.select.bs_dspi.yields import draw_numbers, expected, join_data, luminosity_of

DATA = "data"
"""What data are called among the samples of a run."""

SIGNAL = "bs_dspi"
"""The sample of the decay that is looked for."""

PHYSICAL = ("b0_dpi", "lb_lcpi", "bs_dsstpi", "bs_dsrho", "bs_dsk", "b0_dspi")
"""Samples of what is taken for it."""

SAMPLES = (SIGNAL, *PHYSICAL, GENERIC)
"""All of them."""

_APART = 1 << 40
"""Between the families of a user's simulation and of his data."""

_FORCED_EVENTS = 200
"""Of a block of data: few forced decays are wanted there, and those of the signal take long."""

_DATA_SEED = 1 << 31
"""Apart from all seeds of runs: data are not what was trained on."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Candidates of a run.

    Parameters
    ----------
    simulated
        By sample, :data:`SAMPLES` if they were made here, else the signal alone.
    yields
        What of each is expected in data, before any further cut; nothing of a user's files.
    luminosity
        Of the data [1/fb], 0 if nobody knows.
    data
        Candidates of all kinds as data have them.
    notes
        What a reader has to know of them.
    """

    simulated: dict[str, CandidateSample]
    yields: dict[str, Measured]
    luminosity: float
    data: ParticleSets
    notes: tuple[str, ...] = ()

    @property
    def by_name(self) -> dict[str, ParticleSets]:
        """Candidates of data, :data:`DATA`, and of all simulated samples."""
        return {DATA: self.data, **{name: one.candidates for name, one in self.simulated.items()}}

    @property
    def truth_known(self) -> bool:
        """Whether it is known what the candidates in data are."""
        return "category" in self.data.columns

    @property
    def families(self) -> NDArray[np.int64]:
        """Candidates of data that fluctuate together in number, shape ``(n_data,)``: those of one event in a
        user's files. In data made here combinations of a block of mixed events share D_s and pions; all
        others were drawn in Poisson numbers, each is alone.
        """
        family = np.asarray(self.data.columns["underlying_event"], dtype=np.int64)
        if not self.truth_known:
            return family
        mixed = self.data.columns["category"] == Category.COMBINATORIAL
        return np.where(mixed, family, -1 - np.arange(len(family)))

    @property
    def signal(self) -> ParticleSets:
        """The simulated signal."""
        return self.simulated[SIGNAL].candidates


def get_samples(config: Config, folder: Path, *, workers: int = 1) -> Samples:
    """Make the candidates of a run, or read those that an interrupted run left, or a user's own.

    Simulation comes first: its efficiencies say how much of each kind the data hold. These are made with
    another seed, so that no event of theirs has a relative in simulation.

    Parameters
    ----------
    config
        Of the run.
    folder
        Where they are kept.
    workers
        Processes; what is made does not depend on their number.
    """
    if config.data.train:
        return _of_files(config.data)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "simulation.json").exists():
        _keep(_simulated(config, workers), folder)
    simulated = dict(_read(folder))
    luminosity = luminosity_of(config.data.candidates, simulated)
    yields = {name: expected(sample, luminosity) for name, sample in simulated.items()}
    if not (folder / "data.parquet").exists():
        write_particle_sets(_data(config, yields, workers), folder / "data.parquet")
    return Samples(simulated, yields, luminosity, read_particle_sets(folder / "data.parquet"))


def _of_files(config: DataConfig) -> Samples:
    """A user's simulated signal and data: columns alone, no tracks around, no truth."""
    read = {
        role: read_candidates(files, preset=config.preset, own=config.columns)
        for role, files in candidate_files(config.train).items()
    }
    own = {role: users_candidates(table, signal=role == "signal") for role, table in read.items()}
    notes = tuple(f"{role}: {note}" for role, one in own.items() for note in one.notes)
    _demand_peak(own["signal"].candidates.columns["bs_mass"])
    common = set.intersection(*(set(one.candidates.columns) for one in own.values()))
    lone = set.union(*(set(one.candidates.columns) for one in own.values())) - common - {"category"}
    if lone:
        notes += (f"not in both of signal and data, and not used: {', '.join(sorted(lone))}",)
    signal, data = (
        ParticleSets(sets.particles, sets.offsets, {name: sets.columns[name] for name in sorted(common)})
        for sets in (own["signal"].candidates, own["data"].candidates)
    )
    data = data.with_columns(underlying_event=data.columns["underlying_event"] + _APART)
    return Samples({SIGNAL: CandidateSample(SIGNAL, signal, len(signal), 0)}, {}, 0.0, data, notes)


def _demand_peak(mass: NDArray[np.float64]) -> None:
    """Refuse simulated signal that is not where the B_s is."""
    inside = int(((mass >= PEAK[0]) & (mass <= PEAK[1])).sum())
    if inside < max(FEWEST, len(mass) // 2):
        raise InputError(
            f"{inside} of {len(mass)} candidates of signal from {PEAK[0]:g} to {PEAK[1]:g} GeV (median "
            f"{np.median(mass):.4g})",
            f"simulated decays of the B_s, {FEWEST} and half of them there at least",
            "see whether signal= and data= are the right way round" if len(mass) >= FEWEST else "give more",
        )


def _events(config: DataConfig, name: str) -> int:
    """How many events of a sample are generated."""
    if name == SIGNAL:
        return config.signal_events
    return config.generic_events if name == GENERIC else config.background_events


def _simulated(config: Config, workers: int) -> dict[str, CandidateSample]:
    import_pythia()
    rounds = {
        name: Rounds(_events(config.data, name), partial(_blocks, name, _events(config.data, name)))
        for name in SAMPLES
    }
    parts = rounds_until_enough(
        partial(_make, config.seed, config.data.making),
        lambda part: part.events,
        rounds,
        title="simulation",
        workers=workers,
    )
    return {name: CandidateSample.joined(of_sample) for name, of_sample in parts.items()}


def _data(config: Config, yields: Mapping[str, Measured], workers: int) -> ParticleSets:
    seed = _DATA_SEED + config.seed
    numbers = draw_numbers(yields, seed=seed)
    parts = rounds_until_enough(
        partial(_make_data, seed, config.data.making),
        lambda part: len(part.candidates),
        {  # what most are wanted of comes first, or the bar would foretell hours
            name: Rounds(numbers[name], partial(_blocks, name, None))
            for name in sorted(numbers, key=lambda one: -numbers[one])
        },
        title="data",
        workers=workers,
    )
    made = {name: CandidateSample.joined(of_sample).candidates for name, of_sample in parts.items()}
    return join_data(made, numbers, seed=seed)


def _blocks(name: str, events: int | None, number: int) -> list[tuple[str, int, int]]:
    """The only block of a round; the last one may be smaller."""
    if events is None:
        return [(name, number, BLOCK_EVENTS if name == GENERIC else _FORCED_EVENTS)]
    return [(name, number, min(max(events - number * BLOCK_EVENTS, 1), BLOCK_EVENTS))]


def _make(seed: int, making: CandidateConfig, task: tuple[str, int, int]) -> CandidateSample:
    name, block, events = task
    return make_block(name, seed=seed, block=block, events=events, config=making)


def _make_data(seed: int, making: CandidateConfig, task: tuple[str, int, int]) -> CandidateSample:
    """A block of data: signal decays once in each hadronised event, as real ones do."""
    if task[0] == SIGNAL:
        making = dataclasses.replace(making, lhc=dataclasses.replace(making.lhc, redecays=1))
    return _make(seed, making, task)


def _keep(samples: Mapping[str, CandidateSample], folder: Path) -> None:
    """All in one file, which is not empty as those of rare backgrounds may be."""
    write_particle_sets(
        ParticleSets.concatenate([sample.candidates for sample in samples.values()]),
        folder / "simulation.parquet",
    )
    made = {name: {"events": one.events, "beauty": one.beauty} for name, one in samples.items()}
    write_atomically(folder / "simulation.json", json.dumps(made) + "\n")


def _read(folder: Path) -> Iterator[tuple[str, CandidateSample]]:
    made = json.loads((folder / "simulation.json").read_text(encoding="utf-8"))
    candidates = read_particle_sets(folder / "simulation.parquet")
    for name, of in made.items():
        own = candidates[candidates.columns["category"] == CATEGORY[name]]
        yield name, CandidateSample(name, own, of["events"], of["beauty"])
