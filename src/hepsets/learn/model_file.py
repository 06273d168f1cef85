"""Models as files: weights in safetensors, everything else as JSON in its header."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from pydantic import TypeAdapter

from hepsets.core.pdg import PdgMap
from hepsets.learn.decay_trees.model import EventModel, ModelConfig
from hepsets.learn.decay_trees.registry import build_model
from hepsets.learn.tensor_file import read_tensors, refusing_damage, write_tensors

FORMAT = "hepsets-model-2"


def save_model(model: EventModel, path: str | Path) -> None:
    """Write a model to one file, whole or not at all.

    The file holds the weights and the scaler as tensors, and name, configuration and PDG ids as
    JSON. Nothing in it is code.
    """
    header = {
        "format": FORMAT,
        "name": model.name,
        "config": dataclasses.asdict(model.config),
        "pdg_ids": model.pdg_map.ids,
    }
    write_tensors(path, header, model.state_dict())


def load_model(path: str | Path) -> EventModel:
    """Read a model that :func:`save_model` wrote, in evaluation mode on the CPU.

    Loading never executes code from the file.

    Raises
    ------
    InputError
        If the file is missing, broken, or not such a model.
    """
    record, tensors = read_tensors(path, FORMAT)
    with refusing_damage(path):
        config = TypeAdapter(ModelConfig).validate_python(record["config"])
        pdg_map = PdgMap(TypeAdapter(tuple[int, ...]).validate_python(record["pdg_ids"]))
        model = build_model(record["name"], pdg_map, config)
        model.load_state_dict(tensors)
    return model.eval()
