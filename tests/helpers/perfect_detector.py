"""A detector that finds and identifies nearly everything, to test combinatorics apart from efficiency."""

from __future__ import annotations

from dataclasses import replace

from hepsets.simulate.belle2 import BELLE2

PERFECT = replace(
    BELLE2,
    tracker=replace(
        BELLE2.tracker,
        theta_min=0.5, theta_max=179.5, plateau=1.0, turn_on_pt=0.01, turn_on_width=0.001, tail_fraction=0.0,
        kink_radius=0.0, outer_radius=0.0, displaced_none=1e4,
    ),
    calorimeter=replace(
        BELLE2.calorimeter,
        forward_min=0.1, forward_max=32.2, barrel_max=130.7, backward_max=179.9, efficiency=1.0,
        conversion_length=0.0, background=0.0, split_off=0.0, tail_fraction=0.0,
        threshold_forward=0.02, threshold_barrel=0.02, threshold_backward=0.02, noise=0.0, stochastic=0.005,
    ),
    particle_id=replace(
        BELLE2.particle_id, dedx_outliers=1e-6, top_outliers=1e-6, aerogel_outliers=1e-6, ep_outliers=1e-6
    ),
)  # fmt: skip
