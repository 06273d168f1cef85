"""Models trained again with other seeds: what differs between the trainings, and what does not."""

from types import SimpleNamespace

import numpy as np
import pytest
from helpers.flavour_scores import CLASSES, flavour_scores

from hepsets.analyses.z_flavour import other_seeds
from hepsets.analyses.z_flavour.comparison import Scores
from hepsets.analyses.z_flavour.config import Config, SeedsConfig
from hepsets.analyses.z_flavour.other_seeds import Quantity, repeat_trainings, repeated
from hepsets.analyses.z_flavour.samples import Sample
from hepsets.analyses.z_flavour.split import stratified_split
from hepsets.analyses.z_flavour.training import Training
from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose
from hepsets.evaluate.scores.many_classes import accuracy

FLAVOUR = np.repeat([5, 4, 3, 1], 200)

SPLIT = stratified_split(FLAVOUR, (0.8, 0.15, 0.05), seed=7)

SAMPLES = {"found": Sample((), FLAVOUR, SPLIT)}

CONFIG = Config(seed=7, cells=("found",), models=("deep_sets", "particle_transformer", "vertex_graph"))

EVENTS = 300


def said(seed, distance=1.0, noise=0.0):
    """Scores of a tagger of the same events; the noise is that of its training."""
    found = flavour_scores(11, EVENTS, distance)
    blur = np.exp(noise * np.random.default_rng(seed).normal(size=found.probabilities.shape))
    values = found.probabilities * blur
    values = (values / values.sum(axis=1, keepdims=True)).astype(np.float32)
    return Scores(values, found.truth, Purpose.TEST, 1.0)


OWN = {
    Training("found", "deep_sets"): said(1, 0.6, 0.2),
    Training("found", "particle_transformer"): said(2, 1.0, 0.2),
    Training("found", "vertex_graph"): said(3, 1.0, 0.2),
}


@pytest.fixture
def studied(monkeypatch, tmp_path):
    asked = []

    def train(tasks, **_):
        asked.extend(tasks)
        return [(None, SimpleNamespace(model=task.config)) for task in tasks]

    def score(config, _):
        return said(10 * config.seed, 0.6 if config.models == ("deep_sets",) else 1.0, 0.2)

    monkeypatch.setattr(other_seeds, "train_alone", train)
    monkeypatch.setattr(other_seeds, "scores_of", score)
    monkeypatch.setattr(Sample, "load", lambda *_: None)
    return repeat_trainings(CONFIG, SAMPLES, OWN, tmp_path), asked, tmp_path


def test_the_split_stays_the_runs_while_seeds_count_up(studied):
    study, asked, folder = studied
    assert study.seeds == (7, 8, 9)
    assert [(task.config.models, task.config.seed) for task in asked] == [
        ((model,), seed) for model in ("deep_sets", "vertex_graph") for seed in (8, 9)
    ]
    for task in asked:
        for purpose in Purpose:
            assert np.array_equal(task.sample.events[purpose], SPLIT[purpose])
        assert task.folder == folder / str(task.config.seed)


def test_the_first_training_is_the_runs_own(studied):
    study, _, _ = studied
    for one in study.scatter:
        if one.quantity == Quantity(4):
            own = OWN[Training("found", one.name)].of_classes(CLASSES)
            assert one.values[0] == accuracy(own).value
            assert len(set(one.values)) == 3


def test_accuracies_of_four_and_three_flavours_and_the_points_of_the_tables_scatter(studied):
    study, _, _ = studied
    for name in ("deep_sets", "vertex_graph"):
        own = [one for one in study.scatter if one.name == name]
        assert [one.quantity.classes for one in own[:2]] == [4, 3]
        assert [one.quantity.point for one in own[2:]] == list(other_seeds.SHOWN)
        for one in own:
            assert one.mean.value == pytest.approx(np.mean(one.values))
            assert one.spread == pytest.approx(np.std(one.values, ddof=1))
            assert one.mean.se > 1.32 * one.spread / 3**0.5


def test_taggers_alike_are_not_told_apart_and_a_worse_one_is(studied):
    study, _, _ = studied
    by_accuracy = [one for one in study.neighbours if one.quantity == Quantity(4)]
    assert [one.distinct for one in by_accuracy] == [False, True]
    assert by_accuracy[1].lower == "deep_sets"
    alike = by_accuracy[0]
    spread = max(one.spread for one in study.scatter if one.quantity == Quantity(4))
    assert alike.difference.se > 1.32 * spread  # one of the two was trained once


def test_only_models_of_the_run_are_trained_again():
    assert repeated(CONFIG) == (Training("found", "deep_sets"), Training("found", "vertex_graph"))
    with pytest.raises(InputError, match="the study seeds of deep_sets in seeded"):
        repeated(Config(cells=("found",), seeds=SeedsConfig(cells=("seeded",), models=("deep_sets",))))
