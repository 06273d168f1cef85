import itertools

import torch
from torch.nn import functional

from hepsets.learn.pretraining.masked import assigned


def cost(numbers, identities, wanted, identity, order):
    each = functional.smooth_l1_loss(numbers, wanted[order], reduction="none").mean(1)
    return float((each - identities[torch.arange(len(order)), identity[order]]).sum())


def test_predictions_stand_for_the_hidden_particles_that_they_fit_best_whatever_the_order():
    torch.manual_seed(1)
    offsets = torch.tensor([0, 1, 1, 5, 8])
    numbers, wanted = torch.randn(8, 3), torch.randn(8, 3)
    identities, identity = functional.log_softmax(torch.randn(8, 4), 1), torch.randint(4, (8,))
    order = assigned(numbers, identities, wanted, identity, offsets)
    for begin, end in itertools.pairwise(offsets.tolist()):
        assert sorted(order[begin:end].tolist()) == list(range(begin, end))
    found = cost(numbers, identities, wanted, identity, order)
    least = sum(
        min(
            cost(numbers[a:b], identities[a:b], wanted[a:b], identity[a:b], torch.tensor(p))
            for p in itertools.permutations(range(b - a))
        )
        for a, b in itertools.pairwise(offsets.tolist())
        if b > a
    )
    assert abs(found - least) < 1e-4
    turned = torch.tensor([0, 3, 1, 4, 2, 6, 7, 5])
    again = assigned(numbers, identities, wanted[turned], identity[turned], offsets)
    assert abs(cost(numbers, identities, wanted[turned], identity[turned], again) - least) < 1e-4
