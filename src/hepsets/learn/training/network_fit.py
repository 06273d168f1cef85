"""The training loop of networks on sets of decays: Adam on any loss, the best validation state kept.

:func:`hepsets.learn.training.fit.fit` is made for logits of events, with classes and their AUC; sets have
numbers as targets, and single decays have 44 classes.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any, Literal, Protocol, Self

import numpy as np
import torch
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.learn.training.trainable import in_evaluation

Loss = Callable[[Tensor, Tensor], Tensor]
"""From outputs and targets of a batch to their mean loss."""

Progress = Callable[[int, int], None]
"""Called after each step with the steps done so far and those in all."""


class Examples(Protocol):
    """What a network is trained on, as tensors that batches are cut from."""

    def __len__(self) -> int:
        """Number of examples."""

    def to(self, device: torch.device | str) -> Self:
        """The same examples on ``device``."""

    def batch(self, numbers: Tensor) -> tuple[Any, Tensor]:
        """What the network takes of the examples numbered so (int64), and their targets."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class NetworkFitConfig:
    """How to train.

    The defaults are those of the published study of ΔC9, as its code has them
    (https://github.com/ethanlee20/btokstll): 80 epochs at 4·10⁻⁴, less by a tenth on every plateau.

    Parameters
    ----------
    epochs
        Passes over the examples.
    batch
        Examples per step.
    learning_rate
        Of Adam, in the first step.
    schedule
        ``"constant"``; ``"cosine"``, which falls to zero on half a cosine; or ``"plateau"``, which falls
        by ``factor`` whenever the validation loss has not improved for more than ``patience`` epochs.
    factor, patience
        Of ``"plateau"``.
    seed
        Seed of order and dropout.
    device
        ``"cpu"``, ``"cuda"``, or ``"auto"``: the GPU where there is one.
    """

    epochs: int = Field(default=80, ge=1)
    batch: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=4e-4, gt=0.0)
    schedule: Literal["constant", "cosine", "plateau"] = "plateau"
    factor: float = Field(default=0.9, gt=0.0, lt=1.0)
    patience: int = Field(default=1, ge=0)
    seed: int = Field(default=0, ge=0)
    device: Literal["auto", "cpu", "cuda"] = "auto"


@dataclasses.dataclass(frozen=True)
class NetworkEpoch:
    """What one epoch did. The training loss is taken with dropout on, while the weights move."""

    epoch: int
    train_loss: float
    validation_loss: float
    learning_rate: float
    seconds: float


@dataclasses.dataclass(frozen=True)
class NetworkFit:
    """What a fit left besides the network.

    Parameters
    ----------
    history
        One record per epoch.
    best_epoch
        Epoch with the least validation loss, counted from 1: the state that the network is left in.
    """

    history: tuple[NetworkEpoch, ...]
    best_epoch: int

    @property
    def seconds(self) -> float:
        """Time of all epochs, validation included."""
        return sum(record.seconds for record in self.history)


def fit_network(
    network: nn.Module,
    training: Examples,
    validation: Examples,
    loss: Loss,
    config: NetworkFitConfig,
    *,
    progress: Progress | None = None,
) -> NetworkFit:
    """Train ``network`` in place; leave it in its best validation state, in evaluation mode on the CPU.

    On a CPU the result depends on nothing but the arguments and the number of threads.

    Raises
    ------
    InputError
        For no examples, no GPU where one is asked for, or a loss that is not finite.
    """
    if not len(training) or not len(validation):
        raise InputError(
            f"{len(training)} examples to train on and {len(validation)} to validate",
            "at least one of each",
            "give more events",
        )
    device = chosen_device(config.device)
    network.to(device)
    training, validation = training.to(device), validation.to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate, fused=True)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=config.factor, patience=config.patience, threshold=0.0
    )
    steps = math.ceil(len(training) / config.batch)
    history: list[NetworkEpoch] = []
    best, best_epoch, least = copy.deepcopy(network.state_dict()), 0, math.inf
    for epoch in range(1, config.epochs + 1):
        begin = time.perf_counter()
        order = torch.from_numpy(np.random.default_rng([config.seed, epoch]).permutation(len(training)))
        total = torch.zeros((), device=device)
        network.train()
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(config.seed * 1_000_003 + epoch)
            for step, numbers in enumerate(order.to(device).tensor_split(steps)):
                if config.schedule == "cosine":
                    done = (epoch - 1 + step / steps) / config.epochs
                    for group in optimizer.param_groups:
                        group["lr"] = config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * done))
                inputs, targets = training.batch(numbers)
                value = loss(network(inputs), targets)
                optimizer.zero_grad()
                value.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                total += value.detach() * len(numbers)
                if progress is not None:
                    progress((epoch - 1) * steps + step + 1, config.epochs * steps)
        validation_loss = mean_loss(network, validation, loss, config.batch)
        record = NetworkEpoch(
            epoch,
            total.item() / len(training),
            validation_loss,
            optimizer.param_groups[0]["lr"],
            time.perf_counter() - begin,
        )
        if not math.isfinite(record.train_loss) or not math.isfinite(validation_loss):
            raise InputError(
                f"the loss is {record.train_loss} in training and {validation_loss} in validation "
                f"in epoch {epoch}",
                "a finite loss",
                "lower the learning rate",
            )
        history.append(record)
        if config.schedule == "plateau":
            plateau.step(validation_loss)
        if validation_loss < least:
            best, best_epoch, least = copy.deepcopy(network.state_dict()), epoch, validation_loss
    network.load_state_dict(best)
    network.to("cpu").eval()
    return NetworkFit(tuple(history), best_epoch)


def mean_loss(network: nn.Module, examples: Examples, loss: Loss, batch: int) -> float:
    """Loss of the network in evaluation mode, as the mean over all examples."""
    device = next(network.parameters()).device
    total = 0.0
    with in_evaluation(network), torch.inference_mode():
        for numbers in torch.split(torch.arange(len(examples), device=device), batch):
            inputs, targets = examples.batch(numbers)
            total += float(loss(network(inputs), targets)) * len(numbers)
    return total / len(examples)


def chosen_device(name: str) -> torch.device:
    """The device of a name, ``"auto"`` for the GPU where there is one.

    Raises
    ------
    InputError
        For ``"cuda"`` without a GPU.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device 'cuda'", "a machine with a CUDA device", "use device 'cpu' or 'auto'")
    return torch.device(name)
