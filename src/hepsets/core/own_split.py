"""One sample of a user's split into training and test events: by event, the same for a seed every time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.event_random import uniforms

LEAST_EVENTS = 20
"""Fewer events of a class in either part are refused: nothing could be said about them."""

_TRIAL = 0x5917
"""Keeps the split apart from everything else that uses the seed."""


def split_by_event(
    keys: NDArray[np.uint64], labels: NDArray[np.bool_], share: float, seed: int, source: str
) -> NDArray[np.bool_]:
    """Which rows test; all rows of an event are on one side, wherever they stand in the file.

    Parameters
    ----------
    keys
        A number for each row that rows of one event share, such as
        :func:`hepsets.core.shared_events.content_hashes` gives, shape ``(n_rows,)``.
    labels
        Classes, shape ``(n_rows,)``.
    share
        Of the events that test, about.
    seed
        Of the split.
    source
        What messages call the sample.

    Returns
    -------
    ndarray
        Shape ``(n_rows,)``.

    Raises
    ------
    InputError
        If a part would have fewer than :data:`LEAST_EVENTS` rows of a class.

    Examples
    --------
    >>> keys = np.arange(1000, dtype=np.uint64) // 2
    >>> tests = split_by_event(keys, np.arange(1000) % 2 == 0, 0.3, 1, "a file")
    >>> bool((tests[::2] == tests[1::2]).all()), int(tests.sum())
    (True, 298)
    """
    tests = uniforms(seed, keys.view(np.int64), _TRIAL) < share
    counts = [int((part & own).sum()) for part in (tests, ~tests) for own in (labels, ~labels)]
    if min(counts) < LEAST_EVENTS:
        raise InputError(
            f"{source} split in two has {min(counts)} events of one class in one part",
            f"{LEAST_EVENTS} or more",
            "give more events, or training and test events in files of their own",
        )
    return tests
