"""The configuration of the smart-background analysis and its three sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hepsets.analyses.smart_background import about
from hepsets.analyses.smart_background.about import OURS as OURS
from hepsets.analyses.smart_background.about import PUBLISHED as PUBLISHED
from hepsets.analyses.smart_background.about import Study
from hepsets.core.errors import InputError
from hepsets.core.pdg import PdgMap
from hepsets.evaluate.filter.speedup import SpeedupConfig
from hepsets.generate.pythia import SAMPLES
from hepsets.learn.decay_trees.model import ModelConfig
from hepsets.learn.decay_trees.recipe import event_recipe
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.losses import ComputingTime
from hepsets.learn.training.schedule import Schedule
from hepsets.learn.training.task import Binary
from hepsets.select.skims.registry import SKIMS
from hepsets.select.variables.generated import truth_observable

LEAST_STEPS = 1500
"""Steps that a small file is trained for, however few its events; 60 000 events make 1760 in ten epochs."""

PUBLISHED_FIT = FitConfig(least_steps=LEAST_STEPS)
"""Training of the published models, as published: ten epochs, Adam at 10⁻³."""

OUR_FIT = FitConfig(
    epochs=15,
    least_steps=LEAST_STEPS,
    learning_rate=2e-3,
    schedule="settle",
    patience=0.4,  # single losses at a constant rate scatter by more than an epoch gains
    weight_decay=1e-4,
)
"""Training of our own model: until the validation loss stops improving, epochs are a maximum."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class FitChanges:
    """What of a training is said; what is left open stays as it is. Seeds are not.

    Parameters
    ----------
    loss
        ``"cross_entropy"``, or ``"computing_time"``: the output is then the probability to keep an event,
        and what is minimised is the time per effective passing event.
    costs
        What ``"computing_time"`` weighs.

    The others are those of :class:`~hepsets.learn.training.config.FitConfig`.
    """

    epochs: int | None = Field(default=None, ge=1)
    epoch_examples: int | None = Field(default=None, ge=1)
    least_steps: int | None = Field(default=None, ge=0)
    loss: Literal["cross_entropy", "computing_time"] | None = None
    costs: ComputingTime | None = None
    batch: int | None = Field(default=None, ge=1)
    learning_rate: float | None = Field(default=None, gt=0.0)
    schedule: Schedule | None = None
    patience: float | None = Field(default=None, gt=0.0, le=1.0)
    plateau_factor: float | None = Field(default=None, gt=0.0, lt=1.0)
    plateau_epochs: int | None = Field(default=None, ge=0)
    stop_after: int | None = Field(default=None, ge=1)
    weight_decay: float | None = Field(default=None, ge=0.0)
    validation_fraction: float | None = Field(default=None, gt=0.0, lt=1.0)
    device: Literal["auto", "cpu", "cuda"] | None = None

    def on(self, base: FitConfig) -> FitConfig:
        """``base`` with what is said here in place of its own.

        Examples
        --------
        >>> FitChanges(epochs=3).on(FitConfig(epochs=10, learning_rate=2e-3)).learning_rate
        0.002
        """
        names = {item.name for item in dataclasses.fields(base)}
        said = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        changes = {name: value for name, value in said.items() if name in names and value is not None}
        return dataclasses.replace(base, **changes)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class DataConfig:
    """Which events.

    Parameters
    ----------
    sample, skim
        What to generate and which skim to predict.
    train_events, test_events
        Events to keep for training (validation included) and testing, half of them passing.
    trials
        Further detector simulations of each training event: their pass rates are the soft labels
        of our own model. The published models see one label per event.
    train, test
        The user's own files in place of generated events. Without ``test`` those of ``train`` are split by
        event.
    test_share
        Share of the events that test, where the files are split.
    row_groups
        Which row groups of the user's files to read; all by default.
    keep
        Keep the generated events in the folder of the run, as ``events/*.parquet``.
    """

    sample: str = "mixed"
    skim: str = "hadronic_b0"
    train_events: int = Field(default=60_000, ge=8)
    test_events: int = Field(default=60_000, ge=8)
    trials: int = Field(default=8, ge=0)
    train: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    test_share: float = Field(default=0.3, gt=0.0, lt=1.0)
    row_groups: tuple[int, ...] | None = None
    keep: bool = False


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class LimitConfig:
    """How to find the limit.

    Parameters
    ----------
    events
        Test events to simulate again and again; at most all of them.
    trials
        Detector simulations of each; even.
    further
        Further simulations of each event that passed at most ``few`` times: the limit of importance
        sampling hangs on the least likely events.
    few
        See ``further``.
    """

    events: int = Field(default=4000, ge=2)
    trials: int = Field(default=100, ge=2, multiple_of=2)
    further: int = Field(default=1100, ge=0)
    few: int = Field(default=2, ge=0)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class MultiSkimConfig:
    """The study of many skims at once.

    Parameters
    ----------
    train_events, test_events
        Least numbers of events to keep, of all samples in the production mix.
    trials
        Further detector simulations of each training event.
    alone
        Skims for which a model of their own is trained on the same events, for comparison.
    """

    train_events: int = Field(default=60_000, ge=100)
    test_events: int = Field(default=60_000, ge=100)
    trials: int = Field(default=8, ge=0)
    alone: tuple[str, ...] = ("hadronic_b0", "jpsi")


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class FewLabelsConfig:
    """The study of new skims with few labels.

    Parameters
    ----------
    skims
        The new skims; the trunk of each is trained on all others.
    labels
        Numbers of labelled events that pass; as many that fail.
    draws
        Disjoint sets of labelled events to repeat each number with, fewer where there are not so many.
    trunk_events, test_events
        Least number of events to train the trunk on, and number to judge on, half of them passing.
    """

    skims: tuple[str, ...] = ("jpsi",)
    labels: tuple[int, ...] = (30, 100, 300, 1000)
    draws: int = Field(default=5, ge=1)
    trunk_events: int = Field(default=30_000, ge=100)
    test_events: int = Field(default=2000, ge=8)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Config:
    """Everything that a smart-background run depends on.

    Parameters
    ----------
    scale
        Name of the size that the other defaults came from.
    seed
        Seed of events, detector, initial weights and training.
    training_seeds
        How often each model is trained, on the same events, from other initial weights and in another
        order; the first training is the one that is kept.
    data
        Events.
    models
        Names of the models to train and compare.
    model
        Options of all models, such as ``units``; each must have them. What is left open is each model's
        published choice.
    model_of
        Options of single models by name, above ``model``; each has those of its own config class, see
        :class:`hepsets.learn.decay_trees.model.ModelConfig` and its subclasses.
    fit
        What of the training of all models is to differ from each model's own.
    fit_of
        The same for single models, by name, above ``fit``.
    speedup
        Costs.
    protect
        Observables of generated events for which filters get a keep rule that leaves the same effective
        fraction in all bins.
    limit
        The limit.
    studies
        Further studies.
    layers
        The family members that the study of layers compares.
    multi_skim
        Sizes of the study of many skims.
    few_labels
        Skims and sizes of the study of new skims with few labels.
    trunk
        File of a pre-trained trunk that the model for it starts from, or ``"shipped"``; ``None``: it
        starts from scratch.
    trunk_sha256
        Checksum of that file, which a run writes down and another one verifies; empty: any.
    tune
        What of that model is trained: ``"all"``, or its ``"head"`` alone.
    """

    scale: Literal["quick", "standard", "full"] = "standard"
    seed: int = Field(default=1, ge=0, lt=2**63)
    training_seeds: int = Field(default=3, ge=1)
    data: DataConfig = DataConfig()
    models: tuple[str, ...] = about.MODELS
    model: dict[str, Any] = Field(default_factory=dict)
    model_of: dict[str, dict[str, Any]] = Field(default_factory=dict)
    fit: FitChanges = FitChanges()
    fit_of: dict[str, FitChanges] = Field(default_factory=dict)
    speedup: SpeedupConfig = SpeedupConfig()
    protect: tuple[str, ...] = ("missing_energy",)
    limit: LimitConfig = LimitConfig()
    studies: tuple[Study, ...] = ()
    layers: tuple[str, ...] = (
        "DS_3_GCN_none",
        "DS_3_GCN_1",
        "DS_4_GCN_12",
        "DS_4_GCN_13",
        "DS_5_GCN_123",
        "DS_6_GCN_135",
        "DS_6_GCN_1234",
        "DS_8_GCN_1357",
    )
    multi_skim: MultiSkimConfig = MultiSkimConfig()
    few_labels: FewLabelsConfig = FewLabelsConfig()
    trunk: str | None = None
    trunk_sha256: str = ""
    tune: Literal["all", "head"] = "all"


def model_config(config: Config, name: str, **more: Any) -> ModelConfig:
    """The options of a model: its own, then what the run says of all, then of this one, then ``more``.

    Raises
    ------
    InputError
        For options that the model does not have.
    """
    options = {**config.model, **config.model_of.get(name, {}), **more}
    found: ModelConfig = event_recipe(name).configured(options, source=f"model and model_of.{name}")
    return found


def fit_config(config: Config, name: str) -> FitConfig:
    """The training of a model: its own, then what the run says of all, then of this one; the run's seed."""
    own = OUR_FIT if name == OURS else PUBLISHED_FIT
    settled = config.fit_of.get(name, FitChanges()).on(config.fit.on(own))
    return dataclasses.replace(settled, seed=config.seed)


def task_of(config: Config, name: str) -> Binary:
    """What a model is trained for: to tell events that pass from others, by the loss that the run says."""
    said = config.fit_of.get(name, FitChanges())
    if (said.loss or config.fit.loss) == "computing_time":
        return Binary(said.costs or config.fit.costs or ComputingTime())
    return Binary()


SCALES: Mapping[str, Mapping[str, Any]] = {
    "quick": {
        "data": {"train_events": 3000, "test_events": 3000, "trials": 2},
        "training_seeds": 1,
        "fit": {"epochs": 6, "least_steps": 0},
        "limit": {"events": 300, "trials": 20, "further": 80},
        "multi_skim": {"train_events": 3000, "test_events": 3000, "trials": 2},
        "few_labels": {"labels": (30,), "draws": 2, "trunk_events": 3000, "test_events": 100},
    },
    "standard": {},
    "full": {
        "data": {"train_events": 400_000, "test_events": 400_000},
        "limit": {"events": 10_000, "trials": 200, "further": 1800},
        "multi_skim": {"train_events": 400_000, "test_events": 200_000},
        "few_labels": {
            "skims": ("jpsi", "semileptonic_b0"),
            "labels": (30, 100, 300, 1000, 3000),
            "trunk_events": 200_000,
            "test_events": 6000,
        },
    },
}
"""What differs from the defaults at each size."""


def check(config: Config) -> None:
    """Refuse what no type can: names that do not exist, before anything is done.

    Raises
    ------
    InputError
        For an unknown sample, skim or model, no model at all, options that a model cannot take,
        seeds of single models (there is one for the whole run), or studies that users' files cannot do.
    """
    if config.data.sample not in SAMPLES:
        raise InputError(f"data.sample = {config.data.sample!r}", f"one of {', '.join(SAMPLES)}")
    if config.data.skim not in SKIMS:
        raise InputError(f"no skim {config.data.skim!r}", f"one of {', '.join(SKIMS)}")
    for where, skims in (
        ("multi_skim.alone", config.multi_skim.alone),
        ("few_labels.skims", config.few_labels.skims),
    ):
        unknown = [skim for skim in skims if skim not in SKIMS]
        if unknown:
            raise InputError(f"{where} = {unknown}", f"some of {', '.join(SKIMS)}")
    if not config.few_labels.labels or min(config.few_labels.labels) < 20:
        raise InputError(f"few_labels.labels = {list(config.few_labels.labels)}", "some numbers from 20 up")
    for observable in config.protect:
        truth_observable(observable)
    if len(set(config.protect)) < len(config.protect):
        raise InputError(f"protect = {list(config.protect)}", "each observable once")
    if not config.models:
        raise InputError("models = []", "at least one model")
    if len(set(config.models)) < len(config.models):
        raise InputError(f"models = {list(config.models)}", "each model once")
    ours = [study for study in ("skims", "few_labels") if study in config.studies]
    if ours and (config.data.train or config.data.test):
        raise InputError(
            f"study {ours[0]} with files of your own",
            "events generated here",
            "this study labels generated events for our own skims; run it without --data",
        )
    for name in (*config.models, *config.layers, *config.model_of, *config.fit_of):
        event_recipe(name)
    for name in config.models:
        options = model_config(config, name)
        if options.heads != 1 or config.model_of.get(name, {}).get("event_types"):
            raise InputError(f"heads or event types for {name}", "one skim", "--study skims trains for many")
        event_recipe(name).build(PdgMap((11,)), options)
    if any("seed" in each for each in (config.model, *config.model_of.values())):
        raise InputError("a seed of a single model", "one seed for the run", "set seed, or --seed")
