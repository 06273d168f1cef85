"""Z → q q̄: which quark did the Z decay to, told by particles and vertices."""

from __future__ import annotations

from hepsets.analyses.z_flavour.about import MODELS, STUDIES, name, question
from hepsets.core.lazy import lazy

__all__ = ["MODELS", "STUDIES", "name", "question"]

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
        "MAIN_FIGURE": "about",
    },
)
