import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace

import numpy as np
import onnx
import pytest
from helpers.random_events import event_tables
from helpers.small_filter import SKIMS, TRAINING, beam_events, small_card, small_filter
from hypothesis import given, settings
from hypothesis import strategies as st

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.events import Events
from hepsets.deploy.filter.card import FARTHEST, LATEST, FilterCard
from hepsets.deploy.filter.event_filter import CARD, NO_SCORE, EventFilter, FilterSettings
from hepsets.deploy.onnx.seal import seal
from hepsets.evaluate.filter.keep_rule import ProtectedRule
from hepsets.select.variables.generated import lepton_momentum

EVENTS = beam_events(200, 2)


@pytest.fixture(scope="module")
def one():
    return EventFilter.load(small_filter())


@pytest.fixture(scope="module")
def two():
    return EventFilter.load(small_filter(2))


def changed(events: Events, **columns) -> Events:
    return Events({**events.particles, **columns}, events.offsets)


def test_weights_are_inverse_keep_probabilities_or_zero(one):
    decision = one.decide(EVENTS)
    kept = decision.weights > 0
    assert 0 < kept.sum() < len(EVENTS)
    assert np.allclose(decision.weights[kept], 1 / decision.probabilities[kept])
    assert decision.weights.shape == (len(EVENTS), 1)
    assert np.array_equal(one.weights(EVENTS), decision.weights)


class KnownScores:
    """Stands for a network: what it was told of the events' types, and scores that are given."""

    def __init__(self, scores):
        self.scores = np.asarray(scores, dtype=np.float32)

    def score(self, events):
        self.types = events.columns.get("event_type")
        return self.scores


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0.05, 1.5 * np.sqrt(0.05 * 0.25 / 0.8), 0.5, 1.0]),
        ({"floor": 0.3}, [0.3, 0.3, 0.5, 1.0]),
        ({"form": "logistic", "floor": 0.4}, [0.4, 0.4, 0.4, 1.0]),
        ({"mode": "threshold"}, [0, 0, 1, 1]),
        ({"mode": "threshold", "threshold": 0.2}, [0, 1, 1, 1]),
        ({"mode": "score"}, [1, 1, 1, 1]),
    ],
)
def test_probabilities_of_known_scores_are_those_of_the_rule_for_each_mode(options, expected):
    """P(pass) at a share of 5 %, of scores at one of 50 %: 0.05 s / (0.05 s + 0.95 (1 - s))."""
    scores = [0.0, 0.2, 0.5, 1.0]
    card = small_card()
    keep = EventFilter(KnownScores(scores), card)
    decision = keep.decide(beam_events(4, 1), FilterSettings(**options))
    assert not decision.strange.outside.any()
    assert decision.scores[:, 0] == pytest.approx(scores)
    if "form" in options:
        expected = np.maximum(card.skims[0].logistic(np.array(scores)), options["floor"])
    elif options.get("mode", "importance") == "importance":
        p = np.array([0.05 * s / (0.05 * s + 0.95 * (1 - s)) for s in scores])
        expected = np.clip(1.5 * np.sqrt(p), options.get("floor", 0.05), 1)
    assert decision.probabilities[:, 0] == pytest.approx(expected, rel=1e-6)
    kept = decision.kept
    assert decision.weights[kept, 0] == pytest.approx(1 / decision.probabilities[kept, 0])
    assert not decision.weights[~kept].any()


def of_floors(*floors, threshold=0.5):
    """A filter whose skims have these least keep probabilities."""
    card = small_card(len(floors))
    skims = [
        replace(skim, rule=replace(skim.rule, floor=floor), threshold=threshold)
        for skim, floor in zip(card.skims, floors, strict=True)
    ]
    return EventFilter(KnownScores([0.1, 0.9]), replace(card, skims=tuple(skims)))


def test_a_filter_whose_best_floor_is_one_says_that_it_saves_nothing():
    in_vain = of_floors(1.0)
    assert (in_vain.decide(EVENTS[:2]).weights == 1).all()
    told = in_vain.saves_nothing()
    assert told.startswith("nothing is saved: for hadronic_b0 the floor is 1 (the best on validation events)")
    assert in_vain.saves_nothing(FilterSettings(floor=0.2)) == ""
    assert in_vain.saves_nothing(FilterSettings(mode="score")) == ""
    assert in_vain.saves_nothing(FilterSettings(mode="threshold")) == ""
    assert "(as set)" in of_floors(0.05).saves_nothing(FilterSettings(floor=1.0))
    assert of_floors(0.05).saves_nothing() == ""


def test_one_skim_that_keeps_all_keeps_all_events_of_a_filter_for_several():
    both = of_floors(0.05, 1.0)
    assert "for jpsi the floor is 1" in both.saves_nothing()
    assert both.saves_nothing(skims=("hadronic_b0",)) == ""
    low = of_floors(0.05, threshold=0.0)
    assert "for hadronic_b0 the threshold is 0" in low.saves_nothing(FilterSettings(mode="threshold"))


def test_an_event_is_kept_if_one_skim_wants_it():
    events = beam_events(4, 1)
    keep = EventFilter(KnownScores([[0.9, 0.1], [0.1, 0.1], [0.1, 0.9], [0.9, 0.9]]), small_card(2))
    decision = keep.decide(events, FilterSettings(mode="threshold"))
    assert decision.weights.tolist() == [[1, 0], [0, 0], [0, 1], [1, 1]]
    assert decision.kept.tolist() == [True, False, True, True]
    importance = keep.decide(events)
    again = keep.decide(events, event_numbers=np.arange(4))
    assert np.array_equal(importance.weights, again.weights)
    assert importance.scores.shape == importance.probabilities.shape == (4, 2)


def test_the_network_is_told_the_sample_or_what_the_column_says():
    events = beam_events(3, 1)
    network = KnownScores([0.5, 0.5, 0.5])
    keep = EventFilter(network, replace(small_card(), event_types=("mixed", "charged", "ccbar")))
    keep.decide(events, FilterSettings(sample="ccbar"))
    assert network.types.tolist() == [3, 3, 3]
    keep.decide(events)
    assert network.types is None
    keep.decide(events.with_columns(event_type=np.array([0, 3, 1])))
    assert network.types.tolist() == [0, 3, 1]
    with pytest.raises(InputError, match="'uubar'; expected one of mixed, charged, ccbar"):
        keep.decide(events, FilterSettings(sample="uubar"))
    for column in (
        np.array([0, 4, 1]),
        np.array([0.0, 1.0, 2.0]),
        np.array([-1, 0, 1]),
        np.zeros((3, 1), int),
    ):
        with pytest.raises(
            InputError, match="0 \\(unknown\\), 1 \\(mixed\\), 2 \\(charged\\), 3 \\(ccbar\\)"
        ):
            keep.decide(events.with_columns(event_type=column))


def test_a_filter_of_one_sample_takes_its_name_and_tells_the_network_nothing():
    network = KnownScores([0.5, 0.5, 0.5])
    keep = EventFilter(network, small_card())
    keep.decide(beam_events(3, 1), FilterSettings(sample="mixed"))
    assert network.types is None
    keep.decide(beam_events(3, 1).with_columns(event_type=np.array([9, 9, 9])))  # says nothing to it
    with pytest.raises(InputError, match="'ccbar'; expected one of mixed"):
        keep.decide(beam_events(3, 1), FilterSettings(sample="ccbar"))


def test_a_protected_observable_of_the_events_sets_the_scale_of_their_probabilities():
    """Slow, middling and fast leptons; events without one have a scale of their own."""
    events = beam_events(300, 1)
    found = lepton_momentum(events)
    assert 250 < found.valid.sum() < 300
    low, high = np.quantile(found.values[found.valid], [0.3, 0.6])
    protecting = ProtectedRule("lepton_momentum", (low, high), (0.9, 1.2, 1.6), 0.6, 0.08, 0.5, 0.05)
    card = small_card()
    card = replace(card, skims=(replace(card.skims[0], protected=(protecting,)),))
    scores = np.random.default_rng(3).random(300)
    keep = EventFilter(KnownScores(scores), card)
    settings = FilterSettings(protect="lepton_momentum")
    decision = keep.decide(events, settings)
    assert not decision.strange.outside.any()
    passing = 0.05 * scores / (0.05 * scores + 0.95 * (1 - scores))
    scale = np.select([~found.valid, found.values < low, found.values < high], [0.6, 0.9, 1.2], 1.6)
    assert decision.probabilities[:, 0] == pytest.approx(np.clip(scale * np.sqrt(passing), 0.08, 1), rel=1e-5)
    told = keep.rules(settings)
    assert told == {"hadronic_b0": "p = a √P(pass) with a = 0.9 to 1.6 by lepton_momentum, from 0.08 to 1"}
    with pytest.raises(InputError, match="hadronic_b0 without a rule that protects 'r2'"):
        keep.decide(events, FilterSettings(protect="r2"))


def test_a_filter_says_how_it_was_trained_and_what_it_keeps(two):
    assert two.facts(FilterSettings(seed=7)) == {
        "model": f"deep_sets_pdg, hepsets {two.card.version}",
        "trained on": "mixed",
        "mode": "importance",
        "seed": "7",
    }
    typed = EventFilter(two.model, replace(two.card, event_types=("mixed", "ccbar")))
    assert typed.facts(FilterSettings())["events are"] == "told by their column event_type, or unknown"
    assert typed.facts(FilterSettings(sample="ccbar"))["events are"] == "ccbar"
    protect = FilterSettings(protect="lepton_momentum")
    assert two.facts(protect)["protected"] == "lepton_momentum"

    def rule(**options):
        told = two.rules(FilterSettings(**options))
        assert tuple(told) == SKIMS
        return told["jpsi"]

    assert rule() == "p = 1.5 √P(pass), from 0.05 to 1"
    assert rule(floor=0.2) == "p = 1.5 √P(pass), from 0.2 to 1"
    assert rule(form="logistic") == "p = σ(logit score -0.5), from 0.02 to 1"
    assert rule(mode="threshold") == "score from 0.5"
    assert rule(mode="threshold", threshold=0.0) == "score from 0"
    assert rule(mode="score") == "all"


@pytest.mark.parametrize(
    "allowed",
    [
        {"floor": 1.0},
        {"floor": 1e-9},
        {"mode": "threshold", "threshold": 0.0},
        {"mode": "threshold", "threshold": 1.0},
        {"seed": 0},
        {"seed": 2**63 - 1},
        {"form": "logistic", "floor": 0.1},
        {"protect": "lepton_momentum", "floor": 0.5},
    ],
)
def test_settings_at_the_ends_of_their_ranges_are_allowed(allowed):
    assert FilterSettings(**allowed)


def test_an_unknown_particle_is_counted_once_per_event_and_a_root_of_its_own_kind(one):
    events = EVENTS[:5]
    pdg = events.particles["pdg"].copy()
    begin = events.offsets
    pdg[begin[1] + 2 : begin[1] + 5] = 9_900_441
    pdg[begin[3] + 2] = 9_900_441
    pdg[begin[4] + 2] = 9_900_443
    strange = one.strange(changed(events, pdg=pdg))
    assert strange.unknown_ids == {9_900_441: 2, 9_900_443: 1}
    assert strange.reasons == {"a particle that training never saw": 3}
    common = int(np.setdiff1d(TRAINING.particles["pdg"], one.card.domain.roots)[0])
    pdg = events.particles["pdg"].copy()
    pdg[begin[2]] = common
    strange = one.strange(changed(events, pdg=pdg))
    assert strange.reasons == {"roots that training never had": 1}
    assert strange.outside.tolist() == [False, False, True, False, False]
    again = strange.with_reason("another", np.array([True, False, True, False, False]))
    assert again.outside.tolist() == [True, False, True, False, False]
    assert again.reasons == {"roots that training never had": 1, "another": 2}
    assert again.unknown_ids is strange.unknown_ids
    assert strange.with_reason("none", np.zeros(5, dtype=bool)) is strange


@pytest.mark.parametrize(("off", "outside"), [(-1e-3, False), (1e-3, True)])
def test_each_bound_of_the_domain_is_where_the_card_says(one, off, outside):
    """The total momentum, a particle's energy, its place and its time, a little before and beyond."""
    events = EVENTS[:3]
    begin, domain = events.offsets, one.card.domain
    daughter = begin[1] + 3
    for axis, name in enumerate(("px", "py", "pz", "energy")):
        for low_high, sign in ((0, -1), (1, 1)):
            column = events.particles[name].astype(np.float64)
            column[begin[1]] = domain.momentum[axis][low_high] + sign * off
            assert one.strange(changed(events, **{name: column})).outside.tolist() == [False, outside, False]
        column = events.particles[name].astype(np.float64)
        column[daughter] = -(1.001 * 11.006 + 0.01 + off)
        assert one.strange(changed(events, **{name: column})).outside.tolist() == [False, outside, False]
    for name, bound in (("x", domain.distance), ("z", domain.distance), ("prod_time", domain.time)):
        columns = {n: np.zeros(events.n_particles) for n in ("x", "y", "z", "prod_time")}
        columns[name][daughter] = bound + off
        found = one.strange(changed(events, **columns))
        assert found.outside.tolist() == [False, outside, False]


def test_weighted_events_stand_for_all_events(one):
    # 300 seeds: the mean sum of weights must be the number of events within its own error
    sums = [one.decide(EVENTS, FilterSettings(seed=seed)).weights.sum() for seed in range(300)]
    error = np.std(sums) / np.sqrt(len(sums))
    assert abs(np.mean(sums) - len(EVENTS)) < 4 * error
    assert error < 2


def test_decisions_do_not_depend_on_batches(two):
    numbers = np.arange(1000, 1000 + len(EVENTS))
    together = two.weights(EVENTS, event_numbers=numbers)
    parts = [
        two.weights(EVENTS[begin : begin + 17], event_numbers=numbers[begin : begin + 17])
        for begin in range(0, len(EVENTS), 17)
    ]
    assert np.allclose(np.concatenate(parts), together, rtol=1e-5)
    assert np.array_equal(np.concatenate(parts) > 0, together > 0)
    other = two.weights(EVENTS, FilterSettings(seed=2), event_numbers=numbers)
    assert not np.array_equal(other > 0, together > 0)


def test_jobs_whose_events_all_count_from_0_decide_independently(one):
    jobs, size = 25, 40
    events = Events.concatenate([beam_events(size, 100 + job) for job in range(jobs)])
    numbers = np.tile(np.arange(size), jobs)
    p = one.decide(events).probabilities[:, 0]
    totals = [
        one.weights(events, FilterSettings(seed=seed), event_numbers=numbers).sum() for seed in range(150)
    ]
    # Horvitz and Thompson's variance; were the numbers shared between the jobs it would be 25 times as large
    expected = np.sqrt((1 / p - 1).sum())
    assert abs(np.std(totals) / expected - 1) < 4 / np.sqrt(2 * 150)
    assert abs(np.mean(totals) - len(events)) < 4 * expected / np.sqrt(150)


def test_filters_of_other_rules_decide_independently_at_the_same_seed(one):
    events = beam_events(1500, 3)
    card = one.card
    other = EventFilter(
        one.model, replace(card, skims=(replace(card.skims[0], name="another"), *card.skims[1:]))
    )
    first, second = (keep.weights(events)[:, 0] > 0 for keep in (one, other))
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(len(events))
    newer = EventFilter(one.model, replace(card, version="99.0"))
    assert np.array_equal(newer.weights(events)[:, 0] > 0, first)


def test_skims_share_one_random_number_per_event(two):
    assert two.skims == SKIMS
    decision = two.decide(EVENTS)
    likelier = decision.probabilities.argmax(axis=1)
    rows = np.arange(len(EVENTS))
    less = decision.weights[rows, 1 - likelier] > 0
    more = decision.weights[rows, likelier] > 0
    assert (more | ~less).all()  # kept for the less likely skim: kept for the other, too
    assert np.array_equal(decision.kept, more | less)
    # independent numbers would keep 1 - (1 - p)(1 - q); shared ones keep the larger of p and q
    p, q = decision.probabilities.T
    assert decision.kept.mean() < np.mean(1 - (1 - p) * (1 - q))


def test_modes_and_forms_keep_what_they_say(one):
    scores = one.scores(EVENTS)
    threshold = one.decide(EVENTS, FilterSettings(mode="threshold", threshold=float(np.median(scores))))
    inside = ~threshold.strange.outside
    assert np.array_equal(threshold.weights[inside] == 1, scores[inside] >= np.median(scores))
    assert (one.weights(EVENTS, FilterSettings(mode="score")) == 1).all()
    logistic = one.decide(EVENTS, FilterSettings(form="logistic"))
    card = one.card.skims[0]
    assert np.allclose(logistic.probabilities[inside], card.logistic(scores[inside]))
    floor = one.decide(EVENTS, FilterSettings(floor=0.9)).probabilities
    assert floor.min() >= 0.9


def test_a_heavier_floor_bounds_the_weights(one):
    assert one.decide(EVENTS, FilterSettings(floor=0.5)).weights.max() <= 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "best"},
        {"form": "linear"},
        {"floor": 0.0},
        {"floor": 1.5},
        {"mode": "threshold", "threshold": -1},
        {"mode": "threshold", "threshold": 1.5},
        {"seed": -1},
        {"seed": 2**63},
        {"threshold": 0.9},  # what the mode does not use
        {"mode": "threshold", "floor": 0.5},
        {"mode": "score", "threshold": 0.5},
        {"mode": "threshold", "form": "logistic"},
    ],
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(InputError, match=rf"^(a )?{list(wrong)[-1]} "):
        FilterSettings(**wrong)


def test_strange_events_are_kept_and_counted(one):
    assert not one.strange(TRAINING).outside.any()
    events = EVENTS[:6]
    begin = events.offsets
    pdg = events.particles["pdg"].copy()
    pdg[begin[1] + 3] = 9_900_441
    energy = events.particles["energy"].copy()
    energy[begin[2]] *= 10.52 / 10.58  # the continuum below the Υ(4S)
    strange = one.decide(changed(events, pdg=pdg, energy=energy))
    assert strange.strange.outside.tolist() == [False, True, True, False, False, False]
    assert strange.strange.unknown_ids == {9_900_441: 1}
    assert strange.strange.reasons == {
        "a particle that training never saw": 1,
        "another beam energy or momentum": 1,
    }
    assert (strange.probabilities[1:3] == 1).all()
    assert (strange.weights[1:3] == 1).all()


@pytest.mark.parametrize("mode", ["importance", "threshold", "score"])
@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("x", 3e38, "made too far away"),
        ("z", -2e4, "made too far away"),
        ("prod_time", 1e30, "too late"),
        ("energy", 1e38, "more energy or momentum than the event"),
        ("py", -12.0, "more energy or momentum than the event"),
    ],
)
def test_daughters_beyond_all_bounds_are_kept_with_weight_one_and_counted(one, mode, name, value, reason):
    events = EVENTS[:30]
    column = events.particles[name].copy()
    column[events.offsets[7:9] + 4] = value
    decision = one.decide(changed(events, **{name: column}), FilterSettings(mode=mode))
    assert np.flatnonzero(decision.strange.outside).tolist() == [7, 8]
    assert (decision.weights[7:9] == 1).all()
    assert any(reason in told and count == 2 for told, count in decision.strange.reasons.items())
    assert np.isfinite(decision.scores).all()
    others = np.delete(np.arange(30), [7, 8])
    assert np.array_equal(decision.scores[others], one.scores(events)[others])


def test_a_score_that_is_no_number_keeps_the_event_and_is_marked_and_counted(one):
    card = replace(one.card, domain=replace(one.card.domain, distance=np.inf))  # only the score tells
    events = EVENTS[:10]
    far = events.particles["x"].copy()
    far[events.offsets[3] + 2] = 3e38
    decision = EventFilter(one.model, card).decide(changed(events, x=far))
    assert decision.strange.reasons == {"a score that is not a number": 1}
    assert decision.scores[3, 0] == NO_SCORE
    assert decision.weights[3, 0] == 1


def test_cards_that_say_nothing_of_daughters_are_read():
    content = json.loads(small_card().to_json())
    assert content.pop("sha256")
    assert content["domain"].pop("distance") > 1
    assert content["domain"].pop("time") > 0
    domain = FilterCard.from_json(json.dumps(content), "older").domain
    assert (domain.distance, domain.time) == (FARTHEST, LATEST)


def test_multiplicities_beyond_training_are_strange(one):
    most = int(TRAINING.multiplicity.max())
    for size, outside in ((most, False), (most + 1, True), (0, True)):
        event = beam_events(1, 4)
        n = event.n_particles
        take = np.concatenate([np.arange(min(n, size)), np.full(max(size - n, 0), n - 1)])
        columns = {name: column[take] for name, column in event.particles.items()}
        columns["index"], columns["mother_index"] = np.arange(size), np.zeros(size)
        assert one.strange(Events(columns, np.array([0, size]))).outside.tolist() == [outside]


@settings(max_examples=25)
@given(event_tables())
def test_any_valid_events_get_weights_not_below_one_or_zero(events):
    decision = EventFilter.load(small_filter()).decide(events)
    kept = decision.weights > 0
    assert (decision.weights[kept] >= 1).all()
    assert (decision.weights[decision.strange.outside] == 1).all()


# -- the file ----------------------------------------------------------------------------------------


def test_cards_survive_the_file(two):
    assert two.card == small_card(2)
    assert FilterCard.from_json(two.card.to_json(), "card") == two.card


def damaged(change) -> str:
    content = json.loads(small_card().to_json())
    change(content)
    return json.dumps(content)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '"text"',
        damaged(lambda card: card.update(schema="hepsets-filter-1")),
        damaged(lambda card: card["domain"].pop("roots")),
        damaged(lambda card: card.pop("skims")),
        damaged(lambda card: card.update(skims=[])),
        damaged(lambda card: card.update(skims=2 * card["skims"])),
        damaged(lambda card: card["skims"][0].update(name="two words")),
        damaged(lambda card: card["skims"][0]["rule"].update(floor=0)),
        damaged(lambda card: card["skims"][0]["rule"].update(population=1)),
        damaged(lambda card: card["skims"][0]["rule"].update(scale=float("nan"))),
        damaged(lambda card: card["skims"][0]["rule"].pop("trained")),
        damaged(lambda card: card["domain"].update(momentum=[[0, 1]])),
        damaged(lambda card: card["domain"].update(multiplicity=[1])),
        damaged(lambda card: card["domain"].update(pdg_ids="many")),
    ],
)
def test_damaged_cards_are_refused(text):
    with pytest.raises(InputError, match="card"):
        FilterCard.from_json(text, "some file")


def rewritten(tmp_path, change):
    """The small filter after a change of its ONNX content."""
    model = onnx.load(small_filter())
    change(model)
    path = tmp_path / "changed.onnx"
    path.write_bytes(seal(model.SerializeToString()))
    return path


def external(model):
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/hostname")


def hidden_external(model):
    """External data in a constant within a branch of an If."""
    tensor = onnx.helper.make_tensor("t", onnx.TensorProto.FLOAT, [1], [0.0])
    external_tensor = onnx.TensorProto()
    external_tensor.CopyFrom(tensor)
    external_tensor.data_location = onnx.TensorProto.EXTERNAL
    constant = onnx.helper.make_node("Constant", [], ["c"], value=external_tensor)
    branch = onnx.helper.make_graph([constant], "g", [], [])
    model.graph.node.append(onnx.helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch))


def foreign(model):
    model.graph.node.append(onnx.helper.make_node("Shell", ["score"], ["rogue"], domain="com.example"))


def own_function(model):
    model.functions.add(name="f", domain="")


def raw_nan(model):
    tensor = next(one for one in model.graph.initializer if one.data_type == onnx.TensorProto.FLOAT)
    values = np.frombuffer(tensor.raw_data, "<f4").copy()
    values[-1] = np.nan
    tensor.raw_data = values.tobytes()


def listed(kind: int, value: float, raw: bool = False):
    """A constant in a branch of an If, stored number by number or as bytes."""

    def change(model):
        tensor = onnx.helper.make_tensor("t", kind, [2], [0.5, value])
        if raw:
            tensor = onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor), "t")
        constant = onnx.helper.make_node("Constant", [], ["c"], value=tensor)
        branch = onnx.helper.make_graph([constant], "g", [], [])
        model.graph.node.append(
            onnx.helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)
        )

    return change


def attribute(**values):
    def change(model):
        model.graph.node.append(onnx.helper.make_node("Constant", [], ["c"], **values))

    return change


def without_card(model):
    kept = [entry for entry in model.metadata_props if entry.key != CARD]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)


def other_card(model):
    for entry in model.metadata_props:
        if entry.key == CARD:
            entry.value = small_card(2).to_json()


def typed_card(model):
    for entry in model.metadata_props:
        if entry.key == CARD:
            entry.value = replace(small_card(), event_types=("mixed", "ccbar")).to_json()


def damaged_card(model):
    for entry in model.metadata_props:
        if entry.key == CARD:
            entry.value = "{}"


def other_inputs(model):
    model.graph.input[0].name = "something"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (external, "tensors in another file"),
        (hidden_external, "tensors in another file"),
        (foreign, "com.example"),
        (own_function, "functions"),
        (without_card, "without keep rules"),
        (other_card, r"changed\.onnx names 2 skims and scores 1"),
        (typed_card, r"changed\.onnx whose card and graph differ in event types"),
        (damaged_card, r"changed\.onnx has a filter card of schema None"),
        (other_inputs, "hepsets export"),
    ],
)
def test_files_that_reach_beyond_themselves_are_refused(tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        EventFilter.load(rewritten(tmp_path, change))


@pytest.mark.parametrize(
    "change",
    [
        raw_nan,
        listed(onnx.TensorProto.FLOAT, np.nan),
        listed(onnx.TensorProto.DOUBLE, np.inf),
        listed(onnx.TensorProto.DOUBLE, -np.inf, raw=True),
        listed(onnx.TensorProto.FLOAT16, np.nan, raw=True),
        attribute(value_float=np.nan),
        attribute(value_floats=[1.0, np.inf]),
    ],
)
def test_models_whose_weights_are_not_finite_are_refused(tmp_path, change):
    with pytest.raises(InputError, match="weights that are not finite"):
        EventFilter.load(rewritten(tmp_path, change))


def test_tensors_of_other_types_are_refused(tmp_path):
    for kind in (onnx.TensorProto.BFLOAT16, onnx.TensorProto.COMPLEX64):
        with pytest.raises(InputError, match="never writes"):
            EventFilter.load(rewritten(tmp_path, listed(kind, 1.0)))


@settings(max_examples=60)
@given(st.data())
def test_damaged_files_are_refused_or_still_a_filter(tmp_path_factory, data):
    content = bytearray(small_filter().read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    for _ in range(data.draw(st.integers(0, 4))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("fuzz") / "filter.onnx"
    path.write_bytes(bytes(content))
    with suppress(InputError):  # any other exception would be a traceback
        EventFilter.load(path).decide(EVENTS[:3])


def test_the_filter_starts_without_what_trained_it():
    code = """
import sys
from hepsets.cli import main as cli
from hepsets.deploy.filter.event_filter import EventFilter
from hepsets.deploy.filter.files import filter_files
EventFilter.load(sys.argv[1])
heavy = {"torch", "sklearn", "scipy", "awkward", "numba", "onnx", "matplotlib", "pydantic", "particle"}
sys.exit(", ".join(heavy & set(sys.modules)) or None)
"""
    done = subprocess.run([sys.executable, "-c", code, str(small_filter())], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda one: one.weights(EventFrame({"chi": np.zeros(3)})), "a EventFrame to filter"),
        (lambda one: one.scores(None), "a NoneType to score"),
        (lambda one: one.weights(EVENTS, {"mode": "score"}), "settings of type dict"),
        (
            lambda one: one.weights(EVENTS, event_numbers=np.arange(len(EVENTS)) / 2),
            "float64; expected integ",
        ),
    ],
)
def test_what_is_no_generated_event_number_or_setting_is_refused(one, call, message):
    with pytest.raises(InputError, match=message):
        call(one)
