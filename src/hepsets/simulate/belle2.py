"""Belle II in numbers, with their sources, and the ways in which data may differ from them.

What a number means says the part of the engine that takes it: :mod:`~hepsets.simulate.tracker`,
:mod:`~hepsets.simulate.calorimeter`, :mod:`~hepsets.simulate.particle_id`. Another detector is one file like
this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any

from hepsets.core.errors import InputError
from hepsets.generate.beams import BeamConfig
from hepsets.simulate.calorimeter import CalorimeterConfig
from hepsets.simulate.detector import DetectorConfig
from hepsets.simulate.particle_id import ParticleIdConfig
from hepsets.simulate.tracker import TrackerConfig

TRACKER = TrackerConfig(
    theta_min=17.0,
    theta_max=150.0,
    field=1.5,
    plateau=0.95,
    turn_on_pt=0.065,
    turn_on_width=0.035,
    displaced_full=2.0,
    displaced_none=45.0,
    momentum_scale=1.0,
    momentum_pt=0.001,
    momentum_scattering=0.003,
    tail_fraction=0.03,
    tail_scale=3.0,
    angle_constant=0.0003,
    angle_scattering=0.0008,
    d0_constant=0.0010,
    d0_scattering=0.0025,
    z0_constant=0.0015,
    z0_scattering=0.0027,
    no_pixel_radius=1.4,
    no_pixel_scale=6.0,
    bremsstrahlung=0.02,
    kink_radius=55.0,
    outer_radius=113.0,
    kink_smearing=0.02,
)
"""VXD and CDC. Acceptance, field and momentum resolution: Belle II TDR (arXiv:1011.0352), sections 4-6;
impact parameters: Physics Book (arXiv:1808.10567), section 3.3 and 5; efficiency turn-on: VXD standalone
tracking, Comput. Phys. Commun. 259 (2021) 107610."""

CALORIMETER = CalorimeterConfig(
    forward_min=12.4,
    forward_max=31.4,
    barrel_min=32.2,
    barrel_max=128.7,
    backward_min=130.7,
    backward_max=155.1,
    threshold_forward=0.080,
    threshold_barrel=0.030,
    threshold_backward=0.060,
    efficiency=0.94,
    energy_scale=1.0,
    noise=0.0020,
    stochastic=0.0200,
    constant=0.0120,
    tail_fraction=0.20,
    tail_mean=0.03,
    angle=0.0042,
    angle_constant=0.0015,
    shell_radius=135.0,
    conversion_length=0.08,
    split_off=0.12,
    split_off_energy=0.07,
    split_off_angle=0.20,
    neutral_hadron=0.45,
    neutral_hadron_energy=0.25,
    background=1.5,
    background_energy=0.035,
    photon_shape=10.0,
    other_shape=1.2,
)
"""The CsI(Tl) calorimeter (ECL). Geometry and resolution: Belle II TDR (arXiv:1011.0352), section 9, and
Belle's test beam as quoted there, with noise and stochastic term larger because of pile-up and material;
thresholds: the photon selection of Belle II neutral pions by region; background level and hadronic clusters:
of the size seen in early Belle II data after timing cuts."""

PARTICLE_ID = ParticleIdConfig(
    dedx_resolution=0.08,
    dedx_outliers=0.03,
    top_index=1.471,
    top_resolution=0.0055,
    top_outliers=0.10,
    top_min_pt=0.28,
    aerogel_index=1.05,
    aerogel_resolution=0.007,
    aerogel_outliers=0.07,
    forward_end=31.0,
    barrel_end=124.0,
    ep_min_p=0.25,
    ep_resolution=0.06,
    ep_hadron_mean=0.35,
    ep_hadron_width=0.20,
    ep_outliers=0.02,
    klm_min_p=0.70,
    klm_muon=0.90,
    klm_pion=0.04,
    klm_kaon=0.03,
    klm_other=0.005,
)
"""dE/dx in the CDC, TOP in the barrel, ARICH in front, E/p in the ECL, KLM. The values follow the Belle II
TDR (arXiv:1011.0352) and the Physics Book (arXiv:1808.10567, chapter 5); outlier fractions are chosen such
that kaons are found with about 90 % at 5-10 % pion fakes, as published for early Belle II data."""

BELLE2 = DetectorConfig(BeamConfig(), TRACKER, CALORIMETER, PARTICLE_ID)
"""The detector, with SuperKEKB's beams."""


def _times(part: Any, **factors: float) -> Any:
    """A part of the detector with some of its numbers multiplied, without the noise of the last digits."""
    return replace(part, **{name: round(getattr(part, name) * by, 12) for name, by in factors.items()})


_WORSE = 1.1

SHIFTS: Mapping[str, DetectorConfig] = MappingProxyType(
    {
        "momentum_scale": replace(
            BELLE2,
            tracker=replace(TRACKER, momentum_scale=1.001),
            calorimeter=replace(CALORIMETER, energy_scale=1.005),
        ),
        "resolution": replace(
            BELLE2,
            tracker=replace(
                _times(
                    TRACKER,
                    **{
                        entry.name: _WORSE
                        for entry in fields(TrackerConfig)
                        if entry.name.startswith(("momentum_pt", "momentum_scat", "angle", "d0", "z0"))
                    },
                ),
                tail_fraction=0.05,
            ),
            calorimeter=_times(CALORIMETER, stochastic=_WORSE, constant=1.25),
        ),
        "identification": replace(
            BELLE2,
            particle_id=replace(
                _times(PARTICLE_ID, top_resolution=1.2, aerogel_resolution=1.2),
                dedx_resolution=0.09,
                dedx_outliers=0.05,
                top_outliers=0.15,
                aerogel_outliers=0.11,
                klm_muon=0.87,
                klm_pion=0.05,
            ),
        ),
        "beam_background": replace(
            BELLE2,
            tracker=replace(TRACKER, plateau=0.94),
            calorimeter=_times(CALORIMETER, background=2.0, split_off=1.25),
        ),
    }
)
"""Detectors that differ from :data:`BELLE2` as data may differ from simulation, each in one respect.

``momentum_scale``
    Tracks 0.1 %, photons 0.5 % too hard: scale corrections of this order, found with D⁰ → K⁻π⁺ and
    π⁰ → γγ, are left out.
``resolution``
    Tracks 10 % worse in momentum, angles and impact parameters, with 5 instead of 3 % in the tails;
    photons 10 % worse in the stochastic, 25 % in the constant term.
``identification``
    Worse separation and more outliers in dE/dx and both Cherenkov detectors: for K/(K+π) > 0.5 and
    0.3 to 2.5 GeV, 85.6 instead of 87.4 % of the kaons are kept and 7.9 instead of 5.5 % of the pions.
``beam_background``
    Twice as many clusters that no particle of the collision made, a quarter more split-offs, and one per
    cent of the tracks lost: a higher luminosity than was simulated.

They are stand-ins, chosen to be as large as what Belle II takes as systematic uncertainty or somewhat larger:
of photon energies, tracking and extra clusters in arXiv:2311.14647, of identification in arXiv:2506.04355.
"""


EXTREMES: Mapping[str, DetectorConfig] = MappingProxyType(
    {
        "far_off": replace(
            BELLE2,
            tracker=replace(TRACKER, plateau=0.80, momentum_scale=1.02),
            calorimeter=replace(CALORIMETER, energy_scale=1.05, background=9.0),
        ),
    }
)
"""Detectors that are further off than any that was calibrated, for tests that need a large difference.

``far_off``
    A fifth of the tracks lost, tracks 2 % and photons 5 % too hard, six times the clusters that no particle
    of the collision made.
"""


def detector(shift: str | None) -> DetectorConfig:
    """The detector by the name of a shift, or of an extreme; :data:`BELLE2` for None.

    Raises
    ------
    InputError
        For an unknown name.
    """
    if shift is None:
        return BELLE2
    known = {**SHIFTS, **EXTREMES}
    if shift not in known:
        raise InputError(f"detector shift {shift!r}", f"one of {', '.join(known)}")
    return known[shift]
