import numpy as np
import pytest
from helpers.turned import blobs

from hepsets.core.errors import InputError
from hepsets.learn.images.recipe import image_recipe


def test_a_seed_draws_the_same_weights_and_another_seed_others():
    images, recipe = blobs([9, 30]), image_recipe("p4cnn")
    one, same, other = (recipe.build((1, 8, 8), 3, seed=seed).probabilities(images) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.allclose(one, other)


def test_options_are_those_of_the_model():
    recipe = image_recipe("p4cnn")
    wide = recipe.configured({"channels": 12, "fit": {"epochs": 3}})
    assert (wide.channels, wide.fit.epochs, wide.fit.batch) == (12, 3, 64)
    assert recipe.build((1, 8, 8), 3, wide).parameters() > recipe.build((1, 8, 8), 3).parameters()
    with pytest.raises(InputError, match="widths"):
        recipe.configured({"widths": [3]})
    with pytest.raises(InputError, match="no model 'resnet' of images"):
        image_recipe("resnet")
