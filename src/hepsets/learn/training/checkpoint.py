"""Checkpoints of a training: written whole, and taken up again only by the same training."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import pickle
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.core.whole_file import whole_file
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.schedule import SCHEDULES

_CHECKPOINT_FORMAT = b"hepsets-checkpoint-3"
"""First line of a checkpoint, followed by the SHA-256 of what comes after: what torch.save writes. Its own
checksums are not verified by torch.load."""


@dataclasses.dataclass(frozen=True)
class EpochRecord:
    """What one epoch did. The training loss, a mean over steps, is taken with dropout on, while the weights
    move; ``learning_rate`` is that of the last step; ``metrics`` are what the task measures on validation
    examples besides the loss, such as ``auc``.
    """

    epoch: int
    train_loss: float
    validation_loss: float
    learning_rate: float
    train_seconds: float
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class _State:
    """What besides model and optimizer a resumed fit needs."""

    best: dict[str, Tensor]
    best_epoch: int
    history: list[EpochRecord]

    @property
    def losses(self) -> list[float]:
        """Validation losses so far."""
        return [record.validation_loss for record in self.history]


def _fingerprint(what: str, config: FitConfig, tensors: Iterable[Tensor]) -> str:
    """What a checkpoint must share with a fit to be resumed by it.

    Parameters
    ----------
    what
        Model, task and penalty in words.
    config
        The options of the training.
    tensors
        All numbers that it depends on.
    """
    settings = dataclasses.asdict(config)
    settings.pop("device")
    if settings["epoch_examples"] is None:  # as fits of earlier versions, whose checkpoints go on
        settings.pop("epoch_examples")
    if SCHEDULES[config.schedule].goes_on:
        settings.pop("epochs")
    digest = hashlib.sha256(f"{what} {settings!r}".encode())
    for tensor in tensors:
        digest.update(np.ascontiguousarray(tensor.cpu().numpy()).reshape(-1).view(np.uint8).data)  # no copy
    return digest.hexdigest()


def _write_checkpoint(
    path: Path, fingerprint: str, model: nn.Module, optimizer: torch.optim.Optimizer, state: _State
) -> None:
    buffer = io.BytesIO()
    torch.save(
        {
            "fingerprint": fingerprint,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "best": state.best,
            "best_epoch": state.best_epoch,
            "history": [dataclasses.asdict(record) for record in state.history],
        },
        buffer,
    )
    content = buffer.getvalue()
    with whole_file(path) as partial:
        partial.write_bytes(_head(content) + content)


def _head(content: bytes) -> bytes:
    return _CHECKPOINT_FORMAT + b"\n" + hashlib.sha256(content).hexdigest().encode() + b"\n"


def _resume(
    path: Path,
    fingerprint: str,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
) -> _State:
    """Put model and optimizer where the checkpoint left them.

    Raises
    ------
    InputError
        If the file is none, not whole, damaged in any bit, or another fit's.
    """
    try:
        file = path.read_bytes()
        content = file[len(_head(b"")) :]
        if not file.startswith(_CHECKPOINT_FORMAT):
            raise ValueError("it does not begin like one" if file else "empty")
        if not file.startswith(_head(content)):
            raise ValueError("damaged: its checksum differs")
        found = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise InputError(
            f"{path} is no checkpoint ({(str(error).splitlines() or ['empty'])[0]})",
            "a file that an interrupted fit wrote",
            "remove it to start again",
        ) from error
    if found["fingerprint"] != fingerprint:
        raise InputError(
            f"checkpoint {path} belongs to another fit",
            "the same model, events, labels, weights and settings",
            "remove it to start again",
        )
    model.load_state_dict(found["model"])
    optimizer.load_state_dict(found["optimizer"])
    return _State(found["best"], found["best_epoch"], [EpochRecord(**record) for record in found["history"]])
