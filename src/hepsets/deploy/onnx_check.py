"""Refuse ONNX files that reach beyond themselves, before any runtime opens them.

A filter is one file of numbers and standard operators. An ONNX file may also name other files to
read tensors from, operators that a plug-in would bring, or functions of its own. This module walks
through the file's protocol-buffer fields (their numbers are those of ``onnx.proto``, IR version 10)
with nothing but the standard library.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

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

Value: TypeAlias = int | memoryview


def check_self_contained(content: bytes, source: str) -> None:
    """Check that an ONNX file needs nothing but itself and standard operators.

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
        or training graphs of its own, or keeps tensors in other files.
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
        if kind == "tensor" and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0)):
            raise _refused(source, "tensors in another file")


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
