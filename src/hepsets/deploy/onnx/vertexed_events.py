"""Flavour taggers as ONNX graphs: features of particles and vertices in, probabilities of flavours out."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.deploy.onnx.runtime import open_session, scores_in_batches
from hepsets.deploy.onnx.trace import on_cpu_in_evaluation, traced, write_graph
from hepsets.learn.vertexed_events.model import VertexedModel, prepared
from hepsets.represent.particle_sets.data import PackedSet
from hepsets.represent.vertexed_events.data import VertexedBatch, VertexedData
from hepsets.represent.vertexed_events.inputs import InputSpec

INPUTS = ("particles", "particle_offsets", "vertices", "vertex_offsets", "vertex", "events")
"""Inputs of the graph, in order, see :func:`export_vertexed_onnx`."""

_EXPECTED = "a file that export_vertexed_onnx wrote"


class _Scores(nn.Module):
    """A model as a function of plain tensors."""

    def __init__(self, model: VertexedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, tensors: tuple[Tensor, ...]) -> Tensor:
        particles, particle_offsets, vertices, vertex_offsets, vertex, events = tensors
        batch = VertexedBatch(
            PackedSet(particles, particle_offsets), PackedSet(vertices, vertex_offsets), vertex, events
        )
        logits: Tensor = self.model(batch)
        classes = len(self.model.classes)
        of_class = torch.softmax(logits[:, :classes], dim=1)
        if logits.shape[1] == classes:
            return of_class
        return torch.cat([of_class, torch.sigmoid(logits[:, classes:])], dim=1)


def export_vertexed_onnx(model: VertexedModel, path: str | Path) -> None:
    """Write a flavour tagger as one ONNX file, whole or not at all.

    The graph holds the scalers. Its inputs are ``particles`` and ``vertices``, float32 of shapes
    ``(n_particles, k)`` and ``(n_vertices, l)``: the features that the metadata ``inputs`` name; whose they
    are, ``particle_offsets`` and ``vertex_offsets``, int64 of shape ``(n_events + 1,)``; ``vertex``, int64 of
    shape ``(n_particles,)``: place of a particle's vertex in its event, or −1 (particles by the metadata's
    ``sort_by``, falling); and ``events``, float32 of shape
    ``(n_events, m)``. Its output ``score``, float32 of shape ``(n_events, n_outputs)``, holds the
    probability of each of the metadata's ``classes``, and that of the quark's charge where the model has it.

    Parameters
    ----------
    model
        A trained model; it is left as found.
    path
        Where the file shall stand.
    """
    boundaries, particles, vertices = (
        torch.export.Dim(name, min=least)
        for name, least in (("n_boundaries", 2), ("n_particles", 0), ("n_vertices", 0))
    )
    spec = model.spec
    example = (
        torch.rand(5, len(spec.particles)),
        torch.tensor([0, 3, 5]),
        torch.rand(3, len(spec.vertices)),
        torch.tensor([0, 2, 3]),
        torch.tensor([0, 1, -1, 0, -1]),
        torch.rand(2, len(spec.events)),
    )
    if "side" in spec.particles:  # a hemisphere is 1 or −1
        example[0][:, spec.particles.index("side")] = 1.0
        example[2][:, spec.vertices.index("vertex_side")] = 1.0
    sizes = (
        {0: particles},
        {0: boundaries},
        {0: vertices},
        {0: boundaries},
        {0: particles},
        {0: boundaries - 1},
    )
    with on_cpu_in_evaluation(model):
        graph = traced(_Scores(model).eval(), (example,), INPUTS, (sizes,))
    record = {
        "model": model.name,
        "output": "probability of each class",
        "inputs": json.dumps(dataclasses.asdict(spec)),
        "sort_by": json.dumps(model.network.sort_by),
        "classes": json.dumps(model.classes),
        "charge": json.dumps(model.config.charge),
        "level": model.config.level,
    }
    write_graph(graph, record, path)


class OnnxVertexedModel:
    """An exported flavour tagger on ONNX Runtime.

    Parameters
    ----------
    path
        A file that :func:`export_vertexed_onnx` wrote.
    threads
        Threads of one call; 0 leaves the choice to ONNX Runtime.

    Raises
    ------
    InputError
        If the file is no such model, or not self-contained.
    """

    def __init__(self, path: str | Path, *, threads: int = 0) -> None:
        self.path = Path(path)
        self._session, metadata = open_session(self.path, threads=threads)
        try:
            self.spec = TypeAdapter(InputSpec).validate_json(metadata["inputs"])
            self.sort_by = TypeAdapter(tuple[str, ...]).validate_json(metadata["sort_by"])
            self.classes = TypeAdapter(tuple[str, ...]).validate_json(metadata["classes"])
            self.charge = TypeAdapter(bool).validate_json(metadata["charge"])
            self.level = metadata["level"]
        except (KeyError, ValidationError) as error:
            raise InputError(f"{path} does not name its features", _EXPECTED) from error

    def score(self, events: VertexedEvents | VertexedData, *, batch_events: int = 256) -> NDArray[np.float32]:
        """Probability of each class, and of the charge, float32, shape ``(n_events, n_outputs)``."""
        data = prepared(events, self.spec, self.sort_by)
        batches = (_inputs(batch) for batch in data.batches(batch_events))
        width = (len(self.classes) + self.charge,)
        return scores_in_batches(self._session, batches, self.path, _EXPECTED, width=width)


def _inputs(batch: VertexedBatch) -> dict[str, NDArray[Any]]:
    tensors = (
        batch.particles.features,
        batch.particles.offsets,
        batch.vertices.features,
        batch.vertices.offsets,
        batch.vertex,
        batch.event_features,
    )
    return {name: tensor.numpy() for name, tensor in zip(INPUTS, tensors, strict=True)}
