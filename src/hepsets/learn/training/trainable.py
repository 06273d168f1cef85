"""What the training loop asks of a model and of its data, whatever the events are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol, runtime_checkable
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor, nn

from hepsets.learn.described import described
from hepsets.learn.training.logit_spline import LogitSpline


class TrainingData(Protocol):
    """A data set as tensors, which batches are cut from."""

    def __len__(self) -> int:
        """Number of events."""

    def to(self, device: torch.device | str) -> TrainingData:
        """The same data on ``device``."""

    def batch(self, events: Tensor) -> Any:
        """The events numbered by ``events`` (int64, any order, repeats allowed) as one batch."""

    def tensors(self) -> Iterable[Tensor]:
        """All that it holds, in tensors of any shape."""

    def select(self, events: Tensor) -> TrainingData:
        """Some events as a data set of their own."""

    def batches(self, events: int) -> Iterator[Any]:
        """All events in order, ``events`` at a time."""


@runtime_checkable
class Streamed(Protocol):
    """Training data on disk, of which only a part is in memory: it says in which order that is cheap."""

    def shuffled(self, chosen: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
        """The chosen examples in an order that is random and keeps near what is read together.

        Parameters
        ----------
        chosen
            Numbers of examples, shape ``(n,)``, rising.
        random
            Where randomness comes from.

        Returns
        -------
        ndarray
            The same numbers, shape ``(n,)``.
        """


@runtime_checkable
class ReadTogether(Protocol):
    """A data set of which it takes long to read each batch alone."""

    def in_turn(self, choices: Sequence[Tensor]) -> Iterator[Any]:
        """A batch of each choice of events, numbered by int64 of shapes ``(n,)``, in order."""


def in_turn(data: TrainingData, choices: Sequence[Tensor]) -> Iterator[Any]:
    """A batch of each choice of events (int64, of any shape ``(n,)``), in order."""
    return data.in_turn(choices) if isinstance(data, ReadTogether) else map(data.batch, choices)


class Trainable(nn.Module):
    """A model of events with one logit per head: what :func:`hepsets.learn.training.fit.fit` can train.

    ``calibration`` acts on the network's logits; it is the identity unless
    :func:`hepsets.learn.training.calibration.calibrate_model` sets it.

    Parameters
    ----------
    name
        What it is called in files and messages.
    heads
        Logits per event.

    Attributes
    ----------
    told
        How its training went, in a line for people; files do not keep it.
    started
        Whether scales and weights are those of a trunk: training then leaves the scales alone.
    scored_together
        How many events make a batch in scoring.
    """

    told = ""
    started = False
    scored_together = 256

    def __init__(self, name: str, heads: int) -> None:
        super().__init__()
        self.name = name
        self.heads = heads
        self.calibration = LogitSpline(heads)

    def __repr__(self) -> str:
        """Kind, size, training and options; the layers are those of its network."""
        heads = f", {self.heads} heads" if self.heads > 1 else ""
        calibrated = "" if self.calibration.is_identity else "calibrated on validation events"
        return described(self, f"{self.n_parameters:,} parameters{heads}", self.told, calibrated)

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self.calibration.slope.device

    @property
    def n_parameters(self) -> int:
        """Number of trainable parameters."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)

    def forward(self, batch: Any) -> Tensor:
        """Logits, shape ``(n_events,)``, or ``(n_events, heads)`` for more than one head."""
        logits: Tensor = self.calibration(self.logits(batch))
        return logits.squeeze(1) if self.heads == 1 else logits

    def logits(self, batch: Any) -> Tensor:
        """What the network says, shape ``(n_events, heads)``."""
        raise NotImplementedError

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """What logits of shape ``(n_events, heads)`` mean, same shape: each head's own probability."""
        found: NDArray[np.float32] = expit(logits)  # torch's sigmoid rounds by the place in the array
        return found

    def prepare(self, events: Any) -> TrainingData:
        """Tensors that this model takes its batches from."""
        raise NotImplementedError

    def fit_inputs(self, training: Any) -> None:
        """Take scales and the like from a batch of all training events, before the first step."""

    def fit_scales(self, data: TrainingData, training: Tensor) -> None:
        """Take scales and the like from the training events, by default from a batch of all of them.

        Parameters
        ----------
        data
            What :meth:`prepare` made.
        training
            Numbers of the training events, int64, shape ``(n,)``.
        """
        self.fit_inputs(data.batch(training))

    def augment(self, batch: Any) -> Any:
        """What training shows in place of a batch."""
        return batch

    def tensors(self) -> dict[str, Tensor]:
        """All its numbers by name, see :meth:`hepsets.learn.registry.Model.tensors`."""
        return self.state_dict()

    def fingerprint(self) -> str:
        """What tells this model from others: its name and all that it was built with."""
        raise NotImplementedError


_LOCK = Lock()
_FOUND: WeakKeyDictionary[nn.Module, _Found] = WeakKeyDictionary()


@contextmanager
def in_evaluation(model: nn.Module) -> Iterator[None]:
    """The model in evaluation mode while the block runs, then as it was found.

    Of blocks that run at once, in several threads, the last one leaves the model as the first found it.
    """
    with _LOCK:
        found = _FOUND.setdefault(model, _Found(model.training))
        found.blocks += 1
        model.eval()
    try:
        yield
    finally:
        with _LOCK:
            found.blocks -= 1
            if not found.blocks:
                del _FOUND[model]
                model.train(found.training)


@dataclass
class _Found:
    """The mode that a model was found in, and how many blocks have it in evaluation."""

    training: bool
    blocks: int = 0
