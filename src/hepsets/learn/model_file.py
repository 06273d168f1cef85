"""Models as files: weights in safetensors, everything else as JSON in its header."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from hepsets.core.errors import InputError
from hepsets.core.pdg import PdgMap
from hepsets.core.whole_file import whole_file
from hepsets.learn.model import EventModel, ModelConfig
from hepsets.learn.models import build_model

FORMAT = "hepsets-model-2"


def save_model(model: EventModel, path: str | Path) -> None:
    """Write a model to one file, whole or not at all.

    The file holds the weights and the scaler as tensors, and name, configuration and PDG ids as
    JSON. Nothing in it is code.
    """
    path = Path(path)
    header = {
        "format": FORMAT,
        "name": model.name,
        "config": dataclasses.asdict(model.config),
        "pdg_ids": model.pdg_map.ids,
    }
    tensors = {key: tensor.cpu().contiguous() for key, tensor in model.state_dict().items()}
    with whole_file(path) as partial:
        save_file(tensors, partial, metadata={"hepsets": json.dumps(header)})


def load_model(path: str | Path) -> EventModel:
    """Read a model that :func:`save_model` wrote, in evaluation mode on the CPU.

    Loading never executes code from the file.

    Raises
    ------
    InputError
        If the file is missing, broken, or not such a model.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no file {path}", "a model file", "check the path")
    try:
        with safe_open(path, framework="pt") as file:
            header = (file.metadata() or {}).get("hepsets")
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no iterator)
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"{path} is no safetensors file ({str(error).splitlines()[0]})", "a file that save_model wrote"
        ) from error
    if header is None:
        raise InputError(f"{path} holds tensors but no hepsets model", "a file that save_model wrote")
    try:
        record = json.loads(header)
        if record["format"] != FORMAT:
            raise InputError(
                f"{path} has format {record['format']!r}", repr(FORMAT), "use the version that wrote it"
            )
        config = TypeAdapter(ModelConfig).validate_python(record["config"])
        pdg_map = PdgMap(TypeAdapter(tuple[int, ...]).validate_python(record["pdg_ids"]))
        model = build_model(record["name"], pdg_map, config)
        model.load_state_dict(tensors)
    except InputError:
        raise
    except (ValidationError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise InputError(
            f"{path} is damaged ({str(error).splitlines()[0]})", "a file that save_model wrote"
        ) from error
    return model.eval()
