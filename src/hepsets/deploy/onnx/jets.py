"""A tagger of jets as FCCAnalyses loads it: an ONNX file, and beside it the JSON that prepares its inputs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.deploy.onnx.runtime import open_session, scores_of
from hepsets.deploy.onnx.trace import on_cpu_in_evaluation, traced, write_graph
from hepsets.deploy.onnx.weaver import (
    UNBOUNDED,
    WeaverInput,
    WeaverVariable,
    weaver_inputs,
    write_weaver_json,
)
from hepsets.learn.vertexed_events.model import FARTHEST, VertexedModel
from hepsets.learn.vertexed_events.particle_transformer import ParticleTransformer
from hepsets.represent.vertexed_events.constituents import CONSTITUENT, VECTOR
from hepsets.represent.vertexed_events.data import VertexedData

LENGTH = 75
"""Constituents that the graph takes, the first ones of a jet with more; as in FCCAnalyses' own taggers."""

INPUTS = ("pf_features", "pf_vectors", "pf_mask")
"""Inputs of the graph, in order."""

OUTPUT_NAMES = {"b": "recojet_isB", "c": "recojet_isC", "s": "recojet_isS", "ud": "recojet_isQ"}
"""What FCCAnalyses calls the score of each flavour."""

_MASK = "pfcand_mask"
_EXPECTED = "a file that export_jet_tagger wrote"


class _Scores(nn.Module):
    """A model as a function of jets side by side, prepared as the JSON file says."""

    def __init__(self, model: VertexedModel, network: ParticleTransformer) -> None:
        super().__init__()
        self.network = network
        self.calibration = model.calibration

    def forward(self, features: Tensor, vectors: Tensor, mask: Tensor) -> Tensor:
        energy = torch.where(mask[:, 0] > 0, vectors[:, 0], -1.0)
        leading = torch.topk(energy, min(self.network.cap, LENGTH), dim=1).indices
        filled = mask[:, 0].gather(1, leading) > 0
        chosen = torch.asinh(_places(features, leading))
        logits = self.network.attend(
            self.network.embed(chosen),
            _places(vectors, leading),
            filled,
            features.new_zeros(features.shape[0], 0),
        )
        return torch.softmax(self.calibration(logits), dim=1)


def _places(values: Tensor, places: Tensor) -> Tensor:
    """From ``(n_jets, k, LENGTH)`` to those places of it, ``(n_jets, n_places, k)``."""
    rows = values.transpose(1, 2)
    return rows.gather(1, places[:, :, None].expand(-1, -1, rows.shape[2]))


def preprocessing_file(path: Path) -> Path:
    """The JSON file that belongs to an ONNX file."""
    return path.with_suffix(".json")


def export_jet_tagger(model: VertexedModel, path: Path, preprocessing: Path) -> None:
    """Write a tagger of jets for ``WeaverInterface``, each of both files whole or not at all.

    The graph takes float32 ``pf_features``, ``pf_vectors`` and ``pf_mask`` of shapes
    ``(n_jets, k, LENGTH)``, the constituents of a jet in any order, and gives the probability of each class,
    ``(n_jets, n_classes)``. It looks at those of the largest energies, as the model does.

    Parameters
    ----------
    model
        A ``particle_transformer`` on constituents; it is left as found.
    path, preprocessing
        Where the ONNX file and the JSON file shall stand.

    Raises
    ------
    InputError
        For another model.
    """
    network = model.network
    if model.config.style != "constituents" or not isinstance(network, ParticleTransformer):
        raise InputError(
            f"{model.name} on {model.config.style} features",
            "a particle_transformer on constituents of jets",
            "train one with --set 'cells=[\"jets\"]'",
        )
    jets = torch.export.Dim("n_jets", min=1)
    example = (
        torch.rand(2, len(CONSTITUENT), LENGTH),
        torch.rand(2, len(VECTOR), LENGTH),
        (torch.arange(LENGTH) < 5).float().expand(2, 1, LENGTH).clone(),
    )
    with on_cpu_in_evaluation(model):
        graph = traced(_Scores(model, network).eval(), example, INPUTS, ({0: jets},) * 3)
    record = {
        "model": model.name,
        "output": "probability of each class",
        "classes": json.dumps(model.classes),
        "level": model.config.level,
    }
    write_graph(graph, record, path)
    write_weaver_json(
        preprocessing, list(_prepared(model)), [OUTPUT_NAMES.get(name, name) for name in model.classes]
    )


def _prepared(model: VertexedModel) -> Iterator[WeaverInput]:
    """The inputs of the graph: features scaled as the model does, all else as it is."""
    scaler = model.particle_scaler
    scales = zip(model.spec.particles, scaler.mean.tolist(), scaler.scale.tolist(), strict=True)
    scaled = {
        name: WeaverVariable(name, median, 1 / scale, -FARTHEST, FARTHEST) for name, median, scale in scales
    }
    for name, variables in (
        ("pf_features", tuple(scaled[one] for one in CONSTITUENT)),
        ("pf_vectors", tuple(WeaverVariable(one, 0.0, 1.0, -UNBOUNDED, UNBOUNDED) for one in VECTOR)),
        ("pf_mask", (WeaverVariable(_MASK),)),
    ):
        yield WeaverInput(name, variables, LENGTH, LENGTH)


class OnnxJetTagger:
    """An exported tagger of jets on ONNX Runtime, jet by jet as FCCAnalyses runs it.

    Parameters
    ----------
    path, preprocessing
        Files that :func:`export_jet_tagger` wrote.

    Raises
    ------
    InputError
        If the ONNX file is no such model, or not self-contained.
    """

    def __init__(self, path: Path, preprocessing: Path) -> None:
        self.path = path
        self._session, _ = open_session(path, threads=1)
        self._description = json.loads(preprocessing.read_text(encoding="utf-8"))

    def score_jet(self, constituents: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Probabilities, shape ``(n_classes,)``, of a jet by its constituents' ``pfcand_*`` variables."""
        inputs = weaver_inputs(self._description, constituents)
        return np.asarray(scores_of(self._session, inputs, self.path, _EXPECTED)[0], dtype=np.float32)

    def score(self, jets: VertexedData) -> NDArray[np.float32]:
        """Probabilities, shape ``(n_jets, n_classes)``, of jets with the features of the model."""
        features, offsets = jets.particles.features.numpy(), jets.particles.offsets.numpy()
        found = [
            self.score_jet(dict(zip(jets.spec.particles, features[begin:end].T, strict=True)))
            for begin, end in pairwise(offsets)
        ]
        return np.stack(found) if found else np.empty((0, len(OUTPUT_NAMES)), dtype=np.float32)
