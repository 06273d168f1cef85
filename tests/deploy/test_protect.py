"""A filter that protects an observable: in the card, in the command, on any batching."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
from command import hepsets
from hypothesis import given, settings
from hypothesis import strategies as st
from small_filter import TRAINING, beam_events, small_card, small_filter, small_model

from hepsets.core.errors import InputError
from hepsets.core.events import read_parquet, write_parquet
from hepsets.deploy.event_filter import EventFilter, FilterSettings
from hepsets.deploy.filter_card import FilterCard
from hepsets.deploy.onnx import export_filter
from hepsets.evaluate.keep_rule import ProtectedRule
from hepsets.select.observables import missing_energy

PROTECT = FilterSettings(protect="missing_energy")


def protecting_card(skims: int = 1) -> FilterCard:
    """The small filter's card with a rule for missing energy."""
    card = small_card(skims)
    rule = ProtectedRule("missing_energy", (2.0, 5.0), (0.5, 1.0, 2.0), 1.5, 0.05, 0.5, 0.05)
    with_rule = tuple(dataclasses.replace(skim, protected=(rule,)) for skim in card.skims)
    return dataclasses.replace(card, skims=with_rule)


@pytest.fixture(scope="module")
def protecting(tmp_path_factory):
    path = tmp_path_factory.mktemp("filters") / "protecting.onnx"
    export_filter(small_model(), protecting_card(), path, TRAINING[:50])
    return path


def test_a_card_keeps_its_protected_rules():
    card = protecting_card(2)
    assert FilterCard.from_json(card.to_json(), "card") == card


def test_cards_of_the_schema_before_are_read_and_protect_nothing():
    content = json.loads(small_card().to_json())
    content["schema"] = "hepsets-filter-2"
    for skim in content["skims"]:
        del skim["protected"]
    assert FilterCard.from_json(json.dumps(content), "card") == small_card()


@pytest.mark.parametrize(
    "change",
    [
        {"scales": [1.0]}, {"edges": [5.0, 2.0]}, {"scales": [0.5, -1.0, 2.0]}, {"floor": 0.0},
        {"observable": "nonsense"}, {"without": float("nan")}, {"trained": 1.0}, {"foreign": 1.0},
    ],
)  # fmt: skip
def test_impossible_protected_rules_are_refused(change):
    content = json.loads(protecting_card().to_json())
    content["skims"][0]["protected"][0] |= change
    with pytest.raises(InputError):
        FilterCard.from_json(json.dumps(content), "card")


def test_probabilities_are_those_of_the_rule(protecting):
    events = beam_events(300, 7)
    keep = EventFilter.load(protecting)
    decision = keep.decide(events, PROTECT)
    found = missing_energy(events)
    rule = protecting_card().skims[0].protected[0]
    expected = rule(decision.scores[:, 0], found.values, found.valid)
    expected[decision.strange.outside] = 1.0
    assert decision.probabilities[:, 0] == pytest.approx(expected, abs=1e-12)
    assert len(np.unique(rule.bins(found.values, found.valid))) == 3
    kept = decision.weights[:, 0] > 0
    assert decision.weights[kept, 0] == pytest.approx(1 / decision.probabilities[kept, 0])
    plain = keep.decide(events)
    assert np.array_equal(plain.scores, decision.scores)
    assert not np.array_equal(plain.probabilities, decision.probabilities)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(1, 39), max_size=4, unique=True))
def test_decisions_do_not_depend_on_batches(protecting, seed, cuts):
    events = beam_events(40, seed)
    keep, numbers = EventFilter.load(protecting), np.arange(40) + 1000
    together = keep.decide(events, PROTECT, event_numbers=numbers)
    edges = [0, *sorted(cuts), 40]
    parts = [
        keep.decide(events[a:b], PROTECT, event_numbers=numbers[a:b]) for a, b in itertools.pairwise(edges)
    ]
    assert np.array_equal(np.concatenate([part.weights for part in parts]), together.weights)
    assert np.array_equal(np.concatenate([part.probabilities for part in parts]), together.probabilities)


def test_weights_under_protection_count_events_without_bias(protecting):
    events = beam_events(2000, 11)
    keep = EventFilter.load(protecting)
    pulls = []
    for seed in range(60):
        decision = keep.decide(events, dataclasses.replace(PROTECT, seed=seed))
        p, w = decision.probabilities[:, 0], decision.weights[:, 0]
        pulls.append((w.sum() - len(events)) / np.sqrt(np.sum((1 - p) / p)))
    assert abs(np.mean(pulls)) < 4 / np.sqrt(len(pulls))
    assert 0.7 < np.std(pulls) < 1.3


def test_the_command_protects_and_says_so(protecting, tmp_path, monkeypatch, capsys):
    events = beam_events(200, 12)
    write_parquet(events, tmp_path / "events.parquet")
    monkeypatch.chdir(tmp_path)
    options = ["--model", protecting, "--protect", "missing_energy", "--report", "page.html"]
    code, _, errors = hepsets(
        monkeypatch, capsys, "filter", "events.parquet", "--out", "kept.parquet", *options
    )
    assert code == 0, errors
    weights = read_parquet(tmp_path / "kept.parquet").columns["hepsets_hadronic_b0"]
    expected = EventFilter.load(protecting).weights(events, PROTECT)[:, 0]
    assert np.array_equal(weights, expected[expected > 0])
    page = (tmp_path / "page.html").read_text()
    assert "missing_energy" in page


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (None, ["--protect", "missing_energy"], "offers none"),
        ("protecting", ["--protect", "r2"], "one of missing_energy"),
        ("protecting", ["--protect", "missing_energy", "--mode", "threshold"], "mode importance"),
        ("protecting", ["--protect", "missing_energy", "--form", "logistic"], "form root"),
    ],
)
def test_what_a_filter_does_not_offer_is_refused_before_anything_is_written(
    protecting, tmp_path, monkeypatch, capsys, model, options, message
):
    monkeypatch.chdir(tmp_path)
    write_parquet(beam_events(20, 13), tmp_path / "events.parquet")
    path = protecting if model else small_filter()
    arguments = ["filter", "events.parquet", "--out", "kept.parquet", "--model", path, *options]
    code, _, errors = hepsets(monkeypatch, capsys, *arguments)
    assert code == 2
    assert message in errors
    assert not (tmp_path / "kept.parquet").exists()


def test_observables_of_numbers_that_overflow_are_those_of_events_outside(protecting):
    events = beam_events(20, 14)
    last = events.offsets[1:] - 1
    events.particles["energy"][last[:5]] = 1e38
    decision = EventFilter.load(protecting).decide(events, PROTECT)
    assert np.isfinite(decision.probabilities).all()
    assert ((decision.probabilities > 0) & (decision.probabilities <= 1)).all()
