"""Everything that a run of the flavour analysis found: what its metrics and its report are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from hepsets.analyses.shown import Shown
from hepsets.analyses.z_flavour import about
from hepsets.analyses.z_flavour.about import OURS, CellName
from hepsets.analyses.z_flavour.closer_look import CloserLook
from hepsets.analyses.z_flavour.comparison import CellResult, ModelResult
from hepsets.analyses.z_flavour.config import Config
from hepsets.analyses.z_flavour.detector_scan import DetectorScan
from hepsets.analyses.z_flavour.metrics import look_metrics, metrics_of, scan_metrics, seed_metrics
from hepsets.analyses.z_flavour.other_seeds import SeedStudy
from hepsets.core.run import Origin
from hepsets.formats.read_counts import ReadCounts


@dataclass(frozen=True, eq=False, repr=False)
class Result(Shown):
    """Everything that a run found.

    Parameters
    ----------
    config, origin
        What was run, and when and with what.
    cells
        The comparisons by name.
    look
        What was looked at besides.
    scan
        Taggers of other detectors, where the study was asked for.
    counts
        What was masked or odd in the user's files.
    seeds
        Trainings with other seeds, where that study was.
    """

    analysis: ClassVar[str] = about.name

    config: Config
    origin: Origin
    cells: dict[CellName, CellResult]
    look: CloserLook
    scan: DetectorScan | None = None
    counts: ReadCounts | None = None
    seeds: SeedStudy | None = None

    @property
    def models(self) -> tuple[ModelResult, ...]:
        """The models of all comparisons."""
        return tuple(model for cell in self.cells.values() for model in cell.models)

    @property
    def lead(self) -> CellResult:
        """The comparison that leads: what a detector would see, else the first one."""
        return self.cells.get("found", next(iter(self.cells.values())))

    @property
    def best(self) -> ModelResult:
        """Our model in the comparison that leads, or the most accurate one where it was not trained."""
        models = self.lead.models
        ours = [model for model in models if model.name == OURS]
        return (
            ours[0]
            if ours
            else max(models, key=lambda one: max(q.accuracy.value for q in one.quality.values()))
        )

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics of ``result.json``."""
        return (
            metrics_of(self.cells)
            | look_metrics(self.look)
            | scan_metrics(self.scan)
            | seed_metrics(self.seeds)
        )
