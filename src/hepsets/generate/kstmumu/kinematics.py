"""Four-momenta of B⁰ → K*⁰(K⁺π⁻)μ⁺μ⁻ from its four variables and the mass of the K*⁰, and back.

The angles are those of LHCb (J. High Energ. Phys. 08 (2013) 131, appendix A): with ℓ the μ⁺ of a B⁰ or the μ⁻
of a B̄⁰, θ_μ is the angle of ℓ against the flight of the muon pair, in the frame of the pair; θ_K that of the
kaon against the flight of the K*⁰, in its frame; χ turns from the muons' plane to the plane of kaon and pion,
the other way round for B̄⁰, so that both flavours have one density.

Four-momenta are rows (px, py, pz, E) [GeV] in the order K, π, μ⁺, μ⁻.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import kernel
from hepsets.core.lorentz_kernels import boost_from
from hepsets.core.masses import M_B0, M_K, M_KSTAR, M_MU, M_PI, WIDTH_KSTAR

Floats = NDArray[np.float64]

KAON, PION, MU_PLUS, MU_MINUS = range(4)
"""Rows of four-momenta."""

_RADIUS = 3.0
"""Interaction radius [1/GeV] of the centrifugal barrier of K*⁰ → K⁺π⁻ (LHCb: 1.6 to 3)."""


@kernel
def momentum_in_frame(mass: float, first: float, second: float) -> float:
    """Momentum [GeV] of either product, with these masses, of a decay of ``mass``; 0 below threshold."""
    squared = (mass**2 - (first + second) ** 2) * (mass**2 - (first - second) ** 2)
    return math.sqrt(max(squared, 0.0)) / (2.0 * mass)


def kstar_lineshape(mass: Floats) -> Floats:
    """Relative density of m(K⁺π⁻): a relativistic P-wave Breit-Wigner with a Blatt-Weisskopf barrier.

    Parameters
    ----------
    mass
        [GeV], any shape; zero below threshold.
    """
    mass = np.asarray(mass, dtype=np.float64)
    momentum = np.sqrt(np.maximum((mass**2 - (M_K + M_PI) ** 2) * (mass**2 - (M_K - M_PI) ** 2), 0)) / (
        2 * mass
    )
    at_peak = momentum_in_frame(M_KSTAR, M_K, M_PI)
    barrier = (1 + (_RADIUS * at_peak) ** 2) / (1 + (_RADIUS * momentum) ** 2)
    width = WIDTH_KSTAR * (momentum / at_peak) ** 3 * (M_KSTAR / mass) * barrier
    density: Floats = mass**2 * width / ((M_KSTAR**2 - mass**2) ** 2 + (M_KSTAR * width) ** 2)
    return density


@kernel
def decay_momenta(
    q_squared: float,
    costheta_mu: float,
    costheta_K: float,
    chi: float,
    flavour: int,
    m_kpi: float,
    momenta: Floats,
) -> None:
    """Fill ``momenta``, shape (4, 4), in the rest frame of the B; the K*⁰ flies along z, the kaon in x-z."""
    mass = math.sqrt(q_squared)
    flight = momentum_in_frame(M_B0, m_kpi, mass)

    p = momentum_in_frame(m_kpi, M_K, M_PI)
    transverse, along = p * math.sqrt(max(1.0 - costheta_K**2, 0.0)), p * costheta_K
    energy = math.hypot(flight, m_kpi)
    for row, sign, own in ((KAON, 1.0, M_K), (PION, -1.0, M_PI)):
        rest = math.hypot(p, own)
        momenta[row, 0] = sign * transverse
        momenta[row, 1] = 0.0
        momenta[row, 2] = (energy * sign * along + flight * rest) / m_kpi
        momenta[row, 3] = (energy * rest + flight * sign * along) / m_kpi

    p = momentum_in_frame(mass, M_MU, M_MU)
    transverse, along = p * math.sqrt(max(1.0 - costheta_mu**2, 0.0)), p * costheta_mu
    azimuth = flavour * (math.pi - chi)
    energy = math.hypot(flight, mass)
    rest = 0.5 * mass
    row = MU_PLUS if flavour > 0 else MU_MINUS
    other = MU_MINUS if flavour > 0 else MU_PLUS
    for at, sign in ((row, 1.0), (other, -1.0)):  # the pair flies along -z
        momenta[at, 0] = sign * transverse * math.cos(azimuth)
        momenta[at, 1] = sign * transverse * math.sin(azimuth)
        momenta[at, 2] = -(energy * sign * along + flight * rest) / mass
        momenta[at, 3] = (energy * rest + flight * sign * along) / mass


@kernel
def decay_variables(momenta: Floats, flavour: int, work: Floats) -> tuple[float, float, float, float, float]:
    """``q_squared, costheta_mu, costheta_K, chi, m_kpi`` of four-momenta in any frame.

    Parameters
    ----------
    momenta
        Shape (4, 4).
    flavour
        1 for B⁰, −1 for B̄⁰.
    work
        Scratch space, shape (7, 4).
    """
    b, kstar, pair = work[4], work[5], work[6]
    for j in range(4):
        kstar[j] = momenta[KAON, j] + momenta[PION, j]
        pair[j] = momenta[MU_PLUS, j] + momenta[MU_MINUS, j]
        b[j] = kstar[j] + pair[j]
        for i in range(4):
            work[i, j] = momenta[i, j]
    for i in range(4):
        boost_from(work[i], b, -1.0)
    boost_from(kstar, b, -1.0)
    boost_from(pair, b, -1.0)

    lepton = work[MU_PLUS] if flavour > 0 else work[MU_MINUS]
    kaon = work[KAON]
    # with the pair along -n and the K* along n, both normals are crosses of one momentum with n
    flight = math.sqrt(kstar[0] ** 2 + kstar[1] ** 2 + kstar[2] ** 2)
    nx, ny, nz = kstar[0] / flight, kstar[1] / flight, kstar[2] / flight
    lx, ly, lz = (
        lepton[2] * ny - lepton[1] * nz,
        lepton[0] * nz - lepton[2] * nx,
        lepton[1] * nx - lepton[0] * ny,
    )
    kx, ky, kz = kaon[1] * nz - kaon[2] * ny, kaon[2] * nx - kaon[0] * nz, kaon[0] * ny - kaon[1] * nx
    cosine = lx * kx + ly * ky + lz * kz
    sine = (ly * kz - lz * ky) * nx + (lz * kx - lx * kz) * ny + (lx * ky - ly * kx) * nz
    chi = math.atan2(flavour * sine, cosine)
    if chi == -math.pi:
        chi = math.pi

    q_squared = pair[3] ** 2 - pair[0] ** 2 - pair[1] ** 2 - pair[2] ** 2
    m_kpi = math.sqrt(kstar[3] ** 2 - kstar[0] ** 2 - kstar[1] ** 2 - kstar[2] ** 2)
    boost_from(lepton, pair, -1.0)
    boost_from(kaon, kstar, -1.0)
    costheta_mu = -(lepton[0] * nx + lepton[1] * ny + lepton[2] * nz) / math.sqrt(
        lepton[0] ** 2 + lepton[1] ** 2 + lepton[2] ** 2
    )
    costheta_K = (kaon[0] * nx + kaon[1] * ny + kaon[2] * nz) / math.sqrt(
        kaon[0] ** 2 + kaon[1] ** 2 + kaon[2] ** 2
    )
    return q_squared, costheta_mu, costheta_K, chi, m_kpi
