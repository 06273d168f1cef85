import numpy as np
import pytest
import torch
from helpers.random_candidates import candidates_of_sizes, random_candidates, turned
from scipy.spatial.transform import Rotation
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.learn.particle_sets.learned_moments import MOMENTS_CANDIDATE, MOMENTS_SET, LearnedMoments
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.learn.training.score import logits_of, score
from hepsets.represent.particle_sets.features import CandidateEvents, SetSpec

EVENTS = random_candidates(20, seed=5, mean_particles=12)


@pytest.fixture(scope="module")
def model():
    model = build_set_model("learned_moments", event_features=()).eval()
    model.fit_inputs(model.prepare(EVENTS))
    return model


def scores(model, events: ParticleSets) -> torch.Tensor:
    return logits_of(model, model.prepare(events))


@pytest.mark.parametrize(
    "what",
    [
        Rotation.from_euler("z", 2.1).as_matrix(),
        np.diag([-1.0, 1.0, 1.0]),
        np.diag([1.0, 1.0, -1.0]),
        -np.eye(3),
    ],
    ids=["turn around the beam", "mirror", "beams exchanged", "parity"],
)
def test_a_symmetry_of_the_collision_leaves_the_score(model, what) -> None:
    before, after = scores(model, EVENTS), scores(model, turned(EVENTS, what))
    assert before.std() > 1e-3
    torch.testing.assert_close(before, after, rtol=0, atol=2e-5)


def test_another_turn_does_not(model) -> None:
    after = scores(model, turned(EVENTS, Rotation.from_euler("x", 1.0).as_matrix()))
    assert (scores(model, EVENTS) - after).abs().max() > 2e-4


def test_exchanging_particles_and_antiparticles_leaves_the_score(model) -> None:
    conjugate = ParticleSets(
        {**EVENTS.particles, "charge": -EVENTS.particles["charge"]},
        EVENTS.offsets,
        {**EVENTS.columns, "candidate_charge": -EVENTS.columns["candidate_charge"]},
    )
    torch.testing.assert_close(scores(model, EVENTS), scores(model, conjugate), rtol=0, atol=1e-6)
    one = ParticleSets(
        {**EVENTS.particles, "charge": np.abs(EVENTS.particles["charge"])}, EVENTS.offsets, EVENTS.columns
    )
    assert (scores(model, EVENTS) - scores(model, one)).abs().max() > 1e-3


def test_messages_are_means_over_all_pairs_of_an_event(model) -> None:
    data = model.prepare(candidates_of_sizes([5, 0, 1, 3], seed=6))
    one, network = data.sets[0], model.network
    h = torch.randn(one.n_particles, network.first.in_features)
    with torch.no_grad():
        found = network._messages(h, one)
        x = dict(zip(MOMENTS_SET.features, one.features.unbind(1), strict=True))
        direction = torch.stack([x[f"own_{axis}"] for axis in (1, 2, 3)], 1)
        for begin, end in zip(one.offsets[:-1], one.offsets[1:], strict=True):
            for i in range(begin, end):
                total = torch.zeros(network.first.out_features)
                for j in range(begin, end):
                    products = direction[i] * direction[j]
                    cosine = products.sum()
                    legendre = [float(np.polynomial.legendre.Legendre.basis(k)(cosine)) for k in (2, 4)]
                    signal = float(x["from_candidate"][i] == x["from_candidate"][j] == 1)
                    rest = float(x["from_candidate"][i] == x["from_candidate"][j] == 0)
                    mass = x["log_own_momentum"][i] + x["log_own_momentum"][j]
                    mass = (mass + torch.log((2 - 2 * cosine).clamp(min=1e-4))) / 4 * (signal + rest)
                    charged = float(x["charge"][i] != 0 and x["charge"][j] != 0)
                    dz = (x["log_dz"][i] - x["log_dz"][j]).abs() * charged
                    flavour = x["flavour_charge"][i] * x["flavour_charge"][j]
                    pair = torch.tensor(
                        [*products, cosine, *legendre, mass, signal, rest, flavour, charged, dz]
                    )
                    total += torch.relu(network.first(h[i]) + network.second(h[j]) + network.pair(pair))
                torch.testing.assert_close(found[i], total / (end - begin), rtol=1e-4, atol=1e-5)


def test_compiled_messages_have_the_gradients_of_torchs_own(model, monkeypatch) -> None:
    data = model.prepare(candidates_of_sizes([5, 0, 1, 9, 30], seed=6))
    one, network = data.sets[0], model.network
    start = torch.randn(one.n_particles, network.first.in_features)
    aim = torch.randn(one.n_particles, network.first.out_features)

    def gradients() -> list[torch.Tensor]:
        h = start.clone().requires_grad_()
        network.zero_grad()
        (network._messages(h, one) * aim).sum().backward()
        weights = [network.first.weight, network.first.bias, network.second.weight, network.pair.weight]
        return [h.grad, *(weight.grad.clone() for weight in weights)]

    compiled = gradients()
    monkeypatch.setattr("hepsets.learn.particle_sets.learned_moments.runs_kernels", lambda _: False)
    for ours, theirs in zip(compiled, gradients(), strict=True):
        assert theirs.abs().max() > 0.1
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def toy(n_events: int, seed: int):
    """Truth from a moment of pairs: the mean of cos² of angles between all particles, turned at random.

    Angles are those in the own frames of candidate and rest of event, which the network sees.
    """
    rng = np.random.default_rng(seed)
    events = random_candidates(n_events, seed=seed, mean_particles=8)
    stretch = rng.uniform(1.0, 2.0, n_events)[events.event_of_particle]
    momenta = np.stack([events.particles[name] for name in ("px", "py", "pz")], axis=1).astype(np.float64)
    momenta[:, 0] *= stretch  # jets along x …
    turn = Rotation.random(n_events, rng=rng)[events.event_of_particle]  # … and then along anything
    momenta = turn.apply(momenta)
    particles = {**events.particles, **dict(zip(("px", "py", "pz"), momenta.T, strict=True))}
    made = ParticleSets(particles, events.offsets, events.columns)
    direction = CandidateEvents(made).own_directions
    tensor = np.add.reduceat(direction[:, :, None] * direction[:, None, :], events.offsets[:-1])
    moment = (tensor**2).sum((1, 2)) / events.multiplicity**2
    truth = expit(30 * (moment - np.median(moment)))
    return made, rng.random(n_events) < truth, truth


def test_a_moment_of_pairs_is_learnt() -> None:
    model = build_set_model("learned_moments", event_features=(), units=24)
    events, labels, _ = toy(4000, 1)
    config = FitConfig(epochs=8, batch=128, learning_rate=5e-3, schedule="cosine", device="cpu")
    fit(model, events, labels, config=config)
    test, labels, truth = toy(2000, 2)
    best, found = roc_auc_score(labels, truth), roc_auc_score(labels, score(model, test))
    assert best - 0.05 < found < best + 0.01


def test_a_set_without_the_features_it_needs_is_refused() -> None:
    with pytest.raises(InputError, match="log_own_momentum"):
        LearnedMoments([SetSpec("few", ("own_1",)), MOMENTS_CANDIDATE], 8)
    with pytest.raises(InputError, match="candidate"):
        build_set_model("learned_moments", sets=(MOMENTS_SET, MOMENTS_SET))
