"""Results as JSON: one rule for dataclasses, measured numbers and arrays."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from hepsets.core.measured import Measured


def to_json(value: Any, where: str = "metrics") -> Any:
    """Plain JSON values of a result.

    A dataclass becomes an object of its fields; its field ``x`` that is :class:`Measured` becomes ``x`` and
    ``x_se``. A measured number that stands for itself, in a mapping or a list, becomes an object of ``value``
    and ``se``. Keys become strings, arrays and tuples lists.

    Raises
    ------
    ValueError
        For a number that is not finite: every metric must be one. ``where`` says which.

    Examples
    --------
    >>> to_json({"retention": Measured(0.04, 0.01)})
    {'retention': {'value': 0.04, 'se': 0.01}}
    """
    if isinstance(value, Measured):
        return {name: to_json(getattr(value, name), f"{where}.{name}") for name in ("value", "se")}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        named = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return to_json(record(**named), where)
    if isinstance(value, Mapping):
        return {str(key): to_json(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [to_json(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where} is {value}; every metric must be a finite number")
    return value


def record(**fields: Any) -> dict[str, Any]:
    """Named values of one thing, with the error of a measured number beside it.

    Examples
    --------
    >>> record(model="bdt", auc=Measured(0.9, 0.01), cut=None)
    {'model': 'bdt', 'auc': 0.9, 'auc_se': 0.01, 'cut': None}
    """
    found: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, Measured):
            found |= {name: value.value, f"{name}_se": value.se}
        else:
            found[name] = value
    return found
