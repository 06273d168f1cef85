"""Signal and background with their thirty variables: generated, or read from the user's ntuples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.continuum_suppression.settings import Config
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets, read_particle_sets, write_particle_sets
from hepsets.core.run import log
from hepsets.select.belle2_ntuple import best_candidates, read_ntuple
from hepsets.select.continuum_sample import ContinuumSampleConfig, make_continuum_sample
from hepsets.select.continuum_variables import VARIABLES, continuum_variables
from hepsets.select.own_frames import own_frame_variables
from hepsets.simulate.belle2 import BELLE2, SHIFTS

TEST_ROUNDS = 2**20
"""Rounds of the test events; the detectors that are shifted see these same generated events."""

GENERIC_ROUNDS = 2**21
"""Rounds of signal with two generic decays."""


@dataclass(frozen=True)
class Samples:
    """Events with one candidate each, event columns ``label``, ``weight`` and the thirty variables,
    in the collision's frame and, where there are particles, in the events' own.

    Parameters
    ----------
    train, test
        The events.
    shifted
        Test events as each shifted detector sees them, by its name.
    generic_signal
        Correctly tagged signal in which both B decay generically, if made.
    efficiency
        Share of generated events that are kept, by sample; empty for the user's events.
    train_file
        Where the training events are, if they were made here and so hold particles, not the thirty
        variables alone.
    """

    train: ParticleSets
    test: ParticleSets
    shifted: dict[str, ParticleSets]
    generic_signal: ParticleSets | None
    efficiency: dict[str, Measured]
    train_file: Path | None

    @property
    def made_here(self) -> bool:
        """Whether particles are known, and not the thirty variables alone."""
        return self.train_file is not None


def get_samples(config: Config, folder: Path, *, workers: int = 1) -> Samples:
    """Events of a run: from its folder if an earlier try left them there, else made or read.

    Raises
    ------
    InputError
        For unreadable ntuples, or ones without labels or of one class only.
    """
    data = config.data
    if data.train:
        return Samples(
            _ntuple(data.train, data.tree), _ntuple(data.test, data.tree), {}, None, {}, train_file=None
        )
    folder.mkdir(exist_ok=True)
    efficiency: dict[str, Measured] = {}
    train_file = folder / "train.parquet"
    train = _made(config, train_file, data.train_events, 0, workers=workers, told=efficiency)
    test = _made(config, folder / "test.parquet", data.test_events, TEST_ROUNDS, workers=workers)
    shifted = {}
    if "shifted_detector" in config.studies:
        for name in SHIFTS:
            path = folder / f"{name}.parquet"
            shifted[name] = _made(config, path, data.shifted_events, TEST_ROUNDS, shift=name, workers=workers)
    generic = None
    if data.generic_signal_events:
        path = folder / "generic.parquet"
        generic = _generic(config, path, workers=workers)
    return Samples(train, test, shifted, generic, efficiency, train_file)


def _made(
    config: Config,
    path: Path,
    events: int,
    first_block: int,
    *,
    workers: int,
    shift: str | None = None,
    told: dict[str, Measured] | None = None,
) -> ParticleSets:
    settings = ContinuumSampleConfig(
        signal_events=events // 2,
        background_events=events // 2,
        seed=config.seed,
        first_block=first_block,
        detector=shift,
    )
    return _cached(settings, path, workers, told)


def _generic(config: Config, path: Path, *, workers: int) -> ParticleSets:
    settings = ContinuumSampleConfig(
        signal_events=config.data.generic_signal_events,
        background_events=0,
        seed=config.seed,
        first_block=GENERIC_ROUNDS,
        enriched=False,
    )
    return _cached(settings, path, workers, None)


def _cached(
    settings: ContinuumSampleConfig, path: Path, workers: int, told: dict[str, Measured] | None
) -> ParticleSets:
    if not path.exists():
        sample = make_continuum_sample(settings, workers=workers)
        for name, counts in sample.counts.items():
            log.info(
                "%s, %s: %d of %d generated events kept (%s)",
                path.stem,
                name,
                counts.kept,
                counts.generated,
                counts.efficiency,
            )
            if told is not None:
                told[name] = counts.efficiency
        variables = continuum_variables(sample.events, BELLE2.beams.energy)
        variables |= own_frame_variables(sample.events, BELLE2.beams.energy)
        write_particle_sets(sample.events.with_columns(**variables), path)
    return read_particle_sets(path)


def _ntuple(paths: tuple[str, ...], tree: str | None) -> ParticleSets:
    """Best candidates of ntuples, without particles."""
    ntuple = read_ntuple(paths, tree)
    if {"event", "signal_probability"} <= set(ntuple.columns):
        ntuple = best_candidates(ntuple)
    else:
        log.warning("%s: no event number or no signal probability: every candidate counts", ", ".join(paths))
    if ntuple.dropped:
        log.warning(
            "%s: %d candidates without all numbers left out (NaN or infinite: %s; -1, that is missing: %s)",
            ", ".join(paths),
            ntuple.dropped,
            *(
                ", ".join(f"{name} {number}" for name, number in counts.items()) or "none"
                for counts in (ntuple.not_finite, ntuple.missing)
            ),
        )
    if "weight" in ntuple.columns:
        log.info("%s: candidates count as often as __weight__ (inverse sampling rate) says", ", ".join(paths))
    label = ntuple.label
    known = label >= 0
    columns: dict[str, NDArray[np.generic]] = {
        name: np.asarray(ntuple.variables[name])[known] for name in VARIABLES
    }
    for name in ("mbc", "delta_e"):
        if name in ntuple.columns:
            columns[name] = ntuple.columns[name][known]
    truth = label[known] == 1
    if truth.all() or not truth.any():
        raise InputError(f"{', '.join(paths)}: candidates of one class", "signal and continuum")
    weight = ntuple.columns["weight"][known] if "weight" in ntuple.columns else np.ones(len(truth))
    columns |= {"label": truth, "weight": weight}
    return ParticleSets({"px": np.zeros(0)}, np.zeros(len(truth) + 1, dtype=np.int64), columns)
