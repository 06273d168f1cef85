"""Smart background: which generated events survive a later skim, and what knowing it saves."""

from __future__ import annotations

from hepsets.analyses.smart_background.about import MODELS, STUDIES, TRUNK_MODEL, name, question
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
        "MAIN_FIGURE": "about",
        "tune": "tuning",
    },
)
