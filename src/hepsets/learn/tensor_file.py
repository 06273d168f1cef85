"""Tensors in one safetensors file, with what they mean as JSON in its header."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from hepsets.core.errors import InputError
from hepsets.core.record import parse, sealed, unsealed
from hepsets.core.whole_file import whole_file


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
        The tensors by name.
    """
    plain = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    record = sealed(header, _content(plain))
    with whole_file(Path(path)) as partial:
        # save_file would leave a file that nobody else may read
        partial.write_bytes(save(plain, metadata={"hepsets": json.dumps(record)}))


def read_tensors(path: str | Path, expected_format: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The header and the tensors of a file that :func:`write_tensors` wrote.

    Reading never executes code from the file.

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
            f"{path} is no safetensors file ({str(error).splitlines()[0]})", "a file that save_model wrote"
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
        raise InputError(f"{path} holds tensors but no hepsets model", "a file that save_model wrote")
    try:
        record = parse(header)
        found = record["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(path, error) from error
    if found != expected_format:
        raise InputError(
            f"{path} has format {found!r}", repr(expected_format), "use what wrote it, in its version"
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
    except (ValidationError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise damaged(path, error) from error


def damaged(path: str | Path, error: Exception) -> InputError:
    """What to raise when a file's content makes no model."""
    text = (str(error).splitlines() or [type(error).__name__])[0]
    return InputError(f"{path} is damaged ({text})", "a file that save_model wrote")
