import torch

from hepsets.learn.images.recipe import image_recipe
from hepsets.learn.layers.group_conv import AveragedC4Conv2d
from hepsets.learn.layers.square_group import act


def test_only_the_first_layer_of_the_published_network_turns_with_the_image():
    network = image_recipe("averaged").build((1, 28, 28), 10, seed=1).network
    averaged = [isinstance(layer, AveragedC4Conv2d) for layer in network]
    assert averaged == [False, True] + [False] * (len(averaged) - 2)
    image = torch.rand(2, 1, 28, 28)
    with torch.no_grad():
        first = network[:2]
        torch.testing.assert_close(first(act(1, image)), act(1, first(image)))
        assert (network(act(1, image)) - network(image)).abs().max() > 1e-3


def test_plain_and_published_network_have_as_many_weights():
    counts = [image_recipe(name).build((1, 28, 28), 10).parameters() for name in ("cnn", "averaged")]
    assert counts[0] == counts[1]
