"""How long a training goes on, told by its validation losses alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Schedule = Literal["constant", "cosine", "settle"]
"""How the learning rate falls, see :class:`hepsets.learn.training.config.FitConfig`."""

IMPROVEMENT = 1e-3
"""A validation loss that falls by less than this share of it no longer improves."""

COOLDOWN = 0.25
"""Share of a training's epochs in which ``"settle"`` lets the learning rate fall."""


def is_flat(losses: Sequence[float], patience: int) -> bool:
    """Whether the last ``patience`` losses brought no improvement over those before.

    Examples
    --------
    >>> is_flat([0.7, 0.5, 0.4], 2), is_flat([0.7, 0.4, 0.41, 0.4], 2), is_flat([0.7, 0.4], 2)
    (False, True, False)
    """
    if len(losses) <= patience:
        return False
    before = min(losses[:-patience])
    return min(losses[-patience:]) > before - IMPROVEMENT * abs(before)


@dataclass(frozen=True)
class Plan:
    """The course of one training.

    All of it follows from the validation losses so far, so that a resumed training goes on as an
    uninterrupted one would.

    Parameters
    ----------
    schedule
        How the learning rate falls.
    epochs
        Most passes over the training events.
    patience
        Epochs without improvement after which the validation loss counts as flat.
    """

    schedule: Schedule
    epochs: int
    patience: int

    @classmethod
    def of(cls, schedule: Schedule, epochs: int, least_steps: int, steps: int, patience: float) -> Plan:
        """A training of ``steps`` per epoch: as many epochs as ``least_steps`` need, if that is more.

        ``patience`` is a share of the epochs; at least two are waited for.
        """
        most = max(epochs, math.ceil(least_steps / steps))
        return cls(schedule, most, max(2, round(patience * most)))

    def settled(self, losses: Sequence[float]) -> int | None:
        """Epochs before the learning rate began to fall, for ``"settle"``; ``None``: it has not yet."""
        longest = self.epochs - (math.ceil(COOLDOWN * self.epochs) if self.epochs > 1 else 0)
        for epoch in range(1, min(len(losses), longest) + 1):
            if epoch == longest or is_flat(losses[:epoch], self.patience):
                return epoch
        return None

    def _cooldown(self, settled: int) -> int:
        return min(math.ceil(settled * COOLDOWN / (1 - COOLDOWN)), self.epochs - settled)

    def ended(self, losses: Sequence[float]) -> bool:
        """Whether a training with these losses is at its end."""
        if self.schedule == "settle" and (settled := self.settled(losses)) is not None:
            return len(losses) >= settled + self._cooldown(settled)
        return len(losses) >= self.epochs

    def falls_now(self, losses: Sequence[float]) -> bool:
        """Whether the next epoch is the first of a falling rate: it starts from the best state."""
        return self.schedule == "settle" and self.settled(losses) == len(losses)

    def rate(self, losses: Sequence[float], within: float) -> float:
        """Learning rate in units of the first one, ``within`` (in [0, 1)) the epoch after ``losses``."""
        done = len(losses) + within
        if self.schedule == "cosine":
            return _half_cosine(done / self.epochs)
        if self.schedule == "settle" and (settled := self.settled(losses)) is not None:
            return _half_cosine((done - settled) / self._cooldown(settled))
        return 1.0

    def converged(self, losses: Sequence[float]) -> bool | None:
        """Whether the validation loss had stopped improving; ``None`` where nobody can tell.

        Under a rate that falls on a fixed plan every loss ends flat, so ``"cosine"`` says nothing.
        """
        if self.schedule == "cosine":
            return None
        if self.schedule == "settle":
            return is_flat(losses[: self.settled(losses)], self.patience)
        return is_flat(losses, self.patience)


def _half_cosine(fraction: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * fraction))
