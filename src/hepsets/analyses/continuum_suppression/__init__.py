"""Continuum suppression: B decays against e⁺e⁻ → q q̄, by sets of particles and by the thirty variables."""

from __future__ import annotations

from hepsets.analyses.continuum_suppression.about import models, name, question, studies
from hepsets.core.lazy import lazy

__all__ = ["models", "name", "question", "studies"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Config": "config",
        "SCALES": "config",
        "Result": "result",
        "run": "analysis",
        "print_summary": "metrics",
    },
)
