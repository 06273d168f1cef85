"""What the flavour analysis is called, asks, compares and studies; cheap to import."""

from __future__ import annotations

from typing import Literal, get_args

CellName = Literal["published", "seeded", "found", "unidentified", "hemispheres", "jets"]
"""What is compared; each has events, features and trainings of its own, see
:data:`hepsets.analyses.z_flavour.cells.CELLS`."""

Study = Literal["detector", "seeds"]
"""What a run looks into if asked: taggers of other detectors, and trainings with other seeds."""

CELL_NAMES: tuple[CellName, ...] = get_args(CellName)

COMPARED: tuple[CellName, ...] = CELL_NAMES[:-1]
"""Those of a run that is not told otherwise; taggers for FCCAnalyses are trained if asked for."""

OURS = "vertex_graph"
"""Our own model: particles, vertices and V0s joined by membership."""

TREES = "boosted_trees"
"""Trees on vertices and impact parameters, as LCFIPlus has them."""

UNIDENTIFIED = "_unidentified"
"""What the names of models end in that see neither clusters nor times of flight."""

PUBLISHED = ("fcnn", "gru_attention", "deep_sets")
"""The models of the coursework, in the order of their accuracy there."""

name = "z-flavour"
question = "Which quark did the Z decay to: b, c, s, or u and d?"
STUDIES: tuple[Study, ...] = get_args(Study)
MODELS = (*PUBLISHED, TREES, "particle_transformer", OURS)

MAIN_FIGURE = "points_found"
"""The figure that a result draws of itself."""
