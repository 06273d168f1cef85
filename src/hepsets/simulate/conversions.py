"""Photons that convert in the layers of a tracker: where, and how the pair shares the energy."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import Record, kernel
from hepsets.core.random_stream import Stream, exponential, uniform

PAIRS_PER_X0 = 7.0 / 9.0
"""Conversions of a hard photon per radiation length."""


@kernel
def material_at(layer: Record, particle: Record) -> tuple[float, float]:
    """Radiation lengths that a straight line goes through in a layer, and the way to it.

    Returns (0, 0) if it misses the layer; the way is in units of the momentum [cm / GeV].
    """
    px, py, pz = particle.px, particle.py, particle.pz
    pt2 = px * px + py * py
    momentum = math.sqrt(pt2 + pz * pz)
    if layer.disc:
        if pz == 0.0:
            return 0.0, 0.0
        way = (math.copysign(layer.position, pz) - particle.z) / pz
        radius = math.hypot(particle.x + way * px, particle.y + way * py)
        if way <= 0.0 or radius < layer.low or radius > layer.high:
            return 0.0, 0.0
        return layer.material * momentum / abs(pz), way
    rest = layer.position**2 - particle.x**2 - particle.y**2
    if rest <= 0.0 or pt2 <= 0.0:
        return 0.0, 0.0
    half = (particle.x * px + particle.y * py) / pt2
    way = math.sqrt(half * half + rest / pt2) - half
    height = abs(particle.z + way * pz)
    if height < layer.low or height > layer.high:
        return 0.0, 0.0
    # the normal is the radius at the crossing
    slope = ((particle.x + way * px) * px + (particle.y + way * py) * py) / layer.position
    return layer.material * momentum / max(slope, 1.0e-3 * momentum), way


@kernel
def conversion_way(
    stream: Stream, layers: NDArray[np.void], radius: float, half_length: float, photon: Record
) -> float:
    """Where a photon converts, in units of its momentum [cm / GeV]; -1 if it does not.

    Parameters
    ----------
    layers
        Records :data:`~hepsets.simulate.layers.SURFACE`, shape ``(n_layers,)``.
    radius, half_length
        Layers beyond these limits [cm] do not count: their pairs leave no tracks.
    photon
        Anything with ``x y z`` [cm], ``px py pz`` [GeV].
    """
    depth = exponential(stream) / PAIRS_PER_X0
    total = 0.0
    for i in range(len(layers)):
        if layers[i].position < (half_length if layers[i].disc else radius):
            total += material_at(layers[i], photon)[0]
    if depth > total:
        return -1.0
    # material is thin: each layer has its share of the conversions, whatever comes before it
    share = total * uniform(stream)
    for i in range(len(layers)):
        if layers[i].position < (half_length if layers[i].disc else radius):
            thickness, way = material_at(layers[i], photon)
            share -= thickness
            if thickness > 0.0 and share <= 0.0:
                return way
    return -1.0


@kernel
def energy_share(stream: Stream) -> float:
    """Share of the photon's energy that the electron gets: density ∝ 1 − 4/3 x (1 − x).

    H. Bethe and W. Heitler at full screening, as in the Review of Particle Physics.
    """
    while True:
        x = uniform(stream)
        if uniform(stream) <= 1.0 - 4.0 / 3.0 * x * (1.0 - x):
            return x
