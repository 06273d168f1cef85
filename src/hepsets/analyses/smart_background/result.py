"""Everything that a run of smart background found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hepsets.analyses.smart_background.comparison import ModelResult
from hepsets.analyses.smart_background.samples import Samples
from hepsets.analyses.smart_background.studies.inputs import Studies
from hepsets.evaluate.filter.limit import Limit


@dataclass(frozen=True)
class Result:
    """Everything that a run found; ``limit`` is ``None`` for labels that were not made here."""

    samples: Samples
    models: tuple[ModelResult, ...]
    limit: Limit | None
    studies: Studies
    metrics: dict[str, Any]
