"""The options of a training."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hepsets.learn.training.schedule import SCHEDULES, Plan, Schedule


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class FitConfig:
    """How to train, whatever for.

    Parameters
    ----------
    epochs
        Most passes over the training part, unless ``least_steps`` asks for more.
    least_steps
        A small sample is passed as often as so many steps need.
    epoch_examples
        An epoch is a part of a pass, of about so many examples, after which validation and checkpoint come;
        ``None``: a whole pass.
    batch
        Examples per step, over all devices together.
    learning_rate
        Of Adam, in the first step.
    schedule
        How the learning rate falls: a name in :data:`~hepsets.learn.training.schedule.SCHEDULES`.
    patience
        Share of the most epochs without improvement after which the validation loss counts as flat.
    plateau_factor, plateau_epochs
        Of the schedule ``"plateau"``: by what the rate falls, after more than how many epochs without a lower
        loss.
    stop_after
        A training ends early after so many epochs without a lower validation loss; ``None``: it does not.
    weight_decay
        Decoupled weight decay (AdamW), 0 for none.
    validation_fraction
        Part of the examples that is kept for validation, where none are given.
    split_seed
        Seed of the split into training and validation examples; ``seed`` by default.
    seed
        Seed of split, order, dropout and what else a model draws in training.
    device
        ``"cpu"``, ``"cuda"``, or ``"auto"``: the GPU where there is one.
    """

    epochs: int = Field(default=10, ge=1)
    least_steps: int = Field(default=0, ge=0)
    epoch_examples: int | None = Field(default=None, ge=1)
    batch: int = Field(default=256, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0.0)
    schedule: Schedule = "constant"
    patience: float = Field(default=0.2, gt=0.0, le=1.0)
    plateau_factor: float = Field(default=0.9, gt=0.0, lt=1.0)
    plateau_epochs: int = Field(default=1, ge=0)
    stop_after: int | None = Field(default=None, ge=1)
    weight_decay: float = Field(default=0.0, ge=0.0)
    validation_fraction: float = Field(default=0.25, gt=0.0, lt=1.0)
    split_seed: int | None = Field(default=None, ge=0)
    seed: int = Field(default=0, ge=0)
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def plan(self, steps: int) -> Plan:
        """The course of a training of ``steps`` per epoch.

        It has as many epochs as ``least_steps`` need, if that is more; ``patience`` is a share of them, of
        which at least two are waited for.
        """
        most = max(self.epochs, math.ceil(self.least_steps / steps))
        patience = max(2, round(self.patience * most))
        plateau = (self.plateau_factor, self.plateau_epochs)
        return SCHEDULES[self.schedule](most, patience, self.learning_rate, plateau, self.stop_after)
