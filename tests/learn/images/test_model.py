import numpy as np
import pytest
import torch
from helpers.turned import blobs

from hepsets.core.errors import InputError
from hepsets.learn.images.model import Standardise
from hepsets.learn.images.recipe import image_recipe


def test_pixels_are_taken_in_units_of_their_spread_and_blank_channels_stay():
    pixels = torch.randn(50, 2, 4, 4) * 3 + 7
    pixels[:, 1] = 2.0
    layer = Standardise(2)
    layer.fit(pixels)
    found = layer(pixels)
    torch.testing.assert_close(found[:, 0].mean(), torch.tensor(0.0), atol=1e-5, rtol=0)
    torch.testing.assert_close(found[:, 0].std(correction=0), torch.tensor(1.0))
    assert (found[:, 1] == 0).all()


@pytest.mark.parametrize("name", ["p4cnn", "averaged", "fcnn"])
def test_probabilities_are_those_of_the_network_and_add_up_to_one(name):
    model, images = image_recipe(name).build((1, 8, 8), 3, seed=1), blobs([5, 20, 0] * 30)
    found = model.probabilities(images)
    assert found.shape == (90, 3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)
    with torch.no_grad():
        logits = model.network(torch.from_numpy(images.pixels))
    np.testing.assert_allclose(found, torch.softmax(logits, 1), atol=1e-6)
    assert model.probabilities(images[:0]).shape == (0, 3)
    assert model.parameters() == sum(one.numel() for one in model.network.parameters())


def test_images_of_another_shape_are_refused_even_if_the_layers_could_take_them():
    model = image_recipe("cnn").build((1, 8, 8), 3)
    with pytest.raises(InputError, match=r"\(1, 9, 9\) for cnn; expected \(1, 8, 8\)"):
        model.probabilities(blobs([3], size=9))
