"""What smart background is called, asks, compares and studies; cheap to import."""

from __future__ import annotations

from typing import Literal, get_args

Study = Literal["features", "layers", "embedding", "skims", "few_labels", "loss"]

PUBLISHED = (
    "flat_mlp",
    "flat_mlp_mask",
    "deep_sets",
    "deep_sets_pdg",
    "deep_sets_gcn",
    "deep_sets_gcn_pdg",
    "deep_sets_gcn_pdg_normalized",
    "DS_6_GCN_135",
    "transformer",
    "gcn_stack",
)
"""The models of the published study."""

TRUNK_MODEL = "tree_encoder"
"""The model that starts from a trunk, if a run is given one."""

OURS = "decay_sweep"
"""Our own model."""

name = "smart-background"
question = "Which generated events survive a later skim, and what does it save to know?"
STUDIES: tuple[Study, ...] = get_args(Study)
MODELS = (*PUBLISHED, OURS)

MAIN_FIGURE = "speedup"
"""The figure that a result draws of itself."""
