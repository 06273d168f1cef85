"""Which generated particle a candidate is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import kernel
from hepsets.select.candidates.record import (
    Seen,
)


@kernel
def _is_below(leaf: int, ancestor: int, mothers: NDArray[np.int64]) -> bool:
    while leaf != ancestor and mothers[leaf] != leaf:
        leaf = mothers[leaf]
    return leaf == ancestor


@kernel
def true_mother(used_tracks: int, used_clusters: int, seen: Seen, expected: int, either: bool) -> int:
    """Position of the true particle whose final particles are exactly the used ones, or -1.

    Parameters
    ----------
    used_tracks, used_clusters
        Bit masks into the tracks and clusters of this event.
    expected, either
        PDG id that the particle must have; with ``either`` also its antiparticle's.
    """
    one = np.uint64(1)
    n_tracks, n_clusters = min(len(seen.tracks), 64), min(len(seen.clusters), 64)
    count, found = 0, -1
    for i in range(n_tracks):
        if (used_tracks >> np.uint64(i)) & one:
            count += 1
            found = seen.tracks[i].particle
    for i in range(n_clusters):
        if (used_clusters >> np.uint64(i)) & one:
            count += 1
            found = seen.clusters[i].particle
            if found < 0:
                return -1
    while seen.n_leaves[found] != count or not (
        seen.pdg[found] == expected or (either and seen.pdg[found] == -expected)
    ):
        if seen.mothers[found] == found:
            return -1
        found = seen.mothers[found]
    for i in range(n_tracks):
        if (used_tracks >> np.uint64(i)) & one and not _is_below(
            seen.tracks[i].particle, found, seen.mothers
        ):
            return -1
    for i in range(n_clusters):
        if (used_clusters >> np.uint64(i)) & one and not _is_below(
            seen.clusters[i].particle, found, seen.mothers
        ):
            return -1
    return found
