"""What the trees see of a candidate."""

from __future__ import annotations

import numpy as np

from hepsets.core.particle_sets import ParticleSets
from hepsets.select.bs_dspi.candidates import DAUGHTERS

ANGLE = "bs_log_angle"
"""lg(1 − cosine of pointing): in single precision the cosine itself is 1."""

CLASSIC_ISOLATION = ("cone_asymmetry", "chi2_with_one_more")
"""Isolation as it was before networks."""

MASS_BLIND = (
    ANGLE,
    "bs_vertex_chi2",
    "bs_flight_chi2",
    "bs_ip_chi2",
    "bs_doca",
    "ds_mass",
    "ds_vertex_chi2",
    "ds_doca",
    "ds_flight_chi2",
    "ds_flight_chi2_primary",
    "ds_ip_chi2",
    "kk_mass",
    "kpi_mass",
    "min_ip_chi2",
    *CLASSIC_ISOLATION,
    *(f"{name}_ip_chi2" for name in DAUGHTERS),
    *(f"{name}_prob_nn_{kind}" for name in DAUGHTERS for kind in ("k", "pi")),
)
"""Geometry, identification and the D_s: none of the momenta that the B_s mass is made of."""

VARIABLES = (*MASS_BLIND, "bs_pt", "ds_pt", *(f"{name}_pt" for name in DAUGHTERS))
"""All of them."""


GROUPS = {
    "pointing": (ANGLE, "bs_ip_chi2"),
    "B_s vertex": ("bs_vertex_chi2", "bs_doca"),
    "B_s flight": ("bs_flight_chi2",),
    "D_s vertex": ("ds_vertex_chi2", "ds_doca"),
    "D_s flight": ("ds_flight_chi2", "ds_flight_chi2_primary", "ds_ip_chi2"),
    "D_s mass": ("ds_mass",),
    "resonances": ("kk_mass", "kpi_mass"),
    "isolation": CLASSIC_ISOLATION,
    "tracks off the vertex": ("min_ip_chi2", *(f"{name}_ip_chi2" for name in DAUGHTERS)),
    "identification": tuple(f"{name}_prob_nn_{kind}" for name in DAUGHTERS for kind in ("k", "pi")),
    "momenta": ("bs_pt", "ds_pt", *(f"{name}_pt" for name in DAUGHTERS)),
}
"""Variables that tell the same, whose importance is measured together."""

PUBLISHED = (
    "bs_pt",
    "bs_ip",
    "bs_ip_chi2",
    "bs_flight_distance",
    "bs_flight_chi2",
    "bs_dira",
    "bs_doca",
    "decay_time",
    "ds_pt",
    "ds_ip_chi2",
    "ds_flight_distance",
    "ds_flight_chi2",
    "ds_doca",
    "bachelor_pt",
    "bachelor_ip_chi2",
    "bachelor_prob_nn_pi",
)
"""What the coursework's trees saw, by our names."""


def with_angle(candidates: ParticleSets) -> ParticleSets:
    """The same candidates with the column :data:`ANGLE`, if they have the cosine."""
    if "bs_dira" not in candidates.columns:
        return candidates
    away = np.maximum(1 - np.asarray(candidates.columns["bs_dira"], np.float64), 1e-12)
    return candidates.with_columns(**{ANGLE: np.log10(away)})
