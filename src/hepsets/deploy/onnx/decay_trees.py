"""Models as ONNX graphs and filters: physical columns and PDG ids in, probabilities out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.pdg import UNKNOWN, PdgMap
from hepsets.core.whole_file import whole_file
from hepsets.deploy.filter.card import FilterCard
from hepsets.deploy.filter.event_filter import CARD, EventFilter
from hepsets.deploy.onnx.runtime import OnnxModel as OnnxModel
from hepsets.deploy.onnx.trace import on_cpu_in_evaluation, traced, write_graph
from hepsets.learn.decay_trees.model import EventModel
from hepsets.learn.training.score import logits_of
from hepsets.represent.decay_trees.batch import PackedBatch
from hepsets.represent.decay_trees.features import RAW_COLUMNS

_PARITY = 1e-5
"""Greatest difference of scores between a model and its graph."""


class _Scores(nn.Module):
    """A model as a function of plain tensors."""

    def __init__(self, model: EventModel, skims: int) -> None:
        super().__init__()
        self.model = model
        self.skims = skims

    def forward(
        self,
        particles: Tensor,
        tokens: Tensor,
        mothers: Tensor,
        offsets: Tensor,
        event_types: Tensor | None = None,
    ) -> Tensor:
        features = self.model.features.of_raw(particles)
        logits: Tensor = self.model(PackedBatch(features, tokens, mothers, offsets, event_types))
        if logits.ndim == 2:
            logits = logits[:, 0] if self.skims == 1 else logits[:, : self.skims]
        return torch.sigmoid(logits)


def export_onnx(
    model: EventModel, path: str | Path, *, skims: int = 1, metadata: Mapping[str, str] | None = None
) -> None:
    """Write a model as one ONNX file, whole or not at all.

    The graph holds features, scaler and PDG map. Its inputs are

    - ``particles``: float32 ``(n_particles, 8)``, the columns prod_time [ns], x, y, z [cm], energy,
      px, py, pz [GeV] in the laboratory frame, whatever features the model uses;
    - ``pdg``: int64 ``(n_particles,)``, PDG ids; those that the model does not know are fine;
    - ``mothers``: int64 ``(n_particles,)``, row of each particle's mother; a root names itself;
    - ``offsets``: int64 ``(n_events + 1,)``, event ``i`` owns rows ``offsets[i]:offsets[i + 1]``;
    - ``event_types``: int64 ``(n_events,)``, only for models that can be told them: 0 for an unknown
      type, ``i + 1`` for the model's type ``i``;

    and its output is ``score``: float32 ``(n_events,)``, the probability to pass, or
    ``(n_events, skims)`` for more than one skim. Numbers of particles and events are free, empty
    events are allowed.

    Parameters
    ----------
    model
        A trained model; it is left as found.
    path
        Where the file shall stand.
    skims
        How many of the model's outputs are scores of skims; the others are left out.
    metadata
        Further metadata properties of the file.
    """
    path = Path(path)
    with on_cpu_in_evaluation(model):
        graph = _trace(model, skims)
    _put_pdg_map_in_front(graph, model.pdg_map)
    properties = {"model": model.name, "particles": json.dumps(RAW_COLUMNS), "output": "probability to pass"}
    write_graph(graph, {**properties, **(metadata or {})}, path)


def export_filter(model: EventModel, card: FilterCard, path: str | Path, events: Events) -> float:
    """Write a model with its keep rules and training domain as one ONNX file that is a filter.

    The file appears only if it gives the same scores as the model, within 1e-5, on ``events`` and on
    the edge cases that :func:`edge_cases` makes of them.

    Parameters
    ----------
    model
        A trained model.
    card
        What it must know besides.
    path
        Where the file shall stand.
    events
        Events to compare on; a thousand real ones are a fair sample.

    Returns
    -------
    float
        The greatest difference of scores found.

    Raises
    ------
    InputError
        If the model has fewer outputs than the card has skims, or the scores differ.
    """
    if len(card.skims) > model.heads:
        raise InputError(f"{len(card.skims)} skims for {model.heads} outputs", "an output for each skim")
    with whole_file(path) as partial:
        export_onnx(model, partial, skims=len(card.skims), metadata={CARD: card.to_json()})
        exported = EventFilter.load(partial)
        worst = 0.0
        told = events.with_columns(event_type=np.arange(len(events)) % (len(card.event_types) + 1))
        for part in (events, *edge_cases(events), told):
            logits = logits_of(model, model.prepare(part))[:, : len(card.skims)]
            expected = torch.sigmoid(logits).numpy()
            worst = max(worst, float(np.abs(exported.scores(part) - expected).max(initial=0.0)))
        if not worst <= _PARITY:
            raise InputError(
                f"{model.name} differs from its ONNX graph by {worst:.2g} in its scores",
                f"at most {_PARITY:g}",
                "report it, with the model and the events",
            )
    return worst


def edge_cases(events: Events) -> tuple[Events, ...]:
    """What is rare in events, made of the first of ``events``.

    An event alone; no event; an event without particles, alone and between others; a single
    particle; ids that no model knows; all particles on one chain; a very large event.
    """
    one = events[:1]
    n = one.n_particles
    first = {name: column[:1] for name, column in one.particles.items()}
    root_alone = Events({**first, "mother_index": first["index"]}, np.array([0, 1]))
    strange = Events({**one.particles, "pdg": np.full(n, 9_900_441)}, one.offsets)
    chain = Events(
        {**one.particles, "index": np.arange(n), "mother_index": np.maximum(np.arange(n) - 1, 0)}, one.offsets
    )
    large = events[:10]
    large = Events(
        {
            **large.particles,
            "index": np.arange(large.n_particles),
            "mother_index": large.mothers,
        },
        np.array([0, large.n_particles]),
    )
    empty = events[:0]
    hollow = Events(one.particles, np.array([0, 0, n, n]))
    return one, empty, Events(empty.particles, np.array([0, 0])), hollow, root_alone, strange, chain, large


# -- pieces ----------------------------------------------------------------------------------------


def _trace(model: EventModel, skims: int) -> Any:
    """The model as an ONNX graph with an input ``tokens``."""
    # two events of three particles and one: sizes that no broadcasting rule mistakes for others
    example = [
        torch.rand(4, len(RAW_COLUMNS)),
        torch.zeros(4, dtype=torch.int64),
        torch.tensor([0, 0, 0, 3]),
        torch.tensor([0, 3, 4]),
    ]
    particles, boundaries = torch.export.Dim("n_particles"), torch.export.Dim("n_boundaries", min=1)
    names = ["particles", "tokens", "mothers", "offsets"]
    sizes = [{0: particles}, {0: particles}, {0: particles}, {0: boundaries}]
    if model.event_types:
        example.append(torch.tensor([0, 1]))
        names.append("event_types")
        sizes.append({0: boundaries - 1})
    return traced(_Scores(model, skims).eval(), tuple(example), names, sizes)


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
