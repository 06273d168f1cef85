"""Helices measured by layers: covariances of track parameters, with multiple scattering in all layers.

A track is fitted from its last layer inwards with a Kalman filter in information form, whose state is the
helix at the point closest to the z axis: no extrapolation, and a track that begins behind the first layers
is the same filter, stopped earlier. Linear in the errors, as of W. Riegler's and F. Bedeschi's fast
simulations of trackers (TrackCovariance of Delphes).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.kernel import Record, kernel
from hepsets.core.random_stream import Stream, normal
from hepsets.simulate.vertexing import CURVATURE

Floats = NDArray[np.float64]

BARREL, DISC = range(2)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Layer:
    """A cylinder about the z axis, or a pair of discs at ± z, that scatters and perhaps measures."""

    shape: Literal["barrel", "disc"]
    position: float
    """Radius of a cylinder, |z| of the discs [cm]."""
    low: float
    """Smallest |z| of a cylinder (0), inner radius of a disc [cm]."""
    high: float
    """Largest |z| of a cylinder, outer radius of a disc [cm]."""
    material: float
    """Thickness in radiation lengths, at normal incidence."""
    resolution: float = 0.0
    """Of a measurement along rφ, or at a small stereo angle to it [cm]; 0: none."""
    resolution_along: float = 0.0
    """Of a second one along z (cylinder) or r (disc) [cm]; 0: none."""
    stereo: float = 0.0
    """Angle [rad] of the first measurement with rφ, towards z."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class LayeredTrackerConfig:
    """A tracker of layers in a solenoid."""

    field: float
    """Field [T] along +z."""
    layers: tuple[Layer, ...]
    min_pt: float
    """Particles below this transverse momentum [GeV] are not found …"""
    max_eta: float
    """… nor beyond this pseudorapidity …"""
    min_hits: int
    """… nor with fewer measurements; all others are."""
    radius: float
    """The tracker ends at this radius [cm] …"""
    half_length: float
    """… and this |z| [cm]: what decays farther out reaches the calorimeters."""


SURFACE = np.dtype(
    [
        ("disc", np.bool_),
        *(
            (name, np.float64)
            for name in (
                "position", "low", "high", "material", "resolution", "resolution_along", "sine", "cosine",
            )
        ),
    ]
)  # fmt: skip
"""A :class:`Layer` as kernels take it."""


def surfaces(layers: tuple[Layer, ...]) -> NDArray[np.void]:
    """The layers as records :data:`SURFACE`, shape ``(n_layers,)``."""
    made = np.zeros(len(layers), dtype=SURFACE)
    for record, layer in zip(made, layers, strict=True):
        record["disc"] = layer.shape == "disc"
        for name in ("position", "low", "high", "material", "resolution", "resolution_along"):
            record[name] = getattr(layer, name)
        record["sine"], record["cosine"] = math.sin(layer.stereo), math.cos(layer.stereo)
    return made


class CovarianceGrid(NamedTuple):
    """Cholesky factors of track covariances at points of pT, η and start, to be interpolated.

    Parameters
    ----------
    factors
        Lower triangles, float32, shape ``(n_pt, n_eta, n_starts, 15)``, of tracks with positive charge and η.
    hits
        Number of measurements, int16, shape ``(n_pt, n_eta, n_starts)``; 0 where too few for a track.
    starts
        Lower limits [cm] of the distances from the axis where tracks begin, shape ``(n_starts,)``.
    log_pt, pt_step, eta_step
        Logarithm of the first pT [GeV], and the steps in ln pT and η.
    """

    factors: NDArray[np.float32]
    hits: NDArray[np.int16]
    starts: Floats
    log_pt: float
    pt_step: float
    eta_step: float


_N_PT, _N_ETA = 72, 53
_MAX_PT = 60.0
_CHAMBER_START = 8.0
"""Step [cm] of starts among many thin layers."""


def start_limits(config: LayeredTrackerConfig) -> Floats:
    """Lower limits [cm] of the distances from the axis between which a start makes no difference."""
    radii = [0.0]
    for radius in sorted(layer.position for layer in config.layers if layer.shape == "barrel"):
        while radius - radii[-1] > _CHAMBER_START:  # discs between cylinders
            radii.append(radii[-1] + _CHAMBER_START)
        silicon = [x.position for x in config.layers if x.shape == "barrel" and x.resolution_along > 0]
        if radius in silicon or radius < min(silicon):
            radii.append(radius)
    return np.array([radius for radius in radii if radius < config.radius])


@lru_cache(maxsize=8)
def covariance_grid(config: LayeredTrackerConfig) -> CovarianceGrid:
    """The grid of a tracker, made once (about a second)."""
    starts = start_limits(config)
    middles = 0.5 * (starts + np.append(starts[1:], config.radius))
    log_pt = math.log(config.min_pt)
    pt_step = (math.log(_MAX_PT) - log_pt) / (_N_PT - 1)
    eta_step = config.max_eta / (_N_ETA - 1)
    factors = np.zeros((_N_PT, _N_ETA, len(starts), 15), dtype=np.float32)
    hits = np.zeros((_N_PT, _N_ETA, len(starts)), dtype=np.int16)
    steps = np.exp(log_pt + pt_step * np.arange(_N_PT)), np.sinh(eta_step * np.arange(_N_ETA))
    _fill(surfaces(config.layers), config.field, config.min_hits, *steps, middles, factors, hits)
    return CovarianceGrid(factors, hits, starts, log_pt, pt_step, eta_step)


@kernel
def _fill(
    layers: NDArray[np.void],
    field: float,
    min_hits: int,
    pts: Floats,
    tan_lambdas: Floats,
    starts: Floats,
    factors: NDArray[np.float32],
    hits: NDArray[np.int16],
) -> None:
    for i in range(len(pts)):
        for j in range(len(tan_lambdas)):
            fit_inwards(layers, field, min_hits, pts[i], tan_lambdas[j], starts, factors[i, j], hits[i, j])


@kernel
def cross(layer: Record, omega: float, tan_lambda: float) -> tuple[float, float]:
    """Where a helix from the origin first crosses a layer: way in the transverse plane and radius [cm].

    Returns (-1, 0) if it does not within half a turn. ``layer`` is a record :data:`SURFACE`.
    """
    if layer.disc:
        if tan_lambda <= 0.0:
            return -1.0, 0.0
        way = layer.position / tan_lambda
        if way * omega >= math.pi:
            return -1.0, 0.0
        radius = 2.0 / omega * math.sin(0.5 * omega * way)
        return (way, radius) if layer.low <= radius <= layer.high else (-1.0, 0.0)
    half = 0.5 * omega * layer.position
    if half >= 1.0:
        return -1.0, 0.0
    way = 2.0 / omega * math.asin(half)
    height = way * tan_lambda
    return (way, layer.position) if layer.low <= height <= layer.high else (-1.0, 0.0)


@kernel
def fit_inwards(
    layers: NDArray[np.void],
    field: float,
    min_hits: int,
    pt: float,
    tan_lambda: float,
    starts: Floats,
    factors: NDArray[np.float32],
    hits: NDArray[np.int16],
) -> None:
    """Covariances of tracks of one momentum that begin at several distances from the axis.

    Parameters
    ----------
    layers
        Records :data:`SURFACE`.
    field, min_hits
        Field [T], and the fewest measurements of a track.
    pt, tan_lambda
        Of a track with positive charge [GeV].
    starts
        Where it begins [cm], ascending, shape ``(n_starts,)``: layers that it crosses nearer to the axis
        neither measure nor scatter it.
    factors, hits
        Filled with Cholesky factors, shape ``(n_starts, 15)``, and numbers of measurements.
    """
    omega = CURVATURE * field / pt
    momentum = pt * math.sqrt(1.0 + tan_lambda * tan_lambda)
    ways, radii = np.empty(len(layers)), np.empty(len(layers))
    for i in range(len(layers)):
        ways[i], radii[i] = cross(layers[i], omega, tan_lambda)
    information, slopes = np.zeros((5, 5)), np.empty((2, 5))
    n_hits, at = 0, len(starts) - 1
    while at >= 0:
        i = int(np.argmax(ways))  # the outermost that is left
        while at >= 0 and (starts[at] >= radii[i] or ways[i] < 0.0):
            hits[at] = _keep(information, n_hits, min_hits, factors[at])
            at -= 1
        if at >= 0:
            n_hits += _measure(layers[i], omega, tan_lambda, ways[i], information, slopes)
            _scatter(layers[i], omega, tan_lambda, momentum, ways[i], information, slopes)
            ways[i] = -1.0


@kernel
def _measure(
    layer: Record, omega: float, tan_lambda: float, way: float, information: Floats, slopes: Floats
) -> int:
    """Add the measurements of a layer to the information; return their number.

    ``slopes`` is filled with the derivatives of rφ and of z (or r) by the track parameters.
    """
    if layer.resolution <= 0.0:
        return 0
    turn = omega * way
    sine, cosine = math.sin(turn), math.cos(turn)
    half_sine, half_cosine = math.sin(0.5 * turn), math.cos(0.5 * turn)
    # displacement at fixed way, across the track and along it, of d0, phi, omega
    across, along = np.zeros(5), np.zeros(5)
    across[0], along[0] = cosine, -sine
    across[1], along[1] = sine / omega, (cosine - 1.0) / omega
    across[2] = -2.0 * half_sine * half_sine / (omega * omega)
    along[2] = _turn_less_sine(turn) / (omega * omega)
    for j in range(5):
        up = 1.0 if j == 3 else (way if j == 4 else 0.0)
        if layer.disc:
            moved = along[j] - up / tan_lambda
            slopes[0, j] = across[j] * half_cosine - moved * half_sine
            slopes[1, j] = across[j] * half_sine + moved * half_cosine
        else:
            slopes[0, j] = across[j] / half_cosine
            slopes[1, j] = up - tan_lambda * (along[j] + across[j] * half_sine / half_cosine)
    _add(information, slopes, layer.cosine, layer.sine, layer.resolution)
    if layer.resolution_along <= 0.0:
        return 1
    _add(information, slopes, 0.0, 1.0, layer.resolution_along)
    return 2


@kernel
def _turn_less_sine(turn: float) -> float:
    if abs(turn) > 0.01:
        return turn - math.sin(turn)
    return turn**3 / 6.0 * (1.0 - turn * turn / 20.0)


@kernel
def _add(information: Floats, slopes: Floats, first: float, second: float, resolution: float) -> None:
    weight = 1.0 / (resolution * resolution)
    for i in range(5):
        slope = weight * (first * slopes[0, i] + second * slopes[1, i])
        for j in range(5):
            information[i, j] += slope * (first * slopes[0, j] + second * slopes[1, j])


@kernel
def scattering_angle(momentum: float, thickness: float) -> float:
    """Width [rad] of the projected scattering angle of a relativistic particle, by the thickness in X0.

    V. Highland, Nucl. Instrum. Meth. 129 (1975) 497, as in the Review of Particle Physics.
    """
    if thickness <= 0.0:
        return 0.0
    return 0.0136 * math.sqrt(thickness) * (1.0 + 0.038 * math.log(thickness)) / momentum


@kernel
def _scatter(
    layer: Record,
    omega: float,
    tan_lambda: float,
    momentum: float,
    way: float,
    information: Floats,
    slopes: Floats,
) -> None:
    """Take the uncertainty of scattering in a layer into the information: I - I J (1/θ² + Jᵀ I J)⁻¹ Jᵀ I.

    ``slopes`` is filled with J, the change of the helix at its point closest to the axis by each angle.
    """
    cos_lambda = 1.0 / math.sqrt(1.0 + tan_lambda * tan_lambda)
    turn = omega * way
    normal_part = tan_lambda * cos_lambda if layer.disc else cos_lambda * math.cos(0.5 * turn)
    angle = scattering_angle(momentum, layer.material / max(normal_part, 1.0e-3))
    if angle <= 0.0:
        return
    sine, less = math.sin(turn), 2.0 * math.sin(0.5 * turn) ** 2
    slopes[0, 0] = -sine / omega / cos_lambda
    slopes[0, 1] = (1.0 - less) / cos_lambda
    slopes[0, 2] = 0.0
    slopes[0, 3] = tan_lambda * less / omega / cos_lambda
    slopes[0, 4] = 0.0
    stretch = omega * tan_lambda  # the momentum stays, its transverse part does not
    slopes[1, 0] = -less / (omega * omega) * stretch
    slopes[1, 1] = sine / omega * stretch
    slopes[1, 2] = stretch
    slopes[1, 3] = tan_lambda * _turn_less_sine(turn) / (omega * omega) * stretch - way / cos_lambda**2
    slopes[1, 4] = 1.0 / cos_lambda**2
    a = np.zeros((2, 5))
    for j in range(5):
        for k in range(5):
            a[0, j] += slopes[0, k] * information[k, j]
            a[1, j] += slopes[1, k] * information[k, j]
    m_00 = 1.0 / (angle * angle)
    m_11, m_01 = m_00, 0.0
    for j in range(5):
        m_00 += a[0, j] * slopes[0, j]
        m_11 += a[1, j] * slopes[1, j]
        m_01 += a[0, j] * slopes[1, j]
    det = m_00 * m_11 - m_01 * m_01
    for i in range(5):
        first = (m_11 * a[0, i] - m_01 * a[1, i]) / det
        second = (m_00 * a[1, i] - m_01 * a[0, i]) / det
        for j in range(5):
            information[i, j] -= first * a[0, j] + second * a[1, j]


@kernel
def _keep(information: Floats, n_hits: int, min_hits: int, factor: NDArray[np.float32]) -> int:
    """Fill ``factor`` with the Cholesky factor of the covariance; return the number of hits, or 0."""
    if n_hits < max(min_hits, 5):
        return 0
    scale = np.empty(5)
    for i in range(5):
        if not information[i, i] > 0.0:
            return 0
        scale[i] = 1.0 / math.sqrt(information[i, i])
    # I = U Uᵀ with U upper triangular, so that the covariance is L Lᵀ with L the transposed inverse of U
    upper, inverse = np.zeros((5, 5)), np.zeros((5, 5))
    for j in range(4, -1, -1):
        for i in range(j, -1, -1):
            rest = information[i, j] * scale[i] * scale[j]
            for k in range(j + 1, 5):
                rest -= upper[i, k] * upper[j, k]
            if i < j:
                upper[i, j] = rest / upper[j, j]
            elif rest > 1.0e-12:
                upper[j, j] = math.sqrt(rest)
            else:
                return 0
    for j in range(5):
        inverse[j, j] = 1.0 / upper[j, j]
        for i in range(j - 1, -1, -1):
            total = 0.0
            for k in range(i + 1, j + 1):
                total += upper[i, k] * inverse[k, j]
            inverse[i, j] = -total / upper[i, i]
    for i in range(5):
        for j in range(i + 1):
            factor[i * (i + 1) // 2 + j] = inverse[j, i] * scale[i]
    return n_hits


@kernel
def find_factor(
    grid: CovarianceGrid, pt: float, eta: float, charge: int, start: float, factor: Floats
) -> bool:
    """Interpolate the Cholesky factor of the covariance of a track; tell whether there is a track.

    The factor is linear in ln pT and η between the points of the grid, so the covariance is always
    positive definite.

    Parameters
    ----------
    grid
        Of :func:`covariance_grid`.
    pt, eta, charge, start
        Transverse momentum [GeV], pseudorapidity, charge, distance of its first point from the axis [cm].
    factor
        Filled with the lower triangle, shape ``(15,)``.
    """
    n_pt, n_eta, n_starts = grid.hits.shape
    x = max((math.log(pt) - grid.log_pt) / grid.pt_step, 0.0)
    y = abs(eta) / grid.eta_step
    i, j = min(int(x), n_pt - 2), min(int(y), n_eta - 2)
    x, y = min(x - i, 1.0), min(y - j, 1.0)
    k = n_starts - 1
    while k > 0 and start < grid.starts[k]:
        k -= 1
    factor[:] = 0.0
    total = 0.0
    for di in range(2):
        for dj in range(2):
            if grid.hits[i + di, j + dj, k] == 0:
                continue
            weight = (x if di else 1.0 - x) * (y if dj else 1.0 - y)
            total += weight
            for element in range(15):
                factor[element] += weight * grid.factors[i + di, j + dj, k, element]
    if total < 0.5:
        return False
    sign = charge if eta >= 0.0 else -charge
    for element in range(15):
        factor[element] /= total
    if sign < 0:  # mirrored: z0 and tan lambda change their sign against d0, phi, omega
        for element in (6, 7, 8, 10, 11, 12):
            factor[element] = -factor[element]
    return True


@kernel
def smear(stream: Stream, factor: Floats, parameters: Floats) -> None:
    """Add errors with the covariance of a Cholesky factor, shape ``(15,)``, to parameters, shape ``(5,)``."""
    draws = np.empty(5)
    for i in range(5):
        draws[i] = normal(stream)
    for i in range(5):
        for j in range(i + 1):
            parameters[i] += factor[i * (i + 1) // 2 + j] * draws[j]


@kernel
def covariance_of(factor: Floats, covariance: Floats) -> None:
    """Fill ``covariance``, shape ``(15,)``, with the lower triangle of L Lᵀ."""
    for i in range(5):
        for j in range(i + 1):
            total = 0.0
            for k in range(j + 1):
                total += factor[i * (i + 1) // 2 + k] * factor[j * (j + 1) // 2 + k]
            covariance[i * (i + 1) // 2 + j] = total
