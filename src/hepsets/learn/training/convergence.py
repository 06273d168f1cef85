"""How long a training goes on, told by its validation losses alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hepsets.learn.training.config import FitConfig, Schedule

IMPROVEMENT = 1e-3
"""A validation loss that falls by less than this share of it no longer improves."""

LEAST_FALL = 1e-8
"""A learning rate that would fall by less than this stays."""

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
    learning_rate
        The first one.
    plateau
        Factor of the learning rate, and epochs without improvement that it waits for, of ``"plateau"``.
    stop_after
        Epochs without a lower loss that end it, whatever the schedule; ``None``: none do.
    """

    schedule: Schedule
    epochs: int
    patience: int
    learning_rate: float = 1.0
    plateau: tuple[float, int] = (0.9, 1)
    stop_after: int | None = None

    @classmethod
    def of(cls, config: FitConfig, steps: int) -> Plan:
        """A training of ``steps`` per epoch: as many epochs as ``least_steps`` need, if that is more.

        ``patience`` is a share of the epochs; at least two are waited for.
        """
        most = max(config.epochs, math.ceil(config.least_steps / steps))
        patience = max(2, round(config.patience * most))
        plateau = (config.plateau_factor, config.plateau_epochs)
        return cls(config.schedule, most, patience, config.learning_rate, plateau, config.stop_after)

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
        waited = self.stop_after
        if waited is not None and len(losses) > waited and min(losses[-waited:]) >= min(losses[:-waited]):
            return True
        if self.schedule == "settle" and (settled := self.settled(losses)) is not None:
            return len(losses) >= settled + self._cooldown(settled)
        return len(losses) >= self.epochs

    def falls_now(self, losses: Sequence[float]) -> bool:
        """Whether the next epoch is the first of a falling rate: it starts from the best state."""
        return self.schedule == "settle" and self.settled(losses) == len(losses)

    def rate(self, losses: Sequence[float], within: float) -> float:
        """Learning rate ``within`` (in [0, 1)) the epoch after ``losses``."""
        done = len(losses) + within
        if self.schedule == "cosine":
            return self.learning_rate * _half_cosine(done / self.epochs)
        if self.schedule == "settle" and (settled := self.settled(losses)) is not None:
            return self.learning_rate * _half_cosine((done - settled) / self._cooldown(settled))
        return self._on_plateaus(losses) if self.schedule == "plateau" else self.learning_rate

    def _on_plateaus(self, losses: Sequence[float]) -> float:
        factor, patience = self.plateau
        rate, best, waited = self.learning_rate, math.inf, 0
        for loss in losses:
            best, waited = (loss, 0) if loss < best else (best, waited + 1)
            if waited > patience:
                rate, waited = (rate * factor if rate - rate * factor > LEAST_FALL else rate), 0
        return rate

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
