"""The configuration of the analysis of B_s → D_sπ and its three sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hepsets.analyses.bs_dspi.about import MODELS, ModelName, Study
from hepsets.core.errors import InputError
from hepsets.evaluate.fits.figure_of_merit import Figure
from hepsets.learn.particle_sets.isolation import IsolationConfig
from hepsets.learn.tables.boosted_trees import BoostedTreesConfig
from hepsets.learn.tables.reweighting import ReweightingConfig
from hepsets.learn.training.config import FitConfig as TrainingConfig
from hepsets.select.bs_dspi.sample import CandidateConfig
from hepsets.select.bs_dspi.vetoes import VetoCuts
from hepsets.simulate.flavour_tagging import TaggingConfig


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class DataConfig:
    """Which candidates.

    Parameters
    ----------
    candidates
        Expected in data, all kinds together; the luminosity follows.
    signal_events
        Generated signal decays: they train, tell efficiency and shape, and what is expected.
    background_events
        Generated decays of each physical background, for its shape and its yield.
    generic_events
        Generated b b̄ events without a forced decay, for the yield of combinations.
    making
        Collisions, detector and selection.
    train
        The user's own files in place of generated candidates: ``signal=FILE`` simulated signal, ``data=FILE``
        data; ROOT, parquet or CSV.
    preset
        What their columns are called.
    columns
        The user's names of columns or particles, by ours, where they differ from the preset's.
    keep
        Keep the candidates in the folder of the run.
    """

    candidates: int = Field(default=40_000, ge=200)
    signal_events: int = Field(default=80_000, ge=1000)
    background_events: int = Field(default=20_000, ge=100)
    generic_events: int = Field(default=20_000, ge=1000)
    making: CandidateConfig = Field(default_factory=CandidateConfig)
    train: tuple[str, ...] = ()
    preset: Literal["davinci", "coursework"] = "davinci"
    columns: dict[str, str] = Field(default_factory=dict)
    keep: bool = False


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ClassifierConfig:
    """The trees that select.

    Parameters
    ----------
    sideband
        Masses of the data that trees are shown as background [GeV].
    folds
        Each candidate is scored by the trees that were grown without its fold.
    mass_blind
        Select by the trees that see nothing of what tells the mass.
    oversample
        Make new candidates of the smaller class (SMOTE), of the training part of each fold alone.
    reweight
        Reweight simulated signal to data before trees are grown.
    trees
        Growing of each fold's trees.
    reweighting
        Growing of the reweighters.
    """

    sideband: tuple[float, float] = (5.6, 6.0)
    folds: int = Field(default=5, ge=2, le=100)
    mass_blind: bool = False
    oversample: bool = False
    reweight: bool = True
    trees: BoostedTreesConfig = BoostedTreesConfig(
        trees=600, patience=30, depth=4, learning_rate=0.08, threads=1
    )
    reweighting: ReweightingConfig = ReweightingConfig()


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class CutConfig:
    """How the cut on the score is chosen.

    Parameters
    ----------
    figure
        What is to be greatest: S/√(S+B), Punzi's or S/√B, all of expected yields.
    sideband
        Masses of the data that tell which share of combinations a cut keeps [GeV]: not those that are fitted.
    best_efficiency
        Least signal efficiency of the cut with the best ratio of signal to background.
    """

    figure: Figure = "significance"
    sideband: tuple[float, float] = (5.8, 6.0)
    best_efficiency: float = Field(default=0.6, gt=0, lt=1)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class FitConfig:
    """The mass fits.

    Parameters
    ----------
    window
        Range of the fits [GeV].
    toys
        Pseudo-experiments of the fit after the cut.
    blind
        A word that hides yield and mean.
    """

    window: tuple[float, float] = (5.3, 5.8)
    toys: int = Field(default=1000, ge=0)
    blind: str = ""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class IsolationStep:
    """Isolation that is learnt, beside the classic variables.

    Parameters
    ----------
    candidates
        Of simulated signal, and as many at most of the sideband.
    network
        On the tracks around a candidate.
    """

    candidates: int = Field(default=6000, ge=100)
    network: IsolationConfig = IsolationConfig(
        fit=TrainingConfig(epochs=10, batch=128, learning_rate=2e-3, stop_after=4, device="cpu")
    )


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Config:
    """Everything that a run depends on.

    Parameters
    ----------
    scale
        Name of the size that the other defaults came from.
    seed
        Seed of candidates, folds, trainings and toys; data are made with another one, which follows from it.
    data
        Candidates.
    models
        What is trained: the trees that select in any case; without ``mass_blind_trees`` simulation is not
        reweighted.
    classifier
        The trees that select.
    cut
        How the cut is chosen.
    fit
        The mass fits.
    isolation
        The network on the tracks around a candidate.
    vetoes
        Of D⁺ and Λ_c.
    tagging
        How good the tags of the flavour as produced are.
    studies
        What is looked into besides.
    """

    scale: Literal["quick", "standard", "full"] = "standard"
    seed: int = Field(default=1, ge=0, lt=2**31)
    data: DataConfig = Field(default_factory=DataConfig)
    models: tuple[ModelName, ...] = MODELS
    classifier: ClassifierConfig = ClassifierConfig()
    cut: CutConfig = CutConfig()
    fit: FitConfig = FitConfig()
    isolation: IsolationStep = IsolationStep()
    vetoes: VetoCuts = VetoCuts()
    tagging: TaggingConfig = TaggingConfig()
    studies: tuple[Study, ...] = ("published",)


SCALES: Mapping[str, Mapping[str, Any]] = {
    "quick": {
        "data": {
            "candidates": 6000,
            "signal_events": 8000,
            "background_events": 1000,
            "generic_events": 1000,
        },
        "classifier": {
            "folds": 3,
            "trees": {"trees": 150, "depth": 5, "learning_rate": 0.05, "patience": 50},
        },
        "fit": {"toys": 30},
        "isolation": {
            "candidates": 400,
            "network": {"fit": {"epochs": 3, "batch": 256, "learning_rate": 1e-3}},
        },
    },
    "standard": {},
    "full": {
        "data": {
            "candidates": 400_000,
            "signal_events": 400_000,
            "background_events": 100_000,
            "generic_events": 100_000,
        },
        "fit": {"toys": 5000},
    },
}
"""What differs from the defaults at each size."""


PEAK = (5.3, 5.43)
"""Masses at which there is signal, four widths to either side [GeV]."""


def check(config: Config) -> None:
    """Refuse what no type can, before anything is done.

    Raises
    ------
    InputError
        For ranges that end before they begin, a sideband that holds the peak, a range of the fit that does
        not, a cut that would be chosen on
        candidates that are fitted or tell a yield that is blinded, and a seed of a single training.
    """
    for name, (low, high) in {
        "fit.window": config.fit.window,
        "classifier.sideband": config.classifier.sideband,
        "cut.sideband": config.cut.sideband,
    }.items():
        if not low < high:
            raise InputError(f"{name} = [{low}, {high}]", "a lower end below the upper one, in GeV")
    low, high = config.classifier.sideband
    if low < PEAK[1] and high > PEAK[0]:
        raise InputError(
            f"classifier.sideband = [{low}, {high}]",
            f"a sideband without the peak, {PEAK[0]} to {PEAK[1]} GeV",
        )
    low, high = config.fit.window
    if low > PEAK[0] or high < PEAK[1]:
        raise InputError(
            f"fit.window = [{low}, {high}]", f"a range with the peak, {PEAK[0]} to {PEAK[1]} GeV, within"
        )
    if config.fit.blind and config.data.train and config.cut.figure != "punzi":
        raise InputError(
            f"a blinded fit and cut.figure = {config.cut.figure}, which tells its yield",
            "a figure that needs no signal",
            "--set cut.figure=punzi",
        )
    if config.cut.sideband[0] < config.fit.window[1]:
        raise InputError(
            f"cut.sideband = {list(config.cut.sideband)} within fit.window = {list(config.fit.window)}",
            "a sideband that is not fitted: the cut is chosen on it",
        )
    steps = config.classifier.trees, config.classifier.reweighting, config.isolation.network.fit
    if any(step.seed for step in steps):
        raise InputError("a seed of a single training", "one seed for the run", "set seed, or --seed")
