"""How alone a candidate is: the tracks around it, the momentum in a cone, the vertex with one more track."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepsets.core.ragged import places
from hepsets.select.bs_dspi.lines import Lines, Vertex, impact_chi2

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CONE = 1.5
"""Radius in η and φ, as LHCb takes it."""

NO_TRACK = 1e4
"""χ² with one more track of a candidate that has no other track in its event."""


class Around(NamedTuple):
    """Other tracks of each candidate's event, end to end, arrays of shape ``(n_pairs,)``.

    The places ``candidate`` and ``track``, and as seen from the candidate ``delta_eta``, ``delta_phi`` and
    ``vertex_chi2``, by which χ² of the vertex grows with the track.
    """

    candidate: Integers
    track: Integers
    delta_eta: Floats
    delta_phi: Floats
    vertex_chi2: Floats


def tracks_around(
    events: Integers, members: Integers, offsets: Integers, lines: Lines, momentum: Floats, vertex: Vertex
) -> Around:
    """The tracks that candidates leave over.

    Parameters
    ----------
    events
        Event of each candidate, shape ``(n,)``.
    members
        Its tracks, shape ``(n, 4)``.
    offsets, lines
        The tracks of all events.
    momentum
        Of the candidates [GeV], shape ``(n, 3)``.
    vertex
        Of the candidates.
    """
    counts = offsets[events + 1] - offsets[events]
    candidate = np.repeat(np.arange(len(events)), counts)
    track = places(counts) + offsets[events][candidate]
    other = (track[:, None] != members[candidate]).all(axis=1)
    candidate, track = candidate[other], track[other]
    eta = np.arcsinh(momentum[:, 2] / np.hypot(momentum[:, 0], momentum[:, 1]))
    phi = np.arctan2(momentum[:, 1], momentum[:, 0])
    seen = lines[track]
    turn = seen.phi - phi[candidate]
    chi2 = impact_chi2(seen, vertex.point[candidate], vertex.covariance[candidate])
    return Around(
        candidate,
        track,
        np.arcsinh(seen.tan_lambda) - eta[candidate],
        np.remainder(turn + np.pi, 2 * np.pi) - np.pi,
        chi2,
    )


def cone_asymmetry(around: Around, track_momentum: Floats, momentum: Floats) -> Floats:
    """(p_T - p_T of the cone) / (p_T + p_T of the cone), 1 for an empty cone, shape ``(n_candidates,)``.

    Parameters
    ----------
    track_momentum
        Of the tracks of all events [GeV], shape ``(n_tracks, 3)``.
    momentum
        Of the candidates [GeV], shape ``(n_candidates, 3)``.
    """
    inside = np.hypot(around.delta_eta, around.delta_phi) < CONE
    candidate, track = around.candidate[inside], around.track[inside]
    cone = [np.bincount(candidate, track_momentum[track, axis], minlength=len(momentum)) for axis in (0, 1)]
    own, rest = np.hypot(momentum[:, 0], momentum[:, 1]), np.hypot(*cone)
    asymmetry: Floats = (own - rest) / (own + rest)
    return asymmetry


def chi2_with_one_more(around: Around, n: int) -> Floats:
    """Smallest growth of a vertex's χ² by one other track, shape ``(n,)``; :data:`NO_TRACK` without."""
    least = np.full(n, NO_TRACK)
    np.minimum.at(least, around.candidate, around.vertex_chi2)
    return least
