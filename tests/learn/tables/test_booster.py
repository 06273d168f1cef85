import numpy as np
import pytest
import xgboost as xgb

from hepsets.learn.tables.boosted_trees import BoostedTreesConfig
from hepsets.learn.tables.booster import from_tensors, gains, grow, to_tensors

CONFIG = BoostedTreesConfig(trees=40, patience=5, depth=2, learning_rate=0.3, threads=1)
VARIABLES = ("thrust", "noise")


def events(seed):
    """Events that are signal where the first of two numbers is large."""
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(400, 2)).astype(np.float32)
    return matrix, matrix[:, 0] + random.normal(size=400) > 0


@pytest.fixture(scope="module")
def grown():
    return grow(
        *(xgb.DMatrix(*events(seed)) for seed in (1, 2)), CONFIG, "logloss", objective="binary:logistic"
    )


def test_growing_ends_after_the_least_validation_loss_and_keeps_the_trees_up_to_it(grown):
    assert grown.best_rounds == np.argmin(grown.validation_losses) + 1 == grown.booster.num_boosted_rounds()
    assert len(grown.train_losses) == len(grown.validation_losses) == grown.best_rounds + CONFIG.patience


def test_what_tells_the_classes_has_most_of_the_gain(grown):
    found = gains(grown.booster, VARIABLES)
    assert list(found) == list(VARIABLES)
    assert sum(found.values()) == pytest.approx(1)
    assert found["thrust"] > found["noise"]


def test_trees_are_read_back_as_they_were_and_only_for_as_many_variables(grown):
    matrix, _ = events(3)
    tensors = to_tensors(grown.booster)
    again = from_tensors(tensors, VARIABLES, CONFIG)
    assert np.array_equal(again.inplace_predict(matrix), grown.booster.inplace_predict(matrix))
    with pytest.raises(ValueError, match="2 features for 3 variables"):
        from_tensors(tensors, (*VARIABLES, "r2"), CONFIG)
