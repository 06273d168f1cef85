import numpy as np
import pytest
import torch
from helpers.random_candidates import random_candidates
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.learn.particle_sets.multi_deep_sets import TYPICAL_MULTIPLICITY, MultiDeepSets
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.learn.training.score import logits_of, score
from hepsets.represent.particle_sets.features import FIVE_SETS, SetSpec

EVENTS = random_candidates(12, seed=3, mean_particles=10)


def padded_reference(model, events: ParticleSets) -> torch.Tensor:
    """The same network with the same weights, one padded rectangle per set, event by event in plain loops."""
    network, data = model.network, model.prepare(events)
    pooled: list[list[torch.Tensor]] = []
    for one, scaler, phi in zip(data.sets, model.scalers, network.per_particle, strict=True):
        length = int(one.multiplicity.max()) + 3
        rectangle = torch.zeros(len(events), length, one.features.shape[1])
        real = torch.zeros(len(events), length, 1)
        for i in range(len(events)):
            own = one.features[one.offsets[i] : one.offsets[i + 1]]
            rectangle[i, : len(own)], real[i, : len(own)] = scaler(own), 1
        pooled.append([(phi(rectangle) * real).sum(1), real.sum(1)])
    if network.fusion == "before":
        pooled = [[sum(x[0] for x in pooled), sum(x[1] for x in pooled)]]
    parts = []
    for total, n in pooled:
        mean, scaled = total / n.clamp(min=1), total / TYPICAL_MULTIPLICITY
        parts += {"mean": [mean], "sum": [scaled], "sum_mean": [mean, scaled]}[network.pooling]
    event = model.event_scaler(data.event_features)
    return network.per_event(torch.cat([*parts, event], dim=1))


@pytest.mark.parametrize("fusion", ["before", "after"])
@pytest.mark.parametrize("pooling", ["mean", "sum", "sum_mean"])
def test_packed_sets_give_what_padded_ones_do(fusion, pooling) -> None:
    model = build_set_model("combined", fusion=fusion, pooling=pooling, units=16).eval()
    data = model.prepare(EVENTS)
    model.fit_inputs(data)
    with torch.no_grad():
        expected = padded_reference(model, EVENTS)
    torch.testing.assert_close(logits_of(model, data), expected, rtol=1e-5, atol=1e-5)


def test_sizes_are_those_of_the_layers() -> None:
    u, widths = 16, [len(spec.features) for spec in FIVE_SETS]
    per_set = sum((f + 1) * u + (u + 1) * u for f in widths)
    after = build_set_model("multi_deep_sets", units=u).n_parameters
    assert after == per_set + (2 * 5 * u + 1) * 2 * u + (2 * u + 1) * u + u + 1
    before = build_set_model("multi_deep_sets", units=u, fusion="before").n_parameters
    assert before == per_set + (2 * u + 1) * 2 * u + (2 * u + 1) * u + u + 1


def test_scales_come_from_training_members_alone() -> None:
    events = random_candidates(60, seed=4)
    model = build_set_model("combined")
    result = fit(model, events, events.columns["label"], config=FitConfig(epochs=1, device="cpu"))
    data = model.prepare(events[result.train_indices])
    for scaler, one in zip(model.scalers, data.sets, strict=True):
        torch.testing.assert_close(scaler.mean, one.features.double().mean(0).float(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(
        model.event_scaler.mean, data.event_features.double().mean(0).float(), rtol=1e-4, atol=1e-6
    )


def toy(n_events: int, seed: int):
    """Truth from the mean cos² of the rest's tracks and the kaons of the candidate: one set each."""
    events = random_candidates(n_events, seed=seed, mean_particles=14)
    p = events.particles
    momentum = np.linalg.norm([p[name] for name in ("px", "py", "pz")], axis=0)
    rest = ~p["from_candidate"] & (p["charge"] != 0)
    event, n = events.event_of_particle, len(events)
    tracks = np.maximum(np.bincount(event[rest], minlength=n), 1)
    squared = np.bincount(event[rest], (p["pz"][rest] / momentum[rest]) ** 2, minlength=n) / tracks
    kaons = np.bincount(event[p["from_candidate"]], p["kaon"][p["from_candidate"]], minlength=n)
    truth = expit(8 * (squared - 1 / 3) + 3 * (kaons - 0.8))
    return events, np.random.default_rng(seed).random(n) < truth, truth


@pytest.mark.parametrize("fusion", ["before", "after"])
def test_two_sets_together_come_near_the_best_possible_score(fusion) -> None:
    sets = (
        SetSpec("rest", ("direction_x", "direction_y", "direction_z"), ("rest", "track")),
        SetSpec("kaons", ("kaon",), ("signal",)),
    )
    model = build_set_model("multi_deep_sets", sets=sets, fusion=fusion, units=32)
    events, labels, _ = toy(6000, 1)
    config = FitConfig(epochs=12, batch=256, learning_rate=5e-3, schedule="cosine", device="cpu")
    fit(model, events, labels, config=config)
    test, labels, truth = toy(4000, 2)
    best, found = roc_auc_score(labels, truth), roc_auc_score(labels, score(model, test))
    assert best - 0.02 < found < best + 0.005


def test_a_network_that_sees_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="neither"):
        MultiDeepSets([], 8)
