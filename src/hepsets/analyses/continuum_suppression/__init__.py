"""Continuum suppression: B decays against e⁺e⁻ → q q̄, by sets of particles and by the thirty variables."""

from __future__ import annotations

import dataclasses
import shutil
from dataclasses import dataclass
from typing import Any

from hepsets.analyses.continuum_suppression.comparison import ModelResult, compare_models
from hepsets.analyses.continuum_suppression.page import write_report
from hepsets.analyses.continuum_suppression.samples import Samples, get_samples
from hepsets.analyses.continuum_suppression.settings import ON_VARIABLES, SCALES, Config, check
from hepsets.analyses.continuum_suppression.summary import metrics_of, print_summary
from hepsets.analyses.continuum_suppression.trainings import train_all
from hepsets.analyses.continuum_suppression.trust import Trust, run_studies
from hepsets.core.run import RunFolder

__all__ = ["SCALES", "Config", "Result", "print_summary", "run"]


@dataclass(frozen=True)
class Result:
    """Everything that a run found."""

    samples: Samples
    models: tuple[ModelResult, ...]
    trust: Trust
    metrics: dict[str, Any]


def run(config: Config, folder: RunFolder, *, workers: int = 1) -> Result:
    """Make or read events, train and compare the models, test how far they can be trusted, report."""
    check(config)
    if config.data.train:  # an ntuple knows no particles
        config = dataclasses.replace(
            config, models=tuple(name for name in config.models if name in ON_VARIABLES), studies=()
        )
    samples = get_samples(config, folder.path / "events", workers=workers)
    trained = train_all(config, samples, folder.path / "models", workers=workers)
    models = compare_models(config, samples, trained)
    trust = run_studies(config, samples, models, trained)
    result = Result(samples, models, trust, metrics_of(samples, models, trust))
    write_report(config, result, folder)
    if not config.data.keep:
        shutil.rmtree(folder.path / "events", ignore_errors=True)
    return result
