"""Schedules: how the learning rate falls and when a training ends, told by its validation losses alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

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
    """The course of one training; each schedule is a plan of its own.

    All of it follows from the validation losses so far, so that a resumed training goes on as an
    uninterrupted one would.

    Parameters
    ----------
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

    epochs: int
    patience: int
    learning_rate: float = 1.0
    plateau: tuple[float, int] = (0.9, 1)
    stop_after: int | None = None

    goes_on = False
    """Whether a training with more epochs begins as one with fewer, so that a finished one can go on."""

    def rate(self, losses: Sequence[float], within: float) -> float:
        """Learning rate ``within`` (in [0, 1)) the epoch after ``losses``."""
        raise NotImplementedError

    def ended(self, losses: Sequence[float]) -> bool:
        """Whether a training with these losses is at its end."""
        waited = self.stop_after
        if waited is not None and len(losses) > waited and min(losses[-waited:]) >= min(losses[:-waited]):
            return True
        return len(losses) >= self.length(losses)

    def length(self, losses: Sequence[float]) -> int:  # noqa: ARG002 (other schedules look)
        """Epochs that it has, as far as the losses tell yet."""
        return self.epochs

    def falls_now(self, losses: Sequence[float]) -> bool:  # noqa: ARG002 (other schedules look)
        """Whether the next epoch is the first of a falling rate: it starts from the best state."""
        return False

    def converged(self, losses: Sequence[float]) -> bool | None:
        """Whether the validation loss had stopped improving; ``None`` where nobody can tell."""
        return is_flat(losses, self.patience)


class Constant(Plan):
    """The learning rate stays."""

    goes_on = True

    def rate(self, losses: Sequence[float], within: float) -> float:  # noqa: ARG002 (it stays)
        """Learning rate: the first one."""
        return self.learning_rate


class Cosine(Plan):
    """The learning rate falls to zero on half a cosine."""

    def rate(self, losses: Sequence[float], within: float) -> float:
        """Learning rate ``within`` (in [0, 1)) the epoch after ``losses``."""
        return self.learning_rate * _half_cosine((len(losses) + within) / self.epochs)

    def converged(self, losses: Sequence[float]) -> bool | None:  # noqa: ARG002 (they do not tell)
        """``None``: under a rate that falls on a fixed plan every loss ends flat."""
        return None


class Plateau(Plan):
    """The learning rate falls by a factor whenever the validation loss has not improved for some epochs."""

    goes_on = True

    def rate(self, losses: Sequence[float], within: float) -> float:  # noqa: ARG002 (one for an epoch)
        """Learning rate of the epoch after ``losses``."""
        factor, patience = self.plateau
        rate, best, waited = self.learning_rate, math.inf, 0
        for loss in losses:
            best, waited = (loss, 0) if loss < best else (best, waited + 1)
            if waited > patience:
                rate, waited = (rate * factor if rate - rate * factor > LEAST_FALL else rate), 0
        return rate


class Settle(Plan):
    """The learning rate stays until the validation loss stops improving; from the best state it then falls
    to zero on half a cosine in a third as many epochs, which ends the training.
    """

    def settled(self, losses: Sequence[float]) -> int | None:
        """Epochs before the learning rate began to fall; ``None``: it has not yet."""
        longest = self.epochs - (math.ceil(COOLDOWN * self.epochs) if self.epochs > 1 else 0)
        for epoch in range(1, min(len(losses), longest) + 1):
            if epoch == longest or is_flat(losses[:epoch], self.patience):
                return epoch
        return None

    def _cooldown(self, settled: int) -> int:
        return min(math.ceil(settled * COOLDOWN / (1 - COOLDOWN)), self.epochs - settled)

    def rate(self, losses: Sequence[float], within: float) -> float:
        """Learning rate ``within`` (in [0, 1)) the epoch after ``losses``."""
        if (settled := self.settled(losses)) is None:
            return self.learning_rate
        done = len(losses) + within
        return self.learning_rate * _half_cosine((done - settled) / self._cooldown(settled))

    def length(self, losses: Sequence[float]) -> int:
        """Epochs that it has, as far as the losses tell yet."""
        settled = self.settled(losses)
        return self.epochs if settled is None else settled + self._cooldown(settled)

    def falls_now(self, losses: Sequence[float]) -> bool:
        """Whether the next epoch is the first of a falling rate: it starts from the best state."""
        return self.settled(losses) == len(losses)

    def converged(self, losses: Sequence[float]) -> bool | None:
        """Whether the validation loss had stopped improving before the rate fell."""
        return is_flat(losses[: self.settled(losses)], self.patience)


def _half_cosine(fraction: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * fraction))


Schedule = Literal["constant", "cosine", "plateau", "settle"]
"""Names of the schedules, as a config says them."""

SCHEDULES: dict[Schedule, type[Plan]] = {
    "constant": Constant,
    "cosine": Cosine,
    "plateau": Plateau,
    "settle": Settle,
}
"""What each name stands for."""
