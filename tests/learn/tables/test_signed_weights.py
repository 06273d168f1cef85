"""Trees whose weights have either sign."""

import numpy as np
import pytest
from helpers.s_weighted import mixture

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.evaluate.scores.classification import classify
from hepsets.learn.tables.boosted_trees import BoostedTreesConfig, fit_trees
from hepsets.learn.tables.oversampling import smote

CONFIG = BoostedTreesConfig(trees=200, patience=20, depth=3, learning_rate=0.1, threads=1)
VARIABLES = ("x", "y")


@pytest.fixture(scope="module")
def toy():
    return mixture(seed=1)


def area(toy, matrix, labels, weights=None):
    """Of trees trained so, on pure test events."""
    events = EventFrame(dict(zip(VARIABLES, matrix.T, strict=True)))
    trees, _ = fit_trees(events, labels, VARIABLES, weights, CONFIG)
    return classify(toy.test_labels, trees.score_matrix(toy.test.astype(np.float32))).auc


def test_s_weighted_training_recovers_what_pure_signal_gives(toy):
    pure = area(toy, toy.pure, toy.pure_labels)
    weighted = area(toy, toy.mixed, toy.mixed_labels, toy.weights)
    unweighted = area(toy, toy.mixed, toy.mixed_labels)
    assert toy.weights.min() < -0.3
    assert pure.value - weighted.value < 0.006
    assert pure.value - unweighted.value > 0.02


def test_signed_trees_with_weights_of_one_are_those_of_xgboost_s_own_loss(toy):
    """One weight of -10⁻⁹ changes nothing but the way that the trees are grown."""
    weights = np.ones(len(toy.pure))
    weights[0] = -1e-9
    events = EventFrame(dict(zip(VARIABLES, toy.pure.T, strict=True)))
    own = fit_trees(events, toy.pure_labels, VARIABLES, np.abs(weights), CONFIG)[0].score(events)
    signed = fit_trees(events, toy.pure_labels, VARIABLES, weights, CONFIG)[0].score(events)
    assert np.abs(own - signed).mean() < 0.01
    assert np.corrcoef(own, signed)[0, 1] > 0.998


def test_weights_that_cancel_and_smote_are_refused(toy):
    events = EventFrame(dict(zip(VARIABLES, toy.mixed.T, strict=True)))
    cancelling = np.where(toy.mixed_labels, -1.0, 1.0)
    with pytest.raises(InputError, match="one class"):
        fit_trees(events, toy.mixed_labels, VARIABLES, cancelling, CONFIG)
    with pytest.raises(InputError, match="negative weights with SMOTE"):
        fit_trees(events, toy.mixed_labels, VARIABLES, toy.weights, CONFIG, oversample=smote)
