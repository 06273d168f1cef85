"""Helices through known vertices, smeared with a known covariance: vertex fits can be held against the
truth.
"""

from __future__ import annotations

import numpy as np

from hepsets.select.vertices.tracks import COV, OMEGA, PT
from hepsets.simulate.vertexing import CURVATURE, closest_approach

FIELD = 2.0
LEVER = 20.0
"""Distance [cm] from the axis at which direction and curvature are measured."""


def covariance_of(pt, tan_lambda):
    """A covariance as silicon layers and a chamber leave it: σ(d0) = 2.2 ⊕ 14.6/(p sin^1.5 θ) µm."""
    sine = 1 / np.hypot(1, tan_lambda)
    p = pt / sine
    near = 1e-4 * np.hypot(2.2, 14.6 / (p * sine**1.5))
    sigma = np.array(
        [
            near,
            1.2 * near / 3,
            5e-4 * np.hypot(1, 0.04 * pt) * CURVATURE * FIELD / pt,
            near / sine,
            1.2 * near / sine**2 / 3,
        ]
    )
    correlation = np.eye(5)
    correlation[0, 1] = correlation[1, 0] = -0.7
    correlation[1, 2] = correlation[2, 1] = -0.3
    correlation[0, 2] = correlation[2, 0] = 0.2
    correlation[3, 4] = correlation[4, 3] = -0.7
    return correlation * sigma[:, None] * sigma


def exact_row(point, momentum, charge, field=FIELD):
    """The row of a track that is known exactly but has the covariance above; charge 0: a straight line."""
    px, py, pz = momentum
    pt, phi, tan_lambda = np.hypot(px, py), np.arctan2(py, px), pz / np.hypot(px, py)
    row = np.zeros(PT + 1)
    if charge:
        at, d0, z0 = closest_approach(*point, pt, phi, tan_lambda, charge, field)
        omega = charge * CURVATURE * field / pt
    else:
        x, y, z = point
        at, d0, omega = phi, -x * np.sin(phi) + y * np.cos(phi), 0.0
        z0 = z - (x * np.cos(phi) + y * np.sin(phi)) * tan_lambda
    row[:5] = d0, at, omega, z0, tan_lambda
    row[COV:PT] = covariance_of(pt, tan_lambda)[np.tril_indices(5)]
    row[PT] = pt
    return row


def smeared(row, rng, field=FIELD):
    """The row as a detector would measure it."""
    covariance = np.zeros((5, 5))
    covariance[np.tril_indices(5)] = row[COV:PT]
    covariance = covariance + np.tril(covariance, -1).T
    new = row.copy()
    new[:5] += np.linalg.cholesky(covariance) @ rng.normal(size=5)
    if new[OMEGA]:
        new[PT] = CURVATURE * field / abs(new[OMEGA])
    return new


def isotropic(rng, n, low=0.5, high=6.0, around=None, spread=0.3):
    """Momenta [GeV], shape ``(n, 3)``: anywhere, or around a direction."""
    way = rng.normal(size=(n, 3))
    if around is not None:
        way = np.asarray(around) + spread * way
    way /= np.linalg.norm(way, axis=1)[:, None]
    flat = np.abs(way[:, 2]) > 0.9
    way[flat, 2] = np.sign(way[flat, 2]) * 0.5
    way /= np.linalg.norm(way, axis=1)[:, None]
    return way * rng.uniform(low, high, size=n)[:, None]


def vertex_rows(rng, point, momenta, smear=True):
    """Tracks from a point, shape ``(n, 21)``, with charges by turns."""
    rows = [exact_row(point, p, 1 if i % 2 else -1) for i, p in enumerate(momenta)]
    return np.array([smeared(row, rng) for row in rows] if smear else rows)
