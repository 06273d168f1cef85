"""Distances of a user's tracks from the interaction point: whether they can be centimetres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError

FARTHEST = 10.0
"""Half of the tracks, those of long K_S included, pass the interaction point nearer than that [cm]."""

USUAL = (1e-4, 0.05)
"""No detector measures better than the one; half of an event's tracks pass nearer than the other [cm]."""

ENOUGH = 50
"""Fewer tracks say nothing."""


def refuse_other_lengths(values: NDArray[np.floating], name: str) -> None:
    """Refuse distances of which half are larger than any detector could see from a collision.

    Parameters
    ----------
    values
        Distances from the interaction point, or their errors, as the file has them; zeros are unknown.
        Shape ``(n_tracks,)``.
    name
        Of the column, with its file.

    Raises
    ------
    InputError
        For such values: micrometres, or millimetres of tracks that fly far.

    Examples
    --------
    >>> refuse_other_lengths(np.full(60, 80.0), "a.root: dr")
    Traceback (most recent call last):
    ...
    hepsets.core.errors.InputError: a.root: dr: half of the tracks are beyond 80; expected distances in cm ...
    """
    median = _median(values)
    if median > FARTHEST:
        raise InputError(
            f"{name}: half of the tracks are beyond {median:.3g}",
            f"distances in cm from the interaction point, half of which are below {FARTHEST:g}",
            "convert micrometres or millimetres to cm",
        )


def unusual(values: NDArray[np.floating], name: str) -> str:
    """What is to be told of distances across the beam that may be in another unit; empty if they are usual.

    Millimetres of tracks from a collision could be centimetres of some detector: they are not refused.

    Parameters
    ----------
    values
        As for :func:`refuse_other_lengths`, of all tracks of some events; shape ``(n_tracks,)``.
    name
        Of the column, with its file.

    Examples
    --------
    >>> unusual(np.full(60, 0.006), "a.root: dr")
    ''
    >>> unusual(np.full(60, 0.06), "a.root: dr")
    'WARNING: a.root: dr: half of the tracks are beyond 0.06 cm, usual is 0.0001 to 0.05: is it in cm?'
    """
    median, (low, high) = _median(values), USUAL
    if not median or low <= median <= high:
        return ""
    return (
        f"WARNING: {name}: half of the tracks are beyond {median:.2g} cm, usual is {low:g} to {high:g}: "
        "is it in cm?"
    )


def _median(values: NDArray[np.floating]) -> float:
    """Of the sizes that are known; 0 if there are too few."""
    known = np.abs(values[values != 0])
    return float(np.median(known)) if len(known) >= ENOUGH else 0.0
