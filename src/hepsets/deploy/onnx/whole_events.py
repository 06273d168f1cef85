"""Models of whole events as ONNX graphs: features of tracks and clusters in, probabilities out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.deploy.onnx.runtime import open_session, scores_in_batches
from hepsets.deploy.onnx.trace import on_cpu_in_evaluation, traced, write_graph
from hepsets.learn.whole_events.model import WholeEventModel
from hepsets.represent.particle_sets.data import PackedSet, SetBatch
from hepsets.represent.whole_events.data import whole_event_data
from hepsets.represent.whole_events.features import FEATURES

_EXPECTED = "a file that export_whole_event_onnx wrote"


class _Scores(nn.Module):
    """A model as a function of plain tensors."""

    def __init__(self, model: WholeEventModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, particles: Tensor, offsets: Tensor) -> Tensor:
        nothing = torch.zeros(offsets.shape[0] - 1, 0)
        logits: Tensor = self.model(SetBatch((PackedSet(particles, offsets),), nothing))
        return torch.sigmoid(logits)


def export_whole_event_onnx(model: WholeEventModel, path: str | Path) -> None:
    """Write a model of whole events as one ONNX file, whole or not at all.

    The graph holds scales and calibration. Its inputs are ``particles``, float32
    ``(n_particles, n_features)``, :data:`~hepsets.represent.whole_events.features.FEATURES` of all tracks and
    clusters, and ``offsets``, int64 ``(n_events + 1,)``; its output is ``score``, float32 ``(n_events,)``.

    Parameters
    ----------
    model
        A trained model; it is left as found.
    path
        Where the file shall stand.
    """
    example = (torch.rand(4, len(FEATURES)), torch.tensor([0, 3, 4]))
    sizes = ({0: torch.export.Dim("n_particles")}, {0: torch.export.Dim("n_boundaries", min=2)})
    with on_cpu_in_evaluation(model):
        graph = traced(_Scores(model).eval(), example, ["particles", "offsets"], sizes)
    record = {"features": json.dumps(FEATURES), "output": "probability to be a B0, or of the first class"}
    write_graph(graph, {"model": model.name, **record}, path)


class OnnxWholeEventModel:
    """An exported model of whole events on ONNX Runtime.

    Parameters
    ----------
    path
        A file that :func:`export_whole_event_onnx` wrote.
    threads
        Threads of one call; 0 leaves the choice to ONNX Runtime.

    Raises
    ------
    InputError
        If the file is no such model, not self-contained, or of other features.
    """

    def __init__(self, path: str | Path, *, threads: int = 0) -> None:
        self.path = Path(path)
        self._session, metadata = open_session(self.path, threads=threads)
        if metadata.get("features") != json.dumps(FEATURES):
            raise InputError(f"{path} does not name the features of whole events", _EXPECTED)

    def score(self, events: ParticleSets, *, batch_events: int = 256) -> NDArray[np.float32]:
        """Probability of each event, float32, shape ``(n_events,)``."""
        sets = (batch.sets[0] for batch in whole_event_data(events).batches(batch_events))
        batches = ({"particles": one.features.numpy(), "offsets": one.offsets.numpy()} for one in sets)
        return scores_in_batches(self._session, batches, self.path, _EXPECTED)
