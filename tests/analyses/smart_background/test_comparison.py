"""What a judgement of smart background chooses with and measures on, on scores of known quality."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.random_events import random_events

from hepsets.analyses.smart_background import comparison
from hepsets.analyses.smart_background.comparison import best_of, compare_models, judge
from hepsets.analyses.smart_background.config import Config, FitChanges
from hepsets.analyses.smart_background.samples import Samples
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.purpose import Purpose
from hepsets.deploy.filter.card import load_card
from hepsets.evaluate.filter.importance_sampling import choose_keep_rule, choose_logistic_rule
from hepsets.evaluate.filter.speedup import SpeedupConfig, choose_threshold, speedup_at
from hepsets.evaluate.scores.classification import classify
from hepsets.evaluate.scores.sample import scored_events

N = 1200
COSTS = SpeedupConfig(retention=None, time_network=None)
CONFIG = Config(models=("deep_sets", "decay_sweep"), training_seeds=2, speedup=COSTS, protect=(), seed=3)


def events(seed: int, shift: float, purpose: Purpose):
    """Passing events have higher scores; ``shift`` moves all of them, so that other thresholds are best."""
    random = np.random.default_rng(seed)
    label = np.arange(N) % 3 == 0
    score = random.normal(np.where(label, 1.0, -1.0) + shift, 1.0)
    return (
        random_events(N, seed=seed, mean_particles=6.0)
        .with_columns(
            label=label,
            weight=np.where(label, 1.0, random.uniform(5, 20, N)),
            score=score,
            mbc=random.uniform(5.24, 5.29, N),
        )
        .used_for(purpose)
    )


SAMPLES = Samples(
    events(1, 0.0, Purpose.TRAINING),
    events(2, 1.0, Purpose.TEST),
    Measured(0.03, 0.001),
    None,
    True,
    "mixed",
    "hadronic_b0",
)
HELD_OUT = np.arange(N)[::2]


def training_of(sharpness: float):
    """A model that makes this of the column ``score``, and what its fit held out."""
    model = SimpleNamespace(config=SimpleNamespace(inputs="particles"), n_parameters=5, sharpness=sharpness)
    fit = SimpleNamespace(
        validation=lambda train: train.held_out(HELD_OUT),
        history=(),
        best_epoch=1,
        validation_indices=HELD_OUT,
        train_events_per_s=1.0,
        converged=True,
    )
    return model, fit


def scores_of(model, of) -> np.ndarray:
    column = of.columns["score"]
    noise = np.random.default_rng(len(of)).normal(size=len(of)) * (1 - model.sharpness)
    return (1 / (1 + np.exp(-column - 3 * noise))).astype(np.float32)


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Of a sharp training and a blurred one of the same model, at 1200 events in 2 s: a card, a result."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison, "score", scores_of)
        clock = iter([10.0, 12.0])
        patch.setattr(comparison, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
        result = judge(CONFIG, "deep_sets", SAMPLES, [training_of(1.0), training_of(0.5)], folder)
    return result, load_card(folder / "deep_sets.card.json")


@pytest.fixture(scope="module")
def expected():
    """What the held-out events choose, by the same definitions, and the scores of the test events."""
    validation = SAMPLES.train.held_out(HELD_OUT)
    costs = COSTS.resolve(retention=0.03, time_network=2.0 / N)
    found = []
    for sharpness in (1.0, 0.5):
        model, _ = training_of(sharpness)
        chosen_on = scored_events(validation, scores_of(model, validation))
        scores = scores_of(model, SAMPLES.test).astype(np.float64)
        found.append(SimpleNamespace(chosen_on=chosen_on, scores=scores, costs=costs))
    return found


def test_the_threshold_is_best_on_held_out_training_events_and_its_worth_is_that_of_test_events(
    judged, expected
):
    result, card = judged
    first = expected[0]
    threshold = choose_threshold(first.chosen_on, first.costs).threshold
    label, weight = SAMPLES.test.columns["label"], SAMPLES.test.columns["weight"]
    worth = speedup_at(threshold, label, first.scores, weight, first.costs)
    assert result.speedup.threshold == card.skims[0].threshold == threshold
    assert result.speedup.speedup.value == worth.speedup.value
    assert result.speedup.speedup.se >= worth.speedup.se


def test_keep_rules_are_chosen_on_held_out_events_and_know_the_share_that_was_trained_on(judged, expected):
    _, card = judged
    first = expected[0]
    assert card.skims[0].rule == choose_keep_rule(first.chosen_on, first.costs, trained=1 / 3)
    assert card.skims[0].logistic == choose_logistic_rule(first.chosen_on, first.costs)


def test_models_are_ranked_by_held_out_events_and_measured_on_test_events(judged, expected):
    result, _ = judged
    first = expected[0]
    assert result.validation_auc == classify(first.chosen_on.labels, first.chosen_on.scores).auc.value
    assert result.classification.auc == classify(SAMPLES.test.columns["label"], first.scores).auc
    lucky = SimpleNamespace(validation_auc=0.8, classification=SimpleNamespace(auc=0.9))
    better = SimpleNamespace(validation_auc=0.85, classification=SimpleNamespace(auc=0.7))
    assert best_of([lucky, better]) is better


def test_every_training_has_its_own_scores_and_its_own_threshold(judged, expected):
    result, _ = judged
    label, weight = SAMPLES.test.columns["label"], SAMPLES.test.columns["weight"]
    for number, each in enumerate(expected):
        threshold = choose_threshold(each.chosen_on, each.costs).threshold
        worth = speedup_at(threshold, label, each.scores, weight, each.costs)
        assert result.speedups.trainings[number].value == pytest.approx(worth.speedup.value)
        assert result.aucs.trainings[number].value == pytest.approx(classify(label, each.scores).auc.value)


def test_the_time_of_the_network_and_the_errors_of_the_choices_count(judged, expected):
    result, _ = judged
    assert result.score_events_per_s == N / 2
    assert result.speedup.speedup.se == result.speedups.trainings[0].se
    assert result.importance.speedup.se == result.importances.trainings[0].se
    free = COSTS.resolve(retention=0.03, time_network=0.0)
    label, weight = SAMPLES.test.columns["label"], SAMPLES.test.columns["weight"]
    dear = speedup_at(result.speedup.threshold, label, expected[0].scores, weight, free)
    assert result.speedup.speedup.value < dear.speedup.value


def test_the_error_of_each_choice_is_added_to_the_worth_of_that_choice(monkeypatch, tmp_path):
    def choice_error(choose, worth, sample, *, seed, samples=None):
        assert sample.purpose is Purpose.VALIDATION
        return 300.0 if isinstance(choose(sample), float) else 500.0

    monkeypatch.setattr(comparison, "score", scores_of)
    monkeypatch.setattr(comparison, "choice_error", choice_error)
    result = judge(CONFIG, "deep_sets", SAMPLES, [training_of(1.0)], tmp_path)
    assert result.speedup.speedup.se == pytest.approx(300.0, rel=1e-3)
    assert result.importance.speedup.se == pytest.approx(500.0, rel=1e-3)


def test_biases_are_those_of_passing_test_events_above_the_threshold(judged, expected):
    result, _ = judged
    passing = SAMPLES.test.columns["label"]
    kept = expected[0].scores[passing] >= result.speedup.threshold
    assert 0.3 < kept.mean() < 0.97
    (mbc,) = (bias for bias in result.biases if bias.observable == "mbc")
    assert np.sum(mbc.all_share * mbc.efficiency) == pytest.approx(kept.mean(), abs=1e-6)


def test_the_card_knows_training_events(judged):
    _, card = judged
    sizes = SAMPLES.train.multiplicity
    assert card.domain.multiplicity == (sizes.min(), sizes.max())
    assert (card.sample, card.skims[0].name) == ("mixed", "hadronic_b0")


def test_models_are_not_judged_on_training_events(tmp_path):
    swapped = Samples(SAMPLES.train, SAMPLES.train, Measured(0.03, 0.0), None, True, "mixed", "hadronic_b0")
    with pytest.raises(InputError, match="training events where models are judged"):
        judge(CONFIG, "deep_sets", swapped, [training_of(1.0)], tmp_path)


def test_each_model_is_judged_by_its_own_trainings(monkeypatch, tmp_path):
    monkeypatch.setattr(comparison, "train_all", lambda config, trainings, *_, workers: trainings)
    monkeypatch.setattr(comparison, "train", lambda config, name, events, folder, training: training)
    monkeypatch.setattr(comparison, "judge", lambda config, name, samples, trained, folder: (name, trained))
    found = compare_models(CONFIG, SAMPLES, tmp_path)
    assert [
        (name, [(training.model, training.number) for training in trained]) for name, trained in found
    ] == [(name, [(name, 0), (name, 1)]) for name in CONFIG.models]


def test_two_processes_find_what_one_finds_and_leave_no_files_of_events(tmp_path):
    settled = SpeedupConfig(retention=None, time_network=0.001)
    config = replace(
        CONFIG, models=("deep_sets", "flat_mlp"), speedup=settled, fit=FitChanges(epochs=1, least_steps=0)
    )
    folders = [tmp_path / name for name in ("one", "two")]
    one, two = (
        compare_models(config, SAMPLES, folder, workers=workers)
        for folder, workers in zip(folders, (1, 2), strict=True)
        if folder.mkdir() is None
    )
    for alone, beside in zip(one, two, strict=True):
        assert alone.name == beside.name
        assert np.array_equal(alone.scores, beside.scores)
        assert alone.speedup.speedup == beside.speedup.speedup
        assert alone.importance.speedup == beside.importance.speedup
    cards = [sorted(path.name for path in folder.glob("*")) for folder in folders]
    assert cards[0] == cards[1]
    assert not any(name.endswith(".parquet") for name in cards[1])
