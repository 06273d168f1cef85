"""What a judgement of continuum suppression is made of: which events, which weights, which reference."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from hepsets.analyses.continuum_suppression import comparison
from hepsets.analyses.continuum_suppression.comparison import dependence, judge
from hepsets.analyses.continuum_suppression.config import BDT, TAG_BDT, Config
from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.purpose import Purpose

NETWORK = "multi_deep_sets"
N = 2000
RANDOM = np.random.default_rng(5)
LABEL = np.arange(N) % 2 == 0
HEAVY = np.arange(N) % 4 == 1
"""Half of the background, which counts nine times as much as the other half."""
TEST = ParticleSets(
    {"px": np.zeros(N)},
    np.arange(N + 1),
    {
        "label": LABEL,
        "weight": np.where(HEAVY, 9.0, 1.0),
        "mbc": RANDOM.uniform(5.24, 5.29, N),
        "delta_e": RANDOM.normal(0.0, 0.05, N),
    },
    Purpose.TEST,
)
TRAINED = SimpleNamespace(model=SimpleNamespace(n_parameters=7), history=(), seconds=1.0)


def scores_that_leave(heavy: float, light: float) -> np.ndarray:
    """A score that signal has evenly within [1/2, 1], and these shares of both kinds of background at 1."""
    found = np.zeros(N)
    found[LABEL] = np.linspace(0.5, 1.0, LABEL.sum())
    for kind, share in ((HEAVY, heavy), (~LABEL & ~HEAVY, light)):
        found[np.flatnonzero(kind)[: round(share * kind.sum())]] = 1.0
    return found


@pytest.fixture(scope="module")
def judged():
    scores = {
        BDT: scores_that_leave(0.4, 0.4),
        TAG_BDT: scores_that_leave(0.2, 0.2),
        NETWORK: scores_that_leave(0.1, 0.5),
    }
    return {name: judge(Config(), name, TRAINED, TEST, scores) for name in scores}


def test_background_counts_with_its_weight(judged):
    assert judged[NETWORK].left.background.value == pytest.approx(0.9 * 0.1 + 0.1 * 0.5)
    assert judged[BDT].left.background.value == pytest.approx(0.4)


def test_gains_are_over_trees_and_gains_over_the_tag_are_over_trees_with_it(judged):
    assert judged[NETWORK].gain.value == pytest.approx(1 - 0.14 / 0.4)
    assert judged[NETWORK].gain_over_tag.value == pytest.approx(1 - 0.14 / 0.2)
    assert judged[BDT].gain.value == pytest.approx(0.0)
    assert judged[TAG_BDT].gain_over_tag is None


def test_areas_and_curves_count_weights_as_well(judged):
    # background that is left lies above all signal but the last, the rest below
    assert judged[NETWORK].auc.value == pytest.approx(1 - 0.14, abs=2e-3)
    assert judged[NETWORK].curve.background == pytest.approx(0.14)
    assert judged[NETWORK].ratio.ratio == pytest.approx(0.14 / 0.4)


def test_a_subtracted_sideband_leaves_the_background_of_what_is_not_subtracted():
    """Background of which the heavy half is taken off again by its mirror image, with weights of -9."""
    mirror = TEST[HEAVY].with_columns(weight=np.full(HEAVY.sum(), -9.0))
    bare = ParticleSets(TEST.particles, TEST.offsets, TEST.columns)
    both = ParticleSets.concatenate([bare, ParticleSets(mirror.particles, mirror.offsets, mirror.columns)])
    found = scores_that_leave(0.1, 0.5)
    scores = {BDT: np.concatenate([found, found[HEAVY]])}
    result = judge(Config(), BDT, TRAINED, both.used_for(Purpose.TEST), scores)
    assert result.left.background.value == pytest.approx(0.5)
    assert result.left.background.se > 0.1  # the heavy events leave their fluctuation
    assert result.dependence == {}  # there is no distance correlation with negative weights
    assert np.isfinite(result.sculpting["mbc"].p_value)


def test_cuts_are_where_the_run_wants_them():
    scores = {BDT: np.where(LABEL, 0.4, 0.3) + 0.4 * RANDOM.random(N)}
    for efficiency in (0.5, 0.95):
        found = judge(Config(signal_efficiency=efficiency), BDT, TRAINED, TEST, scores)
        kept = scores[BDT] >= found.left.threshold
        assert kept[LABEL].mean() == pytest.approx(efficiency, abs=2e-3)
        assert found.sculpting["mbc"].efficiency.mean() == pytest.approx(
            found.left.background.value, abs=0.05
        )


def test_what_the_score_knows_of_an_observable_is_asked_of_background_by_weight():
    heavy_knows = np.where(HEAVY, (TEST.columns["mbc"] - 5.24) / 0.05, RANDOM.random(N))
    signal_knows = np.where(LABEL, (TEST.columns["mbc"] - 5.24) / 0.05, RANDOM.random(N))
    light_knows = np.where(HEAVY, RANDOM.random(N), (TEST.columns["mbc"] - 5.24) / 0.05)
    known = [
        dependence(TEST, scores, "mbc").value.value for scores in (heavy_knows, light_knows, signal_knows)
    ]
    assert known[0] > 0.6
    assert max(known[1:]) < 0.3


def test_models_are_judged_on_test_events_alone():
    trained_on = ParticleSets(TEST.particles, TEST.offsets, TEST.columns, Purpose.TRAINING)
    with pytest.raises(InputError, match="training events where models are judged"):
        judge(Config(), BDT, TRAINED, trained_on, {BDT: np.zeros(N)})


def test_a_comparison_judges_its_own_models_on_its_own_test_events(monkeypatch):
    asked = []

    def score_of(model, events):
        asked.append((model.name, events))
        return scores_that_leave(*model.left)

    monkeypatch.setattr(comparison, "score_of", score_of)
    config = Config(models=(BDT, NETWORK))
    trained = {
        comparison.Training(name, which): SimpleNamespace(
            model=SimpleNamespace(name=(name, which), left=left, n_parameters=7), history=(), seconds=1.0
        )
        for name, which, left in (
            (BDT, "shape", (0.4, 0.4)),
            (NETWORK, "shape", (0.1, 0.1)),
            (BDT, "other", (0.9, 0.9)),
            (NETWORK, "other", (0.8, 0.8)),
        )
    }
    train = ParticleSets(TEST.particles, TEST.offsets, TEST.columns, Purpose.TRAINING)[: N // 2]
    pair = SimpleNamespace(train=train, test=TEST, cut=0.01)
    found = comparison.compare_models(config, "shape", pair, trained)
    assert [name for name, events in asked if events is TEST] == [(BDT, "shape"), (NETWORK, "shape")]
    assert [model.left.background.value for model in found.models] == [pytest.approx(0.4), pytest.approx(0.1)]
    assert (found.training.all, found.test.all, found.cut) == (N // 2, N, 0.01)
    assert [model.name for model in found.ranked] == [NETWORK, BDT]
