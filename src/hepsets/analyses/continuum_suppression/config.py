"""The configuration of continuum suppression and its three sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hepsets.analyses.continuum_suppression import about
from hepsets.analyses.continuum_suppression.about import BDT as BDT
from hepsets.analyses.continuum_suppression.about import BEFORE, Study
from hepsets.analyses.continuum_suppression.about import OURS as OURS
from hepsets.analyses.continuum_suppression.about import TAG_BDT as TAG_BDT
from hepsets.core.errors import InputError
from hepsets.formats.candidate_map import CandidateMap
from hepsets.formats.whole_event_files import Frame
from hepsets.generate.fragmentation import settings_of
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.learn.registry import recipes
from hepsets.learn.tables.boosted_trees import BoostedTreesConfig
from hepsets.learn.tables.density_ratio import RatioConfig
from hepsets.learn.training.config import FitConfig
from hepsets.select.skims.hadronic_tag import MODE_NAMES
from hepsets.select.variables.continuum import VARIABLES
from hepsets.simulate.belle2 import detector

Comparison = Literal["shape_only", "quality_80", "quality_50", "rho_rho", "tagged"]
"""What is compared. Each has samples, trainings and results of its own:

``shape_only``
    Candidates wrong in signal and background alike: what is left to see is the shape of the event.
``quality_80``, ``quality_50``
    Correct candidates against continuum after a cut on the tag's signal probability that keeps 80 or
    50 % of the signal; models are trained anew on what passes.
``rho_rho``
    B⁺ → ρ⁺ρ⁰ against continuum and B B̄.
``tagged``
    Correct candidates against continuum with any: half of the difference is the candidate.
"""

COMPARISONS: tuple[Comparison, ...] = get_args(Comparison)

QUALITY: Mapping[Comparison, float] = {"quality_80": 0.8, "quality_50": 0.5}
"""Share of the training signal that passes the cut on the tag's signal probability."""

OWN = "own"
"""The comparison of a user's own events."""

VARIANTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {BEFORE: ("multi_deep_sets", {"fusion": "before"})}
"""Model of the registry and options behind each name that this analysis gives; others are the registry's."""


def variant(name: str) -> tuple[str, Mapping[str, Any]]:
    """Model of the registry and options behind the name of a network."""
    return VARIANTS.get(name, (name, {}))


TREES: Mapping[str, tuple[str, ...]] = {
    BDT: VARIABLES,
    TAG_BDT: (*VARIABLES, "signal_probability", "mode", "charm_mode"),
}
"""Event columns that each model of boosted trees sees."""

ON_VARIABLES = (BDT, "fixed_mlp")
"""Models that see the thirty variables alone: those that a user's ntuple can feed."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class DataConfig:
    """Which events.

    Parameters
    ----------
    train_events, test_events
        Least number of events to train on (validation included) and to test on, half of them signal.
    rho_rho_signal_events
        Least number of signal events of ``rho_rho``, to train on and to test on; its background is what
        there is in the continuum and B B̄ events that the other comparisons are made of.
    shifted_events
        As ``test_events``, for each shifted detector.
    train, test
        The user's own candidates in place of generated events. With a map of ``sets`` ROOT or parquet
        files with lists of particles, which feed all models (``signal=FILE`` and ``continuum=FILE`` say
        what all candidates of a file are); without one Belle II ntuples (ROOT), which feed the models on
        the thirty variables. Without ``test`` those of ``train`` are split by event.
    test_share
        Share of the events that test, where the files are split.
    tree
        Name of the tree in these files, if there are several.
    weight
        Branch of these files with the candidates' weights, such as sWeights, in place of ``__weight__``;
        they may be negative.
    off_resonance
        Continuum data taken below the Υ(4S): what ``--off-resonance`` names. Parquet of candidates with the
        rest of the event beside generated events, ntuples beside ntuples, files of the map beside such;
        ``test_share`` of them judge.
    columns
        Of files with sets: what they call our numbers of a candidate, such as label, weight, mbc, delta_e and
        event_number; basf2's usual names are found without.
    variables
        Of files with sets: further numbers per candidate that all models see.
    frame
        Of files with sets: where momenta and angles are.
    keep
        Keep the events in the folder of the run.
    """

    train_events: int = Field(default=50_000, ge=200)
    test_events: int = Field(default=60_000, ge=200)
    rho_rho_signal_events: int = Field(default=10_000, ge=100)
    shifted_events: int = Field(default=6000, ge=200)
    train: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    test_share: float = Field(default=0.3, gt=0.0, lt=1.0)
    tree: str | None = None
    weight: str | None = None
    off_resonance: tuple[str, ...] = ()
    columns: dict[str, str] = Field(default_factory=dict)
    variables: tuple[str, ...] = ()
    frame: Frame = "laboratory"
    keep: bool = False


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class OffResonanceConfig:
    """What is done with off-resonance data.

    Parameters
    ----------
    use
        ``"reweight"``: simulated continuum is reweighted to them; ``"train"``: they take its place in
        training.
    below
        How far below the Υ(4S) they were taken, in the centre of mass [GeV]; 0 if momenta are scaled already.
    ratio
        The classifiers that weights come from.
    """

    use: Literal["train", "reweight"] = "reweight"
    below: float = Field(default=0.06, ge=0.0, lt=1.0)
    ratio: RatioConfig = RatioConfig()


Mismodelling = Literal["fragmentation", "detector"]
"""What may be wrong with simulated continuum."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class RecoveryConfig:
    """The study ``off_resonance``: what off-resonance data bring back where simulation is wrong.

    Parameters
    ----------
    mismodelled
        What is wrong, one at a time.
    fragmentation, detector
        Which one, of :data:`hepsets.generate.fragmentation.FRAGMENTATIONS` and
        :data:`hepsets.simulate.belle2.SHIFTS` or :data:`hepsets.simulate.belle2.EXTREMES`. Those that are
        likely cost too little to be brought back.
    models
        Models to train.
    seeds
        Trainings of each in each way.
    events
        Least number of off-resonance events, and of simulated continuum that is wrong.
    resamplings
        How often test events and seeds are drawn for the errors.
    """

    mismodelled: tuple[Mismodelling, ...] = ("fragmentation", "detector")
    fragmentation: str = "strong"
    detector: str = "far_off"
    models: tuple[str, ...] = (BDT,)
    seeds: int = Field(default=3, ge=1)
    events: int = Field(default=8000, ge=200)
    resamplings: int = Field(default=300, ge=20)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class DiscoConfig:
    """The penalty on dependence on Mbc, and what it costs.

    Parameters
    ----------
    model
        Which model is trained with it.
    strengths
        Strengths λ to train with; 0 is none.
    batch_events
        Events per step, the same for all strengths; the penalty needs many.
    """

    model: str = "multi_deep_sets"
    strengths: tuple[float, ...] = (0.0, 0.3, 3.0)
    batch_events: int = Field(default=2048, ge=64)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Config:
    """Everything that a run of continuum suppression depends on.

    Parameters
    ----------
    scale
        Name of the size that the other defaults came from.
    seed
        Seed of events, detector, initial weights and training.
    data
        Events.
    sets
        What the user's files call the lists of each set, roe_tracks, roe_clusters, candidate_tracks and
        candidate_clusters: momenta (px py pz, or p or pt with theta or cos_theta, and phi), energy,
        charge, electron, muon, pion, kaon, proton, dr and dz; other names on the left are quantities of
        the user's own.
    comparisons
        What is compared; the first one leads.
    models
        Names of the models to train and compare; ``bdt`` is always among them.
    training_seeds
        How often the models ``seed_models`` are trained for the first comparison, from other initial
        weights and with another split of the events: the spread stands beside the error of the test.
    seed_models
        Which ones, and ``bdt`` with them.
    fit
        Training of the networks.
    trees
        Growing of the trees.
    signal_efficiency
        Where background left is compared.
    studies
        What else is looked at.
    unseen_modes
        Decay modes of the candidate that are left out of training, one at a time.
    trust_models
        The models that the studies of unseen modes, and of importance, look at.
    disco
        The penalty on dependence on Mbc.
    off_resonance
        What is done with off-resonance data.
    recovery
        The study of what they bring back.
    trunk
        File of a pre-trained trunk that the model for it starts from, or ``"shipped"``; ``None``: it
        starts from scratch.
    trunk_sha256
        Checksum of that file, which a run writes down and another one verifies; empty: any.
    tune
        What of that model is trained: ``"all"``, or its ``"head"`` alone.
    """

    scale: Literal["quick", "standard", "full"] = "standard"
    seed: int = Field(default=1, ge=0, lt=2**32)
    data: DataConfig = DataConfig()
    sets: dict[str, dict[str, str]] = Field(default_factory=dict)
    comparisons: tuple[Comparison, ...] = COMPARISONS
    models: tuple[str, ...] = about.MODELS
    training_seeds: int = Field(default=3, ge=1)
    seed_models: tuple[str, ...] = (BDT, TAG_BDT, "multi_deep_sets", OURS)
    fit: FitConfig = FitConfig(
        epochs=8, least_steps=1200, batch=256, learning_rate=2e-3, schedule="cosine", weight_decay=1e-4
    )
    trees: BoostedTreesConfig = BoostedTreesConfig()
    signal_efficiency: float = Field(default=0.9, gt=0.0, lt=1.0)
    studies: tuple[Study, ...] = ("unseen_modes", "shifted_detector", "importance")
    unseen_modes: tuple[str, ...] = ("D*- pi+ pi+ pi-",)
    trust_models: tuple[str, ...] = (BDT, "multi_deep_sets", OURS)
    disco: DiscoConfig = DiscoConfig()
    off_resonance: OffResonanceConfig = OffResonanceConfig()
    recovery: RecoveryConfig = RecoveryConfig()
    trunk: str | None = None
    trunk_sha256: str = ""
    tune: Literal["all", "head"] = "all"


SCALES: Mapping[str, Mapping[str, Any]] = {
    "quick": {
        "data": {
            "train_events": 2000,
            "test_events": 2000,
            "rho_rho_signal_events": 500,
            "shifted_events": 500,
        },
        "comparisons": ["shape_only", "quality_80", "tagged"],
        "training_seeds": 1,
        "studies": ["shifted_detector", "importance"],
        "models": [BDT, TAG_BDT, "multi_deep_sets", OURS],
        "fit": {
            "epochs": 3,
            "least_steps": 0,
            "learning_rate": 1e-3,
            "schedule": "constant",
            "weight_decay": 0.0,
        },
        "trees": {"trees": 300},
    },
    "standard": {},
    "full": {
        "data": {
            "train_events": 600_000,
            "test_events": 400_000,
            "rho_rho_signal_events": 100_000,
            "shifted_events": 100_000,
        },
        "training_seeds": 5,
        "fit": {"epochs": 20},
        "studies": ["unseen_modes", "shifted_detector", "disco", "importance"],
        "unseen_modes": ["D*- pi+ pi+ pi-", "anti-D0 pi+", "anti-D*0 pi+ pi0", "D- pi+ pi+ pi-"],
        "disco": {"strengths": [0.0, 0.1, 0.3, 1.0, 3.0, 10.0]},
    },
}
"""What differs from the defaults at each size."""


def map_of(config: Config) -> CandidateMap | None:
    """The column map of a run, if it has one.

    Raises
    ------
    InputError
        As :class:`hepsets.formats.candidate_map.CandidateMap`; for columns or variables without sets.
    """
    data = config.data
    if config.sets:
        weight = {"weight": data.weight} if data.weight else {}
        return CandidateMap(config.sets, weight | data.columns, data.variables, data.frame)
    for name in ("columns", "variables"):
        if getattr(data, name):
            raise InputError(f"data.{name} without sets", "a map of sets, too", "[sets.roe_tracks] px = …")
    return None


def check(config: Config) -> None:
    """Refuse what no type can, before anything is done.

    Raises
    ------
    InputError
        For unknown models or modes, a comparison without ``bdt``, seeds of single models; for
        comparisons that are named twice, or none; for sets of the user's own without files, with a trunk, or
        with a map that means nothing.
    """
    known = (*TREES, *recipes("particle_sets"), *VARIANTS)
    for name in (
        *config.models,
        *config.trust_models,
        *config.seed_models,
        *config.recovery.models,
        config.disco.model,
    ):
        if name not in known:
            raise InputError(f"no model {name!r}", f"one of {', '.join(known)}")
    if BDT not in config.models or len(set(config.models)) < len(config.models):
        raise InputError(f"models = {list(config.models)}", f"each once, {BDT} among them")
    if not config.comparisons or len(set(config.comparisons)) < len(config.comparisons):
        raise InputError(
            f"comparisons = {list(config.comparisons)}", f"some of {', '.join(COMPARISONS)}, each once"
        )
    if "disco" in config.studies and config.disco.model in TREES:
        raise InputError(f"disco.model = {config.disco.model!r}", "a network: trees have no such penalty")
    unknown = [mode for mode in config.unseen_modes if mode not in MODE_NAMES]
    if unknown:
        raise InputError(f"unseen_modes = {unknown}", f"some of {', '.join(MODE_NAMES)}")
    settings_of(config.recovery.fragmentation)
    detector(config.recovery.detector)
    if config.fit.seed or config.trees.seed or config.off_resonance.ratio.seed:
        raise InputError("a seed of a single model", "one seed for the run", "set seed, or --seed")
    if "off_resonance" in config.studies and set(config.comparisons) == {"rho_rho"}:
        raise InputError("the study off_resonance for rho_rho alone", "a comparison against continuum alone")
    map_of(config)
    if config.sets and not config.data.train:
        raise InputError("sets without files", "the files that they are in", "give --data")
    if config.sets and config.trunk is not None:
        raise InputError("a trunk for sets of your own", "no --trunk: it knows other quantities")
    if config.data.test and not config.data.train:
        raise InputError(
            "test files alone", "training files, or both", "give --data, too; or neither, to generate"
        )
    for name in config.models:
        if name not in TREES:
            base, options = variant(name)
            build_set_model(base, **options)
