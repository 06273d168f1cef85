"""Rotation symmetry that is built in.

A layer that turns the image four ways, convolves and averages cannot tell in which direction an edge runs. A
group convolution keeps the four answers apart, and still turns with the image.
"""

import matplotlib.pyplot as plt
import torch

from hepsets.core.purpose import Purpose
from hepsets.evaluate.images.symmetry import equivariance_error
from hepsets.formats.digits import read_digits
from hepsets.learn.images.recipe import image_recipe
from hepsets.learn.images.training import train_images
from hepsets.learn.layers.group_conv import AveragedC4Conv2d, LiftingConv2d
from hepsets.represent.images.split import split, turn_split

# Digits, each turned once by 0°, 90°, 180° or 270°: some train, some choose the best state, some judge.
counts = {Purpose.TRAINING: 1000, Purpose.VALIDATION: 200, Purpose.TEST: 597}
parts, _ = turn_split(split(read_digits(), counts, seed=1), dict.fromkeys(counts, "quarter"), seed=1)
test = parts[Purpose.TEST]

# Networks of about one size, trained alike.
for name, channels in (("cnn", 24), ("averaged", 24), ("p4cnn", 10)):
    config = image_recipe(name).configured({"channels": channels})
    model = train_images(name, parts[Purpose.TRAINING], parts[Purpose.VALIDATION], config, seed=1)
    right = (model.probabilities(test).argmax(axis=1) == test.labels).mean()
    print(f"{name:8} {model.parameters():6} parameters, accuracy {right:.3f}")

# Both layers turn with the image, up to rounding. Where a stride leaves pixels over, an error says so.
layers = {"averaged": AveragedC4Conv2d(1, 1, 3), "lifting": LiftingConv2d(1, 1, 3)}
images = torch.as_tensor(test.pixels[:8])
for name, layer in layers.items():
    print(name, f"{equivariance_error(layer, images, lifted=(False, name == 'lifting')):.0e}")

# What they say of the first image: one map, and one for each orientation of the kernel.
_, axes = plt.subplots(1, 6, figsize=(9, 2), layout="constrained")
maps = [images[0, 0], *(each for layer in layers.values() for each in layer(images[:1]).detach()[0])]
for axis, title, pixels in zip(axes, ["image", "averaged", "0°", "90°", "180°", "270°"], maps, strict=True):
    axis.imshow(pixels, cmap="gray")
    axis.set(title=title, xticks=[], yticks=[])
plt.show()
