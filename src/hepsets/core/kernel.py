"""Compile a function to machine code, the same way everywhere, and hand it configs as records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias, TypeVar

import numba
import numpy as np

Record: TypeAlias = Any
"""One element of a structured array: kernels read and write its fields as attributes."""

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile ``function`` with numba at its first call: cached on disk, without the GIL.

    Floating point keeps IEEE order (no ``fastmath``), so that results do not depend on the machine's
    vector width; a division by zero gives inf or NaN as in numpy. numba's cache looks only at the file
    of the outermost function: after editing a kernel that is called from another file, clear
    ``__pycache__`` (``make clean``).
    """
    compile_: Any = numba.njit(cache=True, nogil=True, error_model="numpy")
    compiled: Function = compile_(function)
    return compiled


def as_record(config: object) -> Record:
    """The numbers of a config as one record that kernels read by name.

    Parameters
    ----------
    config
        A dataclass whose fields are all numbers.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Magnet:
    ...     field: float = 1.5
    >>> float(as_record(Magnet())["field"])
    1.5
    """
    if not is_dataclass(config):
        raise TypeError(f"{config!r} is no dataclass")
    names = [entry.name for entry in fields(config)]
    record = np.zeros(1, dtype=[(name, np.float64) for name in names])
    for name in names:
        record[name] = getattr(config, name)
    return record[0]
