"""Errors of equivariance: none where the symmetry is built in, large where it is not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from hepsets.evaluate.images.symmetry import change, equivariance_error, invariance_error, network_errors
from hepsets.learn.images.recipe import image_recipe
from hepsets.learn.layers.group_conv import GroupConv2d, LiftingConv2d

PIXELS = np.random.default_rng(3).normal(size=(4, 1, 8, 8)).astype(np.float32)


def test_a_change_is_in_units_of_the_largest_number():
    assert change(torch.tensor([1.0, -4.0]), torch.tensor([1.0, -3.0])) == pytest.approx(0.25)
    assert change(torch.zeros(2), torch.tensor([0.0, 0.5])) == pytest.approx(0.5)


@pytest.mark.parametrize("group", ["p4", "p4m"])
def test_group_convolutions_turn_with_the_image_and_plain_ones_do_not(group):
    torch.manual_seed(1)
    maps = torch.from_numpy(PIXELS)
    lifting = LiftingConv2d(1, 2, 3, group)
    assert equivariance_error(lifting, maps, group=group, lifted=(False, True)) < 1e-5
    inner = GroupConv2d(2, 2, 3, group)
    assert equivariance_error(inner, lifting(maps).detach(), group=group, lifted=(True, True)) < 1e-5
    assert equivariance_error(nn.Conv2d(1, 2, 3), maps) > 0.1


def test_within_a_network_each_layer_has_its_error():
    errors = {
        name: network_errors(image_recipe(name).build((1, 8, 8), 3, seed=2).network, PIXELS)
        for name in ("fcnn", "cnn", "averaged", "p4cnn", "p4mcnn")
    }
    for name in ("p4cnn", "p4mcnn"):
        assert max(one.error for one in errors[name]) < 1e-5
    averaged = [one.error for one in errors["averaged"]]
    assert max(averaged[:4]) < 1e-5  # up to the second convolution
    assert min(averaged[4:]) > 1e-3
    assert errors["averaged"][1].layer == "2 AveragedC4Conv2d"
    assert errors["fcnn"][-1].error > 1e-3
    assert errors["cnn"][-1].error > 1e-3


def test_a_kernel_that_turns_into_itself_and_has_a_hand_fails_where_mirrors_are_promised():
    propeller = nn.Conv2d(1, 1, 5, bias=False)
    kernel = torch.zeros(5, 5)
    kernel[0, 1] = kernel[1, 4] = kernel[4, 3] = kernel[3, 0] = 1.0
    propeller.weight = nn.Parameter(kernel[None, None])
    worst = {
        group: network_errors(nn.Sequential(propeller, LiftingConv2d(1, 2, 3, group)), PIXELS)[0].error
        for group in ("p4", "p4m")
    }
    assert worst["p4"] < 1e-5 < 0.1 < worst["p4m"]


def test_an_invariant_score_does_not_change_and_another_does():
    def mean(pixels):
        return pixels.mean(axis=(2, 3))

    def corner(pixels):
        return pixels[:, 0, :1, 0]

    assert invariance_error(mean, PIXELS) < 1e-6
    assert invariance_error(corner, PIXELS) > 0.1
