"""A seed gives the same numbers, and leaves those outside alone."""

import torch

from hepsets.learn.seeded import seeded


def test_a_seed_repeats_its_numbers_and_does_not_move_those_outside():
    torch.manual_seed(1)
    wanted = torch.rand(4)
    torch.manual_seed(1)
    before = torch.rand(2)
    drawn = []
    for _ in range(2):
        with seeded(7):
            drawn.append(torch.rand(3))
    assert torch.equal(*drawn)
    assert torch.equal(torch.cat([before, torch.rand(2)]), wanted)
