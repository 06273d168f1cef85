"""Whether two samples hold the same events, by content: order, file and compression do not matter."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.event_random import mix

KINEMATICS = ("pdg", "px", "py", "pz", "energy")
"""Particle columns that tell generated events apart, whatever else a file keeps of them."""


def content_hashes(
    columns: Mapping[str, NDArray[Any]], offsets: NDArray[np.int64] | None = None
) -> NDArray[np.uint64]:
    """A number for each event that depends on nothing but its values, in single precision.

    Neither the order of columns nor that of the particles in an event matters, nor do types: a value
    that is not finite counts as none.

    Parameters
    ----------
    columns
        Numbers or truth values, one per event, or one per particle where there are ``offsets``. The
        same names must be given for all samples that are compared.
    offsets
        Shape ``(n_events + 1,)``: event ``i`` owns rows ``offsets[i]:offsets[i + 1]``.

    Returns
    -------
    ndarray
        uint64, shape ``(n_events,)``; 0 for events without any finite value, which are like no other.

    Examples
    --------
    >>> import numpy as np
    >>> one = content_hashes({"px": np.array([1.0, 2.0, 3.0])}, np.array([0, 2, 3]))
    >>> same = content_hashes({"px": np.array([3, 2, 1], np.float32)}, np.array([0, 1, 3]))
    >>> bool(one[0] == same[1] and one[1] == same[0] and one[0] != one[1])
    True
    """
    rows: NDArray[np.uint64] = np.zeros(len(next(iter(columns.values()), ())), dtype=np.uint64)
    with np.errstate(over="ignore"):  # arithmetic is modulo 2^64 by design
        for name, column in columns.items():
            salt = np.frombuffer(hashlib.sha256(name.encode()).digest()[:8], dtype=np.uint64)
            value = np.asarray(column).astype(np.float32) + np.float32(0)  # -0 is 0
            bits = mix(value.view(np.uint32).astype(np.uint64) ^ salt)
            rows += np.where(np.isfinite(value), bits, np.uint64(0))
        rows = np.where(rows != 0, mix(rows), rows)
        if offsets is None:
            return rows
        sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(rows, dtype=np.uint64)])
        return np.asarray(sums[offsets[1:]] - sums[offsets[:-1]])


def n_shared(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> int:
    """How many events of ``other`` are in ``one`` too, both as :func:`content_hashes` gives them."""
    return int((np.isin(other, one) & (other != 0)).sum())


def n_repeated(hashes: NDArray[np.uint64]) -> int:
    """How many events stand in a sample once more; hashes as :func:`content_hashes` gives them."""
    some = hashes[hashes != 0]
    return len(some) - len(np.unique(some))


def refuse_shared(
    train: NDArray[np.uint64], test: NDArray[np.uint64], train_name: str, test_name: str
) -> None:
    """Refuse to test on events that are trained on.

    Parameters
    ----------
    train, test
        What :func:`content_hashes` gives for the same columns of both, shapes ``(n_events,)``.
    train_name, test_name
        What the message calls them, such as the names of files.

    Raises
    ------
    InputError
        For a single event that is in both.
    """
    shared = n_shared(train, test)
    if shared:
        raise InputError(
            f"{shared} of {len(test)} events of {test_name} are in {train_name} too",
            "training and test events that share nothing",
            "split the events once and keep the parts in files of their own",
        )
