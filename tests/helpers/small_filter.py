"""A small filter of random weights, exported once, for tests."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp

from helpers.random_events import beam_events
from hepsets.core.pdg import PdgMap
from hepsets.deploy.filter.card import FilterCard, SkimCard, TrainingDomain
from hepsets.deploy.onnx.decay_trees import export_filter
from hepsets.evaluate.filter.keep_rule import KeepRule, LogisticRule
from hepsets.learn.decay_trees.model import EventModel
from hepsets.learn.decay_trees.recipe import build_model

SKIMS = ("hadronic_b0", "jpsi")


TRAINING = beam_events(400, 1)


@lru_cache
def small_model(skims: int = 1) -> EventModel:
    """A model with one head per skim."""
    model = build_model("deep_sets_pdg", PdgMap.fit(TRAINING.particles["pdg"]), heads=skims, units=8)
    model.fit_scaler(model.prepare(TRAINING).features)
    return model.eval()


def small_card(skims: int = 1) -> FilterCard:
    """A card with plausible keep rules."""
    return FilterCard(
        "deep_sets_pdg",
        "mixed",
        tuple(
            SkimCard(name, KeepRule(1.5, 0.05, 0.5, 0.05), LogisticRule(-0.5, 0.02), 0.5)
            for name in SKIMS[:skims]
        ),
        TrainingDomain.of(TRAINING),
    )


@lru_cache
def small_filter(skims: int = 1) -> Path:
    """An exported filter; the file lives as long as the tests."""
    path = Path(mkdtemp()) / f"filter{skims}.onnx"
    export_filter(small_model(skims), small_card(skims), path, TRAINING[:50])
    return path
