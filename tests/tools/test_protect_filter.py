"""A filter that protects an observable: in the card, in the command, on any batching."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
from helpers.command import hepsets
from helpers.small_filter import TRAINING, beam_events, small_card, small_filter, small_model
from hypothesis import given, settings
from hypothesis import strategies as st
from protect_filter import protected_card, put_card, section_of_run, write_section

from hepsets.core.errors import InputError
from hepsets.core.events import read_parquet, write_parquet
from hepsets.core.record import KEY
from hepsets.deploy.filter.card import FilterCard
from hepsets.deploy.filter.event_filter import EventFilter, FilterSettings
from hepsets.deploy.filter.shipped import SHIPPED
from hepsets.deploy.onnx.decay_trees import export_filter
from hepsets.evaluate.filter.keep_rule import ProtectedRule
from hepsets.select.variables.generated import missing_energy

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
    del content[KEY]  # they had no checksum either
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
    del content[KEY]
    content["skims"][0]["protected"][0] |= change
    with pytest.raises(InputError, match=r"damaged filter card|no observable"):
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


# -- rules for a filter that is there ----------------------------------------------------------------


def labelled(number, seed):
    """Events of which those that the small filter likes pass more often, half of them passing."""
    events = beam_events(number, seed)
    score = EventFilter.load(small_filter()).scores(events)[:, 0]
    order = np.argsort(score + 0.02 * np.random.default_rng(seed).normal(size=number))
    label = np.zeros(number, dtype=bool)
    label[order[number // 2 :]] = True
    return events.with_columns(label_hadronic_b0=label, weight=np.where(label, 1.0, 19.0))


def test_a_filter_gets_rules_and_keeps_its_scores_bit_by_bit(tmp_path):
    path = tmp_path / "filter.onnx"
    path.write_bytes(small_filter().read_bytes())
    before, events = EventFilter.load(path), beam_events(300, 21)
    card, sections = protected_card(before, labelled(3000, 20), ("missing_energy", "charged_multiplicity"))
    put_card(path, card)
    after = EventFilter.load(path)
    assert np.array_equal(before.scores(events), after.scores(events))
    assert np.array_equal(before.weights(events), after.weights(events))
    rules = after.card.skims[0].protected
    assert [rule.observable for rule in rules] == ["missing_energy", "charged_multiplicity"]
    assert dataclasses.replace(after.card.skims[0], protected=()) == before.card.skims[0]
    for rule, protection in zip(rules, sections[0]["protections"], strict=True):
        assert rule == protection.rule

    text = path.with_suffix(".md")
    text.write_text("# Card\n\n## Training domain\n\nall\n")
    write_section(text, sections, "hand")
    once = text.read_text()
    assert "`missing_energy`" in once
    assert once.index("Where the speedup lives") < once.index("## Training domain")
    write_section(text, sections, "hand")
    assert text.read_text() == once


def test_every_second_event_of_a_class_judges_so_nothing_is_chosen_on_what_judges():
    events = labelled(2000, 22)
    keep = EventFilter.load(small_filter())
    whole, _ = protected_card(keep, events, ("missing_energy",))
    label = events.columns["label_hadronic_b0"]
    place = np.where(label, np.cumsum(label), np.cumsum(~label))
    swapped = events.with_columns(weight=np.where(place % 2 == 0, 77.0, events.columns["weight"]))
    other, _ = protected_card(keep, swapped, ("missing_energy",))
    for one, two in zip(whole.skims[0].protected, other.skims[0].protected, strict=True):
        assert one.scales == pytest.approx(two.scales)
        assert one.edges == two.edges


def run_metrics():
    """Metrics of a run with one model, as far as the section needs them."""
    row = {
        "model": "decay_sweep",
        "observable": "missing_energy",
        "edges": [0.0, 1.0, 2.0, 3.0],
        "passing": [900, 300, 100],
        "effective_fraction": [0.66, 0.5, 0.33],
        "effective_fraction_se": [0.01, 0.02, 0.03],
        "speedup": [2.7, 2.0, 1.3],
        "speedup_se": [0.04, 0.08, 0.12],
    }
    whole = {"model": "decay_sweep", "speedup": 2.3, "speedup_se": 0.1, "effective_fraction": 0.55}
    equal = {**row, "effective_fraction": [0.57] * 3, "speedup": [2.2] * 3}
    protect = {**whole, "observable": "missing_energy", "speedup": 2.2, "bins": [equal]}
    return {"effective_fraction": [row], "protect": [protect], "importance": [whole]}


def test_a_shipped_run_says_where_its_speedup_lives(tmp_path):
    section = section_of_run(run_metrics(), "decay_sweep")
    assert section_of_run(run_metrics(), "multi_skim") is None
    card = tmp_path / "card.md"
    card.write_text("## Training domain\n")
    write_section(card, [section], "hand")
    text = card.read_text()
    assert (
        "| `missing_energy` | from 2 | 0.33 ± 0.03 | 1.30 ± 0.12 | below 1 | 0.66 ± 0.01 | 2.70 ± 0.04 |"
        in text
    )
    assert "| 1 to 2 | 300 | 0.500 ± 0.020 | 2.00 ± 0.08 | 0.570 ± 0.020 | 2.20 ± 0.08 |" in text
    card.write_text("nothing")
    with pytest.raises(InputError, match="a model card"):
        write_section(card, [section], "hand")


@pytest.mark.parametrize("name", SHIPPED)
def test_the_filters_of_the_package_protect_missing_energy_for_each_skim(name):
    keep = EventFilter.load(name)
    events = beam_events(50, 23)
    for skim in keep.card.skims:
        assert {rule.observable for rule in skim.protected} >= {"missing_energy"}
    assert np.isfinite(keep.weights(events, PROTECT)).all()


def test_each_skim_of_a_filter_gets_rules_of_its_own_and_a_place_in_the_card(tmp_path):
    path = tmp_path / "filter.onnx"
    path.write_bytes(small_filter(2).read_bytes())
    before = EventFilter.load(path)
    events = labelled(3000, 24)
    rare = events.columns["label_hadronic_b0"] & (np.arange(3000) % 3 == 0)
    second = before.skims[1]
    card, sections = protected_card(
        before, events.with_columns(**{f"label_{second}": rare}), ("missing_energy",)
    )
    assert [section["skim"] for section in sections] == list(before.skims)
    one, two = (skim.protected[0] for skim in card.skims)
    assert one.scales != two.scales
    put_card(path, card)
    assert np.isfinite(EventFilter.load(path).weights(beam_events(100, 25), PROTECT)).all()
    text = path.with_suffix(".md")
    text.write_text("## Training domain\n")
    write_section(text, sections, "hand")
    written = text.read_text()
    assert written.index("### `hadronic_b0`") < written.index(f"### `{second}`")
    assert written.count("| `missing_energy` |") == 4  # its extremes and its protection, twice
    assert "\n\n\n" not in written
