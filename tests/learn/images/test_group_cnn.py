import numpy as np
import pytest
import torch
from helpers.turned import blobs

from hepsets.learn.images.recipe import image_recipe
from hepsets.learn.layers.square_group import ORDER, act


@pytest.mark.parametrize(("name", "group"), [("p4cnn", "p4"), ("p4mcnn", "p4m")])
@pytest.mark.parametrize("size", [8, 28])
@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_no_turn_of_an_image_changes_what_is_said_of_it(name, group, size, pooling):
    recipe = image_recipe(name)
    model = recipe.build((1, size, size), 10, recipe.configured({"pooling": pooling, "channels": 3}), seed=1)
    images = blobs([20, 50, 90], size=size)
    model.network.train()(torch.from_numpy(images.pixels))  # statistics of the batch norms
    model.network.eval()
    upright = model.logits(images)
    assert upright.std() > 1e-2
    for element in range(ORDER[group]):
        turned = images.with_pixels(act(element, torch.from_numpy(images.pixels)).numpy())
        assert np.abs(model.logits(turned) - upright).max() < 1e-5
        if element >= 4:
            break  # one mirror stands for all


def test_turns_alone_leave_an_image_and_its_mirror_image_apart():
    model, images = image_recipe("p4cnn").build((1, 8, 8), 10, seed=1), blobs([20, 30])
    mirrored = images.with_pixels(images.pixels[..., ::-1])
    assert np.abs(model.logits(mirrored) - model.logits(images)).max() > 1e-3


def test_the_published_size_has_about_as_many_weights_as_published_and_the_plain_network_too():
    # 24 490 and 21 380 weights in convolutions (Cohen & Welling 2016, section 8.1); batch norms and a bias
    shape = (1, 28, 28)
    assert image_recipe("p4cnn").build(shape, 10).parameters() == 24_490 + 6 * 20 + 10
    assert image_recipe("cnn").build(shape, 10).parameters() == 21_380 + 6 * 40 + 10
