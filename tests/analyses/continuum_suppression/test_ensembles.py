"""Several trainings of a model, taken together."""

import numpy as np
import pytest

from hepsets.analyses.continuum_suppression.config import Config
from hepsets.analyses.continuum_suppression.ensembles import ensemble_columns, judge_ensembles
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.purpose import Purpose


@pytest.fixture
def repeated():
    """Two models, one of them trained thrice with noise of its own each time."""
    random = np.random.default_rng(1)
    n = 4000
    label = random.random(n) < 0.5
    events = ParticleSets(
        {"px": np.zeros(0)}, np.zeros(n + 1, dtype=int), {"label": label, "weight": np.ones(n)}
    )
    common = 1.5 * (2 * label - 1) + random.normal(size=n)
    scores = {seed: 1 / (1 + np.exp(-common - random.normal(0, 0.8, n))) for seed in range(3)}
    return events.used_for(Purpose.TEST), {"net": scores, "once": {0: scores[0]}}


def test_the_mean_of_trainings_is_better_than_the_first_and_its_spread_is_told(repeated):
    events, scores = repeated
    (found,) = judge_ensembles(Config(), events, scores)
    assert (found.name, found.trainings) == ("net", 3)
    assert found.auc.value > found.auc_of_first.value
    assert found.left.value < found.left_of_first.value
    assert 0.05 < found.spread < 0.3
    assert found.against_error is not None


def test_predictions_get_mean_and_spread_of_models_with_several_trainings(repeated):
    _, scores = repeated
    columns = ensemble_columns(scores)
    assert list(columns) == ["net_mean", "net_spread"]
    assert columns["net_mean"] == pytest.approx(np.mean([scores["net"][k] for k in range(3)], axis=0))
