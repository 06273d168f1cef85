"""Images per second that a p4 network trains on and scores, beside the naive way, and beside escnn.

The naive way makes the maps of each orientation with a convolution of their own. escnn is no dependency of
anything here: where it is installed beside hepsets it is measured in the same process.

Run with ``pytest benchmarks/test_c4_images.py -s`` on an idle machine; ``-s`` shows the rates.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

import numpy as np
import pytest
import torch
from rates import ROUNDS, rate
from torch import Tensor, nn
from torch.nn import functional

from hepsets.core.images import Images
from hepsets.learn.images.recipe import image_recipe
from hepsets.learn.layers.group_conv import GroupConv2d, LiftingConv2d
from hepsets.learn.layers.square_group import act, inverse, product
from hepsets.learn.training.one_thread import one_thread

BATCH = 64
PIXELS = torch.rand(8 * BATCH, 1, 28, 28, generator=torch.Generator().manual_seed(1))
LABELS = torch.arange(8 * BATCH) % 10
KERNELS, CHANNELS = (3, 3, 3, 3, 3, 3, 4), 10


class NaiveConv2d(nn.Module):
    """A group convolution of p4, orientation by orientation."""

    def __init__(self, layer: LiftingConv2d | GroupConv2d) -> None:
        super().__init__()
        self.weight, self.bias = layer.weight, layer.bias

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of all orientations, one convolution for each."""
        found = []
        for g in range(4):
            if self.weight.shape[2] == 1:
                turned = act(g, self.weight)[:, :, 0]
            else:
                source = [product(inverse(g), h) for h in range(4)]
                turned = act(g, self.weight[:, :, source]).transpose(1, 2).flatten(1, 2)
            found.append(functional.conv2d(maps, turned, self.bias))
        return torch.cat(found, 1)


def ours() -> nn.Sequential:
    return image_recipe("p4cnn").build((1, 28, 28), 10, seed=1).network


def naive() -> nn.Sequential:
    layers = (NaiveConv2d(one) if isinstance(one, LiftingConv2d | GroupConv2d) else one for one in ours())
    return nn.Sequential(*layers)


def escnn() -> nn.Module:
    """The same layers of escnn: Weiler & Cesa 2019, arXiv:1911.08251."""
    gspaces, enn = importlib.import_module("escnn.gspaces"), importlib.import_module("escnn.nn")
    space = gspaces.rot2dOnR2(N=4)
    image = enn.FieldType(space, [space.trivial_repr])
    hidden, last = (enn.FieldType(space, n * [space.regular_repr]) for n in (CHANNELS, 10))
    layers, seen = [], image
    for place, kernel in enumerate(KERNELS):
        out = last if place == len(KERNELS) - 1 else hidden
        layers.append(enn.R2Conv(seen, out, kernel, bias=out is last))
        if place == 1:
            layers.append(enn.PointwiseMaxPool2D(out, 2))
        if out is hidden:
            layers += [enn.InnerBatchNorm(out), enn.ReLU(out)]
        seen = out
    layers.append(enn.GroupPooling(last))
    return _Escnn(enn.SequentialModule(*layers), image, enn)


class _Escnn(nn.Module):
    def __init__(self, layers: nn.Module, image: object, enn: object) -> None:
        super().__init__()
        self.layers, self.image, self.enn = layers, image, enn

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits."""
        return self.layers(self.enn.GeometricTensor(pixels, self.image)).tensor.flatten(1)


def training_rate(network: nn.Module) -> float:
    """Best speed of eight steps, in images per second."""
    optimizer = torch.optim.AdamW(network.train().parameters(), fused=True)

    def steps() -> None:
        for pixels, labels in zip(PIXELS.split(BATCH), LABELS.split(BATCH), strict=True):
            loss = functional.cross_entropy(network(pixels), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return rate(steps, len(PIXELS))


def scoring_rate(network: Callable[[Tensor], Tensor]) -> float:
    """Best speed of eight batches, in images per second."""

    def score() -> None:
        with torch.inference_mode():
            for pixels in PIXELS.split(BATCH):
                network(pixels)

    return rate(score, len(PIXELS))


def test_a_p4_network_trains_and_scores_faster_than_the_naive_way(benchmark):
    with one_thread():
        model = image_recipe("p4cnn").build((1, 28, 28), 10, seed=1)
        images = Images(PIXELS.numpy(), LABELS.numpy(), np.arange(len(PIXELS)))
        torch.testing.assert_close(ours().train()(PIXELS[:8]), naive().train()(PIXELS[:8]))
        found = {"ours": training_rate(ours()), "naive": training_rate(naive())}
        scoring = {"ours": rate(lambda: model.probabilities(images), len(PIXELS))}
        scoring["naive"] = scoring_rate(naive().eval())
        benchmark.pedantic(lambda: model.probabilities(images), rounds=ROUNDS)
    benchmark.extra_info.update(
        train_images_per_s=round(found["ours"]), score_images_per_s=round(scoring["ours"])
    )
    for name in found:
        epoch = 12_000 / found[name]
        print(
            f"\np4cnn {name}: training {found[name]:.0f} images/s ({epoch:.0f} s for an epoch of 12 000), "
            f"scoring {scoring[name]:.0f} images/s"
        )
    assert found["ours"] > found["naive"]
    assert scoring["ours"] > scoring["naive"]


def test_a_p4_network_beside_escnn(benchmark):
    pytest.importorskip("escnn")
    with one_thread():
        theirs = escnn()
        trained, scored = training_rate(theirs), scoring_rate(theirs.eval())
        exported = scoring_rate(theirs.layers.export().eval())
        ours_trained, ours_scored = (
            training_rate(ours()),
            scoring_rate(image_recipe("p4cnn").build((1, 28, 28), 10, seed=1).export()),
        )
        benchmark.pedantic(lambda: ours().eval()(PIXELS[:BATCH]), rounds=1)
    weights = sum(one.numel() for one in theirs.parameters())
    for name, rates in {
        f"escnn, {weights} weights": (trained, scored, exported),
        "ours": (ours_trained, "", ours_scored),
    }.items():
        print(f"\n{name}: images/s in training, scoring, scoring as plain layers: {rates}")
    assert ours_trained > trained
