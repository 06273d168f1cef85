"""The steps of a run, in order."""

from __future__ import annotations

import dataclasses

from hepsets.analyses.delta_c9.cells import refuse_shared_events, run_cells
from hepsets.analyses.delta_c9.comparison import compare
from hepsets.analyses.delta_c9.config import OF_THE_STUDY, Config, check
from hepsets.analyses.delta_c9.detector import study_detector
from hepsets.analyses.delta_c9.metrics import metrics_of
from hepsets.analyses.delta_c9.page import write_report
from hepsets.analyses.delta_c9.result import Result
from hepsets.core.run import RunFolder


def run(config: Config, folder: RunFolder, *, workers: int = 1) -> Result:
    """Train and judge the models at each level of realism, look at the detector, report."""
    check(config)
    if config.data.train:  # nothing is known of how densities depend on ΔC9
        models = tuple(name for name in config.models if name in OF_THE_STUDY)
        config = dataclasses.replace(config, models=models, studies=())
        refuse_shared_events(config)
    predictions = run_cells(config, folder.path, workers=workers)
    comparison = compare(config, predictions, folder.path / "models")
    detector = study_detector(config)
    result = Result(predictions, comparison, detector, metrics_of(comparison, detector))
    write_report(config, result, folder)
    return result
