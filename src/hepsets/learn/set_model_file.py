"""Models of sets as files: weights and scales in safetensors, all else as JSON in its header."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from pydantic import TypeAdapter

from hepsets.learn.particle_sets.model import SetModel, SetModelConfig
from hepsets.learn.particle_sets.registry import build_set_model
from hepsets.learn.tensor_file import read_tensors, refusing_damage, write_tensors

FORMAT = "hepsets-set-model-1"


def save_set_model(model: SetModel, path: str | Path) -> None:
    """Write a model of sets to one file, whole or not at all. Nothing in it is code."""
    header = {"format": FORMAT, "name": model.name, "config": dataclasses.asdict(model.config)}
    write_tensors(path, header, model.state_dict())


def load_set_model(path: str | Path) -> SetModel:
    """Read a model that :func:`save_set_model` wrote, in evaluation mode on the CPU.

    Loading never executes code from the file.

    Raises
    ------
    InputError
        If the file is missing, broken, or not such a model.
    """
    record, tensors = read_tensors(path, FORMAT)
    with refusing_damage(path):
        model = build_set_model(record["name"], TypeAdapter(SetModelConfig).validate_python(record["config"]))
        model.load_state_dict(tensors)
    return model.eval()
