"""The steps of a run, in order."""

from __future__ import annotations

import dataclasses
import shutil

from hepsets.analyses.predictions import keep_predictions
from hepsets.analyses.report import report
from hepsets.analyses.z_flavour.cells import CELLS
from hepsets.analyses.z_flavour.closer_look import look_closer
from hepsets.analyses.z_flavour.comparison import compare
from hepsets.analyses.z_flavour.config import Config, check
from hepsets.analyses.z_flavour.detector_scan import scan_detector
from hepsets.analyses.z_flavour.other_seeds import repeat_trainings, repeated
from hepsets.analyses.z_flavour.page import make_page
from hepsets.analyses.z_flavour.predictions import predictions
from hepsets.analyses.z_flavour.result import Result
from hepsets.analyses.z_flavour.samples import get_samples
from hepsets.analyses.z_flavour.summary import markdown
from hepsets.analyses.z_flavour.training import train_all
from hepsets.core.run import Origin, RunFolder, write_atomically


def run(config: Config, folder: RunFolder, *, workers: int = 1) -> Result:
    """Make or read events, train and compare the models, report."""
    check(config)
    if config.data.train:  # files of the coursework hold seeded vertices and true kinds
        cells = tuple(name for name in config.cells if CELLS[name].world != "found")
        config = dataclasses.replace(config, cells=cells or ("published", "seeded"))
    if "seeds" in config.studies:
        repeated(config)  # refused before anything is made
    found = get_samples(config, folder.path / "events", workers=workers)
    samples = found.by_name
    trained = train_all(config, samples, folder.path / "models", workers=workers)
    compared, scores = compare(samples, trained)
    for cell in compared:
        keep_predictions(folder.path, cell, *predictions(samples, cell, scores))
    look = look_closer(config, samples, trained, scores, folder.path / "models" / "smaller", workers=workers)
    scan = None
    if "detector" in config.studies:
        places = folder.path / "events" / "detectors", folder.path / "models" / "detectors"
        scan = scan_detector(config, *places, workers=workers)
    again = None
    if "seeds" in config.studies:
        place = folder.path / "models" / "seeds"
        again = repeat_trainings(config, samples, scores, place, workers=workers)
    result = Result(config, Origin.now(), compared, look, scan, found.counts, again)
    report(result, make_page, folder.path)
    write_atomically(folder.path / "tables.md", markdown(result))
    if not config.data.keep:
        shutil.rmtree(folder.path / "events", ignore_errors=True)
    return result
