"""ΔC9 from sets of B⁰ → K*⁰μ⁺μ⁻ decays: three published models, ours, and the limit that physics sets."""

from __future__ import annotations

from hepsets.analyses.delta_c9.about import MODELS, STUDIES, name, question
from hepsets.core.lazy import lazy

__all__ = ["MODELS", "STUDIES", "name", "question"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Config": "config",
        "SCALES": "config",
        "Result": "result",
        "run": "analysis",
        "make_page": "page.page",
        "sections": "page.page",
        "print_summary": "summary",
        "headline": "summary",
        "InferConfig": "inference",
        "infer": "inference",
    },
)
