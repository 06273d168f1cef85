"""Events split by what they are for, training, validation or testing, with the same share of each flavour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose


def stratified_split(
    flavour: NDArray[np.integer], shares: Sequence[float], seed: int
) -> dict[Purpose, NDArray[np.int64]]:
    """The events that serve each purpose: of each flavour the same shares, drawn at random.

    Parameters
    ----------
    flavour
        Shape ``(n,)``, any numbers.
    shares
        Of training, validation and test events.
    seed
        Of the draw.

    Returns
    -------
    dict
        Places of the events for each purpose, rising, shape ``(n_chosen,)``.

    Raises
    ------
    InputError
        If there would be no event of a flavour for a purpose.
    """
    found: dict[Purpose, list[NDArray[np.int64]]] = {purpose: [] for purpose in Purpose}
    for each in np.unique(flavour):
        places = np.random.default_rng([seed, int(each)]).permutation(np.flatnonzero(flavour == each))
        edges = np.round(np.cumsum(shares)[:-1] * len(places)).astype(int)
        for purpose, chosen in zip(found, np.split(places, edges), strict=True):
            if not len(chosen):
                raise InputError(
                    f"{len(places)} events of flavour {each} to split as {list(shares)}",
                    "some for each purpose",
                )
            found[purpose].append(chosen)
    return {purpose: np.sort(np.concatenate(chosen)) for purpose, chosen in found.items()}
