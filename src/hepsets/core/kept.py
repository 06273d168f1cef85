"""Results kept as they are: dataclasses in one JSON file, their arrays in an npz file beside it.

What is read back equals what was written, to the last bit: the JSON file has a checksum of both. Nothing in
the files is ever executed.
"""

from __future__ import annotations

import dataclasses
import io
import json
import math
import types
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from hepsets.core.errors import InputError, reason
from hepsets.core.record import parse, sealed, unsealed
from hepsets.core.whole_file import whole_file

Result = TypeVar("Result")


def keep(stem: Path, result: Any) -> None:
    """Write ``stem.json`` and ``stem.npz``.

    Parameters
    ----------
    stem
        Path of both files without their endings.
    result
        A dataclass whose fields are dataclasses, numbers, strings, ``None``, paths, NumPy arrays, or
        tuples, lists and mappings of these, as their annotations say.

    Raises
    ------
    TypeError
        For a field that holds something else than its annotation says.
    """
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    plain = _encode(type(result), result, arrays, type(result).__name__)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    packed = buffer.getvalue()
    record = {"hepsets": version("hepsets"), "kind": _kind(type(result)), "result": plain}
    content = sealed(record, [packed])
    with whole_file(stem.with_suffix(".npz")) as partial:
        partial.write_bytes(packed)
    with whole_file(stem.with_suffix(".json")) as partial:
        partial.write_text(json.dumps(content, allow_nan=False) + "\n", encoding="utf-8")


def read_kept(stem: Path, kind: type[Result]) -> Result:
    """What :func:`keep` wrote.

    Raises
    ------
    InputError
        If the files are missing or damaged, do not belong together, or hold another kind of result or one of
        another version.
    """
    path = stem.with_suffix(".json")
    try:
        content = parse(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read ({reason(error)})",
            "the results that a run of this version keeps",
            "repeat the run with its config.toml",
        ) from error
    held = content.get("kind") if isinstance(content, dict) else None
    if held != _kind(kind):
        raise InputError(f"{path} holds {held}", _kind(kind), "give a run of this analysis")
    try:
        packed = stem.with_suffix(".npz").read_bytes()
    except OSError as error:
        raise InputError(
            f"{stem.with_suffix('.npz')} cannot be read ({reason(error)})",
            f"the arrays that belong to {path.name}",
            "repeat the run with its config.toml",
        ) from error
    content = unsealed(content, f"{path} with {stem.name}.npz", [packed])
    try:
        if content.keys() != {"hepsets", "kind", "result"}:
            raise KeyError(f"{sorted(content)}")
        with np.load(io.BytesIO(packed), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        found: Result = _decode(kind, content["result"], arrays)
    except (
        *(KeyError, TypeError, ValueError, AttributeError, OSError, EOFError),
        *(NotImplementedError, zipfile.BadZipFile, zlib.error),
    ) as error:
        raise InputError(
            f"{path}: results of hepsets {content.get('hepsets')} that {version('hepsets')} cannot read",
            "results of a run of this version",
            "repeat the run with its config.toml",
        ) from error
    return found


def _kind(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


_FIELDS: dict[type[Any], dict[str, Any]] = {}


def _fields(kind: type[Any]) -> dict[str, Any]:
    """Types of a dataclass' fields."""
    if kind not in _FIELDS:
        hints = get_type_hints(kind)
        _FIELDS[kind] = {field.name: hints[field.name] for field in dataclasses.fields(kind) if field.init}
    return _FIELDS[kind]


def _of_union(hint: Any) -> Any:
    """``X`` of ``X | None``, and any other annotation as it is."""
    if get_origin(hint) in (Union, types.UnionType):
        others = [each for each in get_args(hint) if each is not type(None)]
        return others[0] if len(others) == 1 else Any
    return hint


def _encode(hint: Any, value: Any, arrays: dict[str, np.ndarray[Any, Any]], where: str) -> Any:
    hint = _of_union(hint)
    if value is None:
        return None
    if isinstance(value, np.ndarray):
        if value.dtype == object:
            raise TypeError(f"{where} is an array of objects")
        arrays[where] = value
        return where
    if dataclasses.is_dataclass(value):
        if hint is not type(value):
            raise TypeError(f"{where} is a {type(value).__name__}, its annotation says {hint}")
        return {
            name: _encode(of, getattr(value, name), arrays, f"{where}.{name}")
            for name, of in _fields(type(value)).items()
        }
    if isinstance(value, Mapping):  # pairs: keys may be anything
        key_of, value_of = get_args(hint) or (Any, Any)
        return [
            [_encode(key_of, key, arrays, f"{where}.{i}k"), _encode(value_of, item, arrays, f"{where}.{i}")]
            for i, (key, item) in enumerate(value.items())
        ]
    if isinstance(value, list | tuple):
        return [
            _encode(of, item, arrays, f"{where}.{i}")
            for i, (of, item) in enumerate(zip(_items(hint, len(value)), value, strict=True))
        ]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Path):
        return str(value)
    if not isinstance(value, bool | int | float | str):
        raise TypeError(f"{where} is a {type(value).__name__}, which cannot be kept")
    return value


def _items(hint: Any, number: int) -> Sequence[Any]:
    """Type of each item of a list or tuple."""
    of = get_args(hint) or (Any, ...)
    if get_origin(hint) is tuple and of[-1] is not Ellipsis:
        return of
    return [of[0]] * number


def _decode(hint: Any, value: Any, arrays: Mapping[str, np.ndarray[Any, Any]]) -> Any:
    hint = _of_union(hint)
    if value is None or hint is Any:
        return value
    origin = get_origin(hint) or hint
    if origin is np.ndarray:
        return arrays[value]
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        kind: type[Any] = hint
        fields = _fields(kind)
        if fields.keys() != value.keys():
            raise KeyError(f"{sorted(value)} for {sorted(fields)}")
        return kind(**{name: _decode(of, value[name], arrays) for name, of in fields.items()})
    if origin in (tuple, list):
        return origin(
            _decode(of, item, arrays) for of, item in zip(_items(hint, len(value)), value, strict=True)
        )
    if isinstance(origin, type) and issubclass(origin, Mapping):
        key_of, value_of = get_args(hint)
        return {_decode(key_of, key, arrays): _decode(value_of, item, arrays) for key, item in value}
    if origin is Literal:
        return value
    return hint(value)
