"""The same models trained with other seeds on the same events: how far single trainings scatter."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from hepsets.analyses.z_flavour.about import CellName
from hepsets.analyses.z_flavour.cells import CELLS, THREE, SampleName
from hepsets.analyses.z_flavour.comparison import SHOWN, Scores, of_three, scores_of
from hepsets.analyses.z_flavour.config import Config
from hepsets.analyses.z_flavour.samples import Sample
from hepsets.analyses.z_flavour.training import Alone, Training, train_alone, trainings
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.purpose import Purpose
from hepsets.evaluate.scores.many_classes import ClassScores, accuracy_of
from hepsets.evaluate.scores.paired import DISTINCT, Influenced, Repeated, difference
from hepsets.evaluate.scores.working_points import efficiency_of, working_points


@dataclass(frozen=True)
class Quantity:
    """What a model is worth in one number.

    Parameters
    ----------
    classes
        Flavours that are told apart.
    point
        Flavour, against which, at which mis-identification: the efficiency there; without one, the accuracy.
    """

    classes: int
    point: tuple[str, str, float] | None = None


@dataclass(frozen=True)
class Scatter:
    """One quantity of one model, from several trainings.

    Parameters
    ----------
    name, cell
        The model, and the comparison that it belongs to.
    quantity
        What was measured.
    values
        Of each training, in the order of the seeds: the first is the run's own.
    mean
        Their mean. Its error holds that of the test events, which the trainings share, and in quadrature
        spread / √n, times the factor that makes it a 68 % interval of Student's distribution.
    spread
        Standard deviation between trainings, with n − 1.
    """

    name: str
    cell: CellName
    quantity: Quantity
    values: tuple[float, ...]
    mean: Measured
    spread: float


@dataclass(frozen=True)
class Neighbours:
    """Two models that follow each other when those of a comparison are ordered by a quantity.

    Parameters
    ----------
    cell, quantity
        The comparison, and what orders.
    higher, lower
        The models.
    difference
        Of their means over trainings, with the paired error of the test events and the spreads. A model that
        was trained once is taken to scatter as the one that scatters most.
    distinct
        Whether it is more than :data:`~hepsets.evaluate.scores.paired.DISTINCT` errors.
    """

    cell: CellName
    quantity: Quantity
    higher: str
    lower: str
    difference: Measured
    distinct: bool


@dataclass(frozen=True)
class SeedStudy:
    """What trainings with other seeds say of the numbers of one.

    Parameters
    ----------
    seeds
        Of weights and batches; the first is the run's, whose own trainings stand for it.
    scatter
        Of each model that was trained again, and of each quantity.
    neighbours
        In all comparisons with such models.
    """

    seeds: tuple[int, ...]
    scatter: tuple[Scatter, ...]
    neighbours: tuple[Neighbours, ...]


def repeated(config: Config) -> tuple[Training, ...]:
    """Which of the run's trainings are done with other seeds too.

    Raises
    ------
    InputError
        If there is none.
    """
    wanted = config.seeds
    found = tuple(t for t in trainings(config) if t.cell in wanted.cells and t.model in wanted.models)
    if not found:
        raise InputError(
            f"the study seeds of {', '.join(wanted.models)} in {', '.join(wanted.cells)}",
            f"models of the run, which compares {', '.join(config.cells)}",
            "set seeds.cells and seeds.models",
        )
    return found


def repeat_trainings(
    config: Config,
    samples: Mapping[SampleName, Sample],
    scores: Mapping[Training, Scores],
    models: Path,
    *,
    workers: int = 1,
) -> SeedStudy:
    """Train models again with seeds that count up from the run's, and judge them on its test events.

    Events and their split are the run's: weights and batches differ, and nothing else.

    Parameters
    ----------
    config
        The run's; ``seeds`` says which models, and how often.
    samples
        The run's events.
    scores
        What the run's own trainings say of its test events.
    models
        Folder for the trainings, one folder for each seed. What an earlier try left there is not made again.
    workers
        Trainings at once.

    Raises
    ------
    InputError
        As :func:`repeated`.
    """
    again = repeated(config)
    seeds = tuple(range(config.seed, config.seed + config.seeds.trainings))
    tasks = {
        (training, seed): Alone(
            dataclasses.replace(config, seed=seed, cells=(training.cell,), models=(training.model,)),
            samples[CELLS[training.cell].sample],
            models / str(seed),
        )
        for training in again
        for seed in seeds[1:]
    }
    found = train_alone(list(tasks.values()), workers=workers, device=config.fit.device)
    trained = {key: one.model for key, (_, one) in zip(tasks, found, strict=True)}
    scatter: list[Scatter] = []
    neighbours: list[Neighbours] = []
    for name in dict.fromkeys(training.cell for training in again):
        classes = CELLS[name].classes
        test = samples[CELLS[name].sample].load(Purpose.TEST, classes)
        said: dict[str, list[ClassScores]] = {}
        for training, own in scores.items():
            if training.cell == name:
                others = [trained[training, seed] for seed in seeds[1:] if training in again]
                said[training.name] = [
                    one.of_classes(classes) for one in (own, *(scores_of(model, test) for model in others))
                ]
        for quantity in _quantities(next(iter(said.values()))[0]):
            judged = {
                model: Repeated(tuple(_influenced(one, quantity) for one in of_seeds))
                for model, of_seeds in said.items()
            }
            scatter += _scatter(name, quantity, judged)
            neighbours += _neighbours(name, quantity, judged)
    return SeedStudy(seeds, tuple(scatter), tuple(neighbours))


# -- inside ------------------------------------------------------------------------------------------


def _quantities(sample: ClassScores) -> Iterator[Quantity]:
    """What the tables show: accuracies, and the working points for which there are events."""
    classes = len(sample.classes)
    yield from (Quantity(number) for number in dict.fromkeys((classes, len(THREE))))
    yield from (Quantity(classes, point.pair) for point in working_points(sample, SHOWN))


def _influenced(sample: ClassScores, quantity: Quantity) -> Influenced:
    if quantity.point is not None:
        return efficiency_of(sample, *quantity.point)
    return accuracy_of(of_three(sample) if quantity.classes < len(sample.classes) else sample)


def _scatter(cell: CellName, quantity: Quantity, judged: Mapping[str, Repeated]) -> Iterator[Scatter]:
    for name, one in judged.items():
        if one.spread is not None:
            values = tuple(training.value for training in one.trainings)
            yield Scatter(name, cell, quantity, values, one.measured, one.spread)


def _neighbours(cell: CellName, quantity: Quantity, judged: Mapping[str, Repeated]) -> Iterator[Neighbours]:
    of_one = max(one.seed_se * math.sqrt(len(one.trainings)) for one in judged.values())
    falling = sorted(judged, key=lambda name: judged[name].mean, reverse=True)
    for higher, lower in pairwise(falling):
        found = difference(judged[higher], judged[lower])
        once = [name for name in (higher, lower) if judged[name].spread is None]
        se = math.hypot(found.se, *(of_one for _ in once))
        measured = Measured(found.value, se)
        yield Neighbours(cell, quantity, higher, lower, measured, found.value > DISTINCT * se)
