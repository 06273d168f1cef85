"""The configuration of the analysis of pre-training and its three sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hepsets.analyses.pretraining.about import MODELS, TASKS
from hepsets.analyses.pretraining.tasks import NEW_SKIM
from hepsets.core.errors import InputError
from hepsets.deploy.corpus import CorpusConfig, check_corpus
from hepsets.deploy.pretraining import PretrainConfig
from hepsets.learn.pretraining.encoder import TrunkConfig
from hepsets.learn.pretraining.objective import objective_of
from hepsets.learn.training.config import FitConfig
from hepsets.simulate.belle2 import SHIFTS

Labels = Annotated[int, Field(ge=10, multiple_of=2)]
Positive = Annotated[float, Field(gt=0)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class LabelsConfig:
    """The labelled events of each task, half of each class, and what is done with them.

    Parameters
    ----------
    counts
        Numbers of labels that every network is trained with.
    scratch_counts
        Further ones for training from scratch alone, with which savings are read off.
    draws
        Disjoint sets of labels of each number.
    pool
        Labelled events that draws are taken from, if more than they need: runs with the same pool draw the
        same labels, whatever other numbers they have.
    development
        Events that choose learning rates and weights of objectives, and calibrate flavour tags.
    test
        Events that judge.
    shift
        The detector of the test outside the domain, by its name in :data:`hepsets.simulate.belle2.SHIFTS`.
    """

    counts: tuple[Labels, ...] = (30, 100, 300, 1000, 3000, 10_000)
    scratch_counts: tuple[Labels, ...] = (30_000,)
    draws: int = Field(default=5, ge=1)
    pool: Annotated[int, Field(ge=0, multiple_of=2)] = 0
    development: Labels = 2000
    test: Labels = 10_000
    shift: str = "resolution"


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class LimitConfig:
    """How to find what any network could reach, where a detector draws the label.

    Parameters
    ----------
    events
        Test events to simulate again and again; at most all of them, 0 for no limit.
    trials
        Detector simulations of each; even.
    """

    events: int = Field(default=10_000, ge=0)
    trials: int = Field(default=100, ge=2, multiple_of=2)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Config:
    """Everything that a run depends on.

    Parameters
    ----------
    scale
        Name of the size that the other defaults came from.
    seed
        Seed of tasks, label draws and trainings; that of the corpus is ``pretrain.corpus.seed`` besides.
    models
        What trunks are pre-trained for.
    tasks
        What they are tried on.
    pretrain
        Corpus, trunk and training, as of ``hepsets pretrain``; its objective is set by ``models``.
    weights
        Weights of the second objective of a combination that are tried, the first one's being 1.
    pilot_share
        Share of the epochs of pre-training after which development events choose among weights.
    labels
        The labelled events.
    rates
        Learning rates that are tried for every task, pre-training, tuning and number of labels.
    fit
        Trainings with labels; ``learning_rate`` is one of ``rates``.
    limit
        The limit of tasks whose label is drawn by the detector.
    """

    scale: Literal["quick", "standard", "full"] = "standard"
    seed: int = Field(default=1, ge=0, lt=2**31)
    models: tuple[str, ...] = MODELS
    tasks: tuple[str, ...] = TASKS
    pretrain: PretrainConfig = Field(
        default_factory=lambda: PretrainConfig(
            corpus=CorpusConfig(events=500_000),
            trunk=TrunkConfig(units=32, layers=2),
            fit=FitConfig(
                epochs=20,
                epoch_examples=25_000,
                learning_rate=1e-3,
                schedule="cosine",
                weight_decay=1e-3,
                device="cpu",
            ),
        )
    )
    weights: tuple[Positive, ...] = (0.3, 1.0, 3.0)
    pilot_share: float = Field(default=0.1, gt=0.0, le=1.0)
    labels: LabelsConfig = LabelsConfig()
    rates: tuple[Positive, ...] = (3e-4, 1e-3, 3e-3)
    fit: FitConfig = FitConfig(
        epochs=10, least_steps=200, batch=64, schedule="cosine", weight_decay=1e-3, device="cpu"
    )
    limit: LimitConfig = LimitConfig()


SCALES: Mapping[str, Mapping[str, Any]] = {
    "quick": {
        "pretrain": {
            "corpus": {"events": 4000, "shard_events": 1000},
            "trunk": {"units": 16, "layers": 1},
            "fit": {
                "epochs": 3,
                "epoch_examples": 3000,
                "batch": 64,
                "learning_rate": 3e-3,
                "schedule": "constant",
                "weight_decay": 0.0,
            },
        },
        "weights": [0.3, 3.0],
        "pilot_share": 0.34,
        "labels": {
            "counts": [30, 100],
            "scratch_counts": [300],
            "draws": 5,
            "development": 300,
            "test": 600,
        },
        "rates": [1e-3, 4e-3],
        "fit": {
            "epochs": 4,
            "least_steps": 20,
            "batch": 16,
            "schedule": "constant",
            "weight_decay": 0.0,
        },
        "limit": {"events": 600, "trials": 100},
    },
    "standard": {"tasks": ["smart-background"]},
    "full": {
        "pretrain": {
            "corpus": {"events": 5_000_000},
            "trunk": {"units": 64, "layers": 3},
            "fit": {
                "epochs": 200,
                "epoch_examples": 25_000,
                "schedule": "cosine",
                "weight_decay": 1e-3,
                "device": "cpu",
            },
        },
        "labels": {"counts": [30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000], "scratch_counts": []},
    },
}
"""What differs from the defaults at each size."""


def check(config: Config) -> None:
    """Refuse what no type can, before anything is done.

    Raises
    ------
    InputError
        For unknown objectives, tasks or detectors, none or one twice, a corpus that knows the new skim, fewer
        than two numbers of labels, a seed of a single training, or a corpus that cannot be.
    """
    for key, given, known in (
        ("models", config.models, MODELS),
        ("tasks", config.tasks, TASKS),
        ("labels.shift", (config.labels.shift,), tuple(SHIFTS)),
    ):
        if not given or not set(given) <= set(known) or len(set(given)) < len(given):
            raise InputError(f"{key} = {list(given)}", f"some of {', '.join(known)}, each once")
    for model in config.models:
        objective_of(model)
    if NEW_SKIM in config.pretrain.corpus.skims:
        raise InputError(f"a corpus that knows {NEW_SKIM}", "other skims: this one is the new task")
    if len({*config.labels.counts, *config.labels.scratch_counts}) < 2:
        raise InputError(f"labels.counts = {list(config.labels.counts)}", "at least two numbers of labels")
    if config.fit.seed or config.pretrain.fit.seed or config.pretrain.trunk.seed:
        raise InputError("a seed of a single training", "one seed for the run", "set seed, or --seed")
    check_corpus(config.pretrain.corpus)
