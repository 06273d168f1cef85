"""A model of images: layers in a row, what they were trained for, and the classes that they tell apart."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.core.images import Images
from hepsets.learn.described import described
from hepsets.learn.layers.group_norm_pool import plain
from hepsets.learn.registry import Kind
from hepsets.learn.training.checkpoint import EpochRecord
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.trainable import in_evaluation

IMAGES_TOGETHER = 64
"""Images that are scored together: more would not stay in a core's cache."""

FIT = FitConfig(epochs=20, batch=64, learning_rate=4e-3, schedule="cosine", device="cpu")
"""How models of images are trained: Adam as in the coursework, but at a rate that falls to zero."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ImageModelConfig:
    """Options of every model of images; those of single models are in subclasses.

    Parameters
    ----------
    dropout
        Dropout probability behind each hidden layer.
    fit
        The training.
    """

    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    fit: FitConfig = FIT


class Standardise(nn.Module):
    """Pixels less their mean over the training images, divided by their standard deviation, per channel.

    Parameters
    ----------
    channels
        Of the images.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("scale", torch.ones(channels, 1, 1))

    def fit(self, pixels: Tensor) -> None:
        """Take mean and scale of pixels of shape ``(n, channels, height, width)``; empty channels stay."""
        deviation, mean = torch.std_mean(pixels.double(), dim=(0, 2, 3), keepdim=True, correction=0)
        self.mean.copy_(mean[0])
        self.scale.copy_(torch.where(deviation > 0, deviation, torch.ones_like(deviation))[0])

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels of shape ``(n, channels, height, width)``, channels innermost in memory."""
        return ((pixels - self.mean) / self.scale).contiguous(memory_format=torch.channels_last)


class ImageModel:
    """Layers with all that is needed to apply them to images, and how they were trained.

    Parameters
    ----------
    name
        Name in the registry.
    config
        Its options.
    shape
        Channels, height and width of its images.
    classes
        How many classes it tells apart.
    network
        From pixels ``(n, channels, height, width)`` to logits ``(n, classes)``.
    history
        Its training, epoch by epoch.
    """

    kind: Kind = "images"

    def __init__(
        self,
        name: str,
        config: ImageModelConfig,
        shape: tuple[int, int, int],
        classes: int,
        network: nn.Sequential,
        history: tuple[EpochRecord, ...] = (),
    ) -> None:
        self.name = name
        self.config = config
        self.shape = shape
        self.classes = classes
        self.network = network
        self.history = history

    def __repr__(self) -> str:
        """Kind, size, training and options."""
        size = (
            f"{self.parameters():,} parameters, {' × '.join(map(str, self.shape))} to {self.classes} classes"
        )
        trained = f"best epoch {self.best_epoch} of {len(self.history)}" if self.history else ""
        return described(self, size, trained)

    def parameters(self) -> int:
        """Numbers that training moves."""
        return sum(one.numel() for one in self.network.parameters() if one.requires_grad)

    @property
    def best_epoch(self) -> int:
        """The epoch that was kept, that of the least validation loss, from 1; 0 if there was no training."""
        losses = [epoch.validation_loss for epoch in self.history]
        return 1 + losses.index(min(losses)) if losses else 0

    def logits(self, images: Images) -> NDArray[np.float32]:
        """What the network says, shape ``(n_images, classes)``, float32.

        Raises
        ------
        InputError
            For images of another shape than those of the training.
        """
        if images.shape != self.shape:
            raise InputError(
                f"images of shape {images.shape} for {self.name}",
                f"{self.shape}: channels, height and width that it was trained on",
            )
        device = next(self.network.parameters()).device
        with in_evaluation(self.network), torch.inference_mode():
            network = self.export()
            parts = [
                network(pixels.to(device)).cpu().numpy()
                for pixels in torch.split(torch.from_numpy(images.pixels), IMAGES_TOGETHER)
            ]
        return np.concatenate([np.empty((0, self.classes), dtype=np.float32), *parts])

    def probabilities(self, images: Images) -> NDArray[np.float32]:
        """Probability of each class, shape ``(n_images, classes)``.

        It is worked out by :meth:`export`, which does the same as the network in fewer operations.

        Raises
        ------
        InputError
            For images of another shape than those of the training.
        """
        logits = torch.from_numpy(self.logits(images).astype(np.float64))
        found: NDArray[np.float32] = torch.softmax(logits, dim=1).float().numpy()
        return found

    def export(self) -> nn.Sequential:
        """The network in evaluation, see :func:`hepsets.learn.layers.group_norm_pool.plain`."""
        with in_evaluation(self.network):
            return plain(self.network)

    def record(self) -> dict[str, Any]:
        """Name, options, images, classes and the course of the training."""
        return {
            "name": self.name,
            "config": dataclasses.asdict(self.config),
            "shape": list(self.shape),
            "classes": self.classes,
            "history": [dataclasses.asdict(epoch) for epoch in self.history],
        }

    def tensors(self) -> dict[str, Tensor]:
        """The network's numbers by name, see :meth:`hepsets.learn.registry.Model.tensors`."""
        return self.network.state_dict()
