"""Training of the models of one cell, or reading them where they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from hepsets.analyses.delta_c9.about import ModelName
from hepsets.analyses.delta_c9.config import (
    OF_THE_STUDY,
    ON_SETS,
    OURS,
    Config,
)
from hepsets.analyses.delta_c9.samples import (
    DATA,
    Cell,
    training_events,
)
from hepsets.core.event_frame import EventFrame
from hepsets.core.purpose import Purpose, demand
from hepsets.deploy.delta_c9 import DeltaC9Inference
from hepsets.generate.kstmumu.density import (
    WINDOWS,
)
from hepsets.learn.data_sets.deep_sets import EventDeepSetsConfig, fit_event_deep_sets
from hepsets.learn.data_sets.estimator import NetworkEstimator
from hepsets.learn.data_sets.event_posterior import EventPosterior, fit_event_posterior
from hepsets.learn.data_sets.exact_likelihood import ExactLikelihood
from hepsets.learn.data_sets.image_cnn import ImageCnnConfig, fit_image_cnn
from hepsets.learn.data_sets.likelihood_estimator import LikelihoodEstimator
from hepsets.learn.data_sets.morphing import Morphing, fit_morphing
from hepsets.learn.data_sets.published_fit import PublishedFit
from hepsets.learn.data_sets.set_summary import SetSummary, fit_set_summary
from hepsets.learn.data_sets.truth_ratios import TruthRatios
from hepsets.learn.files import load, save

Estimators = Mapping[str, Mapping[int | None, NetworkEstimator]]
"""By model, then by the size of the sets that it was trained for; ``None`` serves all sizes."""


def train_cell(config: Config, cell: Cell, folder: Path) -> Estimators:
    """Train the models of a cell, or load those that an earlier try left in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    events: tuple[EventFrame, EventFrame] | None = None
    found: dict[str, dict[int | None, NetworkEstimator]] = {}
    if "exact" in config.models and cell.level == "generator":
        found["exact"] = {None: ExactLikelihood(WINDOWS[cell.window], config.morphing.limits)}
    for model in sorted(config.models, key=lambda name: name != OURS):  # others use its scores
        for size in _sizes(config, cell, model):
            path = folder / (f"{model}.safetensors" if size is None else f"{model}_{size}.safetensors")
            if not path.exists():
                events = training_events(config, cell) if events is None else events
                _train(config, cell, model, size, events[model not in OF_THE_STUDY], found, path)
            if model == "event_by_event":
                posterior = load(path, EventPosterior)
                for variant in (posterior.variant(normalised=False), posterior.variant(normalised=True)):
                    found[variant.name] = {None: variant}
            else:
                found.setdefault(model, {})[size] = _load(model, path, found)
    return found


def _sizes(config: Config, cell: Cell, model: ModelName) -> tuple[int | None, ...]:
    """Set sizes that a model is trained for in a cell: one model for all is ``None``."""
    if model == "exact":
        return ()
    if model not in ON_SETS:
        return (None,)
    if not _has_networks_on_sets(config, cell):
        return ()
    serves_all = model == "deep_sets" and config.deep_sets.pooling == "mean"
    return (None,) if serves_all else config.on_sets.set_events


def _has_networks_on_sets(config: Config, cell: Cell) -> bool:
    return cell.level == DATA or (
        cell.level in config.on_sets.levels and cell.window in config.on_sets.windows
    )


def _train(
    config: Config,
    cell: Cell,
    model: ModelName,
    size: int | None,
    frame: EventFrame,
    found: Estimators,
    path: Path,
) -> None:
    demand(frame.purpose, Purpose.TRAINING, f"{model} is trained")

    def seeded(fit: PublishedFit) -> PublishedFit:
        return dataclasses.replace(fit, seed=config.seed)

    if model == "morphing":
        settings = dataclasses.replace(
            config.morphing,
            fit=seeded(config.morphing.fit),
            odds_fit=seeded(config.morphing.odds_fit),
            background_over_signal=config.data.background_over_signal,
        )
        window = WINDOWS[cell.window]
        truth = TruthRatios.of(frame, window)
        morphing = fit_morphing(frame, truth, settings).model
        share = 1 + config.data.background_over_signal * (cell.level == "background")
        DeltaC9Inference.of(
            morphing,
            frame,
            truth,
            level=cell.level,
            window=cell.window,
            set_events=(round(share * min(config.set_events)), round(share * max(config.set_events))),
            seed=config.seed,
        ).save(path.parent)
    elif model == "set_summary":
        scores = found["morphing"][None]
        assert isinstance(scores, LikelihoodEstimator)
        summary = dataclasses.replace(config.set_summary, fit=seeded(config.set_summary.fit))
        save(fit_set_summary(frame, scores, summary).model, path)
    elif model == "event_by_event":
        by_event = dataclasses.replace(config.event_by_event, fit=seeded(config.event_by_event.fit))
        known = None if cell.level == DATA else TruthRatios.of(frame, WINDOWS[cell.window])
        save(fit_event_posterior(frame, by_event, truth=known)[0], path)
    else:
        on_sets: EventDeepSetsConfig | ImageCnnConfig = (
            config.deep_sets if model == "deep_sets" else config.cnn
        )
        sampling = dataclasses.replace(
            on_sets.sampling, events=size or on_sets.sampling.events, seed=config.seed
        )
        trained = dataclasses.replace(on_sets, sampling=sampling, fit=seeded(on_sets.fit))
        if isinstance(trained, EventDeepSetsConfig):
            save(fit_event_deep_sets(frame, trained)[0], path)
        else:
            save(fit_image_cnn(frame, trained)[0], path)


def _load(model: str, path: Path, found: Estimators) -> NetworkEstimator:
    if model == "morphing":
        return load(path, Morphing)
    if model == "set_summary":
        scores = found["morphing"][None]
        assert isinstance(scores, LikelihoodEstimator)
        return load(path, SetSummary, estimator=scores)
    return load(path, NetworkEstimator)
