"""What flavour taggers are trained for."""

import numpy as np
import pytest
import torch
from torch import nn

from hepsets.core.errors import InputError
from hepsets.learn.vertexed_events.flavour_task import CHARGE_WEIGHT, Flavour, flavour_targets


class Outputs(nn.Module):
    """Something with three outputs."""

    heads = 3


def test_without_a_charge_the_loss_is_cross_entropy() -> None:
    outputs = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    targets = torch.from_numpy(flavour_targets(np.array([0, 2])))
    expected = nn.functional.cross_entropy(outputs, targets[:, 0])
    assert Flavour().loss(outputs, targets, None, None) == expected


def test_the_charge_is_learnt_where_it_has_a_sign() -> None:
    outputs = torch.tensor([[0.0, 0.0, 3.0], [0.0, 0.0, 3.0], [0.0, 0.0, -50.0]])
    targets = torch.from_numpy(flavour_targets(np.array([0, 1, 0]), np.array([1, -1, 0])))
    loss = Flavour(charge=True).loss(outputs, targets, None, None)
    expected = np.log(2) + CHARGE_WEIGHT * (np.log1p(np.exp(-3)) + np.log1p(np.exp(3))) / 2
    assert float(loss) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (flavour_targets(np.array([0, 3])), "numbers from 0 to 2"),
        (flavour_targets(np.array([1, 1])), "several flavours"),
        (np.array([0, 1]), "class and charge"),
    ],
)
def test_targets_that_do_not_fit_are_refused(targets: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Flavour().checked(Outputs(), targets, 2, None)
    with pytest.raises(InputError, match="weights"):
        Flavour().checked(Outputs(), flavour_targets(np.array([0, 1])), 2, np.ones(2))
