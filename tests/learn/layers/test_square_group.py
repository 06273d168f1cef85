import pytest
import torch

from hepsets.core.errors import InputError
from hepsets.learn.layers.square_group import (
    ORDER,
    act,
    act_on_maps,
    demand_centred,
    filter_index,
    inverse,
    product,
)

PICTURE = torch.arange(25.0).view(5, 5)
GROUPS = ("p4", "p4m")


@pytest.mark.parametrize("group", GROUPS)
def test_products_are_what_pixels_see_one_after_the_other(group):
    for one in range(ORDER[group]):
        for other in range(ORDER[group]):
            assert torch.equal(act(product(one, other), PICTURE), act(one, act(other, PICTURE)))
            assert product(one, other) < ORDER[group]


@pytest.mark.parametrize("group", GROUPS)
def test_every_element_is_undone_and_no_two_are_the_same(group):
    for element in range(ORDER[group]):
        assert product(element, inverse(element)) == product(inverse(element), element) == 0
    pictures = [act(element, PICTURE) for element in range(ORDER[group])]
    assert sum(torch.equal(a, b) for a in pictures for b in pictures) == ORDER[group]


@pytest.mark.parametrize("group", GROUPS)
def test_maps_are_moved_as_the_group_multiplies(group):
    maps = torch.randn(2, ORDER[group] * 3, 4, 5)
    assert torch.equal(act_on_maps(0, maps, group), maps)
    for one in range(ORDER[group]):
        for other in range(ORDER[group]):
            both = act_on_maps(one, act_on_maps(other, maps, group), group)
            assert torch.equal(act_on_maps(product(one, other), maps, group), both)


def test_a_turn_carries_a_map_to_the_next_orientation():
    maps = torch.zeros(1, 4, 3, 3)
    maps[0, 0, 0, 2] = 1.0  # upper right, in the first orientation
    turned = act_on_maps(1, maps, "p4")
    assert turned.nonzero().tolist() == [[0, 1, 0, 0]]  # upper left, in the second


@pytest.mark.parametrize("group", GROUPS)
def test_a_bank_holds_each_weight_once_in_each_orientation(group):
    index = filter_index(group, 3, of_maps=True)
    assert index.shape == (ORDER[group], ORDER[group], 3, 3)
    for row in index:
        assert row.flatten().sort().values.tolist() == list(range(ORDER[group] * 9))
    assert index[0].flatten().tolist() == list(range(ORDER[group] * 9))
    assert filter_index(group, 2, of_maps=False)[1].flatten().tolist() == [1, 3, 0, 2]


@pytest.mark.parametrize(
    ("size", "window", "stride", "padding"), [(28, 3, 2, 0), (7, 2, 2, 0), (10, 3, 4, 1)]
)
def test_what_the_message_names_is_accepted(size, window, stride, padding):
    with pytest.raises(InputError, match="divisible by the stride") as refused:
        demand_centred((size, size), window, stride, padding, "a convolution")
    remedy = refused.value.remedy
    windows = [int(word) for word in remedy.split("window of ")[1].split(",")[0].split(" or ")]
    sizes = [int(word) for word in remedy.split("images of ")[1].removesuffix(" pixels").split(" or ")]
    assert windows
    for other in windows:
        demand_centred((size, size), other, stride, padding, "a convolution")
    for other in sizes:
        demand_centred((other, other), window, stride, padding, "a convolution")
    demand_centred((size, size), window, 1, padding, "a convolution")


def test_both_sides_of_an_image_must_be_covered_and_a_window_must_fit():
    demand_centred((7, 9), 3, 2, 0, "a pooling")
    with pytest.raises(InputError, match="on 8 pixels leaves out 1"):
        demand_centred((7, 8), 3, 2, 0, "a pooling")
    with pytest.raises(InputError, match="expected at least 3 pixels"):
        demand_centred((2, 9), 5, 1, 1, "a pooling")
