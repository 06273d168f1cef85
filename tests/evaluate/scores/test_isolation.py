import numpy as np
import pytest
from helpers.isolated_candidates import best_area, isolated_candidates

from hepsets.evaluate.scores.families import family_auc
from hepsets.evaluate.scores.isolation import compare_isolation
from hepsets.learn.particle_sets.isolation import IsolationConfig
from hepsets.learn.tables.folds import assign_folds
from hepsets.learn.training.config import FitConfig

CANDIDATES, LABELS, GROUPS = isolated_candidates(1200, seed=1)
USE = np.arange(1200) % 6 > 0
FOUND = compare_isolation(
    CANDIDATES,
    LABELS,
    GROUPS,
    USE,
    network=IsolationConfig(
        units=16, dropout=0.0, fit=FitConfig(epochs=8, batch=64, learning_rate=5e-3, device="cpu")
    ),
    folds=2,
)


def test_the_network_finds_what_classic_variables_do_not_know() -> None:
    assert FOUND.auc["classic"].value == pytest.approx(0.5, abs=0.08)
    for name in ("learnt", "both"):
        assert FOUND.auc[name].value == pytest.approx(best_area(), abs=0.06)
        assert FOUND.gain[name].value == pytest.approx(FOUND.auc[name].value - FOUND.auc["classic"].value)
        assert FOUND.gain[name].value > 5 * FOUND.gain[name].se


def test_what_is_not_used_is_scored_and_does_not_judge() -> None:
    scores = FOUND.trained["learnt"].scores
    assert np.isfinite(scores).all()
    assert FOUND.auc["learnt"] == family_auc(LABELS[USE], scores[USE], GROUPS[USE])


def test_all_are_judged_on_the_same_folds() -> None:
    folds = [one.folds for one in FOUND.trained.values()]
    expected = assign_folds(GROUPS, np.where(USE, LABELS, 2), folds=2)
    for found in folds:
        np.testing.assert_array_equal(found, expected)
