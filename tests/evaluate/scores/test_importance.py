import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hepsets.core.errors import InputError
from hepsets.evaluate.scores.background_at import background_at, background_ratio
from hepsets.evaluate.scores.importance import (
    exchange_column,
    exchange_event_feature,
    exchange_feature,
    exchange_set,
    exchange_variable,
    permutation_importance,
    set_exchanges,
)
from hepsets.represent.particle_sets.data import PackedSet, SetData
from hepsets.represent.particle_sets.features import FIVE_SETS, FIVE_SETS_PUBLISHED, SetSpec


def sample(random, n=2000):
    """Two variables that separate signal, the first better, and one that does not."""
    labels = random.random(n) < 0.5
    strong, weak, none = random.normal(size=(3, n)) + np.array([[1.5], [0.7], [0.0]]) * labels
    return {"strong": strong, "weak": weak, "none": none}, labels


def likelihood(events):
    return 1 / (1 + np.exp(-(1.5 * events["strong"] + 0.7 * events["weak"])))


EXCHANGES = {name: exchange_variable(name) for name in ("strong", "weak", "none")}


def test_variables_rank_by_what_they_tell():
    events, labels = sample(np.random.default_rng(1))
    strong, weak, none = permutation_importance(likelihood, events, labels, EXCHANGES)
    assert [strong.name, weak.name, none.name] == ["strong", "weak", "none"]
    assert strong.increase.value > weak.increase.value + 3 * weak.increase.se
    assert weak.increase.value > 5 * weak.increase.se
    assert none.increase.value == 0
    assert none.increase.se == pytest.approx(0, abs=1e-12)
    left = background_at(labels, likelihood(events)).background.value
    assert none.background.value == left
    assert strong.increase.value == pytest.approx(strong.background.value / left - 1)


def test_errors_are_the_spread_over_fresh_samples():
    random = np.random.default_rng(2)
    found = []
    for trial in range(120):
        events, labels = sample(random, 800)
        weights = random.choice([1.0, 3.0], 800)
        one = permutation_importance(
            likelihood, events, labels, {"weak": EXCHANGES["weak"]}, weights, repeats=3, seed=trial
        )[0]
        found.append((one.increase.value, one.increase.se, one.background.value, one.background.se))
    value, se, background, background_se = np.array(found).T
    assert np.mean(se) == pytest.approx(value.std(), rel=0.25)
    assert np.mean(background_se) == pytest.approx(background.std(), rel=0.25)


def test_the_seed_repeats_the_numbers_and_inputs_do_not_share_them():
    events, labels = sample(np.random.default_rng(3), 400)
    first = permutation_importance(likelihood, events, labels, EXCHANGES, repeats=1, seed=4)
    again = permutation_importance(likelihood, events, labels, EXCHANGES, repeats=1, seed=4)
    other = permutation_importance(likelihood, events, labels, EXCHANGES, repeats=1, seed=5)
    assert first == again
    assert first != other


def test_one_exchange_leaves_the_background_of_the_exchanged_events_with_its_errors():
    """Events are their scores; the exchange swaps one of signal and one of background."""
    labels, weights = np.array([1, 1, 1, 0, 0, 0, 0]), np.array([1.0, 2, 1, 3, 1, 1, 2])
    x = np.array([0.9, 0.6, 0.4, 0.7, 0.45, 0.3, 0.1])
    order = [4, 1, 2, 3, 0, 5, 6]
    swap = {"all": lambda events, random: events[order]}
    (found,) = permutation_importance(lambda s: s, x, labels, swap, weights, signal_efficiency=0.5, repeats=1)
    true, swapped = (background_at(labels, scores, weights, 0.5) for scores in (x, x[order]))
    ratio = background_ratio(swapped, true)
    assert (found.increase.value, found.increase.se) == pytest.approx((ratio.value - 1, ratio.se))
    assert found.background.value == swapped.background.value == pytest.approx(4 / 7)
    assert found.background.se == pytest.approx(np.linalg.norm(swapped.influence))


def test_where_the_exchange_leaves_no_background_the_error_is_that_of_half_an_event():
    labels, x = np.array([1, 1, 0, 0]), np.array([0.9, 0.2, 0.4, 0.1])
    best = {"all": lambda events, random: np.array([0.9, 0.8, 0.2, 0.1])}
    (found,) = permutation_importance(lambda s: s, x, labels, best, repeats=1)
    assert (found.background.value, found.increase.value) == (0, -1)
    assert found.background.se == background_at(labels, best["all"](x, None)).background.se > 0


def test_each_input_and_each_of_five_repetitions_has_random_numbers_of_its_own():
    drawn = []

    def draw(events, random):
        drawn.append(random.random())
        return events

    labels, x = np.array([1, 1, 0, 0]), np.array([0.9, 0.2, 0.4, 0.1])
    permutation_importance(lambda s: s, x, labels, {"one": draw, "other": draw})
    assert drawn == [np.random.default_rng([0, place, i]).random() for place in range(2) for i in range(5)]


def test_a_variable_is_exchanged_by_its_name_and_the_others_stay():
    events = {"mass": np.arange(50.0), "charge": np.ones(50)}
    exchanged = exchange_variable("mass")(events, np.random.default_rng(9))
    assert list(exchanged) == ["mass", "charge"]
    assert exchanged["charge"] is events["charge"]
    assert exchanged["mass"].tolist() == np.random.default_rng(9).permutation(50).tolist()


def test_columns_of_a_matrix_are_variables_too():
    events, labels = sample(np.random.default_rng(4), 400)
    matrix = np.stack(list(events.values()), axis=1)
    by_column = permutation_importance(
        lambda table: likelihood(dict(zip(events, table.T, strict=True))),
        matrix,
        labels,
        {name: exchange_column(column) for column, name in enumerate(events)},
    )
    assert by_column == permutation_importance(likelihood, events, labels, EXCHANGES)


def set_data(counts, seed=0):
    """Events with two sets; features tell the event, the place in the set, and a number of chance."""
    random = np.random.default_rng(seed)
    sets = []
    for sizes in (np.asarray(counts), np.ones(len(counts), dtype=np.int64)):
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        event = np.repeat(np.arange(len(sizes)), sizes)
        place = np.arange(offsets[-1]) - offsets[event]
        features = np.stack([event, place, random.normal(size=len(event))], axis=1)
        sets.append(
            PackedSet(
                torch.from_numpy(features.astype(np.float32)), torch.from_numpy(offsets.astype(np.int64))
            )
        )
    return SetData(tuple(sets), torch.arange(2.0 * len(counts)).reshape(-1, 2))


COUNTS = st.lists(st.integers(0, 4), min_size=1, max_size=30)


@settings(max_examples=50, deadline=None)
@given(counts=COUNTS, seed=st.integers(0, 1000))
def test_whole_sets_change_events_as_they_stand(counts, seed):
    events = set_data(counts)
    exchanged = exchange_set(0)(events, np.random.default_rng(seed))
    assert exchanged.sets[1] is events.sets[1]
    assert exchanged.event_features is events.event_features
    own, other = ([one.features[a:b] for a, b in zip(one.offsets[:-1], one.offsets[1:], strict=True)]
                  for one in (events.sets[0], exchanged.sets[0]))  # fmt: skip
    key = lambda rows: sorted(tuple(row.flatten().tolist()) for row in rows)  # noqa: E731
    assert key(own) == key(other)


@settings(max_examples=50, deadline=None)
@given(counts=COUNTS, seed=st.integers(0, 1000))
def test_features_come_together_and_in_order_from_sets_of_the_same_size(counts, seed):
    events = set_data(counts)
    exchanged = exchange_feature(0, [0, 2])(events, np.random.default_rng(seed)).sets[0]
    true = events.sets[0]
    assert torch.equal(exchanged.offsets, true.offsets)
    assert torch.equal(exchanged.features[:, 1], true.features[:, 1])
    source = exchanged.features[:, 0].long()
    size = torch.diff(true.offsets)
    owner = torch.repeat_interleave(torch.arange(len(counts)), size)
    assert torch.equal(size[source], size[owner])
    expected = true.features[true.offsets[source] + true.features[:, 1].long(), 2]
    assert torch.equal(exchanged.features[:, 2], expected)
    assert torch.equal(exchanged.features[:, 2].sort().values, true.features[:, 2].sort().values)


def test_exchanges_do_exchange():
    events = set_data(np.full(200, 2))
    random = np.random.default_rng(1)
    for exchanged in (
        exchange_set(0)(events, random).sets[0].features,
        exchange_feature(0, [0])(events, random).sets[0].features,
    ):
        assert (exchanged[:, 0] != events.sets[0].features[:, 0]).float().mean() > 0.9
    moved = exchange_event_feature(1)(events, random).event_features
    assert torch.equal(moved[:, 0], events.event_features[:, 0])
    assert (moved[:, 1] != events.event_features[:, 1]).float().mean() > 0.9
    assert torch.equal(moved[:, 1].sort().values, events.event_features[:, 1])


def test_the_five_sets_have_their_features_exchanged_in_groups():
    exchanges = set_exchanges(FIVE_SETS, ["R2"])
    assert list(exchanges["sets"]) == [spec.name for spec in FIVE_SETS]
    assert list(exchanges["rest_photons"]) == ["momentum in own frame"]
    assert list(exchanges["candidate"]) == [
        "direction",
        "thrust axis in own frame",
        "direction along own axes",
    ]
    published = set_exchanges(FIVE_SETS_PUBLISHED)
    assert list(published["rest_photons"]) == ["momentum"]
    assert list(published["candidate"]) == ["direction", "thrust axis"]
    assert "identification" in exchanges["signal_tracks"]
    assert list(exchanges["event"]) == ["R2"]


def test_exchanges_by_name_move_the_features_of_their_name_alone():
    random = np.random.default_rng(8)
    offsets = torch.arange(0, 42, 2)
    sets = tuple(PackedSet(torch.from_numpy(random.random((40, 3))), offsets) for _ in range(3))
    events = SetData(sets, torch.from_numpy(random.random((20, 2))))
    specs = [SetSpec(name, ("px", "energy", "pz")) for name in ("tracks", "photons", "rest")]
    exchanges = set_exchanges(specs, ["R2", "thrust"])

    def moved(group, name):
        found = exchanges[group][name](events, random)
        assert len(found.sets) == 3
        columns = {
            f"{spec.name} {column}"
            for spec, one, true in zip(specs, found.sets, sets, strict=True)
            for column in range(3)
            if not torch.equal(one.features[:, column], true.features[:, column])
        }
        return columns | {
            c for c in (0, 1) if not torch.equal(*(e.event_features[:, c] for e in (found, events)))
        }

    for spec in specs:
        assert moved("sets", spec.name) == {f"{spec.name} {column}" for column in range(3)}
        assert moved(spec.name, "momentum") == {f"{spec.name} 0", f"{spec.name} 2"}
        assert moved(spec.name, "energy") == {f"{spec.name} 1"}
    assert moved("event", "R2") == {0}
    assert moved("event", "thrust") == {1}


def test_a_model_of_sets_loses_the_set_that_it_looks_at():
    random = np.random.default_rng(6)
    labels = random.random(600) < 0.5
    events = set_data(np.full(600, 2))
    useful = events.sets[0].features.clone()
    useful[:, 2] += torch.from_numpy(np.repeat(labels, 2))
    events = SetData((PackedSet(useful, events.sets[0].offsets), events.sets[1]), events.event_features)

    def score(data):
        return torch.sigmoid(data.sets[0].features[:, 2].reshape(-1, 2).sum(dim=1)).numpy()

    used, unused = permutation_importance(score, events, labels, {"a": exchange_set(0), "b": exchange_set(1)})
    assert used.increase.value > 3 * used.increase.se
    assert unused.increase.value == 0


def test_no_repetition_is_refused():
    events, labels = sample(np.random.default_rng(7), 50)
    with pytest.raises(InputError, match="repetitions"):
        permutation_importance(likelihood, events, labels, EXCHANGES, repeats=0)
