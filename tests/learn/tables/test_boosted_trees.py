import json
import re
from typing import Any

import numpy as np
import pytest
from helpers.random_candidates import random_candidates
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose
from hepsets.core.record import sealed
from hepsets.learn.files import load, save
from hepsets.learn.tables.boosted_trees import BoostedTrees, BoostedTreesConfig, fit_trees
from hepsets.learn.training.fit import split_train_validation
from hepsets.select.variables.continuum import VARIABLES

CONFIG = BoostedTreesConfig(trees=200, patience=10, depth=3, threads=1)


def toy(n_events: int, seed: int):
    """Signal with probability σ(2 R2 − et − 1) of two variables, the other 28 know nothing."""
    events = random_candidates(n_events, seed=seed, mean_particles=2)
    truth = expit(2 * events.columns["R2"] - events.columns["et"] - 1)
    labels = np.random.default_rng(seed).random(n_events) < truth
    return events, labels, truth


EVENTS, LABELS, TRUTH = toy(4000, 1)
TREES, RESULT = fit_trees(EVENTS, LABELS, VARIABLES, config=CONFIG)


def test_trees_come_near_the_best_possible_scores() -> None:
    test, labels, truth = toy(4000, 2)
    best, found = roc_auc_score(labels, truth), roc_auc_score(labels, TREES.score(test))
    assert best - 0.02 < found < best + 0.005
    assert TREES.score(test).mean() == pytest.approx(labels.mean(), abs=0.03)


def test_importance_goes_to_the_variables_that_count() -> None:
    gains = TREES.gains()
    assert tuple(gains) == VARIABLES
    assert sum(gains.values()) == pytest.approx(1.0)
    assert set(sorted(gains, key=gains.get)[-2:]) == {"R2", "et"}


def test_growing_stops_when_validation_gets_no_better() -> None:
    assert len(TREES) == RESULT.best_trees == int(np.argmin(RESULT.validation_losses)) + 1
    assert len(RESULT.validation_losses) == RESULT.best_trees + CONFIG.patience < CONFIG.trees
    train, held = split_train_validation(len(EVENTS), CONFIG.validation_fraction, CONFIG.seed)
    np.testing.assert_array_equal(train, RESULT.train_indices)
    np.testing.assert_array_equal(held, RESULT.validation_indices)
    p = TREES.score(EVENTS[held]).astype(np.float64)
    loss = -np.mean(np.where(LABELS[held], np.log(p), np.log1p(-p)))
    assert loss == pytest.approx(min(RESULT.validation_losses), rel=1e-5)


def test_seeds_repeat_the_trees() -> None:
    again, _ = fit_trees(EVENTS, LABELS, VARIABLES, config=CONFIG)
    np.testing.assert_array_equal(again.score(EVENTS), TREES.score(EVENTS))
    other, _ = fit_trees(
        EVENTS, LABELS, VARIABLES, config=BoostedTreesConfig(**{**CONFIG.__dict__, "seed": 1})
    )
    assert (other.score(EVENTS) != TREES.score(EVENTS)).any()


def test_events_of_weight_zero_teach_nothing() -> None:
    keep = np.arange(len(EVENTS)) % 3 > 0
    wrong = np.where(keep, LABELS, ~LABELS)
    one, _ = fit_trees(EVENTS, LABELS, VARIABLES, keep.astype(float), CONFIG)
    other, _ = fit_trees(EVENTS, wrong, VARIABLES, keep.astype(float), CONFIG)
    np.testing.assert_allclose(one.score(EVENTS), other.score(EVENTS), atol=1e-6)


def earlier_record() -> dict[str, Any]:
    """The trees as earlier versions wrote them: JSON all through."""
    record = TREES.record() | {"format": "hepsets-trees-1"}
    return record | {"trees": json.loads(TREES.tensors()["trees"].numpy().tobytes())}


def test_saving_and_loading_keeps_the_score(tmp_path) -> None:
    save(TREES, tmp_path / "bdt.safetensors")
    (tmp_path / "bdt.json").write_text(json.dumps(sealed(earlier_record())))
    for name in ("bdt.safetensors", "bdt.json"):
        loaded = load(tmp_path / name, BoostedTrees)
        np.testing.assert_array_equal(loaded.score(EVENTS), TREES.score(EVENTS))
        assert (loaded.name, loaded.variables, loaded.config) == (TREES.name, TREES.variables, TREES.config)
        assert loaded.gains() == TREES.gains()


def test_broken_and_foreign_files_are_refused(tmp_path) -> None:
    path = tmp_path / "bdt.json"
    with pytest.raises(InputError, match="no file"):
        load(path, BoostedTrees)
    content = json.dumps(earlier_record()).encode()
    for broken in (b"", b"{}", b"[1]", b"\x80\x04K\x01.", content[:1000]):
        path.write_bytes(broken)
        with pytest.raises(InputError, match=r"bdt\.json"):
            load(path, BoostedTrees)
    condition = re.search(rb'"split_conditions": \[', content).end()
    for odd in (b"NaN, ", b"-Infinity, ", b"1e999, "):
        path.write_bytes(content[:condition] + odd + content[condition:])
        with pytest.raises(InputError, match="not finite"):
            load(path, BoostedTrees)
    for change in (
        {"format": "other"},
        {"variables": VARIABLES[:-1]},
        {"config": {"unheard_of": 1}},
        {"trees": {}},
        {"trees": 5},
    ):
        path.write_text(json.dumps({**json.loads(content), **change}))
        with pytest.raises(InputError):
            load(path, BoostedTrees)


def test_no_events_have_no_scores() -> None:
    assert TREES.score(EVENTS[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("labels", "variables", "weights"),
    [
        (LABELS[:-1], VARIABLES, None),
        (np.ones(len(EVENTS), bool), VARIABLES, None),
        (LABELS, (*VARIABLES, "unheard_of"), None),
        (LABELS, (), None),
        (LABELS, VARIABLES, -np.ones(len(EVENTS))),
        (LABELS, VARIABLES, np.ones(3)),
        (LABELS, VARIABLES, LABELS.astype(float)),
    ],
)
def test_bad_input_is_refused(labels, variables, weights) -> None:
    with pytest.raises(InputError):
        fit_trees(EVENTS, labels, variables, weights, CONFIG)


def test_values_that_are_not_finite_are_refused() -> None:
    bad = EVENTS.with_columns(mm2=np.where(np.arange(len(EVENTS)) == 7, np.nan, 1.0))
    with pytest.raises(InputError, match="mm2"):
        TREES.score(bad)


def test_trees_never_grow_on_validation_or_test_events() -> None:
    tiny = BoostedTreesConfig(trees=1, threads=1)
    with pytest.raises(InputError, match="test events where bdt is trained"):
        fit_trees(EVENTS.used_for(Purpose.TEST), LABELS, VARIABLES, config=tiny)
    training = EVENTS.used_for(Purpose.TRAINING)
    with pytest.raises(InputError, match="validation events where bdt is trained"):
        fit_trees(training.held_out(np.arange(len(EVENTS))), LABELS, VARIABLES, config=tiny)
    assert len(fit_trees(training, LABELS, VARIABLES, config=tiny)[0]) == 1
