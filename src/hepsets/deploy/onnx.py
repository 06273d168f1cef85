"""Models as ONNX graphs: physical columns and PDG ids in, probabilities out."""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.pdg import UNKNOWN, PdgMap
from hepsets.core.whole_file import whole_file
from hepsets.learn.model import EventModel
from hepsets.represent.features import RAW_COLUMNS, raw_columns
from hepsets.represent.packed import PackedBatch

_OPSET = 18


class _Scores(nn.Module):
    """A model as a function of plain tensors."""

    def __init__(self, model: EventModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, particles: Tensor, tokens: Tensor, mothers: Tensor, offsets: Tensor) -> Tensor:
        features = self.model.features.of_raw(particles)
        logits: Tensor = self.model(PackedBatch(features, tokens, mothers, offsets))
        return torch.sigmoid(logits if logits.ndim == 1 else logits[:, 0])


def export_onnx(model: EventModel, path: str | Path) -> None:
    """Write a model as one ONNX file, whole or not at all.

    The graph holds features, scaler and PDG map. Its inputs are

    - ``particles``: float32 ``(n_particles, 8)``, the columns prod_time [ns], x, y, z [cm], energy,
      px, py, pz [GeV] in the laboratory frame, whatever features the model uses;
    - ``pdg``: int64 ``(n_particles,)``, PDG ids; those that the model does not know are fine;
    - ``mothers``: int64 ``(n_particles,)``, row of each particle's mother; a root names itself;
    - ``offsets``: int64 ``(n_events + 1,)``, event ``i`` owns rows ``offsets[i]:offsets[i + 1]``;

    and its output is ``score``: float32 ``(n_events,)``, the probability to pass. Numbers of
    particles and events are free, empty events are allowed.

    Parameters
    ----------
    model
        A trained model; it is left as found.
    path
        Where the file shall stand.
    """
    path = Path(path)
    was_training, device = model.training, model.device
    model.eval().cpu()
    try:
        graph = _trace(model)
    finally:
        model.train(was_training).to(device)
    _put_pdg_map_in_front(graph, model.pdg_map)
    helper.set_model_props(
        graph,
        {"model": model.name, "particles": json.dumps(RAW_COLUMNS), "output": "probability to pass"},
    )
    onnx.checker.check_model(graph, full_check=True)
    with whole_file(path) as partial:
        onnx.save(graph, partial)


class OnnxModel:
    """An exported model on ONNX Runtime.

    Parameters
    ----------
    path
        A file that :func:`export_onnx` wrote.
    threads
        Threads of one call; 0 leaves the choice to ONNX Runtime.

    Raises
    ------
    InputError
        If the file is no such model.
    """

    def __init__(self, path: str | Path, *, threads: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own errors share no public base class
            raise InputError(
                f"{path} cannot be loaded by ONNX Runtime ({str(error).splitlines()[0]})",
                "a file that export_onnx wrote",
            ) from error
        names = [entry.name for entry in self._session.get_inputs()]
        if names != ["particles", "pdg", "mothers", "offsets"]:
            raise InputError(f"{path} has inputs {names}", "a file that export_onnx wrote")

    def score(self, events: Events, *, batch_events: int = 2048) -> NDArray[np.float32]:
        """Probability of each event to pass, float32, shape ``(n_events,)``."""
        result = np.empty(len(events), dtype=np.float32)
        for begin in range(0, len(events), batch_events):
            part = events[begin : begin + batch_events]
            (result[begin : begin + batch_events],) = self._session.run(
                ["score"],
                {
                    "particles": raw_columns(part).numpy(),
                    "pdg": part.particles["pdg"].astype(np.int64),
                    "mothers": part.mothers,
                    "offsets": part.offsets,
                },
            )
        return result


# -- pieces ----------------------------------------------------------------------------------------


def _trace(model: EventModel) -> Any:
    """The model as an ONNX graph with an input ``tokens``."""
    # two events of three particles and one: sizes that no broadcasting rule mistakes for others
    example = (
        torch.rand(4, len(RAW_COLUMNS)),
        torch.zeros(4, dtype=torch.int64),
        torch.tensor([0, 0, 0, 3]),
        torch.tensor([0, 3, 4]),
    )
    particles, boundaries = torch.export.Dim("n_particles"), torch.export.Dim("n_boundaries", min=1)
    names = ("particles", "tokens", "mothers", "offsets")
    # the exporter reports its progress and its guesses as warnings
    chatty = [logging.getLogger(name) for name in ("torch.onnx", "torch.fx", "onnx_ir", "onnxscript")]
    levels = [logger.level for logger in chatty]
    for logger in chatty:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                _Scores(model).eval(),
                example,
                input_names=names,
                output_names=("score",),
                opset_version=_OPSET,
                dynamic_shapes=({0: particles}, {0: particles}, {0: particles}, {0: boundaries}),
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    finally:
        for logger, level in zip(chatty, levels, strict=True):
            logger.setLevel(level)
    assert program is not None  # it is for the older exporter only
    return program.model_proto


def _put_pdg_map_in_front(graph: Any, pdg_map: PdgMap) -> None:
    """Replace the input ``tokens`` by ``pdg`` and a table that makes the one out of the other."""
    for place, entry in enumerate(graph.graph.input):
        if entry.name == "tokens":
            pdg = helper.make_tensor_value_info("pdg", TensorProto.INT64, ["n_particles"])
            graph.graph.input[place].CopyFrom(pdg)
    unknown = () if pdg_map.ids else (0,)
    table = helper.make_node(
        "LabelEncoder",
        ["pdg"],
        ["tokens"],
        domain="ai.onnx.ml",
        # the table must not be empty: what is unknown may stand in it too
        keys_int64s=[*pdg_map.ids, *unknown],
        values_int64s=[*range(1, len(pdg_map)), *(UNKNOWN for _ in unknown)],
        default_int64=UNKNOWN,
    )
    graph.graph.node.insert(0, table)
    graph.opset_import.append(helper.make_opsetid("ai.onnx.ml", 2))
