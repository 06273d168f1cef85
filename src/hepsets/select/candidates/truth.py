"""Which generated particle a candidate is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import part_of_kernel
from hepsets.select.candidates.record import (
    Seen,
)


@part_of_kernel
def _is_below(leaf: int, ancestor: int, mothers: NDArray[np.int64]) -> bool:
    while leaf != ancestor and mothers[leaf] != leaf:
        leaf = mothers[leaf]
    return leaf == ancestor


@part_of_kernel
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
    tracks, clusters, pdg, mothers, n_leaves = seen
    n_tracks, n_clusters = min(len(tracks), 64), min(len(clusters), 64)
    count, found = 0, -1
    for i in range(n_tracks):
        if (used_tracks >> np.uint64(i)) & one:
            count += 1
            found = tracks[i].particle
    for i in range(n_clusters):
        if (used_clusters >> np.uint64(i)) & one:
            count += 1
            found = clusters[i].particle
            if found < 0:
                return -1
    while n_leaves[found] != count or not (pdg[found] == expected or (either and pdg[found] == -expected)):
        if mothers[found] == found:
            return -1
        found = mothers[found]
    for i in range(n_tracks):
        if (used_tracks >> np.uint64(i)) & one and not _is_below(tracks[i].particle, found, mothers):
            return -1
    for i in range(n_clusters):
        if (used_clusters >> np.uint64(i)) & one and not _is_below(clusters[i].particle, found, mothers):
            return -1
    return found
