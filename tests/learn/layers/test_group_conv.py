"""Group convolutions turn with the image exactly, and what is refused would not."""

import pytest
import torch
from helpers.turned import broken_by
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional

from hepsets.core.errors import InputError
from hepsets.learn.layers.group_conv import AveragedC4Conv2d, GroupConv2d, LiftingConv2d, four_turns
from hepsets.learn.layers.group_norm_pool import GroupPool
from hepsets.learn.layers.square_group import ORDER, act, act_on_maps, product

GROUPS = ("p4", "p4m")

layers = st.sampled_from(["averaged", *((kind, group) for kind in ("lifting", "group") for group in GROUPS)])


def make(kind, kernel, stride, padding):
    """A layer with two channels in, what moves its input, and whether input and output are maps."""
    torch.manual_seed(kernel)
    settings = {"stride": stride, "padding": padding, "bias": True}
    if kind == "averaged":
        return AveragedC4Conv2d(2, 3, kernel, **settings), "p4", False, False
    of_maps = kind[0] == "group"
    return (
        (GroupConv2d if of_maps else LiftingConv2d)(2, 3, kernel, kind[1], **settings),
        kind[1],
        of_maps,
        True,
    )


@settings(max_examples=100)
@given(
    layers, st.tuples(st.integers(1, 11), st.integers(1, 11)), st.integers(1, 5), st.integers(1, 4), st.data()
)
def test_what_is_accepted_turns_with_the_image_and_what_is_refused_does_not(
    kind, sizes, kernel, stride, data
):
    padding = data.draw(st.integers(0, kernel - 1))
    assume(min(sizes) + 2 * padding >= kernel)
    layer, group, of_maps, to_maps = make(kind, kernel, stride, padding)
    torch.nn.init.normal_(layer.bias)
    images = torch.randn(4, 2 * (ORDER[group] if of_maps else 1), *sizes)
    try:
        layer(images)
    except InputError:
        assert broken_by(layer.export(), images, group, of_maps=of_maps, to_maps=to_maps) > 1e-3
    else:
        assert broken_by(layer, images, group, of_maps=of_maps, to_maps=to_maps) < 1e-5
        torch.testing.assert_close(layer.export()(images), layer(images))


def test_the_averaged_layer_is_the_mean_of_four_turns_and_one_convolution_with_an_averaged_kernel():
    torch.manual_seed(1)
    layer = AveragedC4Conv2d(3, 5, 3, padding=1)
    torch.nn.init.normal_(layer.bias)
    images = torch.randn(2, 3, 9, 9)
    kernel = sum(torch.rot90(layer.weight[:, :, 0], turn, (2, 3)) for turn in range(4)) / 4
    expected = functional.conv2d(images, kernel, layer.bias, padding=1)
    torch.testing.assert_close(layer(images), expected)
    torch.testing.assert_close(four_turns(layer, images).mean(0), expected)


def test_the_averaged_layer_does_not_tell_a_stroke_from_the_same_stroke_lying_down_but_a_group_layer_does():
    torch.manual_seed(2)
    standing = torch.zeros(1, 1, 5, 5)
    standing[..., 2] = 1.0
    lying = act(1, standing)
    averaged, lifting = AveragedC4Conv2d(1, 4, 5, bias=False), LiftingConv2d(1, 4, 5)
    torch.testing.assert_close(averaged(standing), averaged(lying))
    assert (lifting(standing) - lifting(lying)).abs().max() > 0.1


def test_orientations_averaged_give_the_averaged_layer():
    torch.manual_seed(3)
    lifting, averaged = LiftingConv2d(2, 3, 3), AveragedC4Conv2d(2, 3, 3, bias=False)
    averaged.load_state_dict(lifting.state_dict())
    images = torch.randn(2, 2, 7, 7)
    torch.testing.assert_close(GroupPool("p4", "mean")(lifting(images)), averaged(images))


def test_filters_blind_to_orientation_make_maps_that_are_all_alike():
    torch.manual_seed(4)
    layer = GroupConv2d(2, 3, 3)
    blind = layer.weight.detach().mean(2)
    symmetric = sum(act(turn, blind) for turn in range(4)) / 4
    layer.weight.data = symmetric[:, :, None].expand_as(layer.weight).clone()
    image = torch.randn(2, 2, 7, 7)
    maps = layer(image.repeat(1, 4, 1, 1)).reshape(2, 4, 3, 5, 5)
    torch.testing.assert_close(maps, maps[:, :1].expand_as(maps))
    torch.testing.assert_close(maps[:, 0], functional.conv2d(image, 4 * symmetric))


@pytest.mark.parametrize("group", GROUPS)
def test_each_orientation_is_the_first_one_of_the_image_turned_back(group):
    # equations 10 and 11 with the sum taken over the turned image, not with a turned filter
    torch.manual_seed(5)
    image, maps = torch.randn(2, 2, 6, 6), torch.randn(2, 2 * ORDER[group], 6, 6)
    lifting, layer = LiftingConv2d(2, 3, 3, group), GroupConv2d(2, 3, 3, group)
    lifted, mapped = (one.reshape(2, ORDER[group], 3, 4, 4) for one in (lifting(image), layer(maps)))
    of_maps = layer.weight.permute(0, 2, 1, 3, 4).flatten(1, 2)  # all channels of an orientation together
    for element in range(ORDER[group]):
        back = next(other for other in range(ORDER[group]) if product(other, element) == 0)
        seen = functional.conv2d(act(back, image), lifting.weight[:, :, 0])
        torch.testing.assert_close(lifted[:, element], act(element, seen))
        seen = functional.conv2d(act_on_maps(back, maps, group), of_maps)
        torch.testing.assert_close(mapped[:, element], act(element, seen))


@pytest.mark.parametrize("group", GROUPS)
def test_a_weight_is_shared_by_all_orientations(group):
    layer = GroupConv2d(5, 7, 3, group)
    assert layer.weight.numel() == 5 * 7 * ORDER[group] * 9
    assert layer.export().weight.numel() == ORDER[group] * layer.weight.numel()
    assert "padding=0" in repr(layer)
    assert group in repr(layer)


def test_gradients_reach_every_weight_through_all_orientations():
    layer = GroupConv2d(1, 1, 2).double()
    maps = torch.randn(1, 4, 3, 3, dtype=torch.float64)

    def mean_square(weight):
        return torch.func.functional_call(layer, {"weight": weight}, (maps,)).square().mean()

    assert torch.autograd.gradcheck(mean_square, layer.weight)


def test_a_plain_convolution_keeps_the_precision_of_its_layer():
    layer = LiftingConv2d(1, 2, 3, bias=True).double()
    images = torch.randn(2, 1, 5, 5, dtype=torch.float64)
    torch.testing.assert_close(layer.export()(images), layer(images))
