"""The IDEA detector at FCC-ee in numbers, with their sources, and the settings that designers vary.

Unless a line says otherwise the numbers are those of the card ``delphes_card_IDEA.tcl`` of Delphes
(M. Selvaggi, F. Bedeschi et al.), which the FCC-ee simulation campaigns use; the detector is described in
"The IDEA detector concept for FCC-ee", arXiv:2502.21223. What a number means says the part of the engine
that takes it.
"""

from __future__ import annotations

import math

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hepsets.simulate.cluster_counting import ClusterCountingConfig
from hepsets.simulate.energy_flow import EnergyFlowConfig
from hepsets.simulate.layered import LayeredConfig
from hepsets.simulate.layers import Layer, LayeredTrackerConfig
from hepsets.simulate.time_of_flight import TimeOfFlightConfig

CHAMBER_RADII = (36.0, 200.0)
"""First and last of the 112 layers of the drift chamber [cm]."""

CHAMBER_LAYERS = 112
CHAMBER_HALF_LENGTH = 200.0
CHAMBER_X0 = 57_900.0
"""Radiation length of gas and wires together [cm]."""

STEREO_PER_RADIUS = 5.66e-4
"""Tangent of the stereo angle per radius [1/cm]; its sign alternates from layer to layer."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class IdeaConfig:
    """What may differ from the baseline.

    Parameters
    ----------
    first_layer_radius
        Radius [cm] of the first vertex layer; the beam pipe stays within it.
    first_layer_resolution
        Its resolution [cm], in both directions.
    counting_efficiency
        Share of the ionisation clusters that are counted.
    time_resolution
        Of the time of flight [ns].
    field
        Solenoid field [T]; ALEPH's was 1.5.
    """

    first_layer_radius: float = Field(default=1.37, gt=0.3, lt=2.3)
    first_layer_resolution: float = Field(default=3e-4, gt=0)
    counting_efficiency: float = Field(default=0.8, gt=0, le=1)
    time_resolution: float = Field(default=0.03, gt=0)
    field: float = Field(default=2.0, gt=0.1)

    def detector(self) -> LayeredConfig:
        """The detector with these settings."""
        return LayeredConfig(
            tracker=LayeredTrackerConfig(
                field=self.field,
                layers=(*_beam_pipe(self), *_vertex_detector(self), *_chamber(), *_wrapper()),
                min_pt=0.1,
                max_eta=2.56,
                min_hits=6,
                radius=CHAMBER_RADII[1],
                half_length=CHAMBER_HALF_LENGTH,
            ),
            cluster_counting=ClusterCountingConfig(
                inner_radius=34.5,
                outer_radius=202.0,
                half_length=212.5,
                efficiency=self.counting_efficiency,
            ),
            time_of_flight=TimeOfFlightConfig(
                radius=205.0, half_length=231.0, resolution=self.time_resolution
            ),
            energy_flow=ENERGY_FLOW,
            lepton_min_momentum=2.0,
            lepton_efficiency=0.99,
        )


ENERGY_FLOW = EnergyFlowConfig(
    radius=225.0,
    half_length=250.0,
    max_eta=3.0,
    em_stochastic=0.03,
    em_constant=0.005,
    em_noise=0.002,
    em_significance=2.0,
    hadron_stochastic=0.30,
    hadron_constant=0.01,
    hadron_noise=0.05,
    hadron_significance=2.5,
    cell=0.02,
    photon_min_energy=2.0,
    photon_efficiency=0.99,
)
"""Crystals (arXiv:2008.00338) and dual-readout fibres behind the solenoid, as of the card."""


def _beam_pipe(config: IdeaConfig) -> tuple[Layer, ...]:
    radius = min(1.0, config.first_layer_radius - 0.1)
    return (Layer("barrel", radius, 0, 1e4, material=0.0068),)


def _vertex_detector(config: IdeaConfig) -> tuple[Layer, ...]:
    first = config.first_layer_resolution
    return (
        Layer("barrel", config.first_layer_radius, 0, 9.65, 0.0033, first, first),
        Layer("barrel", 2.37, 0, 16.09, 0.0033, 3e-4, 3e-4),
        Layer("barrel", 3.40, 0, 25.7, 0.0033, 3e-4, 3e-4),
        Layer("barrel", 14.1, 0, 16.09, 0.0033, 3e-4, 3e-4),
        Layer("barrel", 31.5, 0, 32.63, 0.0050, 7e-4, 7e-4),
        Layer("disc", 30.2, 3.65, 25.15, 0.0033, 7e-4, 7e-4),
        Layer("disc", 62.0, 7.5, 29.0, 0.0033, 7e-4, 7e-4),
        Layer("disc", 93.0, 10.5, 29.0, 0.0033, 7e-4, 7e-4),
    )


def _chamber() -> tuple[Layer, ...]:
    radii = np.linspace(*CHAMBER_RADII, CHAMBER_LAYERS)
    material = float(radii[1] - radii[0]) / CHAMBER_X0
    wires = tuple(
        Layer(
            "barrel", round(float(radius), 4), 0, CHAMBER_HALF_LENGTH, material, 0.01,
            stereo=(-1) ** place * math.atan(STEREO_PER_RADIUS * radius),
        )
        for place, radius in enumerate(radii)
    )  # fmt: skip
    inner_wall = Layer("barrel", 34.5, 0, 212.5, material=0.02 / 23.7223)
    outer_wall = Layer("barrel", 202.0, 0, 212.5, material=2.0 / 166.7)
    end_walls = Layer("disc", 212.5, 34.5, 202.0, material=25.0 / 555.0)
    return (inner_wall, *wires, outer_wall, end_walls)


def _wrapper() -> tuple[Layer, ...]:
    return (
        Layer("barrel", 204.0, 0, 235.0, 0.0050, 7e-4, 9e-3),
        Layer("barrel", 206.0, 0, 235.0, 0.0050, 7e-4, 9e-3),
        Layer("disc", 230.0, 35.0, 202.0, 0.0050, 7e-4, 9e-3),
        Layer("disc", 232.0, 35.4, 202.0, 0.0050, 7e-4, 9e-3),
    )


IDEA = IdeaConfig().detector()
"""The baseline."""
