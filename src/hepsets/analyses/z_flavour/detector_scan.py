"""Taggers for other detectors: the same generated events, seen by each, and a tagger trained anew for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from hepsets.analyses.z_flavour.blocks import Block, blocks_of, generated, missing, see_block
from hepsets.analyses.z_flavour.cells import CELLS, FLAVOUR_OF
from hepsets.analyses.z_flavour.comparison import scores_of
from hepsets.analyses.z_flavour.config import Config, Setting
from hepsets.analyses.z_flavour.samples import Labelled, Sample
from hepsets.analyses.z_flavour.split import stratified_split
from hepsets.analyses.z_flavour.training import Alone, Model, train_alone
from hepsets.core.parallel import map_in_order
from hepsets.core.progress import progress_bar
from hepsets.core.purpose import Purpose
from hepsets.evaluate.scores.working_points import WorkingPoint, working_points
from hepsets.simulate.idea import IdeaConfig

FIRST_BLOCK = 4 * 2**20
"""Number of the first block of these events, which nothing else in a run has."""

CELL = CELLS["hemispheres"]
"""What is tagged, and with which features."""

POINTS = (("b", "c", 0.01), ("c", "b", 0.01), ("s", "ud", 0.1))
"""Working points of each detector: flavour, against, mis-identification."""

SETTINGS: tuple[Setting, ...] = get_args(Setting)
"""Settings of the detector, one of which differs at a time."""

PLANNED = "planned"
"""Folder of the detector of the run's own settings."""


@dataclass(frozen=True)
class SeenBy:
    """What taggers are worth on hemispheres that one detector saw.

    Parameters
    ----------
    setting, value
        What differs from the run's detector; the value in the units of
        :class:`~hepsets.simulate.idea.IdeaConfig`.
    planned
        Whether it is the run's detector.
    trained_anew
        Working points of the tagger that was trained on events of this detector.
    of_planned
        Those of the tagger that was trained on events of the run's detector.
    """

    setting: Setting
    value: float
    planned: bool
    trained_anew: tuple[WorkingPoint, ...]
    of_planned: tuple[WorkingPoint, ...]


@dataclass(frozen=True)
class OtherSeed:
    """The tagger of the run's detector, trained with another seed.

    Parameters
    ----------
    seed
        Of its weights and batches.
    points
        Its working points.
    """

    seed: int
    points: tuple[WorkingPoint, ...]


@dataclass(frozen=True)
class DetectorScan:
    """Taggers against settings of the detector.

    Parameters
    ----------
    model
        Name of the tagger.
    seed
        Of all trainings but ``other_seeds``.
    counts
        Hemispheres of each flavour to train, to validate and to test.
    seen
        The detectors, setting by setting, by rising values.
    other_seeds
        How far trainings alone differ, on the run's detector.
    """

    model: str
    seed: int
    counts: tuple[int, int, int]
    seen: tuple[SeenBy, ...]
    other_seeds: tuple[OtherSeed, ...]


def scan_detector(config: Config, events: Path, models: Path, *, workers: int = 1) -> DetectorScan:
    """Train and judge taggers of hemispheres, with found vertices, for every setting of the detector.

    The generated events, their split and, but for a few, the random numbers of the detector are the same for
    all; what differs is the detector.

    Parameters
    ----------
    config
        The run's; ``scan`` says which settings, and of how many events.
    events, models
        Folders for features and trainings. What an earlier try left there is not made again.
    workers
        Processes.
    """
    detectors = dict(_detectors(config))
    samples = _see(config, detectors, events, workers)
    names = [(name, config.seed) for name in detectors]
    names += [(PLANNED, seed) for seed in range(config.seed + 1, config.seed + config.scan.trainings)]
    tasks = [
        Alone(_of_training(config, seed), samples[name], models / f"{name}_seed_{seed}")
        for name, seed in names
    ]
    found = train_alone(tasks, workers=workers, device=config.fit.device)
    trained = {name: one.model for name, (_, one) in zip(names, found, strict=True)}
    points: dict[str, tuple[tuple[WorkingPoint, ...], ...]] = {}
    others = []
    for name, sample in samples.items():
        test = sample.load(Purpose.TEST, CELL.classes)
        own, planned = trained[name, config.seed], trained[PLANNED, config.seed]
        points[name] = (_points(own, test), _points(planned, test))
        if name == PLANNED:
            others = [
                OtherSeed(seed, _points(model, test))
                for (of, seed), model in trained.items()
                if of == PLANNED and seed != config.seed
            ]
    train, held, tested = _sizes(config)
    return DetectorScan(
        config.scan.model,
        config.seed,
        (2 * train, 2 * held, 2 * tested),
        tuple(_seen_by(config, points)),
        tuple(others),
    )


def values_of(config: Config, setting: Setting) -> tuple[float, ...]:
    """The values of a setting that are tried, rising: the configured ones and the run's own; or none."""
    wanted: Sequence[float] = getattr(config.scan, setting)
    return tuple(sorted({*wanted, getattr(config.detector, setting)})) if wanted else ()


# -- inside ------------------------------------------------------------------------------------------


def _name(config: Config, setting: Setting, value: float) -> str:
    """The folder of a detector."""
    return PLANNED if value == getattr(config.detector, setting) else f"{setting}_{value:g}"


def _detectors(config: Config) -> Iterator[tuple[str, IdeaConfig]]:
    yield PLANNED, config.detector
    for setting in SETTINGS:
        for value in values_of(config, setting):
            if value != getattr(config.detector, setting):
                yield (
                    _name(config, setting, value),
                    dataclasses.replace(config.detector, **{setting: value}),
                )


def _seen_by(config: Config, points: Mapping[str, tuple[tuple[WorkingPoint, ...], ...]]) -> Iterator[SeenBy]:
    for setting in SETTINGS:
        for value in values_of(config, setting):
            own, planned = points[_name(config, setting, value)]
            yield SeenBy(setting, value, value == getattr(config.detector, setting), own, planned)


def _sizes(config: Config) -> tuple[int, int, int]:
    """Events of each flavour to train, to validate and to test."""
    shares, scan = config.data.shares, config.scan
    held = max(1, round(scan.train_per_class * shares[1] / shares[0]))
    return scan.train_per_class, held, scan.test_per_class


@dataclass(frozen=True)
class _SameEvents:
    """A block of generated events, once for each detector that sees it."""

    blocks: tuple[Block, ...]


def _see_all(task: _SameEvents) -> int:
    """Make what is missing; events times detectors."""
    todo = missing(task.blocks)
    if todo:
        events = generated(todo[0])
        for block in todo:
            see_block(events, block)
    return sum(block.events for block in task.blocks)


def _see(
    config: Config, detectors: Mapping[str, IdeaConfig], folder: Path, workers: int
) -> dict[str, Sample]:
    """The hemispheres of the same events in each detector."""
    sizes = _sizes(config)
    total = sum(sizes)
    for name in detectors:
        (folder / name).mkdir(parents=True, exist_ok=True)
    flavours = [FLAVOUR_OF[name] for name in CELL.classes]
    blocks = {
        name: [
            Block(folder / name, (CELL.sample,), flavour, number, events, config.seed, detector)
            for number, events in blocks_of(total, FIRST_BLOCK)
            for flavour in flavours
        ]
        for name, detector in detectors.items()
    }
    tasks = [_SameEvents(same) for same in zip(*blocks.values(), strict=True)]
    with progress_bar("events of other detectors", total * len(flavours) * len(detectors)) as advance:
        for made in map_in_order(_see_all, tasks, min(workers, len(tasks))):
            advance(made)
    flavour = np.repeat(
        [block.flavour for block in blocks[PLANNED]], [block.events for block in blocks[PLANNED]]
    )
    events = stratified_split(flavour, [size / total for size in sizes], config.seed)
    return {
        name: Sample(tuple(block.path(CELL.sample) for block in own), flavour, events, per_event=2)
        for name, own in blocks.items()
    }


def _of_training(config: Config, seed: int) -> Config:
    """The configuration of one training."""
    return dataclasses.replace(
        config,
        seed=seed,
        cells=("hemispheres",),
        models=(config.scan.model,),
        fit=dataclasses.replace(config.fit, epochs=config.scan.epochs),
    )


def _points(model: Model, test: Labelled) -> tuple[WorkingPoint, ...]:
    return tuple(working_points(scores_of(model, test).of_classes(CELL.classes), POINTS))
