"""Sums and maxima over groups."""

import torch

from hepsets.learn.vertexed_events.pooling import group_max, group_sum


def test_sums_and_maxima_are_those_of_each_group_and_an_empty_one_has_zeros() -> None:
    values = torch.tensor([[1.0, 5.0], [2.0, 1.0], [4.0, 0.0]], requires_grad=True)
    group = torch.tensor([0, 0, 2])
    assert group_sum(values, group, 3).tolist() == [[3, 6], [0, 0], [4, 0]]
    assert group_max(values, group, 3).tolist() == [[2, 5], [0, 0], [4, 0]]


def test_the_compiled_maximum_has_the_gradient_of_the_plain_one() -> None:
    torch.manual_seed(1)
    group = torch.randint(0, 5, (40,))
    values = torch.relu(torch.randn(40, 3))
    weight = torch.randn(6, 3)
    gradients = []
    for dtype in (torch.float32, torch.float64):  # the compiled one is for single precision alone
        leaf = values.detach().to(dtype, copy=True).requires_grad_()
        index = group[:, None].expand(-1, 3)
        found = (
            group_max(leaf, group, 6)
            if dtype == torch.float32
            else torch.zeros(6, 3, dtype=dtype).scatter_reduce(0, index, leaf, "amax", include_self=True)
        )
        (found * weight.to(dtype)).sum().backward()
        gradients.append(leaf.grad.double())
    positive = values > 0  # a tie with the zero that is always there is nobody's
    torch.testing.assert_close(gradients[0][positive], gradients[1][positive], rtol=1e-5, atol=1e-6)


def test_without_gradients_the_compiled_sums_and_maxima_are_those_with_gradients_to_the_last_bit() -> None:
    torch.manual_seed(2)
    values, group = torch.randn(300, 7), torch.randint(0, 9, (300,))
    leaf = values.clone().requires_grad_()
    for pool in (group_sum, group_max):
        with torch.no_grad():
            alone = pool(values, group, 10)
        assert torch.equal(alone, pool(leaf, group, 10).detach()), pool.__name__
        assert (alone[9] == 0).all()
