"""The parametric Belle II detector: generated events in, tracks and clusters out.

The response is drawn particle by particle from published resolutions, efficiencies and fake rates;
there is no material, no pattern recognition and no shower. What it costs is tens of microseconds per
event, which is what makes it possible to simulate one event hundreds of times.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hepsets.core.errors import InputError
from hepsets.simulate.calorimeter import (
    CalorimeterConfig,
)
from hepsets.simulate.detector import DetectorConfig
from hepsets.simulate.particle_id import ParticleIdConfig
from hepsets.simulate.tracker import TrackerConfig

BELLE2 = DetectorConfig()
"""The detector with its default numbers."""

SHIFTS: Mapping[str, DetectorConfig] = MappingProxyType(
    {
        "momentum_scale": DetectorConfig(
            tracker=TrackerConfig(momentum_scale=1.001), calorimeter=CalorimeterConfig(energy_scale=1.005)
        ),
        "resolution": DetectorConfig(
            tracker=TrackerConfig(
                momentum_pt=0.0011,
                momentum_scattering=0.0033,
                angle_constant=0.00033,
                angle_scattering=0.00088,
                d0_constant=0.0011,
                d0_scattering=0.00275,
                z0_constant=0.00165,
                z0_scattering=0.00297,
                tail_fraction=0.05,
            ),
            calorimeter=CalorimeterConfig(stochastic=0.022, constant=0.015),
        ),
        "identification": DetectorConfig(
            particle_id=ParticleIdConfig(
                dedx_resolution=0.09,
                dedx_outliers=0.05,
                top_resolution=0.0066,
                top_outliers=0.15,
                aerogel_resolution=0.0084,
                aerogel_outliers=0.11,
                klm_muon=0.87,
                klm_pion=0.05,
            )
        ),
        "beam_background": DetectorConfig(
            tracker=TrackerConfig(plateau=0.94), calorimeter=CalorimeterConfig(background=3.0, split_off=0.15)
        ),
    }
)
"""Detectors that differ from :data:`BELLE2` as data may differ from simulation, each in one respect.

``momentum_scale``
    Tracks 0.1 %, photons 0.5 % too hard: scale corrections of this order, found with D⁰ → K⁻π⁺ and
    π⁰ → γγ, are left out.
``resolution``
    Tracks 10 % worse in momentum, angles and impact parameters, with 5 instead of 3 % in the tails;
    photons 10 % worse in the stochastic term, with a constant term of 1.5 instead of 1.2 %.
``identification``
    Worse separation and more outliers in dE/dx and both Cherenkov detectors: for K/(K+π) > 0.5 and
    0.3 to 2.5 GeV, 85.6 instead of 87.4 % of the kaons are kept and 7.9 instead of 5.5 % of the pions.
``beam_background``
    Twice as many clusters that no particle of the collision made, a quarter more split-offs, and one per
    cent of the tracks lost: a higher luminosity than was simulated.

They are stand-ins, chosen to be as large as what Belle II takes as systematic uncertainty or somewhat larger:
of photon energies, tracking and extra clusters in arXiv:2311.14647, of identification in arXiv:2506.04355.
"""


def detector(shift: str | None) -> DetectorConfig:
    """The detector by the name of a shift; :data:`BELLE2` for None.

    Raises
    ------
    InputError
        For an unknown name.
    """
    if shift is None:
        return BELLE2
    if shift not in SHIFTS:
        raise InputError(f"detector shift {shift!r}", f"one of {', '.join(SHIFTS)}")
    return SHIFTS[shift]
