"""Further studies: features, layers, a learnt embedding, many skims at once, new skims."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from hepsets.analyses.smart_background.config import Config
from hepsets.analyses.smart_background.samples import Samples
from hepsets.analyses.smart_background.studies.few_labels import LearningPoint, study_few_labels
from hepsets.analyses.smart_background.studies.loss import LossRow, study_loss
from hepsets.analyses.smart_background.studies.many_skims import MultiSkim, study_skims
from hepsets.analyses.smart_background.training import train
from hepsets.core.measured import Measured
from hepsets.evaluate.scores.classification import auc_difference, classify
from hepsets.learn.decay_trees.model import EventModel
from hepsets.learn.decay_trees.recipe import event_recipe
from hepsets.learn.training.score import score

FEATURE_MODEL = "deep_sets_gcn_pdg"
"""Model of the feature study, as published on raw inputs, and beside it on scaled ones."""

EMBEDDING_MODEL = "deep_sets_gcn_pdg_normalized"

FEATURE_VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "all features": {},
    "without p": {"drop": ("px", "py", "pz")},
    "without E": {"drop": ("energy",)},
    "without x, y, z": {"drop": ("x", "y", "z")},
    "without x": {"drop": ("x",)},
    "without prodTime": {"drop": ("prod_time",)},
    "GCN and linear reversed": {"graph_last": True},
    "cylindrical": {"coordinates": "cylindrical"},
}
"""Variants of the feature study. "Normalised" is the same table on scaled inputs."""


@dataclass(frozen=True)
class Variant:
    """One row of a study: AUC on the test events and its difference to the study's first row."""

    name: str
    parameters: int
    auc: Measured
    change: Measured


@dataclass(frozen=True)
class EmbeddingMap:
    """A learnt PDG embedding in its two main directions.

    Parameters
    ----------
    pdg
        Shape ``(n,)``, without ``<unknown>``.
    positions
        Shape ``(n, 2)``: principal components of the embedding.
    explained
        Share of the variance that each of the two explains.
    occurrences
        Shape ``(n,)``: how often each id occurs in training.
    """

    pdg: NDArray[np.int64]
    positions: NDArray[np.float64]
    explained: tuple[float, float]
    occurrences: NDArray[np.int64]


@dataclass(frozen=True)
class Studies:
    """What the requested studies found; empty where not requested."""

    features: dict[str, tuple[Variant, ...]] = dataclasses.field(default_factory=dict)
    layers: tuple[Variant, ...] = ()
    embedding: EmbeddingMap | None = None
    skims: MultiSkim | None = None
    few_labels: tuple[LearningPoint, ...] = ()
    loss: tuple[LossRow, ...] = ()


def run_studies(config: Config, samples: Samples, folder: Path, events: Path, *, workers: int = 1) -> Studies:
    """Run the configured studies; their models are kept in ``folder``, their events in ``events``."""
    found = Studies()
    if "features" in config.studies:
        found = dataclasses.replace(
            found,
            features={
                "raw": study_features(config, samples, folder, "raw"),
                "scaled": study_features(config, samples, folder, "scaled"),
            },
        )
    if "layers" in config.studies:
        found = dataclasses.replace(found, layers=study_layers(config, samples, folder))
    if "embedding" in config.studies:
        model, _ = train(config, EMBEDDING_MODEL, samples.train, folder)
        found = dataclasses.replace(found, embedding=map_embedding(model, samples))
    if "skims" in config.studies:
        found = dataclasses.replace(found, skims=study_skims(config, folder, events, workers=workers))
    if "loss" in config.studies:
        found = dataclasses.replace(found, loss=study_loss(config, samples, folder))
    if "few_labels" in config.studies:
        points = study_few_labels(config, folder, events, workers=workers)
        found = dataclasses.replace(found, few_labels=points)
    return found


def study_features(
    config: Config, samples: Samples, folder: Path, inputs: Literal["raw", "scaled"]
) -> tuple[Variant, ...]:
    """Train the feature study's model on every variant of its inputs."""
    trained = []
    for name, options in FEATURE_VARIANTS.items():
        units = {"units": config.model["units"]} if "units" in config.model else {}
        of_variant = event_recipe(FEATURE_MODEL).configured({**options, **units, "inputs": inputs})
        file = f"features_{inputs}_{'_'.join(name.lower().replace(',', '').split())}"
        model, _ = train(config, FEATURE_MODEL, samples.train, folder, options=of_variant, as_=file)
        trained.append((name, model))
    return _variants(samples, trained)


def study_layers(config: Config, samples: Samples, folder: Path) -> tuple[Variant, ...]:
    """Train the configured members of the DS/GCN family."""
    return _variants(
        samples, [(name, train(config, name, samples.train, folder)[0]) for name in config.layers]
    )


def _variants(samples: Samples, trained: list[tuple[str, EventModel]]) -> tuple[Variant, ...]:
    label = samples.test.columns["label"]
    rows = []
    first: NDArray[np.float32] | None = None
    for name, model in trained:
        scores = score(model, samples.test)
        first = scores if first is None else first
        area, change = classify(label, scores).auc, auc_difference(label, scores, first)
        rows.append(Variant(name, model.n_parameters, area, change))
    return tuple(rows)


def map_embedding(model: EventModel, samples: Samples) -> EmbeddingMap:
    """Principal components of a model's PDG embedding, with occurrences in training."""
    weight = model.network.get_parameter("embedding.weight").detach().cpu().numpy()[1:]
    pca = PCA(2).fit(weight)
    ids, counts = np.unique(samples.train.particles["pdg"], return_counts=True)
    seen = dict(zip(ids.tolist(), counts.tolist(), strict=True))
    return EmbeddingMap(
        np.array(model.pdg_map.ids),
        pca.transform(weight).astype(np.float64),
        (float(pca.explained_variance_ratio_[0]), float(pca.explained_variance_ratio_[1])),
        np.array([seen.get(i, 0) for i in model.pdg_map.ids]),
    )
