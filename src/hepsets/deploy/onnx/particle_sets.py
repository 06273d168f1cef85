"""Models of sets as ONNX graphs: members of sets in physical units in, probabilities out."""

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
from hepsets.core.particle_sets import ParticleSets
from hepsets.deploy.onnx.runtime import open_session, scores_in_batches
from hepsets.deploy.onnx.trace import on_cpu_in_evaluation, traced, write_graph
from hepsets.learn.particle_sets.model import SetModel
from hepsets.represent.particle_sets.data import PackedSet, SetBatch, SetData
from hepsets.represent.particle_sets.features import SetSpec

_EXPECTED = "a file that export_set_onnx wrote"


class _Scores(nn.Module):
    """A model as a function of plain tensors."""

    def __init__(self, model: SetModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, tensors: tuple[Tensor, ...]) -> Tensor:
        inputs = iter(tensors)
        sets, event_features = [], None
        for spec in self.model.sets:
            features = next(inputs)
            if spec.of_candidate:
                sets.append(PackedSet(features, torch.arange(features.shape[0] + 1)))
            else:
                sets.append(PackedSet(features, next(inputs)))
        if self.model.event_features:
            event_features = next(inputs)
        else:
            n_events = sets[0].offsets.shape[0] - 1
            event_features = torch.zeros(n_events, 0)
        logits: Tensor = self.model(SetBatch(tuple(sets), event_features))
        return torch.sigmoid(logits)


def export_set_onnx(model: SetModel, path: str | Path) -> None:
    """Write a model of sets as one ONNX file, whole or not at all.

    The graph holds the scalers. Its inputs are, for every set, the features of its members,
    float32 ``(n_members, n_features)``, under the set's name, and, unless it holds the candidate alone,
    ``{name}_offsets``, int64 ``(n_events + 1,)``; then ``event_features``, float32
    ``(n_events, n_event_features)``, if there are any. Its output is ``score``, float32 ``(n_events,)``.

    Parameters
    ----------
    model
        A trained model; it is left as found.
    path
        Where the file shall stand.
    """
    example, names, sizes = example_of_sets(model.sets, len(model.event_features))
    with on_cpu_in_evaluation(model):
        graph = traced(_Scores(model).eval(), (example,), names, (sizes,))
    record = {
        "sets": json.dumps([dataclasses.asdict(spec) for spec in model.sets]),
        "event_features": json.dumps(model.event_features),
        "made_of": json.dumps(dict(model.made_of)),
    }
    write_graph(graph, {"model": model.name, "output": "probability to be signal", **record}, path)


class OnnxSetModel:
    """An exported model of sets on ONNX Runtime.

    Parameters
    ----------
    path
        A file that :func:`export_set_onnx` wrote.
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
            self.sets = TypeAdapter(tuple[SetSpec, ...]).validate_json(metadata["sets"])
            self.event_features = TypeAdapter(tuple[str, ...]).validate_json(metadata["event_features"])
            self.made_of = TypeAdapter(dict[str, Any]).validate_json(metadata.get("made_of", "{}"))
        except (KeyError, ValidationError) as error:
            raise InputError(f"{path} does not name its sets", _EXPECTED) from error

    def score(self, events: ParticleSets, *, batch_events: int = 256) -> NDArray[np.float32]:
        """Probability of each event to be signal, float32, shape ``(n_events,)``."""
        data = SetData.from_events(events, self.sets, self.event_features)
        batches = (set_inputs(self.sets, batch) for batch in data.batches(batch_events))
        return scores_in_batches(self._session, batches, self.path, _EXPECTED)


def set_inputs(sets: tuple[SetSpec, ...], batch: SetBatch) -> dict[str, NDArray[Any]]:
    """The arrays of a batch by the names that they have in a graph, see :func:`export_set_onnx`."""
    inputs = {}
    for spec, one in zip(sets, batch.sets, strict=True):
        inputs[spec.name] = one.features.numpy()
        if not spec.of_candidate:
            inputs[f"{spec.name}_offsets"] = one.offsets.numpy()
    if batch.event_features.shape[1]:
        inputs["event_features"] = batch.event_features.numpy()
    return inputs


def example_of_sets(
    sets: tuple[SetSpec, ...], n_event_features: int
) -> tuple[tuple[Tensor, ...], list[str], tuple[dict[int, Any], ...]]:
    """Two events to trace a graph of sets with: tensors, their names, and which of their sizes are free.

    Parameters
    ----------
    sets
        The sets.
    n_event_features
        Event features beside them.

    Returns
    -------
    tuple
        Of each set the features, shape ``(n_members, n_features)``, and offsets, shape ``(3,)``, where it is
        not the candidate alone; then event features, shape ``(2, n_event_features)``, if there are any.
    """
    boundaries = torch.export.Dim("n_boundaries", min=2)
    example: list[Tensor] = []
    names: list[str] = []
    sizes: list[dict[int, Any]] = []
    for spec in sets:
        if spec.of_candidate:
            example.append(torch.rand(2, len(spec.features)))
            names.append(spec.name)
            sizes.append({0: boundaries - 1})
            continue
        example += [torch.rand(4, len(spec.features)), torch.tensor([0, 3, 4])]
        names += [spec.name, f"{spec.name}_offsets"]
        sizes += [{0: torch.export.Dim(f"n_{spec.name}")}, {0: boundaries}]
    if n_event_features:
        example.append(torch.rand(2, n_event_features))
        names.append("event_features")
        sizes.append({0: boundaries - 1})
    return tuple(example), names, tuple(sizes)
