"""The settings of vertexing: beam spot, and what makes a primary vertex, a V0, a displaced vertex."""

from __future__ import annotations

from dataclasses import field

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, PositiveFloat
from pydantic.dataclasses import dataclass

from hepsets.select.vertices.axis import AxisConfig


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class BeamSpot:
    """Where the beams meet [cm]: its centre, and the standard deviation of each coordinate.

    The defaults are those of FCC-ee at the Z pole: 4.5 µm, 20 nm and 0.3 mm.
    """

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    sigma_x: PositiveFloat = 4.5e-4
    sigma_y: PositiveFloat = 2.0e-6
    sigma_z: PositiveFloat = 0.03

    @property
    def constraint(self) -> NDArray[np.float64]:
        """What vertex fits take: centre [cm] and 1/σ² [1/cm²] of each coordinate, shape ``(6,)``."""
        sigma = np.array([self.sigma_x, self.sigma_y, self.sigma_z])
        return np.concatenate([[self.x, self.y, self.z], sigma**-2.0])


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class PrimaryConfig:
    """The primary vertex."""

    max_chi2: PositiveFloat = 9.0
    """A track that misses the vertex of all others by more, χ² of two degrees of freedom, is taken out."""
    max_distance: PositiveFloat = 0.5
    """Tracks that pass the beam line at a greater distance [cm] are left aside from the beginning."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class V0Config:
    """K_S → π⁺π⁻, Λ → pπ⁻ and γ → e⁺e⁻: the windows with which LCFIPlus rejects them (T. Suehara, T. Tanabe,
    Nucl. Instrum. Meth. A 808 (2016) 109, section 3.2).
    """

    k_short_low: float = 0.493
    k_short_high: float = 0.503
    lambda_low: float = 1.111
    lambda_high: float = 1.121
    photon_high: float = 0.005
    """Mass windows [GeV]."""
    min_distance: float = 0.05
    photon_min_distance: float = 0.9
    """Distance [cm] from the primary vertex."""
    min_cosine: float = 0.999
    photon_min_cosine: float = 0.99995
    """Cosine between momentum and flight from the primary vertex."""
    max_chi2: PositiveFloat = 12.0
    """χ² of the vertex, of one degree of freedom."""
    max_radius: PositiveFloat = 150.0
    """Distance [cm] from the beam line at which tracks still can begin."""
    min_miss: float = 4.0
    """χ² by which both tracks of a hadronic V0 must miss the primary vertex."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class DisplacedConfig:
    """Displaced vertices of heavy hadrons, built up from pairs."""

    max_pair_chi2: PositiveFloat = 9.0
    """χ² of the vertex of a pair, of one degree of freedom."""
    max_track_chi2: PositiveFloat = 5.0
    """χ², of two degrees of freedom, by which a track may miss a vertex to which it is attached."""
    max_vertex_chi2: PositiveFloat = 9.0
    """χ² per degree of freedom."""
    max_mass: PositiveFloat = 10.0
    """Mass [GeV] of all tracks as pions."""
    min_significance: float = 25.0
    """χ², of three degrees of freedom, by which the vertex must be away from the primary one."""
    min_distance: float = 0.01
    max_distance: PositiveFloat = 5.0
    """Distance [cm] from the primary vertex."""
    max_d0: PositiveFloat = 1.0
    max_height: PositiveFloat = 2.0
    """Distance [cm] at which a track may pass the primary vertex, across and along the beam."""
    min_shared_miss: float = 2.0
    shared_ratio: float = 2.0
    """A track of the primary vertex that misses it by this χ² at least, and so many times worse than the
    displaced one, changes to that.
    """
    line_width: PositiveFloat = 2.0e-3
    line_angle: float = 0.03
    """Width [cm] of the line from the primary to a displaced vertex, at which single tracks are looked for,
    and how it grows with their distance [rad]: a c hadron does not fly quite as its b hadron did.
    """
    max_single_chi2: PositiveFloat = 9.0
    """χ² of such a track with the line, of one degree of freedom."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class VertexingConfig:
    """All settings of vertexing."""

    beam: BeamSpot = field(default_factory=BeamSpot)
    primary: PrimaryConfig = field(default_factory=PrimaryConfig)
    v0: V0Config = field(default_factory=V0Config)
    displaced: DisplacedConfig = field(default_factory=DisplacedConfig)
    axis: AxisConfig = field(default_factory=AxisConfig)
