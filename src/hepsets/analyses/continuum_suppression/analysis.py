"""The steps of a run, in order."""

from __future__ import annotations

import dataclasses
import shutil

from hepsets.analyses.continuum_suppression.comparison import (
    compare_models,
    score_models,
    scores_of_trainings,
)
from hepsets.analyses.continuum_suppression.config import ON_VARIABLES, TAG_BDT, Config, check, map_of
from hepsets.analyses.continuum_suppression.ensembles import ensemble_columns, judge_ensembles
from hepsets.analyses.continuum_suppression.off_resonance import (
    apply_off_resonance,
    left_on_data,
    read_off_resonance,
)
from hepsets.analyses.continuum_suppression.page import make_page
from hepsets.analyses.continuum_suppression.recovery import Recovered, study_recovery
from hepsets.analyses.continuum_suppression.result import Result
from hepsets.analyses.continuum_suppression.samples import get_samples, truth_of
from hepsets.analyses.continuum_suppression.shapes import compare_with_generic, shapes_of
from hepsets.analyses.continuum_suppression.summary import markdown
from hepsets.analyses.continuum_suppression.training import train_all
from hepsets.analyses.continuum_suppression.trust import run_studies
from hepsets.analyses.predictions import keep_predictions
from hepsets.analyses.report import report
from hepsets.core.progress import progress_bar
from hepsets.core.run import Origin, RunFolder, write_atomically


def with_what_files_tell(config: Config) -> Config:
    """The configuration with the models and studies that the user's files can feed, if there are any files.

    No file knows modes of the tag or other detectors; an ntuple without sets knows no particles either.
    """
    if not config.data.train:
        return config
    of_map = map_of(config)
    models = tuple(name for name in config.models if (name != TAG_BDT if of_map else name in ON_VARIABLES))
    studies = tuple(study for study in config.studies if of_map and study in ("importance", "disco"))
    return dataclasses.replace(config, models=models, studies=studies)


def run(config: Config, folder: RunFolder, *, workers: int = 1) -> Result:
    """Make or read events, train and compare the models, test how far they can be trusted, report."""
    check(config)
    config = with_what_files_tell(config)
    off_resonance = read_off_resonance(config)  # what is refused of it is refused before anything is made
    samples = get_samples(config, folder.path / "events", workers=workers)
    recovered: tuple[Recovered, ...] = ()
    if "off_resonance" in config.studies:
        recovered = study_recovery(config, samples, folder.path, workers=workers)
    applied = apply_off_resonance(config, samples, off_resonance, folder.path / "events")
    samples = samples if applied is None else applied.samples
    trained = train_all(config, samples, folder.path / "models", workers=workers)
    comparisons, ensembles = {}, {}
    with progress_bar("judging models", len(samples.pairs)) as advance:
        for name, pair in samples.pairs.items():
            scores = score_models(config, name, pair.test, trained)
            repeated = scores_of_trainings(name, pair.test, trained, scores)
            comparisons[name] = compare_models(config, name, pair, trained, scores, repeated)
            ensembles[name] = judge_ensembles(config, pair.test, repeated)
            keep_predictions(folder.path, name, truth_of(pair.test), {**scores, **ensemble_columns(repeated)})
            advance(1)
    result = Result(
        config,
        Origin.now(),
        samples.facts,
        comparisons,
        run_studies(config, samples, comparisons, trained),
        shapes_of(samples.lead.test),
        compare_with_generic(samples),
        {name: found for name, found in ensembles.items() if found},
        None if applied is None else left_on_data(config, applied, trained),
        recovered,
    )
    report(result, make_page, folder.path)
    write_atomically(folder.path / "tables.md", markdown(result))
    if not config.data.keep:
        shutil.rmtree(folder.path / "events", ignore_errors=True)
    return result
