import contextlib
import dataclasses
import math
from itertools import product

import numpy as np
import pytest
import torch
from helpers.random_events import muon_label, random_events
from sklearn.metrics import roc_auc_score

from hepsets.core.errors import InputError
from hepsets.core.pdg import PdgMap
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit, split_train_validation
from hepsets.learn.training.score import score, score_heads
from hepsets.learn.training.task import soft_auc

EVENTS = random_events(600, seed=5, mean_particles=12)
LABELS = muon_label(EVENTS)
PDG_MAP = PdgMap.fit(EVENTS.particles["pdg"])
CONFIG = FitConfig(epochs=4, batch=64, learning_rate=0.01, device="cpu")


def fresh(name: str = "deep_sets_pdg", **options):
    return build_model(name, PDG_MAP, **options)


def assert_same_state(one: torch.nn.Module, other: torch.nn.Module) -> None:
    left, right = one.state_dict(), other.state_dict()
    assert left.keys() == right.keys()
    assert [key for key in left if not torch.equal(left[key], right[key])] == []


def losses(result) -> list[tuple[float, float]]:
    return [(record.train_loss, record.validation_loss) for record in result.history]


def test_training_learns_what_the_particles_tell() -> None:
    model = fresh()
    result = fit(model, EVENTS, LABELS, config=dataclasses.replace(CONFIG, epochs=12))
    assert result.history[-1].metrics["auc"] > 0.9
    test = random_events(300, seed=6, mean_particles=12)
    assert roc_auc_score(muon_label(test), score(model, test)) > 0.9
    assert result.train_events_per_s > 0


def test_train_and_validation_events_share_nothing_and_are_told() -> None:
    result = fit(fresh(), EVENTS, LABELS, config=dataclasses.replace(CONFIG, epochs=1))
    together = np.concatenate([result.train_indices, result.validation_indices])
    np.testing.assert_array_equal(np.sort(together), np.arange(len(EVENTS)))
    assert len(result.validation_indices) == len(EVENTS) // 4


def test_validation_examples_that_are_given_count_by_their_weights() -> None:
    model = fresh()
    held, weights = EVENTS[400:], np.where(LABELS[400:], 3.0, 1.0)
    given = (model.prepare(held), LABELS[400:].astype(np.float32))
    config = dataclasses.replace(CONFIG, epochs=1)
    result = fit(model, EVENTS[:400], LABELS[:400], config=config, validation=(*given, weights))
    p, y = score(model, held).astype(np.float64), LABELS[400:]
    surprise = -(y * np.log(p) + (1 - y) * np.log1p(-p))
    expected = np.average(surprise, weights=weights)
    assert result.history[0].validation_loss == pytest.approx(expected, rel=1e-5)
    plain = fit(fresh(), EVENTS[:400], LABELS[:400], config=config, validation=given)
    assert plain.history[0].validation_loss == pytest.approx(surprise.mean(), rel=1e-5)


def test_the_best_validation_state_is_kept_and_not_the_last() -> None:
    model = fresh("flat_mlp")  # it overfits at once
    config = dataclasses.replace(CONFIG, epochs=12)
    result = fit(model, EVENTS, LABELS, config=config)
    validation = [record.validation_loss for record in result.history]
    assert result.best_epoch == int(np.argmin(validation)) + 1 < len(validation)
    held = result.validation_indices
    p, y = score(model, EVENTS[held]).astype(np.float64), LABELS[held]
    loss = -np.mean(y * np.log(p) + (1 - y) * np.log1p(-p))
    assert loss == pytest.approx(min(validation), rel=1e-5)
    assert soft_auc(p, y, np.ones(len(y))) == pytest.approx(
        result.history[result.best_epoch - 1].metrics["auc"], abs=1e-6
    )


def test_the_scaler_sees_training_particles_only() -> None:
    model = fresh("deep_sets")
    result = fit(model, EVENTS, LABELS, config=dataclasses.replace(CONFIG, epochs=1))
    features = model.prepare(EVENTS[result.train_indices]).features.double()
    torch.testing.assert_close(model.scaler.mean.double(), features.mean(0), rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(model.scaler.scale.double(), features.std(0, correction=0), rtol=1e-5, atol=0)


def test_raw_inputs_stay_raw() -> None:
    model = fresh("deep_sets_gcn_pdg")
    fit(model, EVENTS, LABELS, config=dataclasses.replace(CONFIG, epochs=1))
    assert torch.equal(model.scaler.mean, torch.zeros(8))
    assert torch.equal(model.scaler.scale, torch.ones(8))


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        *product(["deep_sets_pdg", "gcn_stack"], ["constant", "cosine", "settle"]),
        ("decay_sweep", "cosine"),
        ("transformer", "cosine"),
    ],
)
def test_a_resumed_fit_equals_an_uninterrupted_one_bit_by_bit(name, schedule, tmp_path) -> None:
    config = dataclasses.replace(CONFIG, schedule=schedule)
    whole = fresh(name)
    expected = fit(whole, EVENTS, LABELS, config=config)

    class KilledError(Exception):
        pass

    def killer(done: int, total: int) -> None:
        if done > 0.6 * total:  # within the third epoch
            raise KilledError

    checkpoint = tmp_path / "fit.pt"
    with pytest.raises(KilledError):
        fit(fresh(name), EVENTS, LABELS, config=config, progress=killer, checkpoint=checkpoint)
    torch.manual_seed(99)  # whatever happened in between
    resumed = fresh(name)
    result = fit(resumed, EVENTS, LABELS, config=config, checkpoint=checkpoint)
    assert_same_state(whole, resumed)
    assert losses(result) == losses(expected)
    assert result.best_epoch == expected.best_epoch
    again = fresh(name)  # a finished fit is only read
    assert losses(fit(again, EVENTS, LABELS, config=config, checkpoint=checkpoint)) == losses(expected)
    assert_same_state(whole, again)


def test_seeds_repeat_a_fit_and_leave_the_callers_random_numbers_alone() -> None:
    torch.manual_seed(4)
    state = torch.random.get_rng_state()
    one, same, other = fresh("gcn_stack"), fresh("gcn_stack"), fresh("gcn_stack")
    config = dataclasses.replace(CONFIG, epochs=1)
    fit(one, EVENTS, LABELS, config=config)
    assert torch.equal(state, torch.random.get_rng_state())
    torch.manual_seed(5)
    fit(same, EVENTS, LABELS, config=config)
    fit(other, EVENTS, LABELS, config=dataclasses.replace(config, seed=1))
    assert_same_state(one, same)
    assert not torch.equal(one.network.head[0].weight, other.network.head[0].weight)


def test_events_of_weight_zero_teach_nothing() -> None:
    keep = np.arange(len(EVENTS)) % 3 > 0
    labels = np.where(keep, LABELS, 1 - LABELS)  # a third of the labels is wrong
    config = dataclasses.replace(CONFIG, epochs=8)
    weighted, misled = fresh(), fresh()
    result = fit(weighted, EVENTS, labels, keep.astype(float), config)
    fit(misled, EVENTS, labels, None, config)
    test = random_events(300, seed=7, mean_particles=12)
    truth = muon_label(test)
    assert roc_auc_score(truth, score(weighted, test)) > roc_auc_score(truth, score(misled, test)) + 0.02
    assert result.history[-1].metrics["auc"] > 0.9


def test_soft_labels_and_several_heads_are_learnt() -> None:
    soft = 0.1 + 0.8 * LABELS
    model = fresh(heads=2)
    config = dataclasses.replace(CONFIG, epochs=12)
    result = fit(model, EVENTS, np.stack([soft, 1 - soft], axis=1), config=config)
    entropy = -(0.1 * np.log(0.1) + 0.9 * np.log(0.9))
    assert entropy < result.history[-1].validation_loss < 0.6
    scores = score(model, EVENTS)
    assert roc_auc_score(LABELS, scores) > 0.9
    assert scores.mean() == pytest.approx(soft.mean(), abs=0.05)


def test_the_auc_counts_a_probability_as_its_share_of_both_classes() -> None:
    rng = np.random.default_rng(1)
    probability = rng.random(20_000)
    drawn = rng.random(20_000) < probability
    ones = np.ones(20_000)
    assert soft_auc(probability, drawn.astype(float), ones) == roc_auc_score(drawn, probability)
    # for p uniform in (0, 1), integrating over pairs gives 5/6
    assert soft_auc(probability, probability, ones) == pytest.approx(5 / 6, abs=0.005)
    assert np.isnan(soft_auc(probability, ones, ones))


@pytest.mark.parametrize(
    ("labels", "weights"),
    [
        (LABELS[:-1], None),
        (LABELS + 0.5, None),
        (np.where(LABELS > 0, np.nan, 0.0), None),
        (np.ones(len(LABELS)), None),
        (np.stack([LABELS, LABELS], 1), None),
        (LABELS, np.ones(3)),
        (LABELS, -np.ones(len(LABELS))),
        (LABELS, np.zeros(len(LABELS))),
    ],
)
def test_labels_and_weights_that_do_not_fit_are_refused(labels, weights) -> None:
    with pytest.raises(InputError):
        fit(fresh(), EVENTS, labels, weights, CONFIG)


def test_copies_of_an_event_are_on_one_side_and_a_sample_without_any_is_split_as_ever() -> None:
    keys = np.arange(1, 401, dtype=np.uint64)
    plain = split_train_validation(400, 0.25, 3)
    for one, two in zip(plain, split_train_validation(400, 0.25, 3, keys), strict=True):
        np.testing.assert_array_equal(one, two)
    keys[200:300] = keys[:100]  # a hundred events stand twice
    keys[390:] = 0  # like no other
    train, held = split_train_validation(400, 0.25, 3, keys)
    assert len(np.intersect1d(keys[train][keys[train] > 0], keys[held])) == 0
    assert np.intersect1d(keys[plain[0]], keys[plain[1]]).any()
    np.testing.assert_array_equal(np.sort(np.concatenate([train, held])), np.arange(400))
    np.testing.assert_array_equal(held[held >= 390], plain[1][plain[1] >= 390])
    with pytest.raises(InputError, match="more events"):
        split_train_validation(400, 0.25, 3, np.ones(400, np.uint64))


def test_too_few_events_are_refused() -> None:
    with pytest.raises(InputError, match="more events"):
        split_train_validation(2, 0.25, 0)


def test_a_loss_that_is_not_finite_is_told() -> None:
    model = fresh("deep_sets")
    with torch.no_grad():
        model.network.output.weight.fill_(torch.inf)
    with pytest.raises(InputError, match="finite loss"):
        fit(model, EVENTS, LABELS, config=dataclasses.replace(CONFIG, epochs=1))


def test_progress_is_told_to_the_end() -> None:
    calls: list[tuple[int, int]] = []
    fit(fresh(), EVENTS, LABELS, config=CONFIG, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (4 * 450, 4 * 450)
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})


def test_weights_of_heads_are_the_same_as_leaving_events_out_of_each() -> None:
    """A head with weight on a part of the events alone learns as if the others were not there."""
    events = random_events(300, seed=5)
    labels = np.stack([muon_label(events), 1 - muon_label(events)], axis=1).astype(float)
    weights = np.ones((300, 2))
    weights[::2, 1] = 0
    poisoned = labels.copy()
    poisoned[::2, 1] = 1 - poisoned[::2, 1]  # must not matter
    config = FitConfig(epochs=2, batch=64, device="cpu")
    fitted = []
    for given in (labels, poisoned):
        model = build_model("deep_sets", PdgMap.fit(events.particles["pdg"]), heads=2)
        fit(model, events, given, weights, config)
        fitted.append(score_heads(model, events))
    np.testing.assert_array_equal(*fitted)


def test_equal_weights_of_heads_are_weights_of_events() -> None:
    events = random_events(200, seed=6)
    labels = np.stack([muon_label(events), 1 - muon_label(events)], axis=1).astype(float)
    weights = np.random.default_rng(1).uniform(0.5, 2, 200)
    fitted = []
    for given in (weights, np.stack([weights, weights], axis=1)):
        model = build_model("deep_sets", PdgMap.fit(events.particles["pdg"]), heads=2)
        fit(model, events, labels, given, FitConfig(epochs=1, device="cpu"))
        fitted.append(score_heads(model, events))
    np.testing.assert_array_equal(*fitted)


def test_an_event_type_that_decides_everything_is_learnt_and_its_absence_bearable() -> None:
    events = random_events(1000, seed=7)
    types = np.random.default_rng(2).integers(1, 3, 1000)
    told = events.with_columns(event_type=types)
    model = build_model("decay_sweep", PdgMap.fit(events.particles["pdg"]), units=8, event_types=("a", "b"))
    fit(model, told, (types == 2).astype(float), config=dataclasses.replace(CONFIG, epochs=8))
    scores = score(model, told)
    assert scores[types == 2].min() > 0.8 > 0.2 > scores[types == 1].max()
    assert abs(float(score(model, events).mean()) - 0.5) < 0.25


@pytest.mark.parametrize("killed_in", range(1, 10))
def test_settling_resumed_in_any_epoch_equals_an_uninterrupted_one_bit_by_bit(killed_in, tmp_path) -> None:
    """Also where the rate begins to fall and the best state is taken up again."""
    config = dataclasses.replace(CONFIG, schedule="settle", epochs=9, learning_rate=0.03)
    whole = fresh("flat_mlp")  # it overfits, so that the best state is not the last
    expected = fit(whole, EVENTS[:200], LABELS[:200], config=config)

    def killer(done: int, total: int) -> None:
        if done > (killed_in - 0.5) / 9 * total:
            raise KeyboardInterrupt

    checkpoint, resumed = tmp_path / "fit.pt", fresh("flat_mlp")
    with contextlib.suppress(KeyboardInterrupt):
        fit(
            fresh("flat_mlp"), EVENTS[:200], LABELS[:200], config=config, progress=killer,
            checkpoint=checkpoint,
        )  # fmt: skip
    result = fit(resumed, EVENTS[:200], LABELS[:200], config=config, checkpoint=checkpoint)
    assert losses(result) == losses(expected)
    assert result.converged == expected.converged
    assert_same_state(whole, resumed)


def test_batches_of_training_are_augmented_each_time_and_no_other(monkeypatch) -> None:
    """A model that turns what it trains on by a random angle must still be judged on events as they are."""
    model, seen = fresh(), []

    def augment(batch):
        seen.append(model.training)
        return dataclasses.replace(batch, features=torch.zeros_like(batch.features))

    monkeypatch.setattr(model, "augment", augment)
    history = fit(model, EVENTS[:200], LABELS[:200], config=dataclasses.replace(CONFIG, epochs=2)).history
    assert len(seen) == 2 * math.ceil(150 / CONFIG.batch)
    assert all(seen)
    blind = fit(fresh(), EVENTS[:200], LABELS[:200], config=dataclasses.replace(CONFIG, epochs=2)).history
    assert history[0].train_loss != blind[0].train_loss


def test_weight_decay_pulls_weights_to_zero() -> None:
    def size(decay: float) -> float:
        model = fresh()
        fit(model, EVENTS[:200], LABELS[:200], config=dataclasses.replace(CONFIG, weight_decay=decay))
        return float(torch.nn.utils.parameters_to_vector(model.parameters()).detach().norm())

    assert size(10.0) < 0.9 * size(0.0)


def test_the_rate_falls_from_the_best_state_not_from_the_last() -> None:
    config = dataclasses.replace(CONFIG, schedule="settle", epochs=9, learning_rate=0.03)
    model = fresh("flat_mlp")  # it overfits, so that the best state is not the last
    weights: list[torch.Tensor] = []  # before each step

    def look(module: torch.nn.Module, _: object) -> None:
        if module.training:
            weights.append(torch.nn.utils.parameters_to_vector(module.parameters()).detach().clone())

    model.register_forward_pre_hook(look)
    history = fit(model, EVENTS[:200], LABELS[:200], config=config).history
    steps = len(weights) // len(history)
    falls = next(k for k, epoch in enumerate(history) if epoch.learning_rate < config.learning_rate)
    best = 1 + int(np.argmin([epoch.validation_loss for epoch in history[:falls]]))
    assert best < falls
    assert torch.equal(weights[falls * steps], weights[best * steps])
    assert not torch.equal(weights[falls * steps], weights[(falls - 1) * steps])


def test_a_training_cut_short_has_not_converged_and_a_long_one_has() -> None:
    config = dataclasses.replace(CONFIG, schedule="settle")
    assert fit(fresh(), EVENTS, LABELS, config=dataclasses.replace(config, epochs=3)).converged is False
    long = fit(fresh(), EVENTS, LABELS, config=dataclasses.replace(config, epochs=100, patience=0.1))
    assert long.converged is True
    assert len(long.history) < 100
    assert fit(fresh(), EVENTS, LABELS, config=dataclasses.replace(CONFIG, epochs=3)).converged is False


def test_few_events_are_trained_on_for_as_many_steps_as_are_asked_for() -> None:
    config = dataclasses.replace(CONFIG, epochs=1, least_steps=100)
    result = fit(fresh(), EVENTS[:200], LABELS[:200], config=config)
    assert len(result.history) == 34  # 150 events are three steps


def test_another_seed_with_the_same_split_has_other_weights_and_the_same_validation_events() -> None:
    config = dataclasses.replace(CONFIG, epochs=1)
    one = fit(fresh(), EVENTS, LABELS, config=config)
    two = fit(fresh(), EVENTS, LABELS, config=dataclasses.replace(config, seed=7, split_seed=0))
    np.testing.assert_array_equal(one.validation_indices, two.validation_indices)
    assert one.history[0].train_loss != two.history[0].train_loss
