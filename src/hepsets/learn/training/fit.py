"""The one training loop: Adam on the loss of a task, the best validation state kept, resumable."""

from __future__ import annotations

import copy
import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose, demand
from hepsets.core.ragged import RaggedTable
from hepsets.learn.training.adam import Adam
from hepsets.learn.training.checkpoint import EpochRecord, _fingerprint, _resume, _State, _write_checkpoint
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.devices import Devices, devices_of
from hepsets.learn.training.kept_memory import keep_memory
from hepsets.learn.training.losses import Penalty
from hepsets.learn.training.task import Binary, Held, Task
from hepsets.learn.training.trainable import Streamed, Trainable, TrainingData, in_turn

Progress = Callable[[int, int], None]
"""Called after each step with the examples trained on so far, in all epochs, and in the end."""

Table = TypeVar("Table", bound=RaggedTable)


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
        Which examples of the input were trained on, and which were not: thresholds are picked on
        the latter. There are none of these where validation examples were given apart.
    train_events_per_s
        Training speed, batches made included, validation not.
    converged
        Whether the validation loss had stopped improving; ``None`` where nobody can tell, see
        :meth:`hepsets.learn.training.schedule.Plan.converged`.
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
    n_events: int, fraction: float, seed: int, keys: NDArray[np.uint64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Random, sorted event numbers of the training part, shape ``(n_train,)``, and the validation part.

    Parameters
    ----------
    n_events
        How many there are.
    fraction
        Of them that validate.
    seed
        Of the split.
    keys
        A number for each event that its copies share, shape ``(n_events,)``, 0 for what is like no other, as
        :func:`hepsets.core.shared_events.content_hashes` gives it: copies go where the first one goes.
        Without copies nothing changes.

    Raises
    ------
    InputError
        If fewer than two events would be left to train on, or none to validate.
    """
    n_validation = round(n_events * fraction)
    order = np.random.default_rng([seed, 0]).permutation(n_events)
    train, held = np.sort(order[n_validation:]), np.sort(order[:n_validation])
    if keys is not None:
        _, first, copies = np.unique(keys, return_index=True, return_inverse=True)
        lead = np.where(keys == 0, np.arange(n_events), first[copies])
        apart = np.isin(lead, held)
        train, held = np.flatnonzero(~apart), np.flatnonzero(apart)
    if min(len(held), len(train) - 1) < 1:
        raise InputError(
            f"{n_events} events to train on with validation fraction {fraction}",
            "at least two training events and one validation event",
            "give more events",
        )
    return train, held


def fit(
    model: nn.Module,
    train: Any,
    targets: Any,
    weights: Any = None,
    config: FitConfig | None = None,
    *,
    task: Task | None = None,
    validation: tuple[TrainingData, Any] | tuple[TrainingData, Any, Any] | NDArray[np.uint64] | None = None,
    penalty: Penalty | None = None,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
) -> FitResult:
    """Train ``model`` in place and leave it in its best validation state, in evaluation mode.

    A :class:`~hepsets.learn.training.trainable.Trainable` fits its scalers on the training part first. On a
    CPU the result depends on nothing but the arguments and the number of threads, however often the fit was
    interrupted and resumed. Under ``torchrun`` every process calls this function and trains on its share of
    each batch.

    Parameters
    ----------
    model
        A fresh model, or any network, which then takes the batches of ``train`` as they are.
    train
        Events that the model can prepare, or for any other network its
        :class:`~hepsets.learn.training.trainable.TrainingData`; a part becomes the validation examples.
    targets, weights
        As ``task`` has them; of :class:`~hepsets.learn.training.task.Binary`, arrays of shape ``(n,)`` or
        ``(n, heads)``: classes or probabilities, and how much an event counts in losses and metrics, which
        may be negative (sWeights, subtracted sidebands) if the sum is positive.
    config
        How to train; the published way by default.
    task
        What for; binary for each head by default.
    validation
        Validation examples, their targets, and their weights where they have any, instead of a part of
        ``train``; or keys of the events of ``train`` that copies share, which are then all trained on or all
        held out, see :func:`split_train_validation`.
    penalty
        Added to the loss of every batch, and in validation as a mean over parts of as many events.
    progress
        Told about each step.
    checkpoint
        File that the state is written to after each epoch, and resumed from if it exists.

    Raises
    ------
    InputError
        For validation or test events, training or test events in ``validation``, targets or weights that do
        not fit, no examples, a checkpoint of another fit, or a loss that is not finite.
    """
    demand(getattr(train, "purpose", None), Purpose.TRAINING, "a model is trained")
    keys, validation = (validation, None) if isinstance(validation, np.ndarray) else (None, validation)
    if validation is not None:
        demand(getattr(validation[0], "purpose", None), Purpose.VALIDATION, "a training is stopped")
    keep_memory()
    config, task = config or FitConfig(), task or Binary()
    truth, importance = task.checked(model, targets, len(train), weights)
    data: TrainingData = model.prepare(train) if isinstance(model, Trainable) else train
    given = None if validation is None else validation[0]
    chosen, held = _parts(data, truth, importance, config, given, keys)
    if validation is not None:
        of_held = validation[2] if len(validation) == 3 else None
        targets_held, weights_held = task.checked(model, validation[1], len(held.data), of_held)
        held = dataclasses.replace(held, targets=targets_held, weights=weights_held)
    if isinstance(model, Trainable) and not model.started:
        model.fit_scales(data, torch.from_numpy(chosen))
    training = _Training(
        model, task, config, penalty, devices_of(config.device), data, truth, importance, chosen, held
    )
    return training.run(progress, checkpoint)


# -- pieces ----------------------------------------------------------------------------------------


def _parts(
    data: TrainingData,
    targets: Tensor,
    weights: Tensor | None,
    config: FitConfig,
    apart: TrainingData | None,
    keys: NDArray[np.uint64] | None,
) -> tuple[NDArray[np.int64], Held]:
    """Which examples are trained on, and those that validate: a part of them, or those that are ``apart``."""
    if apart is not None:
        if not len(data) or not len(apart):
            raise InputError(
                f"{len(data)} examples to train on and {len(apart)} to validate",
                "at least one of each",
                "give more events",
            )
        return np.arange(len(data)), Held(apart, targets, None, np.empty(0, dtype=np.int64))
    seed = config.seed if config.split_seed is None else config.split_seed
    chosen, rest = split_train_validation(len(data), config.validation_fraction, seed, keys)
    held_weights = None if weights is None else weights[rest]
    return chosen, Held(data.select(torch.from_numpy(rest)), targets[rest], held_weights, rest)


@dataclasses.dataclass(eq=False)
class _Training:
    """One training: all that it depends on."""

    model: nn.Module
    task: Task
    config: FitConfig
    penalty: Penalty | None
    devices: Devices
    data: TrainingData
    targets: Tensor
    weights: Tensor | None
    chosen: NDArray[np.int64]
    held: Held

    def __post_init__(self) -> None:
        if not any(weight.requires_grad for weight in self.model.parameters()):
            raise InputError(f"{self.name}, which has no weights to train", "a module with parameters")
        device = self.devices.device
        self.data, self.targets = self.data.to(device), self.targets.to(device)
        self.weights = None if self.weights is None else self.weights.to(device)
        self.signed = self.weights is not None and bool((self.weights < 0).any())
        if self.penalty is not None:
            self.penalty.to(device)
        self.parts = math.ceil(len(self.chosen) / (self.config.epoch_examples or len(self.chosen)))
        self.examples = math.ceil(len(self.chosen) / self.parts)
        self.steps = math.ceil(self.examples / self.config.batch)
        self.plan = self.config.plan(self.steps)
        self.optimizer = Adam(
            self.model.parameters(), lr=self.config.learning_rate, weight_decay=self.config.weight_decay
        )
        self.network: nn.Module
        self.step: torch.optim.Optimizer
        self.network, self.step = self.devices.setup(self.model, self.optimizer)

    def run(self, progress: Progress | None, checkpoint: Path | None) -> FitResult:
        """Train to the end, from where the checkpoint is."""
        state = _State(copy.deepcopy(self.model.state_dict()), 0, [])
        fingerprint = "" if checkpoint is None else self.fingerprint()
        if checkpoint is not None and checkpoint.exists():
            state = _resume(checkpoint, fingerprint, self.model, self.optimizer, self.devices.device)
        total = self.plan.epochs * self.examples
        while not self.plan.ended(state.losses):
            if self.plan.falls_now(state.losses):
                self.model.load_state_dict(state.best)
            record = self.devices.broadcast(self.judged(self.epoch(state.losses, progress)))
            if not math.isfinite(record.train_loss) or not math.isfinite(record.validation_loss):
                raise InputError(
                    f"the loss of {self.name} is {record.train_loss} in epoch {record.epoch}, "
                    f"{record.validation_loss} in validation",
                    "a finite loss",
                    "lower the learning rate or scale the inputs",
                )
            if record.validation_loss < min(state.losses, default=math.inf):
                state.best, state.best_epoch = copy.deepcopy(self.model.state_dict()), record.epoch
            state.history.append(record)
            if checkpoint is not None and self.devices.is_global_zero:
                _write_checkpoint(checkpoint, fingerprint, self.model, self.optimizer, state)
        if progress is not None and len(state.history) < self.plan.epochs:  # it ended before its time
            progress(total, total)
        self.model.load_state_dict(state.best)
        self.model.eval()
        seconds = sum(record.train_seconds for record in state.history)
        return FitResult(
            tuple(state.history),
            state.best_epoch,
            self.chosen,
            self.held.examples,
            len(state.history) * self.examples / seconds,
            self.plan.converged(state.losses),
        )

    @property
    def name(self) -> str:
        """What messages call the model."""
        return str(getattr(self.model, "name", type(self.model).__name__))

    def fingerprint(self) -> str:
        """What tells this training from others, for its checkpoint."""
        model = self.model.fingerprint() if isinstance(self.model, Trainable) else repr(self.model)
        told = "" if self.penalty is None else repr(self.penalty)
        buffers = () if self.penalty is None else tuple(self.penalty.buffers())
        weights = () if self.weights is None else (self.weights,)
        tensors = chain(self.data.tensors(), (self.targets, *weights, *buffers))
        return _fingerprint(f"{model} {self.task!r} {told}", self.config, tensors)

    def epoch(self, losses: list[float], progress: Progress | None) -> EpochRecord:
        """One pass over the training examples, or a part of one, after those with these validation losses."""
        number, examples = len(losses) + 1, self.examples
        begin = time.perf_counter()
        order = self._order(number)
        loss_sum = torch.zeros((), device=self.devices.device)
        self.model.train()
        with self._seeded(number):
            steps = order.to(self.devices.device).tensor_split(self.steps)
            shares = [numbers[self.devices.global_rank :: self.devices.world_size] for numbers in steps]
            for at, batch in enumerate(in_turn(self.data, shares)):
                for group in self.optimizer.param_groups:
                    group["lr"] = self.plan.rate(losses, at / self.steps)
                loss_sum += self._step(batch, shares[at], steps[at])
                if progress is not None:
                    done = len(losses) * examples + round((at + 1) * examples / self.steps)
                    progress(done, self.plan.epochs * examples)
        mean_sum = self.devices.all_reduce(loss_sum, reduce_op="mean")
        assert isinstance(mean_sum, Tensor)  # one tensor in, one out
        rate = float(self.optimizer.param_groups[0]["lr"])
        seconds = time.perf_counter() - begin
        return EpochRecord(number, mean_sum.item() / self.steps, math.nan, rate, seconds)

    def _order(self, epoch: int) -> Tensor:
        """Numbers of the examples of an epoch, in the order in which they are trained on."""
        before, part = divmod(epoch - 1, self.parts)
        random = self.task.order(self.config.seed, before + 1)
        if isinstance(self.data, Streamed):
            order = self.data.shuffled(self.chosen, random)
        else:
            order = random.permutation(self.chosen)
        return torch.from_numpy(np.array_split(order, self.parts)[part])

    def judged(self, record: EpochRecord) -> EpochRecord:
        """``record`` with what the task says of the validation examples."""
        verdict = self.task.judged(self.model, self.held, self.config.batch, self.penalty)
        return dataclasses.replace(record, validation_loss=verdict.loss, metrics=verdict.metrics)

    def _step(self, batch: Any, mine: Tensor, numbers: Tensor) -> Tensor:
        """Move the weights once; the loss before. ``mine`` are this process's of the step's ``numbers``."""
        if isinstance(self.model, Trainable):
            batch = self.model.augment(batch)
        inputs, targets = self.task.shown(batch, self.targets[mine])
        weights, share = None, None
        if self.weights is not None:
            # gradients are averaged over processes: this makes the average the batch's own
            weights, share = self.weights[mine], self._sums(numbers) / self.devices.world_size
        outputs = self.network(inputs)
        loss = self.task.loss(outputs, targets, weights, share)
        if self.penalty is not None:
            loss = loss + self.penalty(outputs.reshape(len(mine), -1), mine)
        if not loss.requires_grad:
            raise InputError(
                f"outputs of {self.name} that depend on none of its weights", "outputs with gradients"
            )
        self.step.zero_grad()
        self.devices.backward(loss)
        self.step.step()
        return loss.detach()

    def _sums(self, numbers: Tensor) -> Tensor:
        """Sums of the weights of a step; where some are negative and may cancel, what they are on average."""
        assert self.weights is not None
        if self.signed:
            return self.weights.new_full(self.weights.shape[1:], float(len(numbers)))
        return self.weights[numbers].sum(0)

    @contextmanager
    def _seeded(self, epoch: int) -> Iterator[None]:
        """PyTorch's random numbers depend on seed, epoch and process alone while the block runs."""
        gpus = [self.devices.device] if self.devices.device.type == "cuda" else []
        with torch.random.fork_rng(devices=gpus):
            torch.manual_seed(self.task.torch_seed(self.config.seed, epoch, self.devices.global_rank))
            yield
