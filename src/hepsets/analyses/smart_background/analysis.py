"""The steps of a run, in order."""

from __future__ import annotations

import shutil

from hepsets.analyses.predictions import keep_predictions
from hepsets.analyses.report import report
from hepsets.analyses.smart_background.comparison import compare_models
from hepsets.analyses.smart_background.config import Config, check
from hepsets.analyses.smart_background.page import make_page
from hepsets.analyses.smart_background.ranking import markdown
from hepsets.analyses.smart_background.resimulation import measure_limit
from hepsets.analyses.smart_background.result import Result
from hepsets.analyses.smart_background.sample_facts import facts_of
from hepsets.analyses.smart_background.samples import get_samples
from hepsets.analyses.smart_background.studies.inputs import run_studies
from hepsets.core.run import Origin, RunFolder, write_atomically


def run(config: Config, folder: RunFolder, *, workers: int = 1) -> Result:
    """Make or read events, train and compare the models, find the limit, write the report."""
    check(config)
    samples = get_samples(config, folder.path / "events", workers=workers)
    limit = (
        measure_limit(config, samples, folder.path / "events", workers=workers) if samples.made_here else None
    )
    models = compare_models(config, samples, folder.path / "models", workers=workers)
    truth = {name: samples.test.columns[name] for name in ("event_number", "label", "weight")}
    keep_predictions(folder.path, "test", truth, {model.name: model.scores for model in models})
    studies = run_studies(config, samples, folder.path / "models", folder.path / "events", workers=workers)
    result = Result(config, Origin.now(), facts_of(samples, models), models, limit, studies)
    report(result, make_page, folder.path)
    write_atomically(folder.path / "table.md", markdown(models, limit))
    if not config.data.keep:
        shutil.rmtree(folder.path / "events", ignore_errors=True)
    return result
