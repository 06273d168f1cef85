"""Continuum suppression: B decays against e⁺e⁻ → q q̄, by sets of particles and by the thirty variables."""

from __future__ import annotations

from hepsets.analyses.continuum_suppression.about import MODELS, STUDIES, TRUNK_MODEL, name, question
from hepsets.core.lazy import lazy

__all__ = ["MODELS", "STUDIES", "TRUNK_MODEL", "name", "question"]

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
