"""Checkpoints of a training: written whole, and taken up again only by the same training."""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
from pathlib import Path

import torch
from torch import Tensor

from hepsets.core.errors import InputError
from hepsets.core.whole_file import whole_file
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.losses import Penalty
from hepsets.learn.training.trainable import Trainable, TrainingData

_CHECKPOINT_FORMAT = "hepsets-checkpoint-1"


@dataclasses.dataclass(frozen=True)
class EpochRecord:
    """What one epoch did; losses are those that :class:`FitConfig` names, the first head's alone in
    ``validation_accuracy`` and ``validation_auc``. The training loss is taken with dropout on,
    while the weights move.
    """

    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    validation_auc: float
    train_seconds: float


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


def _fingerprint(
    model: Trainable,
    data: TrainingData,
    targets: Tensor,
    weights: Tensor,
    config: FitConfig,
    penalty: Penalty | None,
) -> str:
    """What a checkpoint must share with a fit to be resumed by it."""
    settings = dataclasses.asdict(config)
    settings.pop("device")
    if config.schedule == "constant":  # then more epochs only go on
        settings.pop("epochs")
    buffers = () if penalty is None else penalty.buffers()
    text = f"{model.fingerprint()} {settings!r}" + ("" if penalty is None else f" {penalty!r}")
    digest = hashlib.sha256(text.encode())
    for tensor in (*data.tensors(), targets, weights, *buffers):
        digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()


def _write_checkpoint(
    path: Path, fingerprint: str, model: Trainable, optimizer: torch.optim.Optimizer, state: _State
) -> None:
    with whole_file(path) as partial:
        torch.save(
            {
                "format": _CHECKPOINT_FORMAT,
                "fingerprint": fingerprint,
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "best": state.best,
                "best_epoch": state.best_epoch,
                "history": [dataclasses.asdict(record) for record in state.history],
            },
            partial,
        )


def _resume(
    path: Path,
    fingerprint: str,
    model: Trainable,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
) -> _State:
    """Put model and optimizer where the checkpoint left them."""
    try:
        content = torch.load(path, map_location=device, weights_only=True)
        if content["format"] != _CHECKPOINT_FORMAT:
            raise KeyError("format")
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError, OSError) as error:
        raise InputError(
            f"{path} is no checkpoint ({str(error).splitlines()[0] if str(error) else 'empty'})",
            "a file that an interrupted fit wrote",
            "remove it to start again",
        ) from error
    if content["fingerprint"] != fingerprint:
        raise InputError(
            f"checkpoint {path} belongs to another fit",
            "the same model, events, labels, weights and settings",
            "remove it to start again",
        )
    model.load_state_dict(content["model"])
    optimizer.load_state_dict(content["optimizer"])
    return _State(
        content["best"], content["best_epoch"], [EpochRecord(**record) for record in content["history"]]
    )
