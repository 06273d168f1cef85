import math

import torch
from helpers.toy_corpus import toy_corpus
from torch.nn import functional

from hepsets.learn.pretraining.contrastive import LATENT, Contrastive, class_loss, classes_of, pair_loss
from hepsets.select.variables.decay_class import N_CLASSES, NO_PAIR


def test_pairs_that_agree_cost_nothing_and_vectors_that_are_all_alike_cost_the_logarithm_of_their_number():
    own = torch.eye(8, LATENT)
    assert float(pair_loss(own, own, 0.05)) < 1e-6
    alike = functional.normalize(torch.ones(8, LATENT), dim=1)
    assert abs(float(pair_loss(alike, alike, 0.1)) - math.log(8)) < 1e-5


def test_classes_that_stand_together_cost_less_than_mixed_ones():
    vectors = functional.normalize(torch.eye(2, 4).repeat_interleave(6, 0) + 0.05 * torch.randn(12, 4), dim=1)
    right, wrong = torch.arange(12) // 6, torch.arange(12) % 2
    assert class_loss(vectors, right, 0.1) < class_loss(vectors, wrong, 0.1) - 1
    assert float(class_loss(vectors, torch.arange(12), 0.1)) == 0.0  # all alone


def test_events_without_two_b_are_told_apart_by_their_sample():
    labels = torch.tensor([[0, 3], [1, 3], [2, NO_PAIR], [4, NO_PAIR]])
    assert classes_of(labels).tolist() == [3, 3, N_CLASSES + 2, N_CLASSES + 4]


def test_a_pair_is_one_reconstructed_particle_and_its_origin():
    trunk, data = toy_corpus(20)
    batch = data.batch(torch.arange(20))
    network = Contrastive(trunk.config.units)
    one, other = network.of_particles(
        trunk.reconstructed(batch.sets), trunk.generated(batch.generated), batch
    )
    origins = torch.cat(batch.links)
    assert len(one) == len(other) == len(origins[origins >= 0].unique())
    assert torch.allclose(one.norm(dim=1), torch.ones(len(one)), atol=1e-5)
    few = Contrastive(trunk.config.units, pairs=5)
    assert (
        len(few.of_particles(trunk.reconstructed(batch.sets), trunk.generated(batch.generated), batch)[0])
        == 5
    )
