r"""Straight tracks of many candidates at once: how they pass a point, their vertex, their directions at it.

A line passes a point at a distance d across the beam and a height h; both are linear in the point,

.. math:: d = d_0 + x \sin\phi - y \cos\phi, \qquad h = z_0 + (x \cos\phi + y \sin\phi) \tan\lambda - z,

so the least-squares vertex (P. Billoir, S. Qian, Nucl. Instrum. Meth. A 311 (1992) 139) is one linear system
for each candidate, and all are solved together. It is the fit of :mod:`hepsets.select.vertices.fit` without
curvature; a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Lines:
    """Straight tracks, arrays of any one shape.

    Parameters
    ----------
    d0, phi, z0, tan_lambda
        Signed distance from the z axis [cm], azimuth [rad], height there [cm], slope.
    covariance
        (d0 d0, d0 phi, phi phi, z0 z0, z0 tan_lambda, tan_lambda tan_lambda, d0 z0), one more dimension of 7
        at the end; all others are zero.
    momentum, momentum_err
        Absolute momentum and its error [GeV].
    """

    d0: Floats
    phi: Floats
    z0: Floats
    tan_lambda: Floats
    covariance: Floats
    momentum: Floats
    momentum_err: Floats

    @staticmethod
    def of(particles: Mapping[str, NDArray[Any]]) -> Lines:
        """The lines of tracks, shape ``(n_tracks,)``.

        Parameters
        ----------
        particles
            The columns that a forward spectrometer gives tracks (:data:`hepsets.simulate.forward.SEEN`).
        """
        names = ("d0_d0", "d0_phi", "phi_phi", "z0_z0", "z0_tan_lambda", "tan_lambda_tan_lambda", "d0_z0")
        p = {name: particles[name].astype(np.float64) for name in ("px", "py", "pz")}
        return Lines(
            d0=particles["d0"].astype(np.float64),
            phi=particles["phi"].astype(np.float64),
            z0=particles["z0"].astype(np.float64),
            tan_lambda=particles["tan_lambda"].astype(np.float64),
            covariance=np.stack([particles[f"cov_{name}"] for name in names], axis=-1).astype(np.float64),
            momentum=np.sqrt(p["px"] ** 2 + p["py"] ** 2 + p["pz"] ** 2),
            momentum_err=particles["momentum_err"].astype(np.float64),
        )

    def __getitem__(self, which: Any) -> Lines:
        return Lines(*(getattr(self, name)[which] for name in self.__dataclass_fields__))


class Passing(NamedTuple):
    """How lines pass points.

    ``miss`` (d, h) [cm], shape ``(…, 2)``, its ``covariance`` ``(…, 2, 2)``, and its ``slopes`` by the point,
    ``(…, 2, 3)``; ``along`` [cm], from the axis across the beam, and ``turning``, the slope of h by the
    azimuth, shape ``(…)``.
    """

    miss: Floats
    covariance: Floats
    slopes: Floats
    along: Floats
    turning: Floats


class Vertex(NamedTuple):
    """Vertices: ``point`` [cm], shape ``(n, 3)``, ``covariance`` ``(n, 3, 3)``, and ``chi2``, ``(n,)``, of
    2 N - 3 degrees of freedom for N lines.
    """

    point: Floats
    covariance: Floats
    chi2: Floats


def passing(lines: Lines, point: Floats) -> Passing:
    """See lines from points.

    Parameters
    ----------
    lines
        Of shape ``(…)``.
    point
        Shape ``(…, 3)`` [cm], or one that broadcasts to it.
    """
    x, y, z = (point[..., k] for k in range(3))
    sine, cosine, slope = np.sin(lines.phi), np.cos(lines.phi), lines.tan_lambda
    along = x * cosine + y * sine
    turning = slope * (y * cosine - x * sine)
    c = lines.covariance
    d_phi = c[..., 1] + along * c[..., 2]
    v_dd = c[..., 0] + along * (c[..., 1] + d_phi)
    v_dh = c[..., 6] + turning * d_phi
    v_hh = c[..., 3] + along * (2 * c[..., 4] + along * c[..., 5]) + turning**2 * c[..., 2]
    miss = np.stack([lines.d0 + x * sine - y * cosine, lines.z0 + along * slope - z], axis=-1)
    zero = np.zeros_like(along)
    slopes = np.stack(
        [
            np.stack([sine + zero, -cosine + zero, zero], axis=-1),
            np.stack([slope * cosine + zero, slope * sine + zero, zero - 1], axis=-1),
        ],
        axis=-2,
    )
    covariance = np.stack([np.stack([v_dd, v_dh], axis=-1), np.stack([v_dh, v_hh], axis=-1)], axis=-2)
    return Passing(miss, covariance, slopes, along, turning)


def impact_chi2(lines: Lines, point: Floats, covariance: Floats) -> Floats:
    """χ² of two degrees of freedom by which lines miss points that have errors, shape ``(…)``.

    Parameters
    ----------
    point, covariance
        Shapes ``(…, 3)`` [cm] and ``(…, 3, 3)`` [cm²].
    """
    seen = passing(lines, point)
    total = seen.covariance + seen.slopes @ covariance @ np.swapaxes(seen.slopes, -1, -2)
    return _chi2(seen.miss, total)


def impact(lines: Lines, point: Floats) -> Floats:
    """Distance [cm] in space by which lines miss points, shape ``(…)``."""
    seen = passing(lines, point)
    sine_theta = 1 / np.sqrt(1 + lines.tan_lambda**2)
    distance: Floats = np.hypot(seen.miss[..., 0], seen.miss[..., 1] * sine_theta)
    return distance


def fit_vertex(lines: Lines, start: Floats) -> Vertex:
    """The vertex of some lines for each candidate.

    Parameters
    ----------
    lines
        Of shape ``(n, n_lines)``.
    start
        A point nearby, shape ``(n, 3)`` [cm]: errors of the lines are those there at first.
    """
    point = start.copy()
    for _ in range(3):  # the point is exact at once, the errors of the lines depend on it a little
        seen = passing(lines, point[:, None, :])
        weight = np.linalg.inv(seen.covariance)
        half = np.swapaxes(seen.slopes, -1, -2) @ weight
        covariance = np.linalg.inv((half @ seen.slopes).sum(axis=1))
        right = (half @ seen.miss[..., None]).sum(axis=1)
        step = -(covariance @ right)[..., 0]
        chi2 = _chi2(seen.miss, seen.covariance).sum(axis=1) + (right[..., 0] * step).sum(axis=1)
        point = point + step
    return Vertex(point, covariance, np.maximum(chi2, 0))


def directions_at(lines: Lines, vertex: Vertex) -> tuple[Lines, Floats]:
    """Lines that were turned to meet the vertex that they were fitted to, and their errors.

    Parameters
    ----------
    lines
        Of shape ``(n, n_lines)``.
    vertex
        Theirs.

    Returns
    -------
    lines, covariance
        Lines with new ``phi`` and ``tan_lambda``, and the covariance of their three-momenta [GeV²], shape
        ``(n, n_lines, 3, 3)``, without what they have in common through the vertex.
    """
    seen = passing(lines, vertex.point[:, None, :])
    c = lines.covariance
    # covariance of phi and tan λ with (d, h)
    with_miss = np.zeros((*lines.phi.shape, 2, 2))
    with_miss[..., 0, 0] = c[..., 1] + seen.along * c[..., 2]
    with_miss[..., 0, 1] = seen.turning * c[..., 2]
    with_miss[..., 1, 1] = c[..., 4] + seen.along * c[..., 5]
    gain = with_miss @ np.linalg.inv(seen.covariance)
    shift = -(gain @ seen.miss[..., None])[..., 0]
    known = seen.slopes @ vertex.covariance[:, None] @ np.swapaxes(seen.slopes, -1, -2)
    left = gain @ (known - seen.covariance) @ np.swapaxes(gain, -1, -2)
    var_phi, var_slope = c[..., 2] + left[..., 0, 0], c[..., 5] + left[..., 1, 1]
    turned = Lines(
        lines.d0,
        lines.phi + shift[..., 0],
        lines.z0,
        lines.tan_lambda + shift[..., 1],
        c,
        lines.momentum,
        lines.momentum_err,
    )
    along, across, up = _axes(turned)
    sine_theta = 1 / np.sqrt(1 + turned.tan_lambda**2)
    spread = (
        turned.momentum_err**2,
        (turned.momentum * sine_theta) ** 2 * var_phi,
        (turned.momentum * sine_theta**2) ** 2 * var_slope,
    )
    covariance = sum(
        s[..., None, None] * axis[..., :, None] * axis[..., None, :]
        for s, axis in zip(spread, (along, across, up), strict=True)
    )
    return turned, np.asarray(covariance)


def momenta(lines: Lines) -> Floats:
    """Three-momenta [GeV], shape ``(…, 3)``."""
    return _axes(lines)[0] * lines.momentum[..., None]


def composite(momentum: Floats, vertex: Vertex) -> Lines:
    """The line of what decayed at a vertex: through it, along the momentum, which is taken as exact.

    Parameters
    ----------
    momentum
        Shape ``(n, 3)`` [GeV].
    vertex
        Of n decays.
    """
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    cosine, sine, slope = momentum[:, 0] / pt, momentum[:, 1] / pt, momentum[:, 2] / pt
    x, y, z = vertex.point.T
    zero = np.zeros_like(pt)
    across = np.stack([-sine, cosine, zero], axis=-1)
    height = np.stack([-slope * cosine, -slope * sine, zero + 1], axis=-1)

    def covariance(a: Floats, b: Floats) -> Floats:
        return np.asarray(np.einsum("ni,nij,nj->n", a, vertex.covariance, b))

    c = np.zeros((len(pt), 7))
    c[:, 0], c[:, 3], c[:, 6] = (
        covariance(across, across),
        covariance(height, height),
        covariance(across, height),
    )
    return Lines(
        y * cosine - x * sine,
        np.arctan2(sine, cosine),
        z - (x * cosine + y * sine) * slope,
        slope,
        c,
        np.linalg.norm(momentum, axis=1),
        zero,
    )


def closest_distance(first: Lines, second: Lines) -> Floats:
    """Distance [cm] of closest approach of pairs of lines, shape as theirs."""
    normal = np.cross(_axes(first)[0], _axes(second)[0])
    between = _foot(second) - _foot(first)
    length = np.linalg.norm(normal, axis=-1)
    distance: Floats = np.abs((normal * between).sum(axis=-1)) / np.maximum(length, 1e-12)
    return distance


def moved(lines: Lines, step: Floats) -> Lines:
    """Lines moved in space by steps [cm], shape ``(…, 3)``."""
    sine, cosine = np.sin(lines.phi), np.cos(lines.phi)
    x, y, z = (step[..., k] for k in range(3))
    return replace(
        lines,
        d0=lines.d0 + y * cosine - x * sine,
        z0=lines.z0 + z - (x * cosine + y * sine) * lines.tan_lambda,
    )


def stacked(*lines: Lines) -> Lines:
    """Lines of shape ``(n,)`` side by side, shape ``(n, n_lines)``."""
    return Lines(
        *(np.stack([getattr(each, name) for each in lines], axis=1) for name in lines[0].__dataclass_fields__)
    )


def _foot(lines: Lines) -> Floats:
    return np.stack([-lines.d0 * np.sin(lines.phi), lines.d0 * np.cos(lines.phi), lines.z0], axis=-1)


def _axes(lines: Lines) -> tuple[Floats, Floats, Floats]:
    """Unit vectors along the line, and across it along azimuth and polar angle."""
    sine, cosine = np.sin(lines.phi), np.cos(lines.phi)
    sin_theta = 1 / np.sqrt(1 + lines.tan_lambda**2)
    cos_theta = lines.tan_lambda * sin_theta
    along = np.stack([sin_theta * cosine, sin_theta * sine, cos_theta], axis=-1)
    across = np.stack([-sine, cosine, np.zeros_like(sine)], axis=-1)
    up = np.stack([-cos_theta * cosine, -cos_theta * sine, sin_theta], axis=-1)
    return along, across, up


def _chi2(miss: Floats, covariance: Floats) -> Floats:
    a, b, c = covariance[..., 0, 0], covariance[..., 0, 1], covariance[..., 1, 1]
    d, h = miss[..., 0], miss[..., 1]
    chi2: Floats = (c * d**2 - 2 * b * d * h + a * h**2) / (a * c - b**2)
    return chi2
