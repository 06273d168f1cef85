"""What a file of tensors says of itself: its header, read without PyTorch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TRUNK = "hepsets-trunk-1"
"""Format of the files of pre-trained trunks."""

_LENGTH, _MOST = 8, 10_000_000
"""Bytes that hold the length of the header, and how long it may be."""


def whole_header(path: str | Path) -> tuple[Any, int]:
    """The JSON at the head of a safetensors file, and the place [bytes] where its tensors begin.

    The layout: eight bytes, little-endian, the length of a JSON object, and the object, of which
    ``__metadata__`` holds texts (https://github.com/huggingface/safetensors#format).

    Parameters
    ----------
    path
        A file that exists.

    Raises
    ------
    ValueError
        If it begins otherwise.
    """
    with Path(path).open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH), "little")
        if not 2 <= length <= _MOST:
            raise ValueError(f"a header of {length} bytes")
        return json.loads(file.read(length)), _LENGTH + length


def tensor_header(path: str | Path) -> dict[str, Any] | None:
    """What hepsets wrote into the header of a safetensors file, or ``None`` for any other file.

    Neither tensors nor checksum are read; who loads the file verifies them.

    Parameters
    ----------
    path
        A file that exists.
    """
    try:
        header, _ = whole_header(path)
        found = json.loads(header["__metadata__"]["hepsets"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("format"), str) else None
