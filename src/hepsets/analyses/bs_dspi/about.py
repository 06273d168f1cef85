"""What the analysis of B_s → D_sπ is called, asks, trains and studies; cheap to import."""

from __future__ import annotations

from typing import Literal, get_args

Study = Literal["published"]
"""What a run looks into besides: the coursework's version, with what each of its faults changes."""

ModelName = Literal["boosted_trees", "mass_blind_trees", "isolation_network"]
"""Models: the trees that select, the same without what tells the mass, and a network on the tracks around a
candidate, which is compared with trees on classic isolation variables."""

TREES: ModelName = "boosted_trees"
MASS_BLIND: ModelName = "mass_blind_trees"
NETWORK: ModelName = "isolation_network"

name = "bs-dspi"
question = "How many B_s mesons decay to D_s and a pion, and at which mass?"
STUDIES: tuple[Study, ...] = get_args(Study)
MODELS: tuple[ModelName, ...] = get_args(ModelName)

MAIN_FIGURE = "mass_after"
"""The figure that a result draws of itself."""
