"""Flavour tags of the networks with most labels, and of models made for it, calibrated and judged alike."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.pretraining.about import SCRATCH
from hepsets.analyses.pretraining.config import Config
from hepsets.analyses.pretraining.curves import Cell, log_loss
from hepsets.analyses.pretraining.samples import Sample, read_sample
from hepsets.analyses.pretraining.tasks import LABEL
from hepsets.core.kept import keep, read_kept
from hepsets.core.measured import Measured
from hepsets.core.purpose import Purpose
from hepsets.evaluate.scores.flavour_tags import TaggedSample, tagging_power, wrong_tag_line
from hepsets.learn.training.fit import fit
from hepsets.learn.training.odd_calibration import fit_odd_spline
from hepsets.learn.training.score import logits_of
from hepsets.learn.training.side_by_side import side_by_side
from hepsets.learn.whole_events.category_trees import GROWING, fit_categories
from hepsets.learn.whole_events.model import build_whole_event_model

TASK = "flavour-tagging"
TREES = "category_trees"
"""Boosted trees for each category of tell-tale particles, and those that combine them."""

MADE_FOR_IT = (TREES, "charge_votes", "whole_event_deep_sets")
"""Models of ``hepsets run flavour-tagging``, trained from scratch with the same labels."""


@dataclass(frozen=True)
class Tagger:
    """A flavour tagger on test events.

    Parameters
    ----------
    model
        Its pre-training and tuning, or its name.
    labels
        That it was trained with.
    power
        Effective tagging efficiency.
    slope
        Of the true share of wrong tags against the claimed one.
    """

    model: str
    labels: int
    power: Measured
    slope: Measured


@dataclass(frozen=True, eq=False)
class _Said:
    development: NDArray[np.float32]
    test: NDArray[np.float32]


@dataclass(frozen=True)
class TaggerJob:
    """A model that was made for flavour tagging, to be trained.

    Parameters
    ----------
    config
        The run's.
    name
        Of the model.
    events, folder
        Folder of labelled events, and where what it says is kept.
    """

    config: Config
    name: str
    events: Path
    folder: Path

    @property
    def stem(self) -> Path:
        """Path of what is kept, without ending."""
        return self.folder / f"{TASK}-{self.name}"


def train_taggers(config: Config, events: Path, folder: Path, *, workers: int = 1) -> None:
    """Train the models that were made for flavour tagging, if that is a task and the folder lacks them.

    Parameters
    ----------
    config
        The run's.
    events, folder
        Folder of labelled events, and where what models say is kept.
    workers
        Processes.
    """
    jobs = [TaggerJob(config, name, events, folder) for name in MADE_FOR_IT if TASK in config.tasks]
    todo = [job for job in jobs if not job.stem.with_suffix(".json").exists()]
    for _ in side_by_side(_train, todo, workers=workers, device=config.fit.device):
        pass


def taggers_of(config: Config, cells: Sequence[Cell], sample: Sample, folder: Path) -> tuple[Tagger, ...]:
    """All taggers that were trained with the labels of the first draw of the most labels that all have.

    Parameters
    ----------
    config
        The run's.
    cells
        Of all tasks.
    sample
        The events of this task.
    folder
        Where :func:`train_taggers` kept what models that were made for it say.
    """
    most = max(config.labels.counts)
    said = {
        "from scratch" if cell.pretraining == SCRATCH else f"{cell.pretraining}, {cell.tuning}": _Said(
            cell.development_logits, cell.test_logits
        )
        for cell in cells
        if cell.task == TASK and cell.labels == most
    }
    said |= {name: read_kept(folder / f"{TASK}-{name}", _Said) for name in MADE_FOR_IT}
    return tuple(_judged(name, most, sample, one, config.seed) for name, one in said.items())


def _train(job: TaggerJob) -> None:
    config, sample = job.config, read_sample(TASK, job.events)
    most = max(config.labels.counts)
    trees = job.name == TREES
    keep(job.stem, _grown(config, sample, most) if trees else _trained(config, job.name, sample, most))


def _trained(config: Config, name: str, sample: Sample, labels: int) -> _Said:
    """A model that was made for flavour tagging; its learning rate is chosen as all others'."""
    chosen = sample.draw(labels, 0)
    few: Any = sample.pool[chosen]
    losses, found = {}, {}
    for rate in config.rates:
        model = build_whole_event_model(name, seed=config.seed)
        settings = dataclasses.replace(config.fit, learning_rate=rate, seed=config.seed)
        fit(model, few, few.columns[LABEL], config=settings)
        said = [
            logits_of(model, model.prepare(table))[:, 0].numpy()  # type: ignore[arg-type]  # of what was seen
            for table in (sample.development, sample.test)
        ]
        losses[rate] = log_loss(sample.development.columns[LABEL], said[0])
        found[rate] = _Said(*said)
    return found[min(losses, key=lambda rate: losses[rate])]


def _grown(config: Config, sample: Sample, labels: int) -> _Said:
    """Category trees; a part of the labels stops their growing."""
    few: Any = sample.pool[sample.draw(labels, 0)]
    q = np.where(few.columns[LABEL], 1, -1)
    # classes stand by turns: neighbours are one event, so that each half of them has both
    pairs = few.with_columns(q=q, event_number=np.arange(len(few)) // 2)
    tagger, _ = fit_categories(pairs, dataclasses.replace(GROWING, seed=config.seed))
    said = [
        tagger.logits(table).astype(np.float32)  # type: ignore[arg-type]  # of what was seen
        for table in (sample.development, sample.test)
    ]
    return _Said(*said)


def _judged(name: str, labels: int, sample: Sample, said: _Said, seed: int) -> Tagger:
    q = {
        part: np.where(table.columns[LABEL], 1, -1)
        for part, table in (("development", sample.development), ("test", sample.test))
    }
    calibration = fit_odd_spline(said.development, q["development"], Purpose.VALIDATION)
    tags = TaggedSample(q["test"], np.tanh(calibration(said.test) / 2))
    line = wrong_tag_line(tags).slope
    if not math.isfinite(line.value):  # tags that all claim the same
        line = Measured(0.0, 0.0)
    return Tagger(name, labels, tagging_power(tags, seed=seed).binned, line)
