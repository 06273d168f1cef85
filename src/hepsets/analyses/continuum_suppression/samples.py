"""Signal and background with their thirty variables: generated, or read from the user's ntuples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from logging import INFO, WARNING
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.continuum_suppression.candidate_stream import (
    Keep,
    Mode,
    Source,
    Stream,
    StreamConfig,
    make_streams,
)
from hepsets.analyses.continuum_suppression.config import OWN, QUALITY, Comparison, Config, map_of
from hepsets.analyses.continuum_suppression.own_sets import (
    NUMBERS,
    read_own,
    told_of_map,
    told_of_mbc,
)
from hepsets.analyses.continuum_suppression.sample import CandidateKind, put_together
from hepsets.core.errors import InputError
from hepsets.core.event_random import GOLDEN, mix
from hepsets.core.file_roles import split_word
from hepsets.core.measured import Measured
from hepsets.core.own_split import split_by_event
from hepsets.core.particle_sets import ParticleSets, read_particle_sets, write_particle_sets
from hepsets.core.purpose import Purpose, demand
from hepsets.core.run import log
from hepsets.core.shared_events import content_hashes, refuse_shared
from hepsets.formats.belle2_ntuple import best_candidates, read_ntuple
from hepsets.formats.given_files import refuse_same_files
from hepsets.select.variables.continuum import VARIABLES, continuum_variables
from hepsets.select.variables.own_frames import own_frame_variables
from hepsets.simulate.belle2 import BELLE2, SHIFTS

TEST_ROUNDS = 2**20
"""Rounds of the test events; the detectors that are shifted see these same generated events."""

KINDS: Mapping[Comparison, CandidateKind] = {
    "shape_only": "wrong",
    "rho_rho": "rho_rho",
    "tagged": "correct",
    **dict.fromkeys(QUALITY, "correct"),
}
"""Which candidates each comparison looks at; several may look at one kind."""

_SOURCES: Mapping[CandidateKind, tuple[Source, ...]] = {
    "correct": ("tag", "continuum"),
    "wrong": ("generic", "continuum"),
    "rho_rho": ("rho_rho", "generic", "continuum"),
}
_KEEP: Mapping[Source, Keep] = {
    "tag": "correct",
    "rho_rho": "correct",
    "generic": "any",  # the correct ones are what forced decays are compared with
    "continuum": "any",
}


@dataclass(frozen=True)
class Pair:
    """Events of one comparison with one candidate each, event columns ``label``, ``weight`` and the
    thirty variables, in the collision's frame and, where there are particles, in the events' own.

    Parameters
    ----------
    train, test
        The events, each for its purpose.
    train_file
        Where the training events are, if they hold particles and not the thirty variables alone.
    cut
        Least signal probability of the tag, where events were cut on it.
    to_write
        Whether the training events are not in that file yet (:func:`write_training_events`).
    """

    train: ParticleSets
    test: ParticleSets
    train_file: Path | None
    cut: float | None = None
    to_write: bool = False


@dataclass(frozen=True)
class SampleFacts:
    """What is to be known of all events of a run.

    Parameters
    ----------
    made_here
        Whether the events were generated, and are not the user's.
    told
        What is to be said of the user's events, in sentences.
    studied
        The comparison that studies look into.
    efficiency
        As in :class:`Samples`.
    """

    made_here: bool
    told: tuple[str, ...]
    studied: str
    efficiency: dict[str, Measured]


@dataclass(frozen=True)
class Samples:
    """All events of a run.

    Parameters
    ----------
    pairs
        Training and test events, by comparison; the first one leads.
    shifted
        Events of ``tagged`` as each shifted detector sees them, by its name.
    generic_signal
        Correctly tagged signal in which both B decay generically, if made.
    efficiency
        Share of generated events that have a candidate as it should be, by source and sample; empty for
        the user's events.
    told
        What is to be said of the user's events, in sentences.
    """

    pairs: dict[str, Pair]
    shifted: dict[str, ParticleSets]
    generic_signal: ParticleSets | None
    efficiency: dict[str, Measured]
    told: tuple[str, ...] = ()

    @property
    def lead(self) -> Pair:
        """The comparison that leads."""
        return next(iter(self.pairs.values()))

    @property
    def studied(self) -> str:
        """The comparison that studies look into: ``tagged``, or the first one."""
        return "tagged" if "tagged" in self.pairs else next(iter(self.pairs))

    @property
    def made_here(self) -> bool:
        """Whether the events were generated, and are not the user's."""
        return OWN not in self.pairs

    @property
    def with_particles(self) -> bool:
        """Whether particles are known, and not the thirty variables alone."""
        return self.lead.train_file is not None

    @property
    def facts(self) -> SampleFacts:
        """What is to be known of them once they are gone."""
        return SampleFacts(self.made_here, self.told, self.studied, self.efficiency)


def get_samples(config: Config, folder: Path, *, workers: int = 1) -> Samples:
    """Events of a run: from its folder if an earlier try left them there, else made or read.

    Raises
    ------
    InputError
        For unreadable ntuples, or ones without labels or of one class only; for events that are in
        training and test files.
    """
    if config.data.train:
        pair, told = _own_events(config, folder)
        for line in told:
            log.log(WARNING if line.startswith("WARNING") else INFO, line)
        return Samples({OWN: pair}, {}, None, {}, told)
    folder.mkdir(exist_ok=True)
    efficiency = _make_missing(config, folder, workers)
    pairs: dict[str, Pair] = {name: _pair(name, folder) for name in config.comparisons}
    shifted = {
        name: read_particle_sets(folder / f"{name}.parquet").used_for(Purpose.TEST)
        for name in _shifts(config)
    }
    generic_file = folder / "generic.parquet"
    generic = read_particle_sets(generic_file) if generic_file.exists() else None
    return Samples(pairs, shifted, generic, efficiency)


def write_training_events(samples: Samples) -> None:
    """Write the user's training events, and changed ones, for the processes that train.

    Only after all of a run's events were accepted: a run that is refused before leaves no folder.
    """
    for pair in samples.pairs.values():
        if pair.to_write and pair.train_file is not None:
            pair.train_file.parent.mkdir(exist_ok=True)
            write_particle_sets(pair.train, pair.train_file)


def truth_of(events: ParticleSets) -> dict[str, NDArray[np.generic]]:
    """What tells events apart and what they are: number, label and weight, shape ``(n_events,)``."""
    known = {name: events.columns[name] for name in NUMBERS if name in events.columns}
    known.setdefault("event_number", np.arange(len(events)))
    return known | {name: events.columns[name] for name in ("label", "weight")}


def quality_cut(events: ParticleSets, efficiency: float) -> float:
    """The tag's least signal probability that keeps a share of the signal, by weights.

    Raises
    ------
    InputError
        If the events are for testing: what is chosen with them could not be judged by them.
    """
    demand(events.purpose, Purpose.TRAINING, "a cut is chosen")
    signal = events.columns["label"]
    value = events.columns["signal_probability"][signal].astype(np.float64)
    weight = events.columns["weight"][signal].astype(np.float64)
    order = np.argsort(-value, kind="stable")
    share = np.cumsum(weight[order]) / weight.sum()
    return float(value[order][np.searchsorted(share, efficiency * (1 - 1e-12))])


def _refuse_shared_events(train: ParticleSets, test: ParticleSets, train_name: str, test_name: str) -> None:
    """Refuse test events that are training events too, known by their thirty variables."""
    trained, tested = (
        content_hashes({name: events.columns[name] for name in VARIABLES}) for events in (train, test)
    )
    refuse_shared(trained, tested, train_name, test_name)


# -- generated -------------------------------------------------------------------------------------


_PURPOSES = (Purpose.TRAINING, Purpose.TEST)


def _make_missing(config: Config, folder: Path, workers: int) -> dict[str, Measured]:
    """Make the events of all comparisons out of sources that they share; returns efficiencies."""
    kinds = tuple(dict.fromkeys(KINDS[name] for name in config.comparisons))
    wanted: dict[str, StreamConfig] = {}
    for purpose in _PURPOSES:
        if not all(_file(folder, kind, purpose).exists() for kind in kinds):
            for source in dict.fromkeys(source for kind in kinds for source in _SOURCES[kind]):
                wanted[f"{purpose} {source}"] = _stream(config, source, purpose, "rho_rho" in kinds)
    shifts = [name for name in _shifts(config) if not (folder / f"{name}.parquet").exists()]
    for name in shifts:
        for source in _SOURCES["correct"]:
            wanted[f"{name} {source}"] = _shifted(config, source, name)
    if not wanted:
        return {}
    made = make_streams(wanted, workers=workers)
    for purpose in _PURPOSES:
        streams = _sources_of(purpose, made)
        for kind in kinds if streams else ():
            _write(put_together(kind, streams), _file(folder, kind, purpose))
    for name in shifts:
        _write(put_together("correct", _sources_of(name, made)), folder / f"{name}.parquet")
    generic = made.get(f"{Purpose.TEST} generic")
    if generic is not None and "correct" in kinds:
        events = generic.events["tag"]
        _write(events[events.columns["is_correct"]], folder / "generic.parquet")
    return _told(made)


def _sources_of(what: str, made: Mapping[str, Stream]) -> dict[Source, Stream]:
    """The streams of one purpose, or one shifted detector, by source."""
    return {source: made[key] for source in _KEEP if (key := f"{what} {source}") in made}


def _told(made: Mapping[str, Stream]) -> dict[str, Measured]:
    """Log how many events were kept, and return the efficiencies of the training events."""
    told = {}
    for name, stream in made.items():
        purpose, source = name.split()
        for sample, counts in stream.counts.items():
            log.info(
                "%s, %s: %d of %d generated events kept (%s)",
                name,
                sample,
                counts.kept,
                counts.generated,
                counts.efficiency,
            )
            if purpose == Purpose.TRAINING:
                own = source in ("generic", "rho_rho")
                told[f"{source} {sample}" if own else sample] = counts.efficiency
    return told


def _stream(config: Config, source: Source, purpose: Purpose, rho_rho: bool) -> StreamConfig:
    data = config.data
    events = (data.train_events if purpose is Purpose.TRAINING else data.test_events) // 2
    modes: tuple[Mode, ...] = ("tag",)
    if source == "rho_rho":
        modes, events = ("rho_rho",), data.rho_rho_signal_events
    elif rho_rho and source != "tag":
        modes = ("tag", "rho_rho")
    return StreamConfig(
        source,
        events,
        modes=modes,
        keep=_KEEP[source],
        seed=config.seed,
        first_block=0 if purpose is Purpose.TRAINING else TEST_ROUNDS,
    )


def _file(folder: Path, kind: str, purpose: Purpose) -> Path:
    return folder / f"{kind}_{purpose}.parquet"


def _write(events: ParticleSets, path: Path) -> None:
    variables = continuum_variables(events, BELLE2.beams.energy)
    variables |= own_frame_variables(events, BELLE2.beams.energy)
    write_particle_sets(events.with_columns(**variables), path)


def _pair(name: Comparison, folder: Path) -> Pair:
    train_file = _file(folder, KINDS[name], Purpose.TRAINING)
    train = read_particle_sets(train_file).used_for(Purpose.TRAINING)
    test = read_particle_sets(_file(folder, KINDS[name], Purpose.TEST)).used_for(Purpose.TEST)
    _refuse_shared_events(train, test, f"the training sample of {name}", "its test sample")
    if name not in QUALITY:
        return Pair(train, test, train_file)
    cut = quality_cut(train, QUALITY[name])
    train, test = (events[events.columns["signal_probability"] >= cut] for events in (train, test))
    train_file = _file(folder, name, Purpose.TRAINING)
    if not train_file.exists():
        write_particle_sets(train, train_file)
    return Pair(train, test, train_file, cut)


def _shifts(config: Config) -> tuple[str, ...]:
    wanted = "shifted_detector" in config.studies and "tagged" in config.comparisons
    return tuple(SHIFTS) if wanted else ()


def _shifted(config: Config, source: Source, shift: str) -> StreamConfig:
    return StreamConfig(
        source,
        config.data.shifted_events // 2,
        keep=_KEEP[source],
        seed=config.seed,
        first_block=TEST_ROUNDS,
        detector=shift,
    )


# -- the user's own --------------------------------------------------------------------------------


def _own_events(config: Config, folder: Path) -> tuple[Pair, tuple[str, ...]]:
    """The user's candidates, with their particles or without, and what is to be said of them."""
    data, of_map = config.data, map_of(config)
    told: list[str] = []

    def read(paths: tuple[str, ...]) -> ParticleSets:
        if of_map is None:
            return _ntuple(paths, data.tree, data.weight)
        found = read_own(of_map, paths, data.tree)
        told.extend(found.told)
        return found.events

    train = read(data.train)
    if data.test:
        test = read(data.test)
        refuse_same_files(*([split_word(name)[1] for name in names] for names in (data.train, data.test)))
    else:
        tests = _test_rows(config, train)
        train, test = train[~tests], train[tests]
        log.info(
            "%s split by event, seed %d: %d candidates to train and choose on, %d to test",
            ", ".join(data.train), config.seed, len(train), len(test),
        )  # fmt: skip
    _refuse_shared_events(train, test, ", ".join(data.train), ", ".join(data.test or data.train))
    train_file = None
    if of_map is not None:
        told = [*told_of_map(of_map), *told, *told_of_mbc(train, of_map, config.models)]
        train_file = folder / f"{OWN}_{Purpose.TRAINING}.parquet"
    train, test = train.used_for(Purpose.TRAINING), test.used_for(Purpose.TEST)
    return Pair(train, test, train_file, to_write=train_file is not None), tuple(told)


def event_keys(columns: Mapping[str, NDArray[Any]]) -> NDArray[np.uint64]:
    """A number for each candidate that those of one event share, shape ``(n_candidates,)``.

    Parameters
    ----------
    columns
        ``event_number``, and ``experiment`` and ``run`` where they are known.
    """
    keys = np.zeros(len(columns["event_number"]), dtype=np.uint64)
    with np.errstate(over="ignore"):  # arithmetic is modulo 2^64 by design
        for name in (name for name in NUMBERS if name in columns):
            keys = mix((keys ^ columns[name].astype(np.int64).view(np.uint64)) + GOLDEN)
    return keys


def _test_rows(config: Config, events: ParticleSets) -> NDArray[np.bool_]:
    """Which candidates test: by the numbers of their event, or by themselves where there are none."""
    data, known = config.data, events.columns
    if "event_number" in known:
        keys = event_keys(known)
    else:
        keys = content_hashes({name: known[name] for name in VARIABLES})
    return split_by_event(keys, known["label"], data.test_share, config.seed, ", ".join(data.train))


def _ntuple(paths: tuple[str, ...], tree: str | None, weight_branch: str | None = None) -> ParticleSets:
    """Best candidates of ntuples, without particles."""
    ntuple = read_ntuple(paths, tree, weight=weight_branch)
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
        negative = int((ntuple.columns["weight"] < 0).sum())
        log.info(
            "%s: candidates count as often as %s says (negative: %d)",
            ", ".join(paths),
            weight_branch or "__weight__ (inverse sampling rate)",
            negative,
        )
    label = ntuple.label
    known = label >= 0
    columns: dict[str, NDArray[np.generic]] = {
        name: np.asarray(ntuple.variables[name])[known] for name in VARIABLES
    }
    for name in ("mbc", "delta_e"):
        if name in ntuple.columns:
            columns[name] = ntuple.columns[name][known]
    for name, own in (("experiment", "experiment"), ("run", "run"), ("event_number", "event")):
        if own in ntuple.columns:
            columns[name] = ntuple.columns[own][known]
    truth = label[known] == 1
    if truth.all() or not truth.any():
        raise InputError(f"{', '.join(paths)}: candidates of one class", "signal and continuum")
    weight = ntuple.columns["weight"][known] if "weight" in ntuple.columns else np.ones(len(truth))
    columns |= {"label": truth, "weight": weight}
    return ParticleSets({"px": np.zeros(0)}, np.zeros(len(truth) + 1, dtype=np.int64), columns)
