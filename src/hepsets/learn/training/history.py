"""What is kept of a training beside its model: losses by epoch or tree, the best of them, the seconds."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from hepsets.core.run import write_atomically
from hepsets.learn.training.fit import FitResult

Model = TypeVar("Model")


@dataclass(frozen=True)
class History:
    """Losses [nat] of a training, by epoch or round of trees, and which one was kept, counted from 0."""

    train: tuple[float, ...]
    validation: tuple[float, ...]
    best: int

    @classmethod
    def of(cls, result: FitResult) -> History:
        """That of a network."""
        return cls(
            tuple(epoch.train_loss for epoch in result.history),
            tuple(epoch.validation_loss for epoch in result.history),
            result.best_epoch - 1,
        )

    def __str__(self) -> str:
        return f"best of {len(self.validation)} is {self.best + 1}"


@dataclass(frozen=True)
class Trained(Generic[Model]):
    """A model, the history of its training and how many seconds that took."""

    model: Model
    history: History
    seconds: float


def keep_history(path: Path, history: History, seconds: float) -> None:
    """Write a history and the seconds of its training, as JSON; the file appears whole."""
    write_atomically(path, json.dumps(dataclasses.asdict(history) | {"seconds": seconds}) + "\n")


def read_history(path: Path) -> tuple[History, float]:
    """What :func:`keep_history` wrote."""
    record = json.loads(path.read_text())
    return History(tuple(record["train"]), tuple(record["validation"]), record["best"]), record["seconds"]
