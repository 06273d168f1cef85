import torch
from helpers.toy_corpus import toy_corpus

from hepsets.learn.pretraining.objective import objective_of, pretrain
from hepsets.learn.pretraining.verdict import embeddings, reconstruction, retrieval
from hepsets.learn.training.config import FitConfig


def test_training_brings_partners_together_and_beats_chance():
    trunk, data = toy_corpus(240)
    train, held = data.select(torch.arange(160)), data.select(torch.arange(160, 240))
    config = FitConfig(epochs=10, batch=32, learning_rate=5e-3, device="cpu")
    network, _ = pretrain(trunk, train, held, objective_of("masked+contrastive"), config, samples=2)
    found = retrieval(network, held, batch=40)
    assert found["particles"].top1 > 5 * found["particles"].chance
    assert found["events"].top1 > 2 * found["events"].chance
    assert found["events"].candidates == 40
    assert found["particles"].uniformity < 0 < found["particles"].alignment
    errors = reconstruction(network, held, train)
    assert {"tracks.px", "tracks.identity", "clusters.log_momentum"} <= set(errors)
    assert "tracks.from_candidate" not in errors
    for one in errors.values():
        assert one.baseline_error == min(one.mean_error, one.neighbour_error)
    seen, tree = embeddings(network, held)
    assert seen.shape == tree.shape == (80, 16)
