"""The options of a training."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hepsets.learn.training.convergence import Schedule
from hepsets.learn.training.losses import ComputingTime


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class FitConfig:
    """How to train.

    Parameters
    ----------
    epochs
        Most passes over the training part, unless ``least_steps`` asks for more.
    least_steps
        A small sample is passed as often as so many steps need.
    loss
        ``"cross_entropy"``, or ``"computing_time"``: the output is then the probability to keep an
        event, and what is minimised is the time per effective passing event.
    costs
        What ``"computing_time"`` weighs.
    batch_events
        Events per step, over all devices together.
    learning_rate
        Of Adam.
    schedule
        ``"constant"``; ``"cosine"``: the learning rate falls to zero on half a cosine; or
        ``"settle"``: it stays until the validation loss stops improving, and then, from the best
        state, falls to zero on half a cosine in a third as many epochs, which ends the training.
    patience
        Share of the most epochs without improvement after which the validation loss counts as flat.
    weight_decay
        Decoupled weight decay (AdamW), 0 for none.
    validation_fraction
        Part of the events that is kept for validation.
    split_seed
        Seed of the split into training and validation events; ``seed`` by default.
    unknown_probability
        Probability that a particle of a training batch shows the ``<unknown>`` token in place of
        its own, so that the model learns what to make of ids that it has never seen.
    unknown_type_probability
        Probability that an event of a training batch hides its type, for models that are told it.
    seed
        Seed of split, order, dropout and ``<unknown>`` replacement.
    device
        ``"cpu"``, ``"cuda"``, or ``"auto"``: the GPU where there is one.
    """

    epochs: int = Field(default=10, ge=1)
    least_steps: int = Field(default=0, ge=0)
    loss: Literal["cross_entropy", "computing_time"] = "cross_entropy"
    costs: ComputingTime = ComputingTime()
    batch_events: int = Field(default=256, ge=2)
    learning_rate: float = Field(default=1e-3, gt=0.0)
    schedule: Schedule = "constant"
    patience: float = Field(default=0.2, gt=0.0, le=1.0)
    weight_decay: float = Field(default=0.0, ge=0.0)
    validation_fraction: float = Field(default=0.25, gt=0.0, lt=1.0)
    split_seed: int | None = Field(default=None, ge=0)
    unknown_probability: float = Field(default=0.01, ge=0.0, lt=1.0)
    unknown_type_probability: float = Field(default=0.2, ge=0.0, lt=1.0)
    seed: int = Field(default=0, ge=0)
    device: Literal["auto", "cpu", "cuda"] = "auto"
