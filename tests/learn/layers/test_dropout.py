import numpy as np
import pytest
import torch

from hepsets.learn.layers.dropout import Dropout, _drop, keeps


@pytest.mark.parametrize("probability", [0.179, 0.5, 0.9])
def test_the_right_fraction_is_dropped_and_the_mean_stays(probability: float) -> None:
    torch.manual_seed(1)
    dropped = Dropout(probability)(torch.ones(1000, 1000))
    spread = (probability * (1 - probability)) ** 0.5 / 1000
    assert abs(float((dropped == 0).double().mean()) - probability) < 5 * spread
    assert dropped.unique().tolist() == pytest.approx([0.0, 1 / (1 - probability)], rel=1e-6)


def test_dropped_places_are_not_correlated() -> None:
    torch.manual_seed(2)
    kept = (Dropout(0.3)(torch.ones(2**20)) != 0).double() - 0.7
    other = (Dropout(0.3)(torch.ones(2**20)) != 0).double() - 0.7
    for lag in (1, 2, 3, 4, 8, 25, 32, 1024):
        assert abs(float((kept[lag:] * kept[:-lag]).mean()) / 0.21) < 5 * 2**-10
    assert abs(float((kept * other).mean()) / 0.21) < 5 * 2**-10


def test_gradients_pass_where_values_passed() -> None:
    values = torch.ones(10_000, requires_grad=True)
    dropped = Dropout(0.4)(values)
    dropped.sum().backward()
    assert torch.equal(values.grad, dropped.detach())


def test_gradients_of_gradients_pass_there_too() -> None:
    values = torch.linspace(1, 2, 50, requires_grad=True)
    dropped = Dropout(0.4)(values)
    (slope,) = torch.autograd.grad(dropped.pow(3).sum(), values, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), values)
    factor = dropped.detach() / values.detach()
    torch.testing.assert_close(bend, 6 * factor**3 * values.detach())


def test_seeds_repeat_it_and_evaluation_ends_it() -> None:
    dropout, values = Dropout(0.5), torch.randn(100)
    torch.manual_seed(3)
    first = dropout(values)
    second = dropout(values)
    torch.manual_seed(3)
    assert torch.equal(dropout(values), first)
    assert not torch.equal(first, second)
    assert torch.equal(dropout.eval()(values), values)


def test_a_loop_of_its_own_drops_what_the_layer_would_have_dropped() -> None:
    dropout = Dropout(0.3)
    torch.manual_seed(4)
    expected = dropout(torch.ones(500))
    torch.manual_seed(4)
    seed, threshold, scale = dropout.drawn()
    found = [float(scale) * keeps(np.uint32(place), seed, threshold) for place in range(500)]
    assert found == expected.tolist()
    seed, threshold, scale = dropout.eval().drawn()
    assert scale == 1
    assert all(keeps(np.uint32(place), seed, threshold) for place in range(500))


def test_a_seed_drops_the_places_that_it_always_did() -> None:
    values, dropped = np.ones(40, dtype=np.float32), np.empty(40, dtype=np.float32)
    _drop(values, np.uint32(7), np.uint32(0.179 * 2**32), np.float32(1.0), dropped)
    assert np.flatnonzero(dropped == 0).tolist() == [10, 13, 19, 20, 21, 27, 29, 36]
