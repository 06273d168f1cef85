"""The trainings of a run: each model of each comparison, several at once, each kept as soon as it is done."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from hepsets.analyses.z_flavour.about import OURS, TREES, CellName
from hepsets.analyses.z_flavour.cells import CELLS, Cell, SampleName
from hepsets.analyses.z_flavour.config import Config
from hepsets.analyses.z_flavour.samples import Labelled, Sample
from hepsets.core.progress import follow, progress_bar
from hepsets.core.purpose import Purpose
from hepsets.core.run import log
from hepsets.learn import files
from hepsets.learn.tables import class_trees
from hepsets.learn.tables.class_trees import ClassTrees, fit_class_trees
from hepsets.learn.training import history as kept
from hepsets.learn.training.calibration import calibrate_classes
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.learn.training.history import History, keep_history, read_history
from hepsets.learn.training.side_by_side import side_by_side
from hepsets.learn.vertexed_events.flavour_task import Flavour, flavour_targets
from hepsets.learn.vertexed_events.model import VertexedModel
from hepsets.learn.vertexed_events.recipe import build_vertexed_model
from hepsets.represent.vertexed_events.inputs import proper_inputs
from hepsets.represent.vertexed_events.table import tree_table

Model: TypeAlias = ClassTrees | VertexedModel

Trained: TypeAlias = kept.Trained[Model]

TRANSFORMER = "particle_transformer"


@dataclass(frozen=True)
class Training:
    """One model of one comparison to train."""

    cell: CellName
    model: str

    @property
    def name(self) -> str:
        """What tables call the model."""
        return f"{self.model}{CELLS[self.cell].suffix}"


def trainings(config: Config) -> tuple[Training, ...]:
    """All that a run trains."""
    return tuple(
        Training(cell, model)
        for cell in config.cells
        for model in CELLS[cell].models
        if model in config.models
    )


def train_all(
    config: Config, samples: dict[SampleName, Sample], folder: Path, *, workers: int = 1
) -> dict[Training, Trained]:
    """Train what is not in the folder yet, longest first, one thread each, and load all of it."""
    wanted = [training for training in trainings(config) if CELLS[training.cell].sample in samples]
    for training in wanted:
        (folder / training.cell).mkdir(parents=True, exist_ok=True)
    todo = sorted((t for t in wanted if not _fit_file(folder, t).exists()), key=_cost, reverse=True)
    tasks = [_Task(config, training, samples[CELLS[training.cell].sample], folder) for training in todo]
    for _ in side_by_side(_train, tasks, workers=workers, device=config.fit.device):
        pass
    trained = {training: load(training, folder) for training in wanted}
    for training, found in trained.items():
        log.info("%s/%s: %s, %.0f s", training.cell, training.name, found.history, found.seconds)
    return trained


@dataclass(frozen=True)
class Alone:
    """One training besides those of a run's comparisons, in a folder of its own.

    Parameters
    ----------
    config
        The run's, with the one comparison and the one model that are wanted.
    sample
        The events.
    folder
        Where it goes.
    """

    config: Config
    sample: Sample
    folder: Path


def train_alone(
    tasks: Sequence[Alone], *, workers: int = 1, device: str = "auto"
) -> list[tuple[Training, Trained]]:
    """Train each of them, several at once, or load what an earlier try left, in the order of the tasks."""
    longest_first = sorted(
        tasks, key=lambda task: max(map(_cost, trainings(task.config)), default=0), reverse=True
    )
    for _ in side_by_side(_train_alone, longest_first, workers=workers, device=device):
        pass
    return [_train_alone(task) for task in tasks]


def load(training: Training, folder: Path) -> Trained:
    """A model that is in the folder."""
    model: Any = files.load(_model_file(folder, training))
    return Trained(model, *read_history(_fit_file(folder, training)))


# -- inside ----------------------------------------------------------------------------------------


def _train_alone(task: Alone) -> tuple[Training, Trained]:
    (cell,) = task.config.cells
    ((training, trained),) = train_all(task.config, {CELLS[cell].sample: task.sample}, task.folder).items()
    return training, trained


@dataclass(frozen=True)
class _Task:
    config: Config
    training: Training
    sample: Sample
    folder: Path


def _train(task: _Task) -> None:
    cell = CELLS[task.training.cell]
    grow = _grow if task.training.model == TREES else _fit
    start = time.perf_counter()
    history = grow(task, cell)
    keep_history(_fit_file(task.folder, task.training), history, time.perf_counter() - start)


def _examples(task: _Task, cell: Cell) -> tuple[Labelled, Labelled]:
    """Those to train on, and those to validate with."""
    train, held = (
        task.sample.load(purpose, cell.classes) for purpose in (Purpose.TRAINING, Purpose.VALIDATION)
    )
    return train, held


def _grow(task: _Task, cell: Cell) -> History:
    spec = proper_inputs(cell.identification)
    grown_on, stopped_by = (
        class_trees.Labelled(tree_table(one.data.seeing(spec)), one.flavour) for one in _examples(task, cell)
    )
    settings = dataclasses.replace(task.config.trees, seed=task.config.seed)
    variables = list(grown_on.events.columns)
    trees, grown = fit_class_trees(
        grown_on,
        stopped_by,
        variables,
        cell.classes,
        settings,
        name=task.training.name,
        made_of={"level": cell.level, "identification": cell.identification},
    )
    files.save(trees, _model_file(task.folder, task.training))
    return History(grown.train_losses, grown.validation_losses, grown.best_rounds - 1)


def _fit(task: _Task, cell: Cell) -> History:
    config, training = task.config, task.training
    model = build_vertexed_model(
        training.model,
        style=cell.style,
        identification=cell.identification,
        level=cell.level,
        classes=list(cell.classes),
        charge=cell.charge,
        seed=config.seed,
    )
    train, held = _examples(task, cell)
    path = _model_file(task.folder, training)
    checkpoint = path.with_suffix(".checkpoint")
    with progress_bar(f"training {training.cell}/{training.name}", 1.0) as advance:
        result = fit(
            model,
            train.data,
            _targets(train, cell),
            config=dataclasses.replace(fit_config(config, training), seed=config.seed),
            task=Flavour(charge=cell.charge),
            validation=(model.prepare(held.data), _targets(held, cell)),
            progress=follow(advance, 1.0),
            checkpoint=checkpoint,
        )
    if cell.style != "published":
        calibrate_classes(model, held.data, held.flavour, len(cell.classes))
    files.save(model, path)
    checkpoint.unlink(missing_ok=True)
    return History.of(result)


def fit_config(config: Config, training: Training) -> FitConfig:
    """How a network is trained."""
    if CELLS[training.cell].style == "published":
        return config.published_fit
    if training.model == TRANSFORMER:
        return dataclasses.replace(config.fit, epochs=config.transformer_epochs)
    return config.fit


def _targets(examples: Labelled, cell: Cell) -> np.ndarray[Any, Any]:
    """Flavours, and the charge of b hemispheres: the tagger's further output tells b from b̄."""
    of_b = examples.flavour == cell.classes.index("b")
    return flavour_targets(examples.flavour, np.where(of_b, examples.charge, 0))


def _model_file(folder: Path, training: Training) -> Path:
    return folder / training.cell / f"{training.name}.safetensors"


def _fit_file(folder: Path, training: Training) -> Path:
    return folder / training.cell / f"{training.name}.fit.json"


def _cost(training: Training) -> float:
    """How long it takes, as far as it is known, with Deep Sets as the unit."""
    models = {TREES: 2, OURS: 4, TRANSFORMER: 6, "gru_attention": 5}
    return models.get(training.model, 1) * len(CELLS[training.cell].classes)
