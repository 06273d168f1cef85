"""The steps of a run, in order."""

from __future__ import annotations

import dataclasses

from hepsets.analyses.delta_c9.cells import refuse_shared_events, run_cells
from hepsets.analyses.delta_c9.comparison import compare
from hepsets.analyses.delta_c9.config import OF_THE_STUDY, Config, check
from hepsets.analyses.delta_c9.detector import study_detector
from hepsets.analyses.delta_c9.images import example_images
from hepsets.analyses.delta_c9.one_data_set import look_at_one
from hepsets.analyses.delta_c9.page.page import make_page
from hepsets.analyses.delta_c9.result import Result
from hepsets.analyses.delta_c9.theory import find_meaning, study_nuisances
from hepsets.analyses.report import report
from hepsets.core.parallel import begin
from hepsets.core.run import Origin, RunFolder


def run(config: Config, folder: RunFolder, *, workers: int = 1) -> Result:
    """Train and judge the models at each level of realism, look at the detector, report."""
    check(config)
    if config.data.train:  # nothing is known of how densities depend on ΔC9
        models = tuple(name for name in config.models if name in OF_THE_STUDY)
        config = dataclasses.replace(config, models=models, studies=())
        refuse_shared_events(config)
    made_here = not config.data.train
    predictions = run_cells(config, folder.path, workers=workers)
    models_folder = folder.path / "models"
    of_detector = begin(study_detector, config)  # beside the comparison
    result = Result(
        config,
        Origin.now(),
        predictions,
        compare(config, predictions, models_folder),
        of_detector(),
        find_meaning(config) if made_here else None,
        {level: look_at_one(config, level, models_folder) for level in config.levels if made_here},
        study_nuisances(config) if "nuisances" in config.studies else None,
        example_images(config) if "detector" in config.studies else {},
    )
    report(result, make_page, folder.path)
    return result
