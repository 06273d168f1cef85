"""Events split into parts for training, validation and testing, with the same share of each flavour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError

TRAINING, VALIDATION, TEST = range(3)
"""Numbers of the parts."""


def stratified_parts(flavour: NDArray[np.integer], shares: Sequence[float], seed: int) -> NDArray[np.int8]:
    """The part that each event belongs to: of each flavour the same shares, drawn at random.

    Parameters
    ----------
    flavour
        Shape ``(n,)``, any numbers.
    shares
        Of the training, validation and test part.
    seed
        Of the draw.

    Returns
    -------
    ndarray
        Numbers of parts, shape ``(n,)``.

    Raises
    ------
    InputError
        If a part would have no event of a flavour.
    """
    parts = np.empty(len(flavour), dtype=np.int8)
    for each in np.unique(flavour):
        places = np.random.default_rng([seed, int(each)]).permutation(np.flatnonzero(flavour == each))
        edges = np.round(np.cumsum(shares)[:-1] * len(places)).astype(int)
        chosen = np.split(places, edges)
        if min(map(len, chosen)) == 0:
            raise InputError(
                f"{len(places)} events of flavour {each} to split as {list(shares)}", "some for each part"
            )
        for number, part in enumerate(chosen):
            parts[part] = number
    return parts
