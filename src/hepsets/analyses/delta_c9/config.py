"""The configuration of the ΔC9 analysis and its three sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hepsets.analyses.delta_c9 import about
from hepsets.analyses.delta_c9.about import ModelName, Study
from hepsets.analyses.delta_c9.suppression import SuppressionConfig
from hepsets.core.errors import InputError
from hepsets.generate.kstmumu.density import WindowName
from hepsets.learn.data_sets.deep_sets import EventDeepSetsConfig
from hepsets.learn.data_sets.event_posterior import EventPosteriorConfig
from hepsets.learn.data_sets.image_cnn import ImageCnnConfig
from hepsets.learn.data_sets.morphing import MorphingConfig
from hepsets.learn.data_sets.published_fit import PublishedFit
from hepsets.learn.data_sets.regression import Scale
from hepsets.learn.data_sets.set_summary import SetSummaryConfig

Level = Literal["generator", "detector", "background"]

OURS: ModelName = "morphing"
"""The model that is recommended."""

OF_THE_STUDY: tuple[ModelName, ...] = ("event_by_event", "deep_sets", "cnn")
"""The study's models, which learn from labelled events alone."""

ON_SETS: tuple[ModelName, ...] = ("deep_sets", "cnn")
"""Networks that are trained for sets of one size each."""


def _toys() -> dict[Level, int]:
    return {"generator": 300, "detector": 120, "background": 120}


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class DataConfig:
    """How many events.

    Parameters
    ----------
    events_per_value
        Signal events to train on at each of the 44 ΔC9 of training, per window, at generator level: images,
        whose bins hold few, and products of posteriors, whose errors add up, need many.
    reconstructed_per_value
        The same at the other levels, where an event costs ten times as much.
    ours_per_value
        How many of these morphing and set summary are trained on.
    toys
        Disjoint data sets of the smallest size at each truth, by level; larger sizes are made of the same
        events.
    linearity_toys
        … at each of the 14 ΔC9 of testing.
    background_over_signal
        Background candidates per signal decay at background level.
    train, test
        The user's own frames with ΔC9 labels, for the models of the study, in place of generated ones.
    trust_pickle
        Read such frames from pickles, which can run code of whoever wrote them.
    """

    events_per_value: int = Field(default=300_000, ge=100)
    reconstructed_per_value: int = Field(default=120_000, ge=100)
    ours_per_value: int = Field(default=50_000, ge=100)
    toys: Mapping[Level, int] = Field(default_factory=_toys)
    linearity_toys: int = Field(default=8, ge=2)
    background_over_signal: float = Field(default=1.1, gt=0.0)
    train: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    trust_pickle: bool = False


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class OnSetsConfig:
    """Where the networks on sets, ``deep_sets`` and ``cnn``, are trained: once for each combination.

    Parameters
    ----------
    levels, windows, set_events
        Levels, windows, and sizes of the sets.
    """

    levels: tuple[Level, ...] = ("generator",)
    windows: tuple[WindowName, ...] = ("0-20",)
    set_events: tuple[int, ...] = (8000,)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class StudyConfig:
    """Details of the studies.

    Parameters
    ----------
    calibration_sets
        Data sets with ΔC9 drawn from a flat prior, for simulation-based calibration.
    prior
        Range of that prior.
    pooled_sets
        Data sets that are drawn with replacement from one pool, as published.
    pool_events
        Events of the pool.
    q2_shifts
        Shifts of q² [GeV²] between training and test events.
    suppression_events
        Candidates of either kind that the suppression is trained and tested on.
    luminosity
        [1/ab] that yields are expected for when the cut of the suppression is chosen.
    """

    calibration_sets: int = Field(default=300, ge=20)
    prior: tuple[float, float] = (-1.9, 1.0)
    pooled_sets: int = Field(default=2000, ge=2)
    pool_events: int = Field(default=50_000, ge=1000)
    q2_shifts: tuple[float, ...] = (-0.02, 0.02)
    suppression_events: int = Field(default=120_000, ge=2000)
    luminosity: float = Field(default=1.0, gt=0.0)


def _published_truths() -> dict[WindowName, float]:
    return {"0-20": -0.82, "1-19": -0.8, "0-20-nonresonant": -0.82, "1-19-nonresonant": -0.8}


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Config:
    """Everything that a run of the ΔC9 analysis depends on.

    Parameters
    ----------
    scale
        Name of the size that the other defaults came from.
    seed
        Seed of events, detector, initial weights and training.
    levels, windows
        Levels of realism and windows of q² [GeV²]; each pair is trained and judged by itself.
    set_events
        Signal events in a data set.
    truths
        ΔC9 of the toys.
    histogram_truth
        ΔC9 whose predictions are drawn, by window, as published; added to the truths.
    models
        Models to train and compare. ``event_by_event`` gives two, raw and normalised.
    data
        Events.
    on_sets
        Where networks on sets are trained.
    morphing, set_summary, event_by_event, deep_sets, cnn
        The models.
    suppression
        The boosted trees against background.
    studies, study
        What else is looked at, and how.
    """

    scale: Literal["quick", "standard", "full"] = "standard"
    seed: int = Field(default=1, ge=0, lt=2**32)
    levels: tuple[Level, ...] = ("generator", "detector", "background")
    windows: tuple[WindowName, ...] = ("0-20", "1-19")
    set_events: tuple[int, ...] = (8000, 16_000, 32_000)
    truths: tuple[float, ...] = (0.0, -0.8, -1.5)
    histogram_truth: Mapping[WindowName, float] = Field(default_factory=_published_truths)
    models: tuple[ModelName, ...] = about.MODELS
    data: DataConfig = DataConfig()
    on_sets: OnSetsConfig = OnSetsConfig()
    morphing: MorphingConfig = MorphingConfig(
        fit=PublishedFit(epochs=5, batch=2048, learning_rate=3e-3, schedule="cosine"),
        odds_fit=PublishedFit(epochs=2, batch=2048, learning_rate=2e-3, schedule="cosine"),
    )
    set_summary: SetSummaryConfig = SetSummaryConfig()
    event_by_event: EventPosteriorConfig = EventPosteriorConfig.at_scale("standard")
    deep_sets: EventDeepSetsConfig = EventDeepSetsConfig.at_scale("standard", 8000)
    cnn: ImageCnnConfig = ImageCnnConfig.at_scale("standard", 8000)
    suppression: SuppressionConfig = SuppressionConfig()
    studies: tuple[Study, ...] = about.STUDIES
    study: StudyConfig = StudyConfig()

    def shown_truth(self, window: WindowName) -> float:
        """ΔC9 whose predictions are drawn."""
        return self.histogram_truth.get(window, self.truths[0])


def _published(scale: Scale, events: int) -> dict[str, Any]:
    """The study's models at one size."""
    return {
        "event_by_event": dataclasses.asdict(EventPosteriorConfig.at_scale(scale)),
        "deep_sets": dataclasses.asdict(EventDeepSetsConfig.at_scale(scale, events)),
        "cnn": dataclasses.asdict(ImageCnnConfig.at_scale(scale, events)),
    }


_SMALL_STEPS: Mapping[str, Any] = {"batch": 32, "learning_rate": 4e-4, "schedule": "plateau"}
_FEW_STEPS: Mapping[str, Any] = {"batch": 256, "learning_rate": 2e-3, "schedule": "cosine"}

SCALES: Mapping[str, Mapping[str, Any]] = {
    "quick": {
        "windows": ["0-20"],
        "set_events": [1000, 2000],
        "data": {
            "events_per_value": 2000,
            "reconstructed_per_value": 2000,
            "ours_per_value": 2000,
            "toys": {"generator": 20, "detector": 20, "background": 20},
            "linearity_toys": 4,
        },
        "on_sets": {"set_events": [1000]},
        "morphing": {"fit": {"epochs": 4, **_FEW_STEPS}, "odds_fit": {"epochs": 3, **_FEW_STEPS}},
        "set_summary": {"sets": 2000, "set_events": [200, 1000], "fit": {"epochs": 20, **_SMALL_STEPS}},
        "suppression": {
            "members": 2,
            "trees": {"trees": 100, "depth": 5, "learning_rate": 0.05, "least_weight": 5.0, "patience": 50},
        },
        "study": {
            "calibration_sets": 40,
            "pooled_sets": 200,
            "pool_events": 5000,
            "suppression_events": 6000,
        },
        **_published("quick", 1000),
    },
    "standard": {},
    "full": {
        "data": {
            "events_per_value": 200_000,
            "reconstructed_per_value": 200_000,
            "ours_per_value": 100_000,
            "toys": {"generator": 2000, "detector": 2000, "background": 2000},
            "linearity_toys": 100,
        },
        "on_sets": {
            "levels": ["generator", "detector", "background"],
            "windows": ["0-20", "1-19"],
            "set_events": [8000, 16_000, 32_000],
        },
        "morphing": {"fit": {"epochs": 10}, "odds_fit": {"epochs": 6}},
        "study": {"calibration_sets": 2000, "pool_events": 100_000, "suppression_events": 200_000},
        **_published("full", 8000),
    },
}
"""What differs from the defaults at each size."""


def check(config: Config) -> None:
    """Refuse what no type can, before anything is done.

    Raises
    ------
    InputError
        For nothing to do, sizes that do not divide into each other, seeds of single models.
    """
    for name in ("levels", "windows", "set_events", "truths", "models"):
        values = getattr(config, name)
        if not values or len(set(values)) < len(values):
            raise InputError(f"{name} = {list(values)}", "at least one, each once")
    least = min(config.set_events)
    if any(events % least for events in config.set_events):
        raise InputError(f"set_events = {list(config.set_events)}", "multiples of the smallest")
    for level in config.levels:
        toys = config.data.toys.get(level, 0)
        if toys * least < 2 * max(config.set_events):
            raise InputError(
                f"data.toys: {toys} of {least} events at {level} level",
                f"enough for two of {max(config.set_events)}",
            )
    fewest = min(config.data.events_per_value, config.data.reconstructed_per_value)
    if config.data.ours_per_value > fewest:
        raise InputError(f"data.ours_per_value = {config.data.ours_per_value}", f"at most {fewest}")
    if set(config.on_sets.set_events) - set(config.set_events):
        raise InputError(f"on_sets.set_events = {list(config.on_sets.set_events)}", "some of set_events")
    seeds = [
        config.morphing.fit.seed,
        config.morphing.odds_fit.seed,
        config.set_summary.fit.seed,
        config.event_by_event.fit.seed,
        config.deep_sets.fit.seed,
        config.cnn.fit.seed,
        config.suppression.seed,
        config.suppression.trees.seed,
        *(one.sampling.seed for one in (config.deep_sets, config.cnn)),
    ]
    if any(seeds):
        raise InputError("a seed of a single model", "one seed for the run", "set seed, or --seed")
    if bool(config.data.train) != bool(config.data.test):
        raise InputError(
            "training or test files alone", "both", "give --data and --test-data; or neither, to generate"
        )
