"""Trunks as ONNX graphs: tracks and clusters in physical units in, a vector for each event out."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.deploy.onnx.particle_sets import example_of_sets, set_inputs
from hepsets.deploy.onnx.runtime import open_session, scores_in_batches
from hepsets.deploy.onnx.trace import traced, write_graph
from hepsets.learn.pretraining.corpus import with_marks
from hepsets.learn.pretraining.encoder import Trunk
from hepsets.learn.training.trainable import in_evaluation
from hepsets.represent.particle_sets.data import PackedSet, SetData
from hepsets.represent.particle_sets.features import SetSpec

_EXPECTED = "a file that export_trunk_onnx wrote"


class _Vectors(nn.Module):
    """A trunk as a function of plain tensors."""

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, tensors: tuple[Tensor, ...]) -> Tensor:
        sets = tuple(PackedSet(*pair) for pair in zip(tensors[::2], tensors[1::2], strict=True))
        result: Tensor = self.trunk.reconstructed(sets).events
        return result


def export_trunk_onnx(trunk: Trunk, path: str | Path) -> None:
    """Write the reconstructed side of a trunk as one ONNX file, whole or not at all.

    Its inputs are, for every set, the features of its members, float32 ``(n_members, n_features)``, under the
    set's name, and ``{name}_offsets``, int64 ``(n_events + 1,)``. Its output, ``score``, holds the vectors of
    the events, float32 ``(n_events, units)``.

    Parameters
    ----------
    trunk
        On the CPU; it is left as found.
    path
        Where the file shall stand.
    """
    example, names, sizes = example_of_sets(trunk.config.sets, 0)
    with in_evaluation(trunk):
        graph = traced(_Vectors(trunk).eval(), (example,), names, (sizes,))
    record = {
        "sets": json.dumps([dataclasses.asdict(spec) for spec in trunk.config.sets]),
        "units": json.dumps(trunk.config.units),
        "card": json.dumps(trunk.card),
    }
    write_graph(graph, {"model": "trunk", "output": "vector of the event", **record}, path)


class OnnxTrunk:
    """An exported trunk on ONNX Runtime.

    Parameters
    ----------
    path
        A file that :func:`export_trunk_onnx` wrote.
    threads
        Threads of one call; 0 leaves the choice to ONNX Runtime.

    Raises
    ------
    InputError
        If the file is no such trunk, or not self-contained.
    """

    def __init__(self, path: str | Path, *, threads: int = 0) -> None:
        self.path = Path(path)
        self._session, metadata = open_session(self.path, threads=threads)
        try:
            self.sets = TypeAdapter(tuple[SetSpec, ...]).validate_json(metadata["sets"])
            self.units = TypeAdapter(int).validate_json(metadata["units"])
            self.card: dict[str, Any] = json.loads(metadata["card"])
        except (KeyError, ValueError, ValidationError) as error:
            raise InputError(f"{path} does not name its sets", _EXPECTED) from error

    def vectors(self, seen: ParticleSets, *, batch_events: int = 256) -> NDArray[np.float32]:
        """The vector of each event, float32, shape ``(n_events, units)``."""
        data = SetData.from_events(with_marks(seen), self.sets)
        batches = (set_inputs(self.sets, batch) for batch in data.batches(batch_events))
        return scores_in_batches(self._session, batches, self.path, _EXPECTED, width=(self.units,))
