import pytest
import torch
from helpers.turned import broken_by
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from hepsets.core.errors import InputError
from hepsets.learn.layers.group_conv import GroupConv2d, LiftingConv2d
from hepsets.learn.layers.group_norm_pool import (
    GroupPool,
    InvariantHead,
    OrientationBatchNorm2d,
    SpatialPool2d,
    plain,
)
from hepsets.learn.layers.square_group import ORDER, act, act_on_maps


@settings(max_examples=60)
@given(st.sampled_from(["max", "mean"]), st.integers(1, 9), st.integers(1, 4), st.integers(1, 4), st.data())
def test_poolings_that_are_accepted_turn_with_the_image_and_others_do_not(kind, size, window, stride, data):
    padding = data.draw(st.integers(0, window // 2))
    free = size + 2 * padding - window
    assume(free >= 0)
    all_see_everything = window >= size + padding and free // stride * stride <= padding
    assume(free % stride == 0 or not all_see_everything)
    pool, images = (
        SpatialPool2d(window, stride=stride, padding=padding, kind=kind),
        torch.randn(4, 3, size, size),
    )
    try:
        pool(images)
    except InputError:
        assert broken_by(pool.export(), images) > 1e-3
    else:
        assert broken_by(pool, images) < 1e-5


def test_batch_norm_turns_with_the_image_while_it_trains_and_afterwards():
    torch.manual_seed(1)
    norm, maps = OrientationBatchNorm2d(3, 4), 5 + 2 * torch.randn(6, 12, 5, 5)
    nn.init.normal_(norm.norm.weight)
    nn.init.normal_(norm.norm.bias)
    for mode in (True, False):
        norm.train(mode)
        assert broken_by(norm, maps, of_maps=True, to_maps=True) < 1e-5
    torch.testing.assert_close(norm.export()(maps), norm(maps))


def test_batch_norm_takes_all_orientations_of_a_channel_together():
    norm, maps = OrientationBatchNorm2d(2, 4), torch.randn(50, 8, 3, 3) + torch.arange(8.0).view(1, 8, 1, 1)
    found = norm(maps).reshape(50, 4, 2, 3, 3)
    torch.testing.assert_close(found.mean((0, 1, 3, 4)), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.var((0, 1, 3, 4), correction=0), torch.ones(2), atol=1e-4, rtol=0)
    assert found.mean((0, 2, 3, 4)).abs().max() > 0.5  # orientations may differ
    apart = maps.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(norm(apart), norm(maps))
    one = OrientationBatchNorm2d(8)
    torch.testing.assert_close(one(maps), nn.BatchNorm2d(8)(maps))


@pytest.mark.parametrize("group", ["p4", "p4m"])
@pytest.mark.parametrize("kind", ["max", "mean"])
def test_pooled_orientations_are_an_image_and_the_head_does_not_change(group, kind):
    maps = torch.randn(3, 5 * ORDER[group], 4, 4)
    assert broken_by(GroupPool(group, kind), maps, group, of_maps=True) < 1e-6
    assert GroupPool(group, kind)(maps).shape == (3, 5, 4, 4)
    head = InvariantHead(group, kind)
    for element in range(ORDER[group]):
        torch.testing.assert_close(head(act_on_maps(element, maps, group)), head(maps))


def test_a_network_of_plain_layers_gives_the_same_and_leaves_the_other_as_it_was():
    torch.manual_seed(2)
    network = nn.Sequential(
        LiftingConv2d(1, 3, 3, bias=True),
        OrientationBatchNorm2d(3, 4),
        nn.ReLU(),
        nn.Dropout(0.5),
        GroupConv2d(3, 3, 3),
        SpatialPool2d(2),
        OrientationBatchNorm2d(3, 4),
        GroupConv2d(3, 2, 4, bias=True),
        InvariantHead("p4"),
    )
    images = torch.randn(8, 1, 12, 12)
    network(images)  # statistics
    nn.init.normal_(network[6].norm.weight)  # of both signs: maxima of negatives are others
    before = {name: value.clone() for name, value in network.state_dict().items()}
    exported = plain(network)
    network.eval()
    torch.testing.assert_close(exported(images), network(images), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(exported(act(1, images)), network(images), atol=1e-5, rtol=1e-5)
    kinds = {type(layer) for layer in exported if any(True for _ in layer.parameters())}
    assert kinds == {nn.Conv2d, nn.BatchNorm2d}
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
