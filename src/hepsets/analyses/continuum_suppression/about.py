"""What continuum suppression is called, asks, compares and studies; cheap to import."""

from __future__ import annotations

from typing import Literal, get_args

Study = Literal["unseen_modes", "shifted_detector", "disco", "importance", "off_resonance"]

BDT = "bdt"
"""The reference: boosted trees on the thirty variables."""

TAG_BDT = "bdt_with_tag"
"""Boosted trees that also see how good the candidate is: the strongest baseline."""

BEFORE = "multi_deep_sets_before"
"""MultiDeepSets whose sets are joined before pooling."""

TRUNK_MODEL = "particle_encoder"
"""The model that starts from a trunk, if a run is given one."""

OURS = "learned_moments"
"""Our own model, the one that is recommended."""

name = "continuum-suppression"
question = "What do sets of particles see against e⁺e⁻ → q q̄ that thirty classic variables do not?"
STUDIES: tuple[Study, ...] = get_args(Study)
MODELS = (
    BDT,
    TAG_BDT,
    "fixed_mlp",
    "deep_sets",
    "multi_deep_sets_cm",
    "multi_deep_sets",
    BEFORE,
    "combined",
    OURS,
)
