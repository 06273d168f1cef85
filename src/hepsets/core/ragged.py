"""Offsets of ragged tables: their check, and what a choice of events owns of the flat columns."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError


class Choice(NamedTuple):
    """Some events of a ragged table.

    Parameters
    ----------
    events
        How the event columns are to be indexed.
    particles
        How the flat columns are to be indexed; a slice (no copies) where the events are neighbours.
    offsets
        Those of the chosen events, shape ``(n_chosen + 1,)``.
    """

    events: slice | NDArray[np.int64]
    particles: slice | NDArray[np.int64]
    offsets: NDArray[np.int64]


def checked_offsets(offsets: NDArray[Any]) -> NDArray[np.int64]:
    """Event offsets as contiguous int64.

    Raises
    ------
    InputError
        Unless they are one-dimensional, start at 0 and never fall.
    """
    offsets = np.ascontiguousarray(offsets, dtype=np.int64)
    if offsets.ndim != 1 or len(offsets) == 0 or offsets[0] != 0 or (np.diff(offsets) < 0).any():
        raise InputError(
            f"event offsets of shape {offsets.shape} that do not rise from 0",
            "a one-dimensional array that starts at 0 and never falls",
        )
    return offsets


def choose(offsets: NDArray[np.int64], which: slice | NDArray[Any]) -> Choice:
    """Events by slice, boolean mask or integer array.

    Examples
    --------
    >>> events, particles, offsets = choose(np.array([0, 2, 2, 5]), np.array([2, 0]))
    >>> particles.tolist(), offsets.tolist()
    ([2, 3, 4, 0, 1], [0, 3, 5])
    """
    if isinstance(which, slice):
        chosen = np.arange(len(offsets) - 1)[which]
        if which.step in (None, 1) and len(chosen):
            begin, end = offsets[chosen[0]], offsets[chosen[-1] + 1]
            return Choice(which, slice(begin, end), offsets[chosen[0] : chosen[-1] + 2] - begin)
    else:
        which = np.asarray(which)
        chosen = np.flatnonzero(which) if which.dtype == bool else which
    counts = np.diff(offsets)[chosen]
    new = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Choice(chosen, np.arange(new[-1]) + np.repeat(offsets[:-1][chosen] - new[:-1], counts), new)
