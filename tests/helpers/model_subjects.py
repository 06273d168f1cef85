"""Models of all that is registered, trained a little, with what the contract must know of their kind."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from helpers import (
    quadratic_family,
    random_candidates,
    random_events,
    random_whole_events,
    toy_z_events,
    turned,
)
from helpers.toy_decays import toy_decays, toy_sample
from hepsets.core.event_frame import EventFrame
from hepsets.core.events import Events
from hepsets.core.images import Images
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.pdg import PdgMap
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.deploy.onnx.decay_trees import OnnxModel, export_onnx
from hepsets.deploy.onnx.particle_sets import OnnxSetModel, export_set_onnx
from hepsets.deploy.onnx.vertexed_events import OnnxVertexedModel, export_vertexed_onnx
from hepsets.deploy.onnx.whole_events import OnnxWholeEventModel, export_whole_event_onnx
from hepsets.learn.data_sets.deep_sets import EventDeepSetsConfig, fit_event_deep_sets
from hepsets.learn.data_sets.event_posterior import EventPosteriorConfig, fit_event_posterior
from hepsets.learn.data_sets.image_cnn import ImageCnnConfig, fit_image_cnn
from hepsets.learn.data_sets.morphing import MorphingConfig, fit_morphing
from hepsets.learn.data_sets.published_fit import PublishedFit
from hepsets.learn.data_sets.regression import SetSampling
from hepsets.learn.data_sets.set_summary import SetSummaryConfig, fit_set_summary
from hepsets.learn.data_sets.truth_ratios import TruthRatios
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.images.recipe import image_recipe
from hepsets.learn.images.training import train_images
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.learn.registry import KINDS, Kind, recipes
from hepsets.learn.tables.boosted_trees import BoostedTreesConfig, fit_trees
from hepsets.learn.tables.class_trees import ClassTreesConfig, Labelled, fit_class_trees
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.learn.training.score import score
from hepsets.learn.vertexed_events.flavour_task import Flavour, flavour_targets
from hepsets.learn.vertexed_events.recipe import build_vertexed_model
from hepsets.learn.whole_events.model import build_whole_event_model
from hepsets.select.variables.continuum import VARIABLES

VALUES = (-1.5, -0.5, 0.5, 1.5)


@dataclasses.dataclass(frozen=True, eq=False)
class DataSets:
    """Sets of decays end to end: what an event is to other kinds, a set is here."""

    frame: EventFrame
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, chosen: Any) -> DataSets:
        parts = [np.arange(*self.offsets[i : i + 2]) for i in np.arange(len(self))[chosen]]
        sizes = [len(part) for part in parts]
        return DataSets(self.frame[np.concatenate([*parts, np.empty(0, np.int64)])], _offsets(sizes))

    @staticmethod
    def concatenate(parts: Sequence[DataSets]) -> DataSets:
        sizes = np.concatenate([np.diff(part.offsets) for part in parts])
        return DataSets(EventFrame.concatenate([part.frame for part in parts]), _offsets(sizes))


def _offsets(sizes: Sequence[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.asarray(sizes, dtype=np.int64))])


def _sets_of_sizes(sizes: Sequence[int], seed: int = 0) -> DataSets:
    return DataSets(toy_decays(max(sum(sizes), 1), 1.0, seed=seed)[: sum(sizes)], _offsets(sizes))


def _shuffled_sets(sets: DataSets, seed: int) -> DataSets:
    rng = np.random.default_rng(seed)
    order = [rng.permutation(np.arange(a, b)) for a, b in itertools.pairwise(sets.offsets)]
    return DataSets(sets.frame[np.concatenate(order)], sets.offsets)


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """A trained model with what its contract needs.

    ``of_sizes`` makes events of so many particles, or sets of so many events; ``score`` gives one number for
    each; ``given`` is what loading needs besides the file; ``exported`` writes a model as ONNX and gives back
    what scores with it; ``empty`` tells whether there is a score of nothing.
    """

    model: Any
    score: Callable[[Any], np.ndarray]
    of_sizes: Callable[..., Any]
    shuffled: Callable[[Any, int], Any]
    concatenate: Callable[[Any], Any]
    tolerance: float
    given: dict[str, Any] = dataclasses.field(default_factory=dict)
    exported: Callable[[Path], Callable[[Any], np.ndarray]] | None = None
    empty: bool = True

    def of(self, model: Any) -> Callable[[Any], np.ndarray]:
        """What scores with another model of the kind."""
        return _SCORES[model.kind](model)


_SCORES: dict[Kind, Callable[[Any], Callable[[Any], np.ndarray]]] = {
    "decay_trees": lambda model: lambda events: score(model, events),
    "particle_sets": lambda model: lambda events: score(model, events),
    "tables": lambda model: model.score,
    "data_sets": lambda model: lambda sets: model.predict(sets.frame, sets.offsets),
    "vertexed_events": lambda model: lambda events: score(model, events),
    "images": lambda model: lambda images: np.ascontiguousarray(model.probabilities(images)[:, 0]),
    "whole_events": lambda model: lambda events: score(model, events),
}


def _decay_trees(name: str, options: dict[str, Any]) -> Subject:
    events = random_events.random_events(96, seed=1, mean_particles=15)
    model = build_model(name, PdgMap.fit(events.particles["pdg"]), unknown_probability=0.1, **options)
    labels = (np.arange(len(events)) % 3 == 0).astype(float)
    fit(
        model,
        events,
        labels,
        config=FitConfig(epochs=1, batch=16, device="cpu"),
    )
    _far_from_flat(model.network)

    def exported(path: Path) -> Callable[[Any], np.ndarray]:
        export_onnx(model, path)
        return OnnxModel(path, threads=1).score

    of_sizes, shuffled = random_events.events_of_sizes, random_events.shuffled
    return Subject(
        model, _SCORES["decay_trees"](model), of_sizes, shuffled, Events.concatenate, 2e-6, {}, exported
    )


def _particle_sets(name: str, options: dict[str, Any]) -> Subject:
    events = random_candidates.random_candidates(96, seed=1)
    model = build_set_model(name, **options)
    fit(model, events, events.columns["label"], config=FitConfig(epochs=1, batch=16, device="cpu"))
    _far_from_flat(model.network)

    def exported(path: Path) -> Callable[[Any], np.ndarray]:
        export_set_onnx(model, path)
        return OnnxSetModel(path, threads=1).score

    of_sizes, shuffled = random_candidates.candidates_of_sizes, random_candidates.shuffled
    return Subject(
        model,
        _SCORES["particle_sets"](model),
        of_sizes,
        shuffled,
        ParticleSets.concatenate,
        2e-6,
        {},
        exported,
    )


def _tables(name: str, options: dict[str, Any]) -> Subject:
    events = random_candidates.random_candidates(300, seed=1)
    if name == "class_trees":
        return _class_trees(events, options)
    assert name == "boosted_trees"
    config = BoostedTreesConfig(trees=20, threads=1, least_weight=1.0, **options)
    model = fit_trees(events, events.columns["R2"] > 0.5, VARIABLES, config=config)[0]
    of_sizes, shuffled = random_candidates.candidates_of_sizes, random_candidates.shuffled
    return Subject(model, model.score, of_sizes, shuffled, ParticleSets.concatenate, 0.0)


def _class_trees(events: ParticleSets, options: dict[str, Any]) -> Subject:
    classes = np.digitize(events.columns["R2"], np.quantile(events.columns["R2"], [1 / 3, 2 / 3]))
    sample = Labelled(events, classes)
    config = ClassTreesConfig(trees=8, **options)
    model = fit_class_trees(sample, sample, VARIABLES, ("low", "middle", "high"), config)[0]
    of_sizes, shuffled = random_candidates.candidates_of_sizes, random_candidates.shuffled
    return Subject(model, model.score, of_sizes, shuffled, ParticleSets.concatenate, 0.0)


def _vertexed_events(name: str, options: dict[str, Any]) -> Subject:
    events = toy_z_events.z_events(96, seed=1)
    model = build_vertexed_model(name, charge=True, **options)
    targets = flavour_targets(np.arange(96) % 4 % 3, np.sign(events.columns["quark_cos"]))
    config = FitConfig(epochs=1, batch=16, device="cpu")
    fit(model, events, targets, config=config, task=Flavour(charge=True))
    _far_from_flat(model.network)

    def exported(path: Path) -> Callable[[Any], np.ndarray]:
        export_vertexed_onnx(model, path)
        onnx = OnnxVertexedModel(path, threads=1)
        return lambda events: onnx.score(events)[:, 0]

    return Subject(
        model,
        _SCORES["vertexed_events"](model),
        toy_z_events.events_of_sizes,
        toy_z_events.shuffled,
        VertexedEvents.concatenate,
        2e-6,
        {},
        exported,
    )


def _images(name: str, options: dict[str, Any]) -> Subject:
    """An image has as many bright points as an event has particles, and they have no order."""
    images = turned.blobs([5, 20, 50] * 12, seed=1)
    config = image_recipe(name).configured({"fit": {"epochs": 1, "batch": 16}, **options})
    model = train_images(name, images, images, config)
    return Subject(
        model,
        _SCORES["images"](model),
        turned.blobs,
        lambda images, seed: images,
        Images.concatenate,
        2e-6,
    )


def _whole_events(name: str, options: dict[str, Any]) -> Subject:
    events = random_whole_events.random_whole_events(96, seed=1)
    model = build_whole_event_model(name, **options)
    labels = events.columns["q"] > 0
    fit(model, events, labels, config=FitConfig(epochs=1, batch=16, device="cpu"))
    _far_from_flat(model.network)

    def exported(path: Path) -> Callable[[Any], np.ndarray]:
        export_whole_event_onnx(model, path)
        return OnnxWholeEventModel(path, threads=1).score

    return Subject(
        model,
        _SCORES["whole_events"](model),
        random_whole_events.whole_events_of_sizes,
        random_whole_events.shuffled,
        ParticleSets.concatenate,
        2e-6,
        {},
        exported,
    )


def _far_from_flat(network: torch.nn.Module) -> None:
    with torch.no_grad():  # so that scores differ and mistakes show
        for parameter in network.parameters():
            parameter.mul_(1.5)


@cache
def _estimators() -> dict[str, tuple[Any, dict[str, Any]]]:
    """All estimators of data sets by name, with what loading them needs."""
    frame = toy_sample(400, VALUES, seed=1)
    sampling = SetSampling(events=40, sets=4, validation_sets=3)
    fit = PublishedFit(epochs=2, batch=8, learning_rate=3e-3, device="cpu")
    cnn, _ = fit_image_cnn(frame, ImageCnnConfig(bins=8, channels=2, dense=8, sampling=sampling, fit=fit))
    deep, _ = fit_event_deep_sets(
        frame, EventDeepSetsConfig(event_widths=(16, 16), set_widths=(16,), sampling=sampling, fit=fit)
    )
    events, _ = fit_event_posterior(frame, EventPosteriorConfig(widths=(16, 16), fit=fit))
    decays = quadratic_family.mixture(2000, VALUES, np.random.default_rng(1))
    truth = TruthRatios.after_selection(*quadratic_family.coefficients(decays), decays["delta_c9"])
    fast = dataclasses.replace(fit, batch=256)
    morphing = fit_morphing(decays, truth, MorphingConfig(width=16, layers=1, fit=fast)).model
    small = SetSummaryConfig(sets=200, set_events=(20, 500), width=8, layers=1, fit=fast)
    summary = fit_set_summary(decays, morphing, small).model
    found = {one.name: (one, {}) for one in (cnn, deep, events, events.variant(normalised=False), morphing)}
    return {**found, summary.name: (summary, {"estimator": morphing})}


def _data_sets(name: str, options: dict[str, Any]) -> Subject:
    assert not options
    model, given = _estimators()[name]
    return Subject(
        model,
        _SCORES["data_sets"](model),
        _sets_of_sizes,
        _shuffled_sets,
        DataSets.concatenate,
        1e-5,
        given,
        empty=name not in ("morphing", "set_summary"),  # a likelihood of nothing says nothing
    )


_MAKERS: dict[Kind, Callable[[str, dict[str, Any]], Subject]] = {
    "decay_trees": _decay_trees,
    "particle_sets": _particle_sets,
    "tables": _tables,
    "data_sets": _data_sets,
    "vertexed_events": _vertexed_events,
    "images": _images,
    "whole_events": _whole_events,
}

# sequences and layers are unrolled in the ONNX graph: at full length it takes a minute and shows nothing more
_SHORT: dict[str, dict[str, Any]] = {
    "gru_attention": {"particle_cap": 7, "vertex_cap": 3},
    "particle_encoder": {"layers": 1, "units": 16},
    "tree_encoder": {"layers": 1, "units": 16},
    "charge_votes": {"rounds": 1},
}

SUBJECTS: tuple[tuple[Kind, str, dict[str, Any]], ...] = (
    *((kind, name, _SHORT.get(name, {})) for kind in KINDS for name in recipes(kind)),
    ("decay_trees", "DS_6_GCN_135", {}),
    ("decay_trees", "DS_3_GCN_2", {}),
    ("particle_sets", "multi_deep_sets", {"fusion": "before", "pooling": "mean"}),
    ("particle_sets", "combined", {"fusion": "before", "pooling": "sum"}),
    ("vertexed_events", "deep_sets", {"style": "published", "pooling": "max"}),
    ("vertexed_events", "fcnn", {"style": "published"}),
)
"""Kind, name and options of everything that is registered, and of relatives."""


def numbers(*kinds: Kind) -> list[int]:
    """Places in :data:`SUBJECTS` of models of these kinds."""
    return [number for number, (kind, _, _) in enumerate(SUBJECTS) if kind in kinds]


def label(number: int) -> str:
    """What tests call one of :data:`SUBJECTS`."""
    kind, name, options = SUBJECTS[number]
    return "-".join([kind, name, *map(str, options.values())])


@cache
def subject(number: int) -> Subject:
    """One of :data:`SUBJECTS`, trained a little."""
    kind, name, options = SUBJECTS[number]
    return _MAKERS[kind](name, options)
