"""The steps of a run, in order."""

from __future__ import annotations

import shutil

from hepsets.analyses.flavour_tagging.closer_look import look_closer
from hepsets.analyses.flavour_tagging.comparison import best_of, compare
from hepsets.analyses.flavour_tagging.config import Config, check
from hepsets.analyses.flavour_tagging.page import make_page
from hepsets.analyses.flavour_tagging.result import Result
from hepsets.analyses.flavour_tagging.samples import get_samples
from hepsets.analyses.flavour_tagging.summary import markdown
from hepsets.analyses.flavour_tagging.training import Training, train_all
from hepsets.analyses.predictions import keep_predictions
from hepsets.analyses.report import report
from hepsets.core.run import Origin, RunFolder, write_atomically


def run(config: Config, folder: RunFolder, *, workers: int = 1) -> Result:
    """Make or read tag sides, train the taggers, calibrate and judge them, look closer, report."""
    check(config)
    samples = get_samples(config, folder.path / "events", workers=workers)
    trained = train_all(config, samples, folder.path / "models", workers=workers)
    models = compare(samples.test, trained, config.seed)
    scores = {training.file: trained[training].r(samples.test) for training in map(Training, config.models)}
    keep_predictions(folder.path, "test", samples.test.columns, scores)
    look = look_closer(config, samples.test, trained, best_of(models).name)
    result = Result(
        config,
        Origin.now(),
        (len(samples.train), len(samples.validation), len(samples.test)),
        models,
        look,
        samples.counts,
    )
    report(result, make_page, folder.path)
    write_atomically(folder.path / "tables.md", markdown(result))
    if not config.data.keep:
        shutil.rmtree(folder.path / "events", ignore_errors=True)
    return result
