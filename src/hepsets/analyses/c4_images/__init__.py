"""C4 images: networks on images that turn with them, beside those that do not."""

from __future__ import annotations

from hepsets.analyses.c4_images.about import MODELS, STUDIES, name, question
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
    },
)
