"""Training and test events: generated, or read from the user's files."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.smart_background.config import Config
from hepsets.analyses.smart_background.one_skim_sample import SkimmedSampleConfig, make_skimmed_sample
from hepsets.analyses.steps import step
from hepsets.core.errors import InputError
from hepsets.core.events import Events, EventWriter, read_parquet
from hepsets.core.measured import Measured
from hepsets.core.own_split import LEAST_EVENTS, split_by_event
from hepsets.core.parquet import open_parquet
from hepsets.core.purpose import Purpose
from hepsets.core.run import log
from hepsets.core.shared_events import (
    KINEMATICS,
    content_hashes,
    n_repeated,
    refuse_shared,
)
from hepsets.deploy.filter.card import OWN_FILES
from hepsets.evaluate.filter.speedup import measured_retention
from hepsets.formats.given_files import refuse_same_files

TEST_BLOCKS = 2**24
"""Test events come from generator blocks that no training sample reaches."""

_USED = ("label", "weight", "mbc", "delta_e")
"""Event columns of users' files that are read; what else there is may be anything."""


@dataclass(frozen=True)
class Samples:
    """Events with event columns ``label`` (bool), ``weight`` and ``event_number``.

    Parameters
    ----------
    train, test
        The events.
    retention
        Share of passing events in the population, by weights; without an error where it was set.
    generated_per_s
        Events that were generated, simulated and skimmed per second; ``None`` for users' events.
    made_here
        The labels come from our own simulation, so that it can be repeated for the limit.
    sample, skim
        What the events and their labels are called.
    retention_is_set
        The files have no weights, so the retention is the configured one and nothing was measured.
    train_file, test_file
        The events as files that stay while the run goes on, if there are any; see :func:`in_files`.
    """

    train: Events
    test: Events
    retention: Measured
    generated_per_s: float | None
    made_here: bool
    sample: str
    skim: str
    retention_is_set: bool = False
    train_file: Path | None = None
    test_file: Path | None = None


@contextmanager
def in_files(samples: Samples, folder: Path) -> Iterator[Samples]:
    """The same samples with both files, which other processes can read.

    Those of a run that made its events are there already; else they are in ``folder`` for as long as they
    are needed.
    """
    made: list[Path] = []

    def file_of(known: Path | None, events: Events, name: str) -> Path:
        if known is not None:
            return known
        made.append(folder / name)
        with EventWriter(made[-1]) as writer:
            writer.write(events)
        return made[-1]

    try:
        yield replace(
            samples,
            train_file=file_of(samples.train_file, samples.train, "training_events.parquet"),
            test_file=file_of(samples.test_file, samples.test, "test_events.parquet"),
        )
    finally:
        for path in made:
            path.unlink(missing_ok=True)


def get_samples(config: Config, folder: Path, *, workers: int = 1) -> Samples:
    """Events of a run: from its folder if an earlier try left them there, else made or read.

    Raises
    ------
    InputError
        For unreadable files, files without labels, labels of one class only, test files without training
        files, events that are in both, or too few events to be split.
    """
    data = config.data
    if data.train or data.test:
        return _read_samples(config)
    folder.mkdir(exist_ok=True)
    train_file, test_file = folder / "train.parquet", folder / "test.parquet"
    train = make_or_read(config, train_file, data.train_events, 0, data.trials, workers)
    test = make_or_read(config, test_file, data.test_events, TEST_BLOCKS, 0, workers)
    retention = Measured.proportion(train.passing, train.generated)  # rules are made with it: no test events
    rate = (train.generated + test.generated) / (train.seconds + test.seconds)
    refuse_shared_events(train.events, test.events, "the training sample", "the test sample")
    return Samples(
        train.events.used_for(Purpose.TRAINING),
        test.events.used_for(Purpose.TEST),
        retention,
        rate,
        True,
        data.sample,
        data.skim,
        train_file=train_file,
        test_file=test_file,
    )


def get_training_events(config: Config, folder: Path, *, workers: int = 1) -> Events:
    """The training events of :func:`get_samples` alone.

    Raises
    ------
    InputError
        As :func:`get_samples`.
    """
    data = config.data
    if data.train:
        events = _labelled(data.train, data.row_groups, config.speedup.retention or 0.05)
        if not data.test:
            events, _ = _split(config, events)
    else:
        folder.mkdir(exist_ok=True)
        made = make_or_read(config, folder / "train.parquet", data.train_events, 0, data.trials, workers)
        events = made.events
    return events.used_for(Purpose.TRAINING)


@dataclass(frozen=True)
class Made:
    """Events of one sample and how they were made, with event columns ``label`` and ``weight``."""

    events: Events
    generated: int
    passing: int
    seconds: float


def make_or_read(
    config: Config, path: Path, events: int, first_block: int, trials: int, workers: int
) -> Made:
    """Events of the configured sample and skim: from ``path`` if an earlier try left them, else made."""
    settings = SkimmedSampleConfig(
        sample=config.data.sample,
        skim=config.data.skim,
        events=events,
        seed=config.seed,
        first_block=first_block,
        trials=trials,
    )
    return step(path, lambda: _make(settings, path.stem, workers), _write, _read)


def _make(settings: SkimmedSampleConfig, name: str, workers: int) -> Made:
    start = time.perf_counter()
    sample = make_skimmed_sample(settings, workers=workers)
    seconds = time.perf_counter() - start
    log.info(
        "%s: %d of %d generated events kept, retention %s, %.0f s",
        name,
        len(sample.events),
        sample.generated,
        sample.retention,
        seconds,
    )
    return Made(sample.events, sample.generated, sample.passing, seconds)


def _write(path: Path, made: Made) -> None:
    provenance = {
        "hepsets.generated": str(made.generated),
        "hepsets.passing": str(made.passing),
        "hepsets.seconds": str(made.seconds),
    }
    with EventWriter(path, metadata=provenance) as writer:
        writer.write(made.events)


def _read(path: Path) -> Made:
    metadata = {
        key.decode(): value.decode() for key, value in open_parquet(path).schema_arrow.metadata.items()
    }
    return Made(
        read_parquet(path),
        int(metadata["hepsets.generated"]),
        int(metadata["hepsets.passing"]),
        float(metadata["hepsets.seconds"]),
    )


def _read_samples(config: Config) -> Samples:
    data, retention = config.data, config.speedup.retention or 0.05
    if not data.train:
        raise InputError(
            "test files alone",
            "training files, or both",
            "give --data, too; events that were trained on say nothing in a test",
        )
    refuse_same_files(data.train, data.test)
    train = _labelled(data.train, data.row_groups, retention)
    if data.test:
        test = _labelled(data.test, data.row_groups, retention)
    else:
        train, test = _split(config, train)
        log.info(
            "%s split by event, seed %d: %d to train and choose on, %d to test",
            ", ".join(data.train), config.seed, len(train), len(test),
        )  # fmt: skip
    trained = refuse_shared_events(train, test, ", ".join(data.train), ", ".join(data.test or data.train))
    if repeated := n_repeated(trained):
        log.warning(
            "%d training events stand in the files twice: copies are all trained on or all held out for "
            "validation, and count as often as they stand there",
            repeated,
        )
    is_set = not any("weight" in _columns_of(path) for path in data.train)
    passing = (
        Measured(retention, 0.0)  # the weights were made from it: there is nothing to measure
        if is_set
        else measured_retention(train.columns["label"], train.columns["weight"])
    )
    return Samples(
        train.used_for(Purpose.TRAINING),
        test.used_for(Purpose.TEST),
        passing,
        None,
        False,
        OWN_FILES,
        "label",
        retention_is_set=is_set,
    )


def _split(config: Config, events: Events) -> tuple[Events, Events]:
    """Training and test events of one sample, which keep the number of their row."""
    data = config.data
    keys = content_keys(events)
    label, source = events.columns["label"], ", ".join(data.train)
    tests = split_by_event(keys, label, data.test_share, config.seed, source)
    return events[np.flatnonzero(~tests)], events[np.flatnonzero(tests)]


def content_keys(events: Events) -> NDArray[np.uint64]:
    """A number for each event that copies of it share, by its particles, shape ``(n_events,)``."""
    return content_hashes({name: events.particles[name] for name in KINEMATICS}, events.offsets)


def refuse_shared_events(train: Events, test: Events, train_name: str, test_name: str) -> NDArray[np.uint64]:
    """Refuse test events that are training events too, known by their particles.

    Returns
    -------
    ndarray
        One hash for each training event, shape ``(n_train,)``.

    Raises
    ------
    InputError
        If an event is in both.
    """
    trained, tested = content_keys(train), content_keys(test)
    refuse_shared(trained, tested, train_name, test_name)
    return trained


def _labelled(paths: tuple[str, ...], row_groups: tuple[int, ...] | None, retention: float) -> Events:
    parts = [_read_labelled(path, row_groups) for path in paths]
    shared = set.intersection(*(set(part.columns) for part in parts))
    unweighted = [path for path, part in zip(paths, parts, strict=True) if "weight" not in part.columns]
    if unweighted and len(unweighted) < len(paths):
        raise InputError(f"{unweighted[0]} has no weights", "weights in all of the files or in none")
    parts = [
        Events(part.particles, part.offsets, {name: part.columns[name] for name in sorted(shared)})
        for part in parts
    ]
    events = Events.concatenate(parts)
    events = events.with_columns(event_number=np.arange(len(events)))  # row by row, file by file
    label = events.columns["label"]
    if label.all() or not label.any():
        raise InputError(
            f"{', '.join(paths)}: label {int(label[0])} for every event", "events of both classes"
        )
    if (rarer := min(int(label.sum()), int((~label).sum()))) < LEAST_EVENTS:
        raise InputError(
            f"{', '.join(paths)}: {rarer} events of one class", f"{LEAST_EVENTS} of each, or more"
        )
    if "weight" in shared:
        weight = events.columns["weight"]
        if not (np.isfinite(weight) & (weight > 0)).all():
            raise InputError(f"{', '.join(paths)}: a weight that is not positive", "positive, finite weights")
        return events
    # a file of the study is balanced by hand: the weights bring the population's retention back
    passing = label.mean()
    failing_weight = passing / (1 - passing) * (1 - retention) / retention
    return events.with_columns(weight=np.where(label, 1.0, failing_weight))


def _columns_of(path: str) -> list[str]:
    """Names of the columns of a file."""
    with open_parquet(path) as file:
        return list(file.schema_arrow.names)


def _read_labelled(path: str, row_groups: tuple[int, ...] | None) -> Events:
    present = _columns_of(path)
    if "label" not in present:
        others = ", ".join(name for name in present if name != "particles")
        raise InputError(
            f"{path} has no event column 'label' (it has {others or 'none'})",
            "a column 'label' with 0 or 1",
            "add it, or make it with hepsets simulate",
        )
    events = read_parquet(path, row_groups=row_groups, columns=[name for name in _USED if name in present])
    for name, column in events.columns.items():
        if column.ndim != 1 or column.dtype.kind not in ("biuf" if name == "label" else "iuf"):
            raise InputError(
                f"{path}: event column {name!r} has type {column.dtype} and shape {column.shape}",
                "0 (fails) or 1 (passes) for each event" if name == "label" else "a number for each event",
            )
    label = events.columns["label"]
    strange = ~np.isin(label, (0, 1))
    if strange.any():
        raise InputError(f"{path}: a label of {label[strange][0]}", "0 (fails) or 1 (passes)")
    return events.with_columns(label=label.astype(bool))
