"""Pre-training: what a trunk that was trained once saves four tasks in labels, and at how many it pays."""

from __future__ import annotations

from hepsets.analyses.pretraining.about import MODELS, name, question
from hepsets.core.lazy import lazy

__all__ = ["MODELS", "name", "question"]

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
