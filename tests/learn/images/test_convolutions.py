import pytest
import torch
from torch import nn

from hepsets.core.errors import InputError
from hepsets.learn.images.convolutions import ConvolutionsConfig, in_a_row, plan_convolutions
from hepsets.learn.layers.group_norm_pool import SpatialPool2d


def plain_network(size, classes=3):
    def convolution(n_in, n_out, kernel, place):
        return nn.Conv2d(n_in, n_out, kernel, bias=place == "last")

    config = ConvolutionsConfig(channels=4, dropout=0.1, last_dropout=0.2)
    return in_a_row((2, size, size), classes, config, convolution, nn.Flatten())


@pytest.mark.parametrize("size", [5, 6, 7, 8, 15, 16, 17, 28, 29, 32, 33, 64])
@pytest.mark.parametrize("first", [1, 3, 4, 5])
def test_every_size_comes_down_to_one_pixel_and_what_is_pooled_has_an_even_size(size, first):
    if size <= first:
        return
    plan = plan_convolutions(size, first)
    assert plan.kernels[0] == first
    for place, kernel in enumerate(plan.kernels):
        size -= kernel - 1
        if place in plan.pooled:
            assert size % 2 == 0
            size //= 2
    assert size == 1
    assert max(plan.kernels[1:]) <= 4


def test_handwritten_digits_have_the_layers_that_were_published():
    plan = plan_convolutions(28)
    assert (plan.kernels, plan.pooled) == ((3, 3, 3, 3, 3, 3, 4), {1})


@pytest.mark.parametrize("size", [5, 8, 16, 17, 28])
def test_a_network_of_any_size_gives_a_logit_for_each_class(size):
    network = plain_network(size)
    assert network(torch.randn(3, 2, size, size)).shape == (3, 3)
    assert sum(isinstance(layer, SpatialPool2d) for layer in network) == (size >= 16)


def test_images_that_are_no_squares_or_too_small_are_refused():
    with pytest.raises(InputError, match="8 by 9 pixels for mine; expected square images"):
        in_a_row((1, 8, 9), 2, ConvolutionsConfig(), lambda *_: nn.Identity(), nn.Flatten(), name="mine")
    with pytest.raises(InputError, match="4 pixels wide; expected at least 5"):
        plain_network(4)
