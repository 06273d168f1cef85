"""Category trees: boosted trees for each kind of tell-tale particle, and further ones that combine them.

As the category-based taggers of Belle and Belle II have it (Eur. Phys. J. C 82 (2022) 283): each category
looks at the tracks that may be its target, with variables of its own, and says how probable it is that the
sign of a track's charge is the flavour; the best target speaks for the category. Trees on what all
categories say combine them; they are grown on other events than the categories, whose trees know theirs too
well.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepsets.core.event_frame import EventFrame
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.purpose import Purpose, demand
from hepsets.learn import files
from hepsets.learn.tables.boosted_trees import BoostedTrees, BoostedTreesConfig, fit_trees
from hepsets.learn.training.history import History
from hepsets.represent.whole_events.features import FEATURES, particle_features

_LEPTON = (
    *("momentum", "log_pt", "cos_theta", "log_electron", "log_muon", "log_kaon", "log_d0", "cos_thrust"),
    *("cos_missing", "missing_momentum", "missing_mass2", "mass_of_others", "energy_beside", "seen_energy"),
)
_HADRON = (
    *("momentum", "log_pt", "cos_theta", "log_electron", "log_muon", "log_kaon", "log_proton", "log_d0"),
    *("log_d0_error", "cos_thrust", "cos_missing", "missing_mass2", "mass_of_others", "seen_energy"),
)


@dataclass(frozen=True)
class Category:
    """Which tracks may be its target, and what its trees see of them.

    Parameters
    ----------
    variables
        Names of features.
    lowest
        Features with the least value that a target may have.
    highest
        Features with the greatest.
    """

    variables: tuple[str, ...]
    lowest: Mapping[str, float] = dataclasses.field(default_factory=dict)
    highest: Mapping[str, float] = dataclasses.field(default_factory=dict)


CATEGORIES: Mapping[str, Category] = {
    "electron": Category(_LEPTON, {"log_electron": 0.0, "momentum": 0.3}),
    "muon": Category(_LEPTON, {"log_muon": 0.0, "momentum": 0.6}),
    "kinematic_lepton": Category(_LEPTON, {"momentum": 1.0}),
    "kaon": Category(_HADRON, {"kaon": 0.3}),
    "slow_pion": Category(_HADRON, highest={"momentum": 0.25}),
    "fast_hadron": Category(_HADRON, {"momentum": 0.9}),
    "lambda": Category(_HADRON, {"proton": 0.3}),
    "maximum_momentum": Category(_LEPTON, {"is_fastest": 0.5}),
}
"""The categories."""

GROWING = BoostedTreesConfig(trees=400, patience=30, depth=4, learning_rate=0.1, threads=1)
"""How trees are grown, of each category and of those that combine them, where nobody says otherwise."""

_LEAST_TRACKS = 50


class CategoryTagger:
    """Trees of all categories, and those that combine them.

    Parameters
    ----------
    trees
        By category; one that no track served has none.
    combiner
        On the columns of :func:`said`.
    """

    def __init__(self, trees: Mapping[str, BoostedTrees], combiner: BoostedTrees) -> None:
        self.trees = dict(trees)
        self.combiner = combiner

    @property
    def n_parameters(self) -> int:
        """Trees in all."""
        return sum(map(len, self.trees.values())) + len(self.combiner)

    def logits(self, sets: ParticleSets) -> NDArray[np.float64]:
        """Logits to be a B⁰, shape ``(n_events,)``."""
        p = np.clip(self.combiner.score(said(self.trees, sets)).astype(np.float64), 1e-6, 1 - 1e-6)
        return np.asarray(np.log(p / (1 - p)))

    def save(self, folder: Path) -> None:
        """A file for each category and one for the combiner."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, trees in {**self.trees, "combiner": self.combiner}.items():
            files.save(trees, folder / f"{name}.safetensors")

    @staticmethod
    def load(folder: Path) -> CategoryTagger:
        """What :meth:`save` wrote."""
        found = {path.stem: files.load(path, BoostedTrees) for path in sorted(folder.glob("*.safetensors"))}
        combiner = found.pop("combiner")
        return CategoryTagger({name: found[name] for name in CATEGORIES if name in found}, combiner)


def track_table(sets: ParticleSets) -> tuple[EventFrame, NDArray[np.int64], NDArray[np.int64]]:
    """Features of all tracks, the event of each and its charge, each of shape ``(n_tracks,)``."""
    features = particle_features(sets)
    track = np.flatnonzero(features[:, FEATURES.index("charge")] != 0)
    columns = {name: features[track, place] for place, name in enumerate(FEATURES)}
    event = sets.event_of_particle[track]
    fastest = np.zeros(len(sets))
    np.maximum.at(fastest, event, columns["momentum"])
    columns["is_fastest"] = (columns["momentum"] >= fastest[event].astype(np.float32)).astype(np.float32)
    return EventFrame(columns), event, columns["charge"].astype(np.int64)


def candidates(category: Category, tracks: EventFrame) -> NDArray[np.int64]:
    """Places of the tracks that may be the target of a category, shape ``(n_candidates,)``."""
    good = np.ones(len(tracks), dtype=bool)
    for name, least in category.lowest.items():
        good &= tracks[name] >= least
    for name, most in category.highest.items():
        good &= tracks[name] <= most
    return np.flatnonzero(good)


def said(trees: Mapping[str, BoostedTrees], sets: ParticleSets) -> EventFrame:
    """What each category says of each event, q (1 − 2w) of its best target, and the target's momentum [GeV].

    Parameters
    ----------
    trees
        By category.
    sets
        The events.
    """
    tracks, event, charge = track_table(sets)
    columns: dict[str, NDArray[np.float32]] = {}
    for name in CATEGORIES:
        vote, momentum = np.zeros(len(sets), np.float32), np.zeros(len(sets), np.float32)
        if name in trees:
            chosen = candidates(CATEGORIES[name], tracks)
            r = charge[chosen] * (2 * trees[name].score(tracks[chosen]) - 1) if len(chosen) else np.zeros(0)
            order = np.argsort(np.abs(r), kind="stable")  # the surest comes last, and stays
            vote[event[chosen][order]] = r[order]
            momentum[event[chosen][order]] = tracks["momentum"][chosen][order]
        columns |= {f"{name}_said": vote, f"{name}_momentum": momentum}
    return EventFrame(columns, sets.purpose)


def fit_categories(sets: ParticleSets, config: BoostedTreesConfig) -> tuple[CategoryTagger, History]:
    """Grow the trees of all categories on half of the events, and those that combine them on the other half.

    Parameters
    ----------
    sets
        Training events with ``q``; neighbours in a file may belong together, so halves are of event numbers.
    config
        How to grow them.

    Raises
    ------
    InputError
        For events of another purpose.
    """
    demand(sets.purpose, Purpose.TRAINING, "category trees are grown")
    number = sets.columns.get("event_number", np.arange(len(sets)))
    first = number % 2 == 0
    own, others = sets[first], sets[~first]
    tracks, event, charge = track_table(own)
    right = (charge == own.columns["q"][event]).astype(np.float64)
    trees = {}
    for name, category in CATEGORIES.items():
        chosen = candidates(category, tracks)
        if len(chosen) < _LEAST_TRACKS or len(np.unique(right[chosen])) < 2:
            continue
        trees[name], _ = fit_trees(
            tracks[chosen], right[chosen] > 0, category.variables, np.ones(len(chosen)), config, name=name
        )
    frame = said(trees, others)
    # each event and its conjugate, which is as likely and has the opposite flavour; both on one side of
    # the split
    both = EventFrame({name: _with_conjugate(name, column) for name, column in frame.columns.items()})
    q = np.concatenate([others.columns["q"], -others.columns["q"]])
    combiner, grown = fit_trees(
        both,
        q > 0,
        list(frame.columns),
        np.ones(len(q)),
        config,
        groups=np.tile(np.arange(len(others)), 2),
        name="combiner",
    )
    history = History(grown.train_losses, grown.validation_losses, grown.best_trees - 1)
    return CategoryTagger(trees, combiner), history


def _with_conjugate(name: str, column: NDArray[np.float32]) -> NDArray[np.float32]:
    """A column of :func:`said`, and behind it that of the conjugate events."""
    return np.concatenate([column, -column if name.endswith("_said") else column])
