"""The image model: a ResNet-34 in three dimensions regresses ΔC9 on the binned angles of a set.

Dubey et al., arXiv:2311.13060, proposed the images and the network for B → K*⁰μ⁺μ⁻.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from hepsets.core.event_frame import EventFrame
from hepsets.learn.data_sets.estimator import EstimatorRecipe, groups
from hepsets.learn.data_sets.published_fit import PublishedFit
from hepsets.learn.data_sets.regression import (
    Residuals,
    Scale,
    SetRegression,
    SetSampling,
    sample_sets,
    truths,
)
from hepsets.learn.seeded import seeded
from hepsets.learn.training.examples import Numbered
from hepsets.learn.training.fit import FitResult, Progress, fit
from hepsets.learn.training.task import Numbers
from hepsets.represent.data_sets.images import ImageScale, Pixels
from hepsets.represent.data_sets.pools import EventSets, variable_matrix

BLOCKS = (3, 4, 6, 3)
"""Residual blocks in each stage of a ResNet-34."""

IMAGES_TOGETHER = 16
"""Images that the network sees together when it is applied."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ImageCnnConfig:
    """Images, network and training; as published by default, 50 sets per ΔC9 in batches of 32.

    Parameters
    ----------
    bins
        Bins per angle.
    channels
        Channels of the first stage; each of the other three has twice as many as the one before it.
    dense
        Units of the layer behind the convolutions.
    dropout
        Dropout probability behind it.
    sampling
        The sets.
    fit
        The training.
    """

    bins: int = Field(default=50, ge=6)
    channels: int = Field(default=64, ge=1)
    dense: int = Field(default=1000, ge=1)
    dropout: float = Field(default=0.5, ge=0.0, lt=1.0)
    sampling: SetSampling = SetSampling()
    fit: PublishedFit = PublishedFit()

    @classmethod
    def at_scale(cls, scale: Scale, events: int) -> Self:
        """For sets of so many signal events: as published at ``"full"``, smaller at the other scales.

        An image of 50³ through the published network costs a core about half a second, and a training
        shows it 176 000 of them. ``"standard"`` has 25³ bins, an eighth of the channels, a small dense
        layer without dropout, and 6 600 images, each shown twice, at a rate that falls from five
        times the published one. Images of a few bins' worth of events tell pools apart by their
        fluctuations: give it 100 000 events of each ΔC9.
        """
        if scale == "full":
            return cls(sampling=SetSampling(events=events))
        few = scale == "quick"
        return cls(
            bins=12 if few else 25,
            channels=4 if few else 8,
            dense=64,
            dropout=0.0,
            sampling=SetSampling(events=events, sets=6 if few else 150, validation_sets=2 if few else 5),
            fit=PublishedFit(epochs=2, learning_rate=2e-3, schedule="cosine"),
        )


class ResidualBlock(nn.Module):
    """Two convolutions of 3³ with batch norms, added to what came in; a wider block halves the image.

    Parameters
    ----------
    n_in, n_out
        Channels; where they differ, the stride is two and what came in goes through a convolution.
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        stride = 1 if n_in == n_out else 2
        self.change = nn.Sequential(
            nn.Conv3d(n_in, n_out, 3, stride, padding=1, bias=False),
            nn.BatchNorm3d(n_out),
            nn.ReLU(),
            nn.Conv3d(n_out, n_out, 3, padding=1, bias=False),
            nn.BatchNorm3d(n_out),
        )
        self.shortcut: nn.Module = nn.Identity()
        if n_in != n_out:
            self.shortcut = nn.Sequential(
                nn.Conv3d(n_in, n_out, 3, stride, padding=1, bias=False), nn.BatchNorm3d(n_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        """``(n, n_in, d, d, d)`` to ``(n, n_out, d', d', d')``."""
        return nn.functional.relu(self.change(x) + self.shortcut(x))


class ResNet34(nn.Module):
    """ResNet-34 (He et al., arXiv:1512.03385) in three dimensions with one output.

    Parameters
    ----------
    channels, dense, dropout
        See :class:`ImageCnnConfig`.
    """

    def __init__(self, channels: int, dense: int, dropout: float) -> None:
        super().__init__()
        stages: list[nn.Module] = [
            nn.Conv3d(1, channels, 7, stride=2, padding=1, bias=False),
            nn.BatchNorm3d(channels),
            nn.MaxPool3d(3, stride=2, padding=1),
            nn.ReLU(),
        ]
        width = channels
        for stage, blocks in enumerate(BLOCKS):
            for _ in range(blocks):
                stages.append(ResidualBlock(width, channels * 2**stage))
                width = channels * 2**stage
        self.convolutions = nn.Sequential(*stages)
        self.regression = nn.Sequential(
            nn.Linear(width, dense), nn.Dropout(dropout), nn.ReLU(), nn.Linear(dense, 1)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Images ``(n, bins, bins, bins)`` to ΔC9 ``(n,)``."""
        pooled = self.convolutions(images[:, None]).mean(dim=(2, 3, 4))
        result: Tensor = self.regression(pooled).squeeze(1)
        return result


class ImageCnn(SetRegression):
    """The image model; make it with :func:`fit_image_cnn` or :func:`hepsets.learn.files.load`.

    Parameters
    ----------
    config
        Its configuration.
    scale
        How its images are made.
    residuals
        Of the validation sets.
    """

    name = "cnn"
    network: ResNet34

    def __init__(self, config: ImageCnnConfig, scale: ImageScale, residuals: Residuals | None = None) -> None:
        with seeded(config.fit.seed):
            network = ResNet34(config.channels, config.dense, config.dropout)
        super().__init__(network.eval(), residuals)
        self.config = config
        self.scale = scale

    def images(self, sets: EventSets) -> NDArray[np.float32]:
        """What the network sees, shape ``(n_sets, bins, bins, bins)``."""
        pixels = self.scale.pixels(variable_matrix(sets.frame))
        return self.scale.images(pixels, sets.members, sets.offsets)

    def outputs(self, sets: EventSets) -> NDArray[np.float64]:
        """What the network says of each set, shape ``(n_sets,)``."""
        found = [np.empty(0)]
        with torch.inference_mode():
            for matrix, members, offsets in groups(sets):
                pixels = self.scale.pixels(matrix)
                for begin in range(0, len(offsets) - 1, IMAGES_TOGETHER):
                    part = offsets[begin : begin + IMAGES_TOGETHER + 1]
                    images = self.scale.images(pixels, members, part)
                    found.append(self.network(torch.from_numpy(images)).double().numpy())
        return np.concatenate(found)

    def record(self) -> dict[str, Any]:
        """Name, options and how images are made."""
        scale = dataclasses.asdict(self.scale)
        return {"name": self.name, "config": dataclasses.asdict(self.config), "scale": scale}

    def tensors(self) -> dict[str, Tensor]:
        """Weights and residuals, see :meth:`hepsets.learn.registry.Model.tensors`."""
        assert self.residuals is not None
        return {**self.network.state_dict(), **self.residuals.tensors()}

    @classmethod
    def of_record(
        cls, config: Any, record: Mapping[str, Any], tensors: dict[str, Tensor], **given: Any
    ) -> Self:
        """The model of a file, see :meth:`hepsets.learn.data_sets.estimator.NetworkEstimator.of_record`."""
        scale = TypeAdapter(ImageScale).validate_python(record["scale"])
        model = cls(config, scale, Residuals.from_tensors(tensors), **given)
        model.network.load_state_dict(tensors)
        return model


class _ImageData(Numbered):
    """Sets that become images when a batch needs them: an image of 50³ is larger than its set."""

    def __init__(
        self, scale: ImageScale, pixels: Pixels, sets: EventSets, device: torch.device | str = "cpu"
    ) -> None:
        self.scale, self.pixels, self.sets, self.device = scale, pixels, sets, device

    def __len__(self) -> int:
        return len(self.sets)

    def to(self, device: torch.device | str) -> _ImageData:
        return _ImageData(self.scale, self.pixels, self.sets, device)

    def batch(self, numbers: Tensor) -> Tensor:
        chosen = self.sets[numbers.cpu().numpy()]
        images = self.scale.images(self.pixels, chosen.members, chosen.offsets)
        return torch.from_numpy(images).to(self.device)

    def select(self, events: Tensor) -> _ImageData:
        return _ImageData(self.scale, self.pixels, self.sets[events.numpy()], self.device)

    def tensors(self) -> tuple[Tensor, ...]:
        sets = torch.from_numpy(self.sets.members), torch.from_numpy(self.sets.offsets)
        return torch.from_numpy(variable_matrix(self.sets.frame)), *sets


def fit_image_cnn(
    frame: EventFrame, config: ImageCnnConfig | None = None, *, progress: Progress | None = None
) -> tuple[ImageCnn, FitResult]:
    """Train the image model.

    Parameters
    ----------
    frame
        Events of several ΔC9 with the four variables and ``delta_c9``; ``is_signal`` where there is
        background. A part of them becomes the validation events.
    config
        As published by default.
    progress
        Told about each step.

    Raises
    ------
    InputError
        If the events do not fit, or training fails.
    """
    config = config or ImageCnnConfig()
    sets = sample_sets(frame, config.sampling)
    matrix = variable_matrix(sets.training.frame)
    scale = ImageScale.fit(matrix, config.bins)
    model = ImageCnn(config, scale)
    held = _ImageData(scale, scale.pixels(variable_matrix(sets.validation.frame)), sets.validation)
    result = fit(
        model.network,
        _ImageData(scale, scale.pixels(matrix), sets.training),
        truths(sets.training),
        config=config.fit,
        task=Numbers(),
        validation=(held, truths(sets.validation)),
        progress=progress,
    )
    model.network.cpu()
    model.residuals = Residuals.of((sets.validation, model.outputs(sets.validation)))
    return model, result


RECIPES = (EstimatorRecipe(name="cnn", config=ImageCnnConfig(), estimator=ImageCnn),)
