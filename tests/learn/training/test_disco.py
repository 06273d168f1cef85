import numpy as np
import pytest
import torch
from helpers.random_candidates import random_candidates

from hepsets.core.errors import InputError
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.disco import DisCo, squared_distance_correlation
from hepsets.learn.training.fit import fit
from hepsets.learn.training.score import score


def naive(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    """By Brownian distance covariance's own definition: expectations over independent copies."""
    w = w / w.sum()
    n = len(x)

    def covariance(u, v) -> float:
        a, b = np.abs(u[:, None] - u), np.abs(v[:, None] - v)
        both = sum(w[i] * w[j] * a[i, j] * b[i, j] for i in range(n) for j in range(n))
        apart = sum(w[i] * w[j] * a[i, j] for i in range(n) for j in range(n)) * sum(
            w[i] * w[j] * b[i, j] for i in range(n) for j in range(n)
        )
        three = sum(w[i] * (w @ a[i]) * (w @ b[i]) for i in range(n))
        return both + apart - 2 * three

    return covariance(x, y) / np.sqrt(covariance(x, x) * covariance(y, y))


def correlation(x, y, w=None) -> float:
    w = np.ones(len(x)) if w is None else w
    return float(squared_distance_correlation(*(torch.tensor(v, dtype=torch.float64) for v in (x, y, w))))


def test_it_agrees_with_its_definition() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=40)
    y, w = x**2 + 0.3 * rng.normal(size=40), rng.exponential(size=40)
    assert correlation(x, y, w) == pytest.approx(naive(x, y, w), rel=1e-10)


def test_whole_dependence_is_one_and_independence_vanishes_with_many_events() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=1500)
    assert correlation(x, 3 - 2 * x) == pytest.approx(1.0)
    assert correlation(x, rng.normal(size=1500)) < 0.01
    assert correlation(x, x**2) > 0.1  # which no linear correlation would see
    assert correlation(x, np.ones(1500)) == 0.0


def test_an_event_of_weight_two_counts_as_two() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 30))
    w = np.where(np.arange(30) < 10, 2.0, 1.0)
    twice = np.concatenate([np.arange(30), np.arange(10)])
    assert correlation(x, y, w) == pytest.approx(correlation(x[twice], y[twice]), rel=1e-9)


def test_the_penalty_sees_background_alone_and_has_a_gradient() -> None:
    rng = np.random.default_rng(4)
    mass, labels = 5.24 + 0.05 * rng.random(200), rng.random(200) < 0.5
    penalty = DisCo(mass, labels, strength=2.0)
    logits = torch.from_numpy(np.where(labels, rng.normal(size=200), 100 * (mass - 5.26)).astype(np.float32))
    logits.requires_grad_()
    value = penalty(logits[:, None], torch.arange(200))
    expected = correlation(torch.sigmoid(logits.detach()).numpy()[~labels], mass[~labels])
    assert float(value.detach()) == pytest.approx(2 * expected, rel=1e-4)
    value.backward()
    assert (logits.grad[~labels] != 0).all()
    assert not logits.grad[labels].any()
    assert float(penalty(logits[:0, None], torch.arange(0)).detach()) == 0.0


def test_training_with_the_penalty_gives_up_what_knows_the_mass() -> None:
    events = random_candidates(1500, seed=5, mean_particles=3)
    rng = np.random.default_rng(6)
    labels = rng.random(1500) < 0.5
    mass = rng.normal(size=1500)
    # one variable tells the classes apart honestly, the other by the mass of background
    honest, by_mass = (
        labels + rng.normal(size=1500),
        np.where(labels, 2.0, mass) + 0.3 * rng.normal(size=1500),
    )
    events = events.with_columns(R2=honest, thrustBm=by_mass)
    known = {"event_features": ("R2", "thrustBm"), "units": 16}
    config = FitConfig(epochs=10, batch=256, learning_rate=0.01, device="cpu")

    def trained(strength: float | None):
        model = build_set_model("fixed_mlp", **known)
        penalty = None if strength is None else DisCo(mass, labels, strength=strength)
        result = fit(model, events, labels, config=config, penalty=penalty)
        held = result.validation_indices[~labels[result.validation_indices]]
        return correlation(score(model, events)[held], mass[held]), result

    free, without = trained(None)
    bound, with_penalty = trained(20.0)
    assert free > 0.1 > 0.04 > bound
    last = with_penalty.history[with_penalty.best_epoch - 1]
    assert 0.6 < last.metrics["auc"] < without.history[without.best_epoch - 1].metrics["auc"]


def test_another_penalty_is_another_fit(tmp_path) -> None:
    events = random_candidates(60, seed=7, mean_particles=4)
    labels, mass = events.columns["label"], events.columns["R2"]
    config = FitConfig(epochs=1, device="cpu")
    checkpoint = tmp_path / "fit.pt"

    def run(penalty) -> None:
        fit(
            build_set_model("fixed_mlp"),
            events,
            labels,
            config=config,
            checkpoint=checkpoint,
            penalty=penalty,
        )

    run(DisCo(mass, labels, strength=1.0))
    run(DisCo(mass, labels, strength=1.0))
    for other in (None, DisCo(mass, labels, strength=2.0), DisCo(-mass, labels, strength=1.0)):
        with pytest.raises(InputError, match="another fit"):
            run(other)


@pytest.mark.parametrize(
    ("quantity", "labels", "weights", "strength"),
    [
        (np.ones(3), np.zeros(4), None, 1.0),
        (np.array([1.0, np.nan]), np.zeros(2), None, 1.0),
        (np.ones(2), np.ones(2), None, 1.0),
        (np.ones(2), np.zeros(2), np.zeros(2), 1.0),
        (np.ones(2), np.zeros(2), None, -1.0),
    ],
)
def test_what_makes_no_sense_is_refused(quantity, labels, weights, strength) -> None:
    with pytest.raises(InputError):
        DisCo(quantity, labels, weights, strength=strength)
