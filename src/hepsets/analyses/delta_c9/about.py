"""What the ΔC9 analysis is called, asks, compares and studies; cheap to import."""

from __future__ import annotations

from typing import Literal, get_args

ModelName = Literal["exact", "morphing", "set_summary", "event_by_event", "deep_sets", "cnn"]
Study = Literal["calibration", "pools", "q2_shift", "nuisances", "detector", "suppression"]

name = "delta-c9"
question = "How well do sets of B⁰ → K*⁰μ⁺μ⁻ decays tell ΔC9, and how close is that to the limit of physics?"
STUDIES: tuple[Study, ...] = get_args(Study)
MODELS: tuple[ModelName, ...] = get_args(ModelName)
