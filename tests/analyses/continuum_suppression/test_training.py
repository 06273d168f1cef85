"""What each training is given: events, weights, seed and penalty, seen without training anything."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from hepsets.analyses.continuum_suppression import comparison, training
from hepsets.analyses.continuum_suppression.config import BDT, TAG_BDT, TREES, Config
from hepsets.analyses.continuum_suppression.samples import Pair, Samples, write_training_events
from hepsets.analyses.continuum_suppression.training import Training, seed_of, train_all, trainings
from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets, read_particle_sets
from hepsets.select.skims.hadronic_tag import MODE_NAMES

NETWORK = "multi_deep_sets"
RANDOM = np.random.default_rng(1)
EVENTS = ParticleSets(
    {"px": np.zeros(60)},
    np.arange(61),
    {
        "label": np.arange(60) % 3 == 0,
        "weight": RANDOM.uniform(0.5, 2.0, 60),
        "mode": np.arange(60) % 5,
        "mbc": RANDOM.uniform(5.24, 5.29, 60),
    },
)


class Begun(Exception):  # noqa: N818 (nothing is wrong)
    """Ends a training where it would begin."""


@pytest.fixture
def given(monkeypatch, tmp_path):
    """What the training of something is given."""

    def of(of_what: Training) -> SimpleNamespace:
        def trees(events, labels, columns, weights, settings, *, name):
            raise Begun(SimpleNamespace(**locals(), penalty=None))

        def network(model, events, labels, weights, settings, *, progress, checkpoint, penalty):
            raise Begun(SimpleNamespace(**locals()))

        monkeypatch.setattr(training, "fit_trees", trees)
        monkeypatch.setattr(training, "fit", network)
        with pytest.raises(Begun) as seen:
            training.train(Config(seed=3), of_what, EVENTS, tmp_path)
        found: SimpleNamespace = seen.value.args[0]
        return found

    return of


@pytest.mark.parametrize("model", [BDT, TAG_BDT, NETWORK])
def test_signal_and_background_weigh_the_same_and_within_them_events_as_they_should(given, model):
    found = given(Training(model, "shape"))
    label, weight = EVENTS.columns["label"], EVENTS.columns["weight"]
    assert np.array_equal(found.labels, label)
    assert found.weights[label].sum() == pytest.approx(found.weights[~label].sum())
    for which in (label, ~label):
        assert np.ptp(found.weights[which] / weight[which]) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("model", [BDT, TAG_BDT])
def test_trees_know_the_tag_only_where_their_name_says_so(given, model):
    found = given(Training(model, "shape"))
    assert found.columns == TREES[model]
    assert ("signal_probability" in found.columns) == (model == TAG_BDT)


@pytest.mark.parametrize("model", [BDT, NETWORK])
def test_a_mode_that_is_left_out_is_left_out_of_signal_and_background(given, model):
    left_out = given(Training(model, "shape", unseen_mode=MODE_NAMES[2])).events
    assert len(left_out) == 48
    assert 2 not in left_out.columns["mode"]


@pytest.mark.parametrize("model", [BDT, NETWORK])
def test_a_repetition_has_a_seed_of_its_own(given, model):
    seeds = [given(Training(model, "shape", repetition)).settings.seed for repetition in (0, 1, 2)]
    assert seeds == [seed_of(Config(seed=3), Training(model, "shape", n)) for n in (0, 1, 2)]
    assert seeds[0] == 3
    assert len(set(seeds)) == 3


def test_a_penalty_has_the_strength_of_its_training_and_there_is_none_otherwise(given):
    assert given(Training(NETWORK, "shape")).penalty is None
    for strength in (0.5, 7.0):
        assert given(Training(NETWORK, "shape", disco=strength)).penalty.strength == strength


def test_gains_of_a_seed_are_over_the_trees_of_that_seed(monkeypatch):
    """Trees that leave 20 and 40 of 100, a network that leaves 10 with both seeds: gains of 1/2 and 3/4."""
    label = np.repeat([True, False], 100)
    test = ParticleSets({"px": np.zeros(200)}, np.arange(201), {"label": label, "weight": np.ones(200)})

    def scores(left: int) -> np.ndarray:
        return np.concatenate([np.full(100, 0.5), np.where(np.arange(100) < left, 0.9, 0.1)])

    monkeypatch.setattr(comparison, "score_of", lambda model, events: scores(model))
    trained = {
        Training(name, "shape", repetition): SimpleNamespace(model=left)
        for name, repetition, left in ((BDT, 0, 20), (BDT, 1, 40), (NETWORK, 0, 10), (NETWORK, 1, 10))
    } | {Training(NETWORK, "other", 1): SimpleNamespace(model=90)}
    first = {BDT: scores(20), NETWORK: scores(10)}
    repeated = comparison.scores_of_trainings("shape", test, trained, first)
    gains = comparison._seed_gains(Config(), test, repeated)
    assert gains == {NETWORK: (pytest.approx(0.5), pytest.approx(0.75))}


@pytest.mark.parametrize(
    ("seeds", "repeated"),
    [
        ((BDT,), [BDT]),
        ((NETWORK,), [BDT, NETWORK]),
        ((BDT, NETWORK), [BDT, NETWORK]),
        ((), []),
        (("combined",), []),
    ],
)
def test_what_is_trained_again_is_what_was_asked_for_with_the_trees_beside_a_network(
    tmp_path, seeds, repeated
):
    config = dataclasses.replace(Config(), models=(BDT, NETWORK), seed_models=seeds, training_seeds=2)
    found = trainings(dataclasses.replace(config, studies=()), own(tmp_path, np.ones(len(EVENTS))))
    assert [one.model for one in found if one.repetition == 1] == repeated


def own(tmp_path, weight):
    """The user's own candidates as a run has them before training: in no file yet."""
    events = EVENTS.with_columns(weight=weight)
    return Samples(
        {"own": Pair(events, events, tmp_path / "events" / "own.parquet", to_write=True)}, {}, None, {}
    )


def test_events_of_the_user_are_written_when_training_begins_and_no_sooner(tmp_path):
    samples = own(tmp_path, EVENTS.columns["weight"])
    assert list(tmp_path.iterdir()) == []
    write_training_events(samples)
    found = read_particle_sets(tmp_path / "events" / "own.parquet")
    assert np.array_equal(found.columns["weight"], EVENTS.columns["weight"])


def test_negative_weights_are_refused_for_the_study_disco_before_anything_is_written(tmp_path):
    config = Config(studies=("disco",), models=(BDT,))
    with pytest.raises(InputError, match=r"negative weights for the study disco.*leave the study out"):
        train_all(config, own(tmp_path, EVENTS.columns["weight"] - 1.0), tmp_path / "models")
    assert list(tmp_path.iterdir()) == []
