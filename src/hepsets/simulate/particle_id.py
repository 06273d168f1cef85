"""Identify tracks: likelihoods of e, mu, pi, K, p from dE/dx, Cherenkov angle, E/p and muon depth.

Each observable is drawn around what the true species would show and then judged under all five
hypotheses with the same formulae, so the probabilities behave like real ones: they separate where
the physics separates, they are wrong as often as the outlier fractions say, and fakes look genuine.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.kernel import Record, kernel, part_of_kernel
from hepsets.core.masses import M_E, M_K, M_MU, M_P, M_PI
from hepsets.core.random_stream import Stream, normal, uniform

ELECTRON, MUON, PION, KAON, PROTON = range(5)
"""Species of tracks, in the order of all arrays with a species axis."""

SPECIES_NAMES = ("electron", "muon", "pion", "kaon", "proton")
MASSES = (M_E, M_MU, M_PI, M_K, M_P)
"""Their masses [GeV]."""
PDG_IDS = (11, 13, 211, 321, 2212)
"""Sizes of their PDG ids."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ParticleIdConfig:
    """How well a detector tells species apart."""

    dedx_resolution: float
    """Relative resolution of the truncated mean dE/dx."""
    dedx_outliers: float
    top_index: float
    """Refractive index of the quartz bars (barrel)."""
    top_resolution: float
    """Effective resolution [rad] of the Cherenkov angle, TOP."""
    top_outliers: float
    """Share of TOP measurements spoilt by background, interactions and missing photons."""
    top_min_pt: float
    """Transverse momentum [GeV] below which a track curls up before the TOP."""
    aerogel_index: float
    aerogel_resolution: float
    """Effective resolution [rad] of the Cherenkov angle, ARICH (forward)."""
    aerogel_outliers: float
    forward_end: float
    """Polar angle [deg] where ARICH ends and TOP begins."""
    barrel_end: float
    """Polar angle [deg] where TOP ends."""
    ep_min_p: float
    """Momentum [GeV] from which E/p is used."""
    ep_resolution: float
    """Width of E/p for electrons."""
    ep_hadron_mean: float
    ep_hadron_width: float
    ep_outliers: float
    klm_min_p: float
    """Momentum [GeV] from which a muon reaches the KLM."""
    klm_muon: float
    """Probability that a muon is seen deep in the KLM."""
    klm_pion: float
    """The same for a pion (punch-through and decay)."""
    klm_kaon: float
    klm_other: float


@kernel
def log_dedx(mass: float, momentum: float) -> float:
    """Logarithm of the expected ionisation (Bethe with a Fermi plateau), arbitrary offset."""
    beta_gamma2 = (momentum / mass) ** 2
    beta2 = beta_gamma2 / (1.0 + beta_gamma2)
    # the density effect ends the relativistic rise near beta*gamma = 60 in a helium-ethane gas;
    # 2 m_e c^2 / I = 20440 for I = 50 eV
    rise = math.log(20440.0 * min(beta_gamma2, 3600.0)) - beta2
    return math.log(rise / beta2)


@kernel
def cherenkov_angle(mass: float, momentum: float, index: float) -> float:
    """Cherenkov angle [rad]; zero below threshold."""
    cosine = math.sqrt(1.0 + (mass / momentum) ** 2) / index
    return math.acos(cosine) if cosine < 1.0 else 0.0


@kernel
def _density(value: float, mean: float, width: float, outliers: float, span: float) -> float:
    pull = (value - mean) / width
    return (1.0 - outliers) * math.exp(-0.5 * pull * pull) / (2.5066282746 * width) + outliers / span


@kernel
def _draw(stream: Stream, mean: float, width: float, outliers: float, low: float, span: float) -> float:
    if uniform(stream) < outliers:
        return low + span * uniform(stream)
    return mean + width * normal(stream)


@part_of_kernel
def identify(
    stream: Stream,
    config: Record,
    species: int,
    momentum: float,
    theta: float,
    likelihood: NDArray[np.float64],
) -> None:
    """Draw the observables of one track and fill ``likelihood``, shape (5,), normalised to sum one.

    ``momentum`` [GeV] and ``theta`` [rad] are true; a track that decayed in flight passes here as the
    species that reached the outer detectors.
    """
    for h in range(5):
        likelihood[h] = log_dedx(MASSES[h], momentum)  # what is expected, first of all
    seen = _draw(stream, likelihood[species], config.dedx_resolution, config.dedx_outliers, 2.0, 3.0)
    for h in range(5):
        likelihood[h] = _density(seen, likelihood[h], config.dedx_resolution, config.dedx_outliers, 3.0)

    degrees = math.degrees(theta)
    pt = momentum * math.sin(theta)
    if pt > config.top_min_pt and degrees < config.barrel_end:
        if degrees < config.forward_end:
            index, width, bad = config.aerogel_index, config.aerogel_resolution, config.aerogel_outliers
        else:
            index, width, bad = config.top_index, config.top_resolution, config.top_outliers
        seen = _draw(stream, cherenkov_angle(MASSES[species], momentum, index), width, bad, 0.0, 0.9)
        for h in range(5):
            likelihood[h] *= _density(seen, cherenkov_angle(MASSES[h], momentum, index), width, bad, 0.9)

    if momentum > config.ep_min_p and pt > config.top_min_pt:
        mip = 0.2 / momentum
        bad = config.ep_outliers
        if species == ELECTRON:
            seen = _draw(stream, 1.0, config.ep_resolution, bad, 0.0, 1.5)
        elif species == MUON:
            seen = _draw(stream, mip, 0.2 * mip, bad, 0.0, 1.5)
        else:
            seen = _draw(stream, config.ep_hadron_mean, config.ep_hadron_width, bad, 0.0, 1.5)
        likelihood[ELECTRON] *= _density(seen, 1.0, config.ep_resolution, bad, 1.5)
        likelihood[MUON] *= _density(seen, mip, 0.2 * mip, bad, 1.5)
        hadron = _density(seen, config.ep_hadron_mean, config.ep_hadron_width, bad, 1.5)
        for h in range(PION, 5):
            likelihood[h] *= hadron

    if momentum > config.klm_min_p and pt > config.top_min_pt:
        deep = uniform(stream) < _deep(config, species)
        for h in range(5):
            chance = _deep(config, h)
            likelihood[h] *= chance if deep else 1.0 - chance

    total = likelihood.sum()
    for h in range(5):
        likelihood[h] /= total


@kernel
def _deep(config: Record, species: int) -> float:
    if species == MUON:
        return float(config.klm_muon)
    if species == PION:
        return float(config.klm_pion)
    if species == KAON:
        return float(config.klm_kaon)
    return float(config.klm_other)
