"""Refuse ONNX files that reach beyond themselves or hold NaN, before any runtime opens them.

A filter is one file of numbers and standard operators. An ONNX file may also name other files to
read tensors from, operators that a plug-in would bring, or functions of its own. This module walks
through the file's protocol-buffer fields (their numbers are those of ``onnx.proto``, IR version 10)
with nothing but numpy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from hepsets.core.errors import InputError

DOMAINS = (b"", b"ai.onnx", b"ai.onnx.ml")
"""Operator sets of the ONNX standard."""

# message → {field number: message of that field}; what is not listed is not looked into
_NESTED: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "opset"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "opset": {},
    "tensor": {},
}
_TRAINING, _FUNCTIONS = 20, 25
_DOMAIN_OF = {"node": 7, "opset": 1}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_DATA_TYPE, _RAW_DATA = 2, 9

_KINDS: dict[int, Any] = {
    1: np.dtype("<f4"),
    10: np.dtype("<f2"),
    11: np.dtype("<f8"),
    **dict.fromkeys((2, 3, 4, 5, 6, 7, 9, 12, 13)),  # integers and truth values
}
"""Types of tensors by their number; other types (strings, complex numbers, 8 bits) are refused."""

_FLOATS: dict[str, dict[int, Any]] = {
    "tensor": {4: np.dtype("<f4"), 10: np.dtype("<f8")},
    "attribute": {2: np.dtype("<f4"), 7: np.dtype("<f4")},
}
"""Fields that hold floating-point numbers themselves, one by one or packed."""

Value: TypeAlias = int | memoryview


def check_self_contained(content: bytes, source: str) -> None:
    """Check that an ONNX file needs nothing but itself and standard operators, and is all numbers.

    Parameters
    ----------
    content
        The whole file.
    source
        Its name, for errors.

    Raises
    ------
    InputError
        If the file is no ONNX model, uses an operator outside the ONNX standard, brings functions
        or training graphs of its own, keeps tensors in other files, or holds numbers that are not
        finite.
    """
    try:
        has_graph = any(number == 7 for number, _ in _fields(memoryview(content)))
        _walk(memoryview(content), "model", source, 0)
    except (ValueError, IndexError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{source} is no ONNX file", "a file that hepsets export wrote") from error
    if not has_graph:
        raise InputError(f"{source} is no ONNX file", "a file that hepsets export wrote")


def _walk(message: memoryview, kind: str, source: str, depth: int) -> None:
    if depth > 40:
        raise ValueError("nested too deeply")
    for number, value in _fields(message):
        if isinstance(value, memoryview):
            if number == _DOMAIN_OF.get(kind) and bytes(value) not in DOMAINS:
                name = bytes(value).decode(errors="replace")
                raise _refused(source, f"operators of {name!r}")
            if kind == "model" and number in (_FUNCTIONS, _TRAINING):
                raise _refused(source, "functions or training graphs of its own")
            if number in _NESTED[kind]:
                _walk(value, _NESTED[kind][number], source, depth + 1)
            if number in _FLOATS.get(kind, ()):
                _check_finite(value, _FLOATS[kind][number], source)
        if kind == "tensor" and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0)):
            raise _refused(source, "tensors in another file")
    if kind == "tensor":
        _check_tensor(message, source)


def _check_tensor(message: memoryview, source: str) -> None:
    """Check the type of a tensor, and its numbers where they are stored as bytes."""
    fields = list(_fields(message))
    types = [value for number, value in fields if number == _DATA_TYPE]
    kind = types[-1] if types else 0
    if not isinstance(kind, int) or kind not in _KINDS:
        raise _refused(source, "a tensor of a type that hepsets never writes")
    if _KINDS[kind] is None:
        return
    if kind == 10 and any(number == 5 for number, _ in fields):
        raise _refused(source, "numbers of 16 bits that are not stored as bytes")
    for number, value in fields:
        if number == _RAW_DATA and isinstance(value, memoryview):
            _check_finite(value, _KINDS[kind], source)


def _check_finite(value: memoryview, kind: Any, source: str) -> None:
    if not np.isfinite(np.frombuffer(value, dtype=kind)).all():
        raise InputError(
            f"{source} holds weights that are not finite",
            "finite numbers",
            "the training went wrong: train again",
        )


def _refused(source: str, what: str) -> InputError:
    return InputError(f"{source} has {what}", "one self-contained file that hepsets export wrote")


def _fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """Number and value of each field: integers, or the bytes of strings, tensors and messages."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        value: Value
        if wire == 0:
            value, at = _varint(message, at)
        elif wire in (1, 5, 2):
            length = 8 if wire == 1 else 4
            if wire == 2:
                length, at = _varint(message, at)
            if length > len(message) - at:
                raise ValueError("cut")
            value = message[at : at + length]
            at += length
        else:
            raise ValueError("unknown wire type")
        if number == 0:
            raise ValueError("field number 0")
        yield number, value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
