import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.learn.tables.boosted_trees import BoostedTreesConfig, fit_trees
from hepsets.learn.tables.folds import assign_folds, cross_train, hold_families


def families(n_families: int = 300, seed: int = 1):
    """Families of 1 to 12 candidates, of one class each, in random order."""
    random = np.random.default_rng(seed)
    groups = np.repeat(10 * np.arange(n_families), random.integers(1, 13, n_families))
    return random.permutation(groups)


def relatives():
    """Candidates whose one variable is that of their family, and whose class is drawn by family."""
    random = np.random.default_rng(3)
    groups = families(seed=3)
    number = groups // 10
    return EventFrame({"x": random.random(300)[number]}), random.random(300)[number] < 0.5, groups


class Neighbour:
    """A model that gives a candidate the class of the one most like it."""

    def __init__(self, part):
        order = np.argsort(part.events["x"])
        self.x, self.labels = part.events["x"][order], part.labels[order]

    def score(self, events):
        after = np.clip(np.searchsorted(self.x, events["x"]), 1, len(self.x) - 1)
        nearer = events["x"] - self.x[after - 1] < self.x[after] - events["x"]
        return self.labels[after - nearer].astype(float)


class Constant:
    """A model that gives every candidate one score, and keeps what it was trained on."""

    def __init__(self, part):
        self.part = part

    def score(self, events):
        return np.full(len(events), 0.1 * self.part.fold)


def test_the_model_of_each_fold_can_have_weights_of_its_own() -> None:
    events, labels, groups = relatives()
    weights = np.arange(3.0)[:, None] + 0.001 * np.arange(len(groups))
    found = cross_train(events, labels, groups, Constant, weights=weights, folds=3)
    for fold, model in enumerate(found.models):
        np.testing.assert_array_equal(model.part.weights, weights[fold][found.folds != fold])
    with pytest.raises(InputError, match="weights for 2 models of 3 folds"):
        cross_train(events, labels, groups, Constant, weights=weights[:2], folds=3)


def test_a_family_is_in_one_fold() -> None:
    groups = families()
    folds = assign_folds(groups, folds=5)
    assert all(len(np.unique(folds[groups == family])) == 1 for family in np.unique(groups))


def test_folds_have_their_share_of_each_class() -> None:
    groups = families()
    labels = groups // 10 % 4 == 0
    folds = assign_folds(groups, labels, folds=4)
    for kind in (labels, ~labels):
        np.testing.assert_allclose(np.bincount(folds[kind]) / kind.sum(), 0.25, atol=0.01)


def test_folds_depend_on_families_and_seed_but_not_on_the_order_of_candidates() -> None:
    groups = families()
    order = np.random.default_rng(2).permutation(len(groups))
    np.testing.assert_array_equal(assign_folds(groups)[order], assign_folds(groups[order]))
    np.testing.assert_array_equal(assign_folds(groups), assign_folds(groups))
    assert (assign_folds(groups) != assign_folds(groups, seed=1)).any()


def test_scores_say_nothing_where_only_relatives_would_know() -> None:
    """The variable tells the family, and nothing else: whoever saw a relative knows the class."""
    events, labels, groups = relatives()
    found = cross_train(events, labels, groups, Neighbour)
    assert roc_auc_score(labels, found.scores) == pytest.approx(0.5, abs=0.1)
    leaking = cross_train(events, labels, np.arange(len(events)), Neighbour)
    assert roc_auc_score(labels, leaking.scores) > 0.9


def test_no_model_saw_a_relative_of_what_it_scores() -> None:
    events, labels, groups = relatives()
    found = cross_train(events, labels, groups, Constant, folds=3)
    for model in found.models:
        own = found.folds == model.part.fold
        assert not np.isin(model.part.groups, groups[own]).any()
        assert len(model.part.groups) == (~own).sum()
        np.testing.assert_allclose(found.scores[own], 0.1 * model.part.fold)


def test_what_is_not_used_is_scored_and_never_trained_on() -> None:
    events, labels, groups = relatives()
    use = np.random.default_rng(0).random(len(events)) < 0.7
    weights = np.arange(len(events)) + 1.0
    found = cross_train(events, labels, groups, Constant, weights=weights, use=use, folds=3)
    assert sum(len(model.part.events) for model in found.models) == 2 * use.sum()
    for model in found.models:
        chosen = use & (found.folds != model.part.fold)
        np.testing.assert_array_equal(model.part.weights, weights[chosen])
        np.testing.assert_array_equal(model.part.labels, labels[chosen])
        np.testing.assert_array_equal(model.part.events["x"], events["x"][chosen])
    assert np.isfinite(found.scores).all()


def test_folds_can_be_given() -> None:
    events, labels, groups = relatives()
    folds = assign_folds(groups, folds=2, seed=9)
    found = cross_train(events, labels, groups, Constant, folds=folds)
    np.testing.assert_array_equal(found.folds, folds)
    assert [model.part.fold for model in found.models] == [0, 1]
    with pytest.raises(InputError, match="one fold for each family"):
        cross_train(events, labels, groups, Constant, folds=np.arange(len(groups)) % 2)


def test_new_candidates_get_the_mean_and_relatives_the_model_that_did_not_see_them() -> None:
    events, labels, groups = relatives()
    found = cross_train(events, labels, groups, Constant, folds=3)
    np.testing.assert_allclose(found.score(events), 0.1)
    np.testing.assert_allclose(found.score(events, groups), found.scores)
    for strangers in (groups + 1, groups + 10**6, groups - 10**6):
        np.testing.assert_allclose(found.score(events, strangers), 0.1)
    assert found.score(events[:0]).shape == (0,)


def test_trees_stop_growing_by_families_that_they_did_not_see() -> None:
    events, labels, groups = relatives()
    config = BoostedTreesConfig(trees=20, depth=8, learning_rate=1.0, least_weight=0.0, threads=1)
    _, apart = fit_trees(events, labels, ("x",), config=config, groups=groups)
    assert not np.isin(groups[apart.validation_indices], groups[apart.train_indices]).any()
    assert min(apart.validation_losses) > 0.6  # no better than tossing a coin
    _, mixed = fit_trees(events, labels, ("x",), config=config)
    assert min(mixed.validation_losses) < 0.3


def test_about_the_fraction_is_held_with_both_classes() -> None:
    groups = families()
    labels = groups // 10 % 7 == 0
    train, held = hold_families(groups, labels, 0.25, seed=0)
    assert len(held) == pytest.approx(0.25 * len(groups), rel=0.05)
    assert set(train) | set(held) == set(range(len(groups)))
    assert labels[held].mean() == pytest.approx(labels.mean(), abs=0.02)
    few = np.array([0, 0, 1, 1, 2, 2, 3, 3, 3])
    train, held = hold_families(few, few < 2, 0.25, seed=0)
    assert 0 < (few[held] < 2).sum() < len(held)
    assert 0 < (few[train] < 2).sum() < len(train)


@pytest.mark.parametrize(
    ("groups", "labels", "options", "says"),
    [
        (np.zeros(4), None, {}, "5 folds of 1 families"),
        (np.arange(4), None, {"folds": 1}, "1 folds of 4 families"),
        (np.arange(4), np.zeros(3), {}, "shapes"),
        (np.zeros((4, 2)), None, {}, "shapes"),
    ],
)
def test_folds_that_cannot_be_are_refused(groups, labels, options, says) -> None:
    with pytest.raises(InputError, match=says):
        assign_folds(groups, labels, **options)


def test_trainings_that_cannot_be_are_refused() -> None:
    events, labels, groups = relatives()
    with pytest.raises(InputError, match="shapes"):
        cross_train(events, labels[:-1], groups, Constant)
    with pytest.raises(InputError, match="one class outside fold"):
        cross_train(events, np.ones(len(events)), groups, Constant)
    with pytest.raises(InputError, match="not all classes occur twice"):
        hold_families(np.array([1, 1, 2, 3]), np.array([1, 1, 0, 0]), 0.25, 0)
