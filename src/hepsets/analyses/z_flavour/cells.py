"""What is compared: which events, which features, which flavours, and which models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hepsets.analyses.z_flavour.about import OURS, PUBLISHED, TREES, UNIDENTIFIED, CellName
from hepsets.learn.vertexed_events.model import Level
from hepsets.represent.vertexed_events.identification import Identification
from hepsets.represent.vertexed_events.inputs import (
    CONSTITUENT_INPUTS,
    PUBLISHED_INPUTS,
    InputSpec,
    Style,
    proper_inputs,
)

SampleName = Literal["published", "seeded", "found", "hemispheres", "jets"]
"""Features of one kind of events: columns as published, or with seeded vertices and true kinds; with found
vertices and measured kinds; the hemispheres of the latter; and these as jets of FCCAnalyses."""

HALVES = ("hemispheres", "jets")
"""Those with two examples for each event."""

THREE = ("b", "c", "s")
FOUR = (*THREE, "ud")
FLAVOUR_OF: Mapping[str, int] = {"b": 5, "c": 4, "s": 3, "ud": 1}
"""The event column ``flavour`` of each class."""

SAMPLE_INPUTS: Mapping[SampleName, InputSpec] = {
    "published": PUBLISHED_INPUTS,
    "seeded": proper_inputs("truth", structure=True),
    "found": proper_inputs("dndx+tof", structure=True),
    "hemispheres": proper_inputs("dndx+tof", structure=True),
    "jets": CONSTITUENT_INPUTS,
}
"""The features that are kept of each kind of events: those of all models that look at it."""


@dataclass(frozen=True)
class Cell:
    """One comparison of models.

    Parameters
    ----------
    world
        What ``result.json`` calls the world: ``seeded`` or ``found`` vertices; ``published`` for the
        features of the coursework, which had seeded ones.
    sample
        Whose features.
    style, identification, level, classes, charge
        Options of its models, see :class:`~hepsets.learn.vertexed_events.model.VertexedModelConfig`.
    models
        The models that it compares.
    suffix
        What is added to the names of its models.
    """

    world: Literal["published", "seeded", "found"]
    sample: SampleName
    identification: Identification
    models: tuple[str, ...]
    style: Style = "proper"
    level: Level = "event"
    classes: tuple[str, ...] = THREE
    charge: bool = False
    suffix: str = ""


CELLS: Mapping[CellName, Cell] = {
    "published": Cell("published", "published", "truth", PUBLISHED, style="published"),
    "seeded": Cell("seeded", "seeded", "truth", ("deep_sets", TREES, "particle_transformer", OURS)),
    "found": Cell(
        "found", "found", "dndx+tof", ("deep_sets", TREES, "particle_transformer", OURS), classes=FOUR
    ),
    "unidentified": Cell("found", "found", "none", (OURS,), classes=FOUR, suffix=UNIDENTIFIED),
    "hemispheres": Cell(
        "found", "hemispheres", "dndx+tof", (TREES, OURS), level="hemisphere", classes=FOUR, charge=True
    ),
    "jets": Cell(
        "found", "jets", "dndx+tof", ("particle_transformer",), style="constituents", level="hemisphere",
        classes=FOUR,
    ),
}  # fmt: skip
"""All comparisons by name: as published; what their files allow; what a detector would see, and the same
without identification; hemispheres; and these by the variables of FCCAnalyses alone."""
