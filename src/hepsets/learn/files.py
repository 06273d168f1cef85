"""Models as files: numbers in safetensors, what they mean as JSON in its header; one save, one load.

The header names the format, the kind of model and the model. What is kept besides models, such as reference
events, takes :func:`write_tensors` and :func:`read_tensors` with a format of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as safetensors_bytes
from torch import Tensor

from hepsets.core.errors import InputError
from hepsets.core.record import parse, sealed, unsealed
from hepsets.core.whole_file import whole_file
from hepsets.learn.registry import Model, recipe

FORMAT = "hepsets-model-3"

EARLIER: Mapping[str, tuple[str, str | None]] = {
    "hepsets-model-2": ("decay_trees", None),
    "hepsets-set-model-1": ("particle_sets", None),
    "hepsets-set-estimator-1": ("data_sets", None),
    "hepsets-morphing-1": ("data_sets", "morphing"),
    "hepsets-set-summary-1": ("data_sets", "set_summary"),
    "hepsets-trees-1": ("tables", "boosted_trees"),
}
"""Formats of earlier versions: the kind that they hold, and the model where the header does not name it."""

M = TypeVar("M", bound=Model)


def save(model: Model, path: str | Path) -> None:
    """Write a model of any kind to one file, whole or not at all. Nothing in it is code."""
    write_tensors(path, {"format": FORMAT, "kind": model.kind, **model.record()}, model.tensors())


@overload
def load(path: str | Path, **given: Any) -> Model: ...
@overload
def load(path: str | Path, expected: type[M], **given: Any) -> M: ...
def load(path: str | Path, expected: type[M] | None = None, **given: Any) -> Model | M:
    """Read a model that :func:`save` wrote, now or in an earlier version: ready to use, on the CPU.

    Loading never executes code from the file.

    Parameters
    ----------
    path
        The file.
    expected
        The class that the model must be of; any by default.
    given
        What a model needs besides its file, such as the ``estimator`` of a
        :class:`~hepsets.learn.data_sets.set_summary.SetSummary`.

    Raises
    ------
    InputError
        If the file is missing, damaged, of another format or of another class; or holds a model that is not
        installed.
    """
    record, tensors = _json_trees(path) or read_tensors(path, FORMAT, *EARLIER)
    with refusing_damage(path):
        earlier = record["format"] in EARLIER
        kind, name = EARLIER.get(record["format"], (record.get("kind"), None))
        found = recipe(str(kind), name or record.get("model") or record["name"])
        if earlier:
            record = {**record, "config": found.of_earlier(record["config"])}
        model = found.read(record, tensors, **given)
    if expected is not None and not isinstance(model, expected):
        raise InputError(
            f"{path} holds the model {model.name!r} of {kind}", f"one that is {expected.__name__}"
        )
    return model


def _json_trees(path: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """Boosted trees as earlier versions wrote them, in JSON; ``None`` for any other file."""
    path = Path(path)
    if not path.is_file():
        return None
    with path.open("rb") as file:
        if file.read(1) != b"{":
            return None
    with refusing_damage(path):
        record = unsealed(parse(path.read_bytes()), path)
        if record["format"] != "hepsets-trees-1":
            raise ValueError(f"format {record['format']!r}")
        text = json.dumps(record.pop("trees")).encode()
    return record, {"trees": torch.from_numpy(np.frombuffer(text, dtype=np.uint8).copy())}


def write_tensors(path: str | Path, header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write tensors and a header, whole or not at all. Nothing in the file is code.

    The header gets a checksum of itself and the tensors, which reading verifies.

    Parameters
    ----------
    path
        Where the file shall stand.
    header
        What JSON can hold, with the file's ``format``.
    tensors
        The tensors by name, of any shape.
    """
    plain = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    record = sealed(header, _content(plain))
    with whole_file(Path(path)) as partial:
        # save_file would leave a file that nobody else may read
        partial.write_bytes(safetensors_bytes(plain, metadata={"hepsets": json.dumps(record)}))


def read_tensors(path: str | Path, *formats: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The header and the tensors, of any shape, of a file that :func:`write_tensors` wrote.

    Reading never executes code from the file.

    Parameters
    ----------
    path
        The file.
    formats
        Those that are understood, the present one first.

    Raises
    ------
    InputError
        If the file is missing, damaged, or of another format.
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
            f"{path} is no safetensors file ({str(error).splitlines()[0]})", "a file that hepsets wrote"
        ) from error
    broken = [
        name for name, tensor in tensors.items() if tensor.is_floating_point() and not tensor.isfinite().all()
    ]
    if broken:
        raise InputError(
            f"{path} holds numbers that are not finite ({broken[0]})",
            "finite numbers",
            "the training went wrong: train again",
        )
    if header is None:
        raise InputError(f"{path} holds tensors but no hepsets model", "a file that hepsets wrote")
    try:
        record = parse(header)
        found = record["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(path, error) from error
    if found not in formats:
        raise InputError(
            f"{path} has format {found!r}", repr(formats[0]), "use what wrote it, in its version"
        )
    return unsealed(record, path, _content(tensors)), tensors


def _content(tensors: Mapping[str, Tensor]) -> Iterator[bytes]:
    """Names, types, shapes and numbers of tensors, for their checksum."""
    for name in sorted(tensors):
        tensor = tensors[name]
        yield f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode()
        yield tensor.reshape(-1).view(torch.uint8).numpy().tobytes()


@contextmanager
def refusing_damage(path: str | Path) -> Iterator[None]:
    """Turn what goes wrong while a file's content becomes a model into :func:`damaged`.

    An :class:`~hepsets.core.errors.InputError` says enough and goes through.
    """
    try:
        yield
    except InputError:
        raise
    except (
        *(ValidationError, ValueError, KeyError, TypeError, RuntimeError),
        *(AttributeError, IndexError, OverflowError),
    ) as error:
        raise damaged(path, error) from error


def damaged(path: str | Path, error: Exception) -> InputError:
    """What to raise when a file's content makes no model."""
    text = (str(error).splitlines() or [type(error).__name__])[0]
    return InputError(f"{path} is damaged ({text})", "a file that hepsets wrote")
