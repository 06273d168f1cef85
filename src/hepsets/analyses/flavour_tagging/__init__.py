"""Flavour tagging: B⁰ or B̄⁰ at its decay, from all tracks and clusters beside the signal B."""

from __future__ import annotations

from hepsets.analyses.flavour_tagging.about import MODELS, TRUNK_MODEL, name, question
from hepsets.core.lazy import lazy

__all__ = ["MODELS", "TRUNK_MODEL", "name", "question"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Config": "config",
        "SCALES": "config",
        "Result": "result",
        "run": "analysis",
        "make_page": "page",
        "sections": "page",
        "print_summary": "summary",
        "headline": "summary",
    },
)
