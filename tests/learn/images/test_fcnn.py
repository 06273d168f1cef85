import numpy as np
from helpers.turned import blobs

from hepsets.learn.images.recipe import image_recipe


def test_a_fully_connected_network_does_not_care_where_pixels_are():
    model, images = image_recipe("fcnn").build((1, 8, 8), 3, seed=1), blobs([9, 30, 50])
    order = np.random.default_rng(0).permutation(64)
    first = model.network[2]
    first.weight.data = first.weight[:, np.argsort(order)]
    moved = images.with_pixels(images.pixels.reshape(3, 64)[:, np.argsort(order)].reshape(3, 1, 8, 8))
    again = image_recipe("fcnn").build((1, 8, 8), 3, seed=1)
    np.testing.assert_allclose(model.logits(moved), again.logits(images), atol=1e-6)


def test_its_images_need_not_be_square():
    assert image_recipe("fcnn").build((2, 5, 9), 4).network[2].in_features == 90
