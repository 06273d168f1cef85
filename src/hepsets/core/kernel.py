"""Compile a function to machine code, the same way everywhere, and hand it configs as records."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Hashable
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numba
import numpy as np

from hepsets.core.called_kernel import build_into_callers
from hepsets.core.checked_cache import check_files
from hepsets.core.compiling import compiling
from hepsets.core.private_folder import private_folder

Record: TypeAlias = Any
"""One element of a structured array: kernels read and write its fields as attributes."""

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile ``function`` with numba at its first call: cached on disk, without the GIL.

    Floating point keeps IEEE order (no ``fastmath``), so that results do not depend on the machine's
    vector width; a division by zero gives inf or NaN as in numpy. numba's cache looks only at the file
    of the outermost function: after editing a kernel that is called from another file, clear
    ``__pycache__`` (``make clean``). Hand a kernel that calls itself variables, not plain numbers: code
    that numba keeps for such a number cannot be run by the next process.
    """
    return _compiled(function)


def kernel_of_separate_arrays(function: Function) -> Function:
    """As :func:`kernel`, where no array that is written to shares memory with another argument.

    Loops over the columns of a row then need not ask whether rows overlap, which takes as long as the loop;
    what a caller breaks this with is wrong without a warning. ``len`` of a tuple argument is a constant for
    the compiler, which makes short loops of known length, as many columns as the tuple has entries.
    """
    return _compiled(function, separate=True)


def part_of_kernel(function: Function) -> Function:
    """As :func:`kernel`, for parts of hot loops: compiled into each kernel that calls them.

    An array takes seven arguments and is counted as held at each call, so that a call with some of them costs
    more than many a part does. Here nothing is counted: a part makes no array, copies none and returns none.
    """
    return _compiled(function, part=True)


def _compiled(function: Function, *, separate: bool = False, part: bool = False) -> Function:
    options: dict[str, Any] = {"no_cfunc_wrapper": True}  # nothing calls kernels from C
    if part:
        options |= {"forceinline": True, "_nrt": False}
    compiled: Any = numba.njit(nogil=True, error_model="numpy", **options)(function)
    if compiled is function:  # NUMBA_DISABLE_JIT: Python runs it, for debuggers
        return function
    if separate:
        compiled._compiler._customize_flags = _with_separate_arrays
    _cache_on_disk(compiled)
    build_into_callers(compiled)
    result: Function = compiled
    return result


def _with_separate_arrays(flags: Any) -> Any:
    flags.noalias = True  # numba knows it, but takes it as an option for GPUs alone
    return flags


def integer(value: int) -> int:
    """An integer that kernels hand to other kernels, for example where a count begins.

    For a plain ``0`` numba would compile the kernel that is called for this very number, and once more for
    any other.

    Examples
    --------
    >>> type(integer(0)).__name__
    'int64'
    """
    found: int = np.int64(value)  # type: ignore[assignment]
    return found


def _cache_on_disk(compiled: Any) -> None:
    """Let numba keep what it compiles beside the source, in the user's cache, or else in a temporary folder.

    Where nothing can be written it compiles anew in every process; a disk that is full costs no more.
    """
    try:
        if not _home_is_known():
            raise RuntimeError("numba would make a folder that is called ~ where the user works")
        compiled.enable_caching()
    except RuntimeError:  # neither place can be written to
        own = private_folder()
        if own is None:
            return
        setattr(numba.config, "CACHE_DIR", str(own))  # noqa: B010 (made at run time, mypy does not see it)
        compiled.enable_caching()
    cache = compiled._cache
    check_files(cache)
    save, load = cache.save_overload, cache.load_overload

    def save_if_possible(*what: Any) -> None:
        with suppress(OSError):
            save(*what)

    def load_or_tell(*what: Any) -> Any:
        found = load(*what)
        if found is None:
            compiling()
        return found

    cache.save_overload, cache.load_overload = save_if_possible, load_or_tell


def _home_is_known() -> bool:
    """Whether the user's cache has a place: in containers users without a name may have no home."""
    return Path(os.path.expanduser("~")).is_absolute() or bool(os.environ.get("NUMBA_CACHE_DIR"))  # noqa: PTH111


def as_record(config: object, without: Collection[str] = ()) -> Record:
    """The numbers of a config as one record that kernels read by name.

    Parameters
    ----------
    config
        A dataclass whose fields are numbers, but for those in ``without``.
    without
        Names of fields that are left out.

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
    names = [entry.name for entry in fields(config) if entry.name not in without]
    record = np.zeros(1, dtype=[(name, np.float64) for name in names])
    for name in names:
        record[name] = getattr(config, name)
    return record[0]


@lru_cache(maxsize=64)
def kept_record(config: Hashable) -> Record:
    """As :func:`as_record` of a frozen config, made once: nothing may write to it."""
    return as_record(config)
