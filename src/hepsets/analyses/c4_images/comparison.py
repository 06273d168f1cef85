"""Each model judged over its trainings: accuracy, what it mistakes, symmetry, speed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.c4_images.about import SETS
from hepsets.analyses.c4_images.event_samples import sets_of
from hepsets.analyses.c4_images.samples import TEST, Sample, labels_of, some
from hepsets.analyses.c4_images.training import Trained, load_model, load_set_model
from hepsets.analyses.c4_images.trainings import Variant
from hepsets.core.images import Images
from hepsets.core.measured import Measured
from hepsets.evaluate.images.several_trainings import SeveralTrainings, gain, over_trainings
from hepsets.evaluate.images.symmetry import LayerChange, invariance_error, network_errors
from hepsets.learn.training.history import History
from hepsets.learn.training.score import score

LOOKED_AT = 64
"""Test images that equivariance errors of layers are the worst of."""

INVARIANT = 256
"""Test images that changes of the output are the worst of."""

TIMED = 2000
"""Images that are scored to tell the speed."""


@dataclass(frozen=True)
class ModelResult:
    """A model over all of its trainings.

    Parameters
    ----------
    name, variant
        What tables call it, and what it is.
    data
        What it was trained and tested on, as ``result.json`` calls it.
    images
        It was trained on.
    parameters
        Of the network.
    seeds
        Of its trainings.
    tests
        Accuracy by part of the sample that judges.
    confusion
        Shares of each true class by the class that was chosen, mean over trainings, shape
        ``(n_classes, n_classes)``.
    history, seconds
        Losses of the first training, and the mean computing time of all [s].
    layers
        Equivariance error after each layer of the first training's network, see
        :mod:`hepsets.evaluate.images.symmetry`; none for sets.
    invariance_error
        The largest change of a probability when test images are turned by 90°, 180°, 270°.
    images_per_s
        Scored per second of one thread's computing time.
    """

    name: str
    variant: Variant
    data: str
    images: int
    parameters: int
    seeds: tuple[int, ...]
    tests: dict[str, SeveralTrainings]
    confusion: NDArray[np.float64]
    history: History
    seconds: float
    layers: tuple[LayerChange, ...]
    invariance_error: float
    images_per_s: float

    @property
    def of_test(self) -> SeveralTrainings:
        """Accuracy on the test images of the sample."""
        return self.tests[TEST]

    @property
    def accuracy(self) -> Measured:
        """The same with its error."""
        return self.of_test.accuracy

    @property
    def equivariance_error(self) -> float:
        """That of the worst layer; of sets that of the output."""
        return max((one.error for one in self.layers), default=self.invariance_error)


@dataclass(frozen=True)
class Gain:
    """By how much one model is more accurate than another, on the same test images."""

    data: str
    model: str
    other: str
    difference: Measured


def compare(trained: Sequence[Trained], samples: Mapping[str, Sample]) -> tuple[ModelResult, ...]:
    """Judge each variant over its trainings, in the order in which they were trained."""
    groups: dict[Variant, list[Trained]] = {}
    for one in trained:
        groups.setdefault(one.training.variant, []).append(one)
    return tuple(_judged(variant, group, samples[variant.sample]) for variant, group in groups.items())


def gains(trained: Sequence[Trained], samples: Mapping[str, Sample], over: str) -> tuple[Gain, ...]:
    """By how much the model ``over`` is more accurate than each other one of its sample, all of own width."""
    right = {
        (one.training.variant.sample, one.training.variant.name): []
        for one in trained
        if one.training.variant.plain
    }  # type: dict[tuple[str, str], list[NDArray[np.bool_]]]
    for one in trained:
        variant = one.training.variant
        if variant.plain:
            truth = labels_of(samples[variant.sample])
            right[variant.sample, variant.name].append(one.chosen[TEST] == truth)
    return tuple(
        Gain(samples[sample].data, over, other, gain(np.stack(right[sample, over]), np.stack(of_other)))
        for (sample, other), of_other in right.items()
        if other != over and (sample, over) in right
    )


def _judged(variant: Variant, group: Sequence[Trained], sample: Sample) -> ModelResult:
    truth = {part: labels_of(sample, part) for part in sample.tests}
    tests = {
        part: over_trainings(np.stack([one.chosen[part] == truth[part] for one in group]))
        for part in sample.tests
    }
    looked = _look_at_sets if variant.model == SETS else _look_at_images
    parameters, layers, invariance, speed = looked(group[0], sample)
    return ModelResult(
        variant.name,
        variant,
        sample.data,
        variant.images or sample.counts["training"],
        parameters,
        tuple(one.training.seed for one in group),
        tests,
        np.mean([_confusion(one.chosen[TEST], truth[TEST], len(sample.classes)) for one in group], axis=0),
        group[0].history,
        float(np.mean([one.seconds for one in group])),
        layers,
        invariance,
        speed,
    )


_Look = tuple[int, tuple[LayerChange, ...], float, float]


def _look_at_images(trained: Trained, sample: Sample) -> _Look:
    model, images = load_model(trained), sample.load(TEST)

    def of(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        return model.probabilities(
            Images(pixels, np.zeros(len(pixels), dtype=np.int64), np.arange(len(pixels)))
        )

    layers = network_errors(model.network, some(images, LOOKED_AT).pixels)
    changed = invariance_error(of, some(images, INVARIANT).pixels)
    timed = some(images, TIMED)
    return model.parameters(), layers, changed, speed(lambda: model.probabilities(timed), len(timed))


def _look_at_sets(trained: Trained, sample: Sample) -> _Look:
    """Sets are scored as they stand, and after a turn of each event by an angle of its own."""
    model = load_set_model(trained)
    straight, turned = (sets_of(sample, part)[:TIMED] for part in sample.tests)
    changed = float(np.abs(score(model, straight) - score(model, turned)).max())
    return model.n_parameters, (), changed, speed(lambda: score(model, straight), len(straight))


def speed(work: Callable[[], object], images: int) -> float:
    """Images per second of computing time, whatever else the machine does: the best of three tries."""
    times = []
    for _ in range(4):  # the first one warms up
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return images / max(min(times[1:]), 1e-6)


def _confusion(chosen: NDArray[np.int64], truth: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    counts = np.bincount(truth * classes + chosen, minlength=classes**2).reshape(classes, classes)
    shares: NDArray[np.float64] = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return shares
