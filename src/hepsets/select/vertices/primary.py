"""The primary vertex: all tracks and the beam spot, without those that do not fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import Record, kernel
from hepsets.select.vertices.approach import APPROACH, approach
from hepsets.select.vertices.fit import add, fit_vertex, miss, solve, start
from hepsets.select.vertices.tracks import D0

Array = NDArray[np.float64]


@kernel
def find_primary(
    tracks: Array,
    candidates: NDArray[np.bool_],
    beam: Array,
    config: Record,
    point: Array,
    covariance: Array,
) -> float:
    """Find the primary vertex; the worst track is taken out until all others fit.

    Until the last fit all tracks are linearised once, at the beam spot, which is smaller than anything that
    their curvature changes.

    Parameters
    ----------
    tracks
        Rows of one event, shape ``(n, 21)``.
    candidates
        Which of them may belong to it, shape ``(n,)``; left with those that do.
    beam
        See :func:`hepsets.select.vertices.fit.fit_vertex`.
    config
        Record of a :class:`hepsets.select.vertices.config.PrimaryConfig`.
    point, covariance
        Filled as in :func:`hepsets.select.vertices.fit.fit_vertex`.

    Returns
    -------
    chi2
        With two degrees of freedom per track; if none is left, 0, and the vertex is the beam spot.
    """
    n = len(tracks)
    normal, step, seen = np.empty(10), np.empty(3), np.empty(n, dtype=APPROACH)
    for k in range(3):
        point[k] = beam[k]
    start(normal, beam, point[0], point[1], point[2])
    for i in range(n):
        candidates[i] = candidates[i] and abs(tracks[i, D0]) < config.max_distance
        if candidates[i]:
            approach(tracks[i], point[0], point[1], point[2], seen[i])
            add(normal, seen[i], 1.0)
    while True:
        solve(normal, step, covariance)
        worst, largest = -1, config.max_chi2
        for i in range(n):
            if candidates[i]:
                chi2 = miss(seen[i], step, covariance, -1.0)
                if chi2 > largest:
                    worst, largest = i, chi2
        if worst < 0:
            for k in range(3):
                point[k] += step[k]
            return fit_vertex(tracks, np.flatnonzero(candidates), beam, point, covariance)
        add(normal, seen[worst], -1.0)
        candidates[worst] = False


@kernel
def misses(
    tracks: Array,
    is_track: NDArray[np.bool_],
    inside: NDArray[np.bool_],
    point: Array,
    covariance: Array,
    chi2: Array,
) -> None:
    """Fill ``chi2``, shape ``(n,)``, with that of two degrees of freedom by which each track misses a
    vertex, or, if it is ``inside``, the vertex of the other tracks.
    """
    seen, step = np.empty(1, dtype=APPROACH)[0], np.zeros(3)
    for i in range(len(tracks)):
        chi2[i] = 0.0
        if is_track[i]:
            approach(tracks[i], point[0], point[1], point[2], seen)
            chi2[i] = miss(seen, step, covariance, -1.0 if inside[i] else 1.0)
