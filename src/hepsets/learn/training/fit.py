"""The one training loop: Adam on cross entropy, the best validation state kept, resumable."""

from __future__ import annotations

import copy
import dataclasses
import math
import os
import time
from collections.abc import Callable, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from sklearn.metrics import roc_auc_score
from torch import Tensor

from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose, demand
from hepsets.core.ragged import RaggedTable
from hepsets.learn.training.convergence import Plan, Schedule
from hepsets.learn.training.losses import ComputingTime, Loss, Penalty, computing_time, cross_entropy
from hepsets.learn.training.score import logits_of
from hepsets.learn.training.trainable import Trainable, TrainingData

if TYPE_CHECKING:
    from lightning.fabric import Fabric
from hepsets.learn.training.checkpoint import EpochRecord, _fingerprint, _resume, _State, _write_checkpoint
from hepsets.learn.training.config import FitConfig

Progress = Callable[[int, int], None]
"""Called after each step with the events trained on so far, in all epochs, and in the end."""

Seen = Callable[[int], None]
"""Called after each step with the events trained on so far in its epoch."""

Table = TypeVar("Table", bound=RaggedTable)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class FitChanges:
    """What of a :class:`FitConfig` is said; what is left open stays as it is. Seeds are not."""

    epochs: int | None = Field(default=None, ge=1)
    least_steps: int | None = Field(default=None, ge=0)
    loss: Literal["cross_entropy", "computing_time"] | None = None
    costs: ComputingTime | None = None
    batch_events: int | None = Field(default=None, ge=2)
    learning_rate: float | None = Field(default=None, gt=0.0)
    schedule: Schedule | None = None
    patience: float | None = Field(default=None, gt=0.0, le=1.0)
    weight_decay: float | None = Field(default=None, ge=0.0)
    validation_fraction: float | None = Field(default=None, gt=0.0, lt=1.0)
    unknown_probability: float | None = Field(default=None, ge=0.0, lt=1.0)
    unknown_type_probability: float | None = Field(default=None, ge=0.0, lt=1.0)
    device: Literal["auto", "cpu", "cuda"] | None = None

    def on(self, base: FitConfig) -> FitConfig:
        """``base`` with what is said here in place of its own.

        Examples
        --------
        >>> FitChanges(epochs=3).on(FitConfig(epochs=10, learning_rate=2e-3)).learning_rate
        0.002
        """
        said = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        return dataclasses.replace(base, **{name: value for name, value in said.items() if value is not None})


@dataclasses.dataclass(frozen=True, eq=False)
class FitResult:
    """What a fit left besides the model.

    Parameters
    ----------
    history
        One record per epoch.
    best_epoch
        Epoch with the least validation loss, counted from 1: the state that the model is left in.
    train_indices, validation_indices
        Which events of the input were trained on, and which were not: thresholds are picked on
        the latter.
    train_events_per_s
        Training speed, batches made included, validation not.
    converged
        Whether the validation loss had stopped improving; ``None`` where nobody can tell, see
        :meth:`hepsets.learn.training.convergence.Plan.converged`.
    """

    history: tuple[EpochRecord, ...]
    best_epoch: int
    train_indices: NDArray[np.int64]
    validation_indices: NDArray[np.int64]
    train_events_per_s: float
    converged: bool | None = None

    def validation(self, events: Table) -> Table:
        """Those of the training events that were not trained on, to choose with.

        Raises
        ------
        InputError
            For events that are for something else than training.
        """
        return events.held_out(self.validation_indices)


def split_train_validation(
    n_events: int, fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Random, sorted event numbers of the training and the validation part.

    Raises
    ------
    InputError
        If fewer than two events would be left to train on, or none to validate.
    """
    n_validation = round(n_events * fraction)
    if n_validation < 1 or n_events - n_validation < 2:
        raise InputError(
            f"{n_events} events to train on with validation fraction {fraction}",
            "at least two training events and one validation event",
            "give more events",
        )
    order = np.random.default_rng([seed, 0]).permutation(n_events)
    return np.sort(order[n_validation:]), np.sort(order[:n_validation])


def fit(
    model: Trainable,
    train: Sized,
    labels: NDArray[Any],
    weights: NDArray[Any] | None = None,
    config: FitConfig | None = None,
    *,
    penalty: Penalty | None = None,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
) -> FitResult:
    """Train ``model`` in place and leave it in its best validation state, in evaluation mode.

    The scaler is fitted on the training part first. On a CPU the result depends on nothing but
    the arguments and the number of threads, however often the fit was interrupted and resumed.
    Under ``torchrun`` every process calls this function and trains on its share of each batch.

    Parameters
    ----------
    model
        A fresh model.
    train
        Events that the model can prepare; a part of them becomes the validation events.
    labels
        Shape ``(n_events,)`` or ``(n_events, heads)``, each in [0, 1]: classes or probabilities.
    weights
        Shape ``(n_events,)``, or ``(n_events, heads)`` where heads weigh events differently, not
        negative: how much each event counts in losses and metrics.
    config
        How to train; the published way by default.
    penalty
        Added to the loss of every batch, and in validation as a mean over parts of as many events.
    progress
        Told about each step.
    checkpoint
        File that the state is written to after each epoch, and resumed from if it exists.

    Raises
    ------
    InputError
        For validation or test events, labels or weights that do not fit, a single class, a checkpoint
        of another fit, or a loss that is not finite.
    """
    demand(getattr(train, "purpose", None), Purpose.TRAINING, "a model is trained")
    config = config or FitConfig()
    targets, importance = _checked(model, train, labels, weights)
    split_seed = config.seed if config.split_seed is None else config.split_seed
    train_part, validation_part = split_train_validation(len(train), config.validation_fraction, split_seed)
    fabric = _fabric(config)
    data = model.prepare(train)
    training = data.batch(torch.from_numpy(train_part))
    model.fit_inputs(training)
    del training
    if penalty is not None:
        penalty.to(fabric.device)
    validation = _Validation(
        data.select(torch.from_numpy(validation_part)),
        targets[validation_part],
        importance[validation_part],
        None if penalty is None else _penalty_of_parts(penalty, validation_part, config.batch_events),
    )
    data = data.to(fabric.device)
    targets, importance = targets.to(fabric.device), importance.to(fabric.device)

    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    network, step = fabric.setup(model, optimizer)
    state = _State(copy.deepcopy(model.state_dict()), 0, [])
    fingerprint = ""
    if checkpoint is not None:
        fingerprint = _fingerprint(model, data, targets, importance, config, penalty)
        if checkpoint.exists():
            state = _resume(checkpoint, fingerprint, model, optimizer, fabric.device)

    steps = math.ceil(len(train_part) / config.batch_events)
    plan = Plan.of(config.schedule, config.epochs, config.least_steps, steps, config.patience)
    loop = _Loop(model, network, optimizer, step, fabric, data, targets, importance, penalty, config)
    total = plan.epochs * len(train_part)
    while not plan.ended(state.losses):
        if plan.falls_now(state.losses):
            model.load_state_dict(state.best)
        seen = len(state.history) * len(train_part)
        record = loop.epoch(plan, state.losses, train_part, progress and _shifted(progress, seen, total))
        record = fabric.broadcast(_validate(model, loop.loss_of, validation, record))
        if not math.isfinite(record.train_loss) or not math.isfinite(record.validation_loss):
            raise InputError(
                f"the loss of {model.name} is {record.train_loss} in epoch {record.epoch}",
                "a finite loss",
                "lower the learning rate or scale the inputs",
            )
        if record.validation_loss < min(state.losses, default=math.inf):
            state.best, state.best_epoch = copy.deepcopy(model.state_dict()), record.epoch
        state.history.append(record)
        if checkpoint is not None and fabric.is_global_zero:
            _write_checkpoint(checkpoint, fingerprint, model, optimizer, state)
    if progress is not None and len(state.history) < plan.epochs:  # it ended before its time
        progress(total, total)
    model.load_state_dict(state.best)
    model.eval()
    seconds = sum(record.train_seconds for record in state.history)
    return FitResult(
        tuple(state.history),
        state.best_epoch,
        train_part,
        validation_part,
        len(state.history) * len(train_part) / seconds,
        plan.converged(state.losses),
    )


# -- pieces ----------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class _Validation:
    """Validation events with labels, weights, and the penalty on their logits."""

    data: TrainingData
    targets: Tensor
    weights: Tensor
    penalty_of: Callable[[Tensor], float] | None


@dataclasses.dataclass(frozen=True, eq=False)
class _Loop:
    """What one epoch needs besides the state of the training."""

    model: Trainable
    network: Any
    optimizer: torch.optim.Optimizer
    step: Any
    fabric: Fabric
    data: TrainingData
    targets: Tensor
    importance: Tensor
    penalty: Penalty | None
    config: FitConfig

    @property
    def loss_of(self) -> Loss:
        """What is minimised."""
        return cross_entropy if self.config.loss == "cross_entropy" else computing_time(self.config.costs)

    def epoch(
        self, plan: Plan, losses: list[float], train_part: NDArray[np.int64], progress: Seen | None
    ) -> EpochRecord:
        """One pass over the training events, after those with the validation losses ``losses``."""
        config, fabric, number = self.config, self.fabric, len(losses) + 1
        begin = time.perf_counter()
        order = np.random.default_rng([config.seed, 1, number]).permutation(train_part)
        steps = math.ceil(len(train_part) / config.batch_events)
        loss_sum = torch.zeros((), device=fabric.device)
        self.model.train()
        with _seeded(config.seed, number, fabric):
            for at, events in enumerate(torch.from_numpy(order).to(fabric.device).tensor_split(steps)):
                for group in self.optimizer.param_groups:
                    group["lr"] = config.learning_rate * plan.rate(losses, at / steps)
                loss_sum += self._step(events)
                if progress is not None:
                    progress(round((at + 1) * len(train_part) / steps))
        mean_sum = fabric.all_reduce(loss_sum, reduce_op="mean")
        assert isinstance(mean_sum, Tensor)  # one tensor in, one out
        seconds = time.perf_counter() - begin
        return EpochRecord(number, mean_sum.item() / steps, math.nan, math.nan, math.nan, seconds)

    def _step(self, events: Tensor) -> Tensor:
        """Move the weights once; the loss before."""
        mine = events[self.fabric.global_rank :: self.fabric.world_size]
        batch = self.model.augment(self.data.batch(mine), self.config)
        # gradients are averaged over processes: this makes the average the batch's own
        share = self.importance[events].sum(0) / self.fabric.world_size
        logits = self.network(batch).reshape(len(mine), -1)
        loss = self.loss_of(logits, self.targets[mine], self.importance[mine], share)
        if self.penalty is not None:
            loss = loss + self.penalty(logits, mine)
        self.step.zero_grad()
        self.fabric.backward(loss)
        self.step.step()
        return loss.detach()


def _shifted(progress: Progress, before: int, total: int) -> Seen:
    """Progress of an epoch as that of the training."""
    return lambda seen: progress(before + seen, total)


def _checked(
    model: Trainable, train: Sized, labels: NDArray[Any], weights: NDArray[Any] | None
) -> tuple[Tensor, Tensor]:
    """Labels and weights, the latter with mean 1 for each head, float32, ``(n_events, heads)``."""
    targets = np.asarray(labels, dtype=np.float32)
    targets = targets[:, None] if targets.ndim == 1 else targets
    if targets.shape != (len(train), model.heads):
        raise InputError(
            f"labels of shape {np.shape(labels)}",
            f"({len(train)},) or ({len(train)}, {model.heads}): events, heads of the model",
        )
    if not ((targets >= 0) & (targets <= 1)).all():
        raise InputError("labels that are NaN or outside [0, 1]", "classes 0 and 1 or probabilities")
    for target in targets.T:
        if len(target) and (target == target[0]).all():
            raise InputError(
                f"the label {target[0]:g} for every event", "events of both classes", "check the label"
            )
    importance = np.ones(targets.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if importance.ndim == 1:
        importance = np.repeat(importance[:, None], targets.shape[1], axis=1)
    if importance.shape != targets.shape or not (np.isfinite(importance) & (importance >= 0)).all():
        raise InputError(
            f"weights of shape {importance.shape} or with values that are negative or not finite",
            f"({len(train)},) or {targets.shape}, finite numbers from 0 up",
        )
    if len(importance) and (importance.sum(0) == 0).any():
        raise InputError("weights that are all zero", "some positive weight")
    return torch.from_numpy(targets), torch.from_numpy((importance / importance.mean(0)).astype(np.float32))


def _fabric(config: FitConfig) -> Fabric:
    """Lightning Fabric on one device, or on all of a torchrun launch."""
    from lightning.fabric import Fabric  # takes seconds to import, and only training needs it

    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    world = int(os.environ.get("WORLD_SIZE", "1"))
    accelerator = config.device
    if accelerator == "auto":
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    if accelerator == "cuda" and not torch.cuda.is_available():
        raise InputError("device 'cuda'", "a machine with a CUDA device", "use device 'cpu' or 'auto'")
    fabric = Fabric(
        accelerator=accelerator,
        devices=local,
        num_nodes=world // local,
        strategy="ddp" if world > 1 else "auto",
    )
    fabric.launch()
    return fabric


def _seeded(seed: int, epoch: int, fabric: Fabric) -> Any:
    """A context in which PyTorch's random numbers depend on seed, epoch and process alone."""
    devices = [fabric.device] if fabric.device.type == "cuda" else []
    context = torch.random.fork_rng(devices=devices)

    class Seeded:
        def __enter__(self) -> None:
            context.__enter__()
            words = np.random.SeedSequence([seed, 2, epoch, fabric.global_rank]).generate_state(2)
            torch.manual_seed(int(words[0]) << 32 | int(words[1]))

        def __exit__(self, *error: Any) -> None:
            context.__exit__(*error)

    return Seeded()


def _penalty_of_parts(
    penalty: Penalty, events: NDArray[np.int64], batch_events: int
) -> Callable[[Tensor], float]:
    """From logits of ``events`` to the mean penalty of parts of about ``batch_events`` of them."""
    parts = math.ceil(len(events) / batch_events)
    # neighbours in a file may be of one kind: deal them out
    dealt = [torch.arange(start, len(events), parts) for start in range(parts)]

    def mean(logits: Tensor) -> float:
        with torch.inference_mode():
            values = [
                penalty(logits[part].to(device), torch.from_numpy(events)[part].to(device)) for part in dealt
            ]
        return float(torch.stack(values).mean())

    device = next(iter(penalty.buffers()), torch.empty(0)).device
    return mean


def _validate(model: Trainable, loss_of: Loss, validation: _Validation, record: EpochRecord) -> EpochRecord:
    """``record`` with the metrics on the validation events."""
    logits = logits_of(model, validation.data)
    targets, weights = validation.targets.double(), validation.weights.double()
    loss = float(loss_of(logits.double(), targets, weights, weights.sum(0)))
    loss += validation.penalty_of(logits) if validation.penalty_of is not None else 0.0
    first, truth, w = logits[:, 0].numpy(), targets[:, 0].numpy(), weights[:, 0].numpy()
    accuracy = float(np.average((first >= 0) == (truth >= 0.5), weights=w)) if w.sum() else math.nan
    auc = soft_auc(first, truth, w)
    return dataclasses.replace(record, validation_loss=loss, validation_accuracy=accuracy, validation_auc=auc)


def soft_auc(scores: NDArray[Any], labels: NDArray[Any], weights: NDArray[Any]) -> float:
    """Area under the ROC curve where a label may be a probability.

    An event with label y counts as y of a passing and 1 − y of a failing event. NaN if there is
    nothing of one of them, or a score is not finite.
    """
    passing, failing = weights * labels, weights * (1 - labels)
    if passing.sum() == 0 or failing.sum() == 0 or not np.isfinite(scores).all():
        return math.nan
    truth = np.repeat([1, 0], len(scores))
    return float(roc_auc_score(truth, np.tile(scores, 2), sample_weight=np.concatenate([passing, failing])))


# -- checkpoints -----------------------------------------------------------------------------------
