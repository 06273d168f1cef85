"""What the analysis of turned images is called, asks, compares and studies; cheap to import."""

from __future__ import annotations

from typing import Literal, get_args

Study = Literal["parameters", "images", "upright", "views", "published"]
"""What a run looks into besides: larger and smaller models; fewer training images; training on upright
images; events seen along the beam; the coursework's setting."""

MODELS = ("fcnn", "cnn", "averaged", "p4cnn", "p4mcnn")
"""The models, from none of the symmetry to all of it."""

OURS = "p4cnn"
"""The model that the others are compared with."""

PLAIN = "cnn"
"""The model without symmetry that has as many parameters."""

SETS = "cylindrical_sets"
"""The set network on events, whose coordinates know no turn at all."""

name = "c4-images"
question = "Is rotation symmetry worth building into an image network?"
STUDIES: tuple[Study, ...] = get_args(Study)
