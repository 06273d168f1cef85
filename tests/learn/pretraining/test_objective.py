import dataclasses

import pytest
import torch
from helpers.toy_corpus import toy_corpus

from hepsets.core.errors import InputError
from hepsets.learn.pretraining.objective import ObjectiveConfig, objective_of, parts_of, pretrain
from hepsets.learn.training.config import FitConfig

FIT = FitConfig(epochs=4, batch=32, learning_rate=3e-3, epoch_examples=64, device="cpu")


def trained(name, checkpoint=None, epochs=4):
    trunk, data = toy_corpus(160)
    train, held = data.select(torch.arange(128)), data.select(torch.arange(128, 160))
    config = dataclasses.replace(FIT, epochs=epochs)
    network, result = pretrain(
        trunk, train, held, objective_of(name), config, samples=2, checkpoint=checkpoint
    )
    return network, result, held


@pytest.mark.parametrize("name", ["masked", "contrastive", "supervised", "masked+contrastive+supervised"])
def test_every_objective_is_learnt(name):
    network, result, held = trained(name)
    losses = [record.validation_loss for record in result.history]
    assert min(losses[1:]) < losses[0]
    assert set(parts_of(network, held)) == set(name.split("+"))


def test_a_training_that_was_interrupted_goes_on_to_the_same_bits(tmp_path):
    trained("masked+contrastive", tmp_path / "state", epochs=3)
    resumed, result, _ = trained("masked+contrastive", tmp_path / "state", epochs=4)
    whole, _, _ = trained("masked+contrastive", epochs=4)
    assert len(result.history) == 4
    for one, other in zip(resumed.state_dict().values(), whole.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_no_objective_and_unknown_ones_are_refused():
    trunk, data = toy_corpus(20)
    with pytest.raises(InputError, match="no objective"):
        pretrain(trunk, data, data, ObjectiveConfig(), FIT, samples=2)
    with pytest.raises(InputError, match="'guess'"):
        objective_of("guess")
    assert objective_of("supervised+masked", masked=0.5).masked == 0.5
