import dataclasses

import numpy as np
import pytest
from helpers.random_events import random_events

from hepsets.core.errors import InputError
from hepsets.core.pdg import PdgMap
from hepsets.deploy.filter.card import FilterCard, SkimCard, TrainingDomain
from hepsets.deploy.filter.event_filter import EventFilter, FilterSettings
from hepsets.deploy.onnx.decay_trees import export_filter
from hepsets.evaluate.filter.keep_rule import KeepRule, LogisticRule
from hepsets.learn.decay_trees.new_head import add_head
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.training.score import score_heads

EVENTS = random_events(60, seed=4, mean_particles=12)


def skim(name: str) -> SkimCard:
    return SkimCard(name, KeepRule(1.0, 0.05, 0.5, 0.05), LogisticRule(0.0, 0.05), 0.5)


CARD = FilterCard("decay_sweep", "mixed", (skim("hadronic_b0"),), TrainingDomain.of(EVENTS))


def test_a_filter_serves_a_new_skim_beside_the_old_ones(tmp_path):
    model = build_model("decay_sweep", PdgMap.fit(EVENTS.particles["pdg"]), units=8).eval()
    label = np.arange(len(EVENTS)) % 3 == 0
    grown = add_head(model, EVENTS, label).model
    path = tmp_path / "filter.onnx"
    assert export_filter(grown, CARD.with_skim(skim("jpsi")), path, EVENTS) < 1e-5
    decision = EventFilter.load(path).decide(EVENTS, FilterSettings())
    assert np.allclose(decision.scores, score_heads(grown, EVENTS), atol=1e-5)
    assert decision.weights.shape == (len(EVENTS), 2)


def test_a_skim_of_a_name_that_is_taken_is_refused():
    with pytest.raises(InputError, match="a second skim 'hadronic_b0'"):
        CARD.with_skim(skim("hadronic_b0"))
    both = CARD.with_skim(skim("jpsi"))
    assert [one.name for one in both.skims] == ["hadronic_b0", "jpsi"]
    assert dataclasses.replace(both, skims=CARD.skims) == CARD
