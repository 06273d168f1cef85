"""What a network is trained for: its targets, what is minimised, and what is measured on validation data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.learn.training.losses import Loss, MeanLoss, Penalty, cross_entropy
from hepsets.learn.training.score import logits_of
from hepsets.learn.training.trainable import TrainingData, in_evaluation


@dataclasses.dataclass(frozen=True, eq=False)
class Held:
    """Validation examples: where batches are cut from, their targets and weights.

    ``examples`` are their numbers among those of a penalty.
    """

    data: TrainingData
    targets: Tensor
    weights: Tensor | None
    examples: NDArray[np.int64]


@dataclasses.dataclass(frozen=True, eq=False)
class Verdict:
    """The loss on validation examples, and what else a task measures there, by name."""

    loss: float
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)


class Task:
    """What a network is trained for. Tasks are :class:`Binary` and, with losses that are means over examples,
    :class:`Classes`, :class:`Numbers`, :class:`MeanOf` and :class:`SelfSupervised`. Their ``repr`` tells them
    apart.
    """

    def checked(
        self, model: nn.Module, targets: Any, examples: int, weights: Any
    ) -> tuple[Tensor, Tensor | None]:
        """Targets and weights as tensors, one row per example.

        Parameters
        ----------
        model
            The network that is to learn.
        targets, weights
            As the caller gave them; ``None`` where all examples count the same.
        examples
            Number of examples: the first dimension of the shape of what is returned.

        Raises
        ------
        InputError
            If they do not fit.
        """
        raise NotImplementedError

    def shown(self, inputs: Any, targets: Tensor) -> tuple[Any, Tensor]:
        """What the network sees of a batch, and what it shall say: both as they are.

        Parameters
        ----------
        inputs, targets
            Of the batch; the latter of shape ``(n_batch, ...)``.
        """
        return inputs, targets

    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None, sums: Tensor | None) -> Tensor:
        """What is minimised: a number, from what belongs to a batch.

        Parameters
        ----------
        outputs, targets, weights
            Shape ``(n_batch, ...)``: one row per example of the batch, or of a process's share of it.
        sums
            Sum of the weights over the batch, per share of it, shape ``(heads,)``.
        """
        raise NotImplementedError

    def judged(self, model: nn.Module, held: Held, batch: int, penalty: Penalty | None) -> Verdict:
        """The loss of validation examples, and further metrics.

        Parameters
        ----------
        model
            The network.
        held
            The examples.
        batch
            Examples of a training step.
        penalty
            What is added to the loss.
        """
        raise NotImplementedError

    def order(self, seed: int, epoch: int) -> np.random.Generator:
        """Random numbers for the order of the examples in an epoch, which is counted from 1."""
        return np.random.default_rng([seed, 1, epoch])

    def torch_seed(self, seed: int, epoch: int, rank: int) -> int:
        """Seed of dropout and the like in an epoch, in the process ``rank``."""
        words = np.random.SeedSequence([seed, 2, epoch, rank]).generate_state(2)
        return int(words[0]) << 32 | int(words[1])


@dataclasses.dataclass(frozen=True)
class Binary(Task):
    """Yes or no for each head of a model: targets are classes 0 and 1 or probabilities.

    Measured are ``accuracy`` and ``auc`` of the first head.

    Parameters
    ----------
    minimised
        The loss; weighted cross entropy by default.
    """

    minimised: Loss = cross_entropy

    def __repr__(self) -> str:
        return f"Binary({_name(self.minimised)})"

    def checked(self, model: nn.Module, targets: Any, examples: int, weights: Any) -> tuple[Tensor, Tensor]:
        """Targets and weights, the latter with mean 1 for each head, float32, shape ``(n_examples, heads)``.

        Weights may be negative, such as sWeights, where the loss can take them: their sum must be positive.

        Raises
        ------
        InputError
            For targets that are no probabilities, or all the same; for weights that do not fit, or are
            negative where the loss cannot take that.
        """
        truth = _as_numbers(targets, "labels", np.float32)
        truth = truth[:, None] if truth.ndim == 1 else truth
        heads: Any = getattr(model, "heads", truth.shape[-1] if truth.ndim else 1)
        if truth.shape != (examples, heads):
            raise InputError(
                f"labels of shape {np.shape(targets)}",
                f"({examples},) or ({examples}, {heads}): events, heads of the model",
            )
        if not ((truth >= 0) & (truth <= 1)).all():
            raise InputError("labels that are NaN or outside [0, 1]", "classes 0 and 1 or probabilities")
        for column in truth.T:
            if len(column) and (column == column[0]).all():
                raise InputError(
                    f"the label {column[0]:g} for every event", "events of both classes", "check the label"
                )
        importance = _importance(weights, (examples, heads))
        if (importance < 0).any() and not getattr(self.minimised, "takes_negative_weights", False):
            raise InputError(
                f"negative weights for the loss {_name(self.minimised)}",
                "weights from 0 up: it divides by sums over classes of a batch, which may cancel",
                "train with cross entropy",
            )
        return torch.from_numpy(truth), importance

    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None, sums: Tensor | None) -> Tensor:
        """The loss of a batch, averaged over heads, see :meth:`Task.loss`.

        Raises
        ------
        InputError
            For outputs that are no logit for each event and head.
        """
        assert weights is not None
        assert sums is not None
        if outputs.numel() != targets.numel() or len(outputs) != len(targets):
            raise InputError(
                f"outputs of shape {tuple(outputs.shape)} for {len(targets)} events",
                f"logits of shape ({len(targets)}, {targets.shape[-1]}): events, heads",
                "sum over the particles of each event",
            )
        return self.minimised(outputs.reshape(len(targets), -1), targets, weights, sums)

    def judged(self, model: nn.Module, held: Held, batch: int, penalty: Penalty | None) -> Verdict:
        """The loss of all validation examples together, in double precision, with accuracy and AUC."""
        assert held.weights is not None
        logits = logits_of(model, held.data)
        targets, weights = held.targets.cpu().double(), held.weights.cpu().double()
        loss = float(self.minimised(logits.double(), targets, weights, weights.sum(0)))
        if penalty is not None:
            loss += _penalty_of_parts(penalty, held.examples, batch, logits)
        first, truth, w = logits[:, 0].numpy(), targets[:, 0].numpy(), weights[:, 0].numpy()
        accuracy = float(np.average((first >= 0) == (truth >= 0.5), weights=w)) if w.sum() else math.nan
        return Verdict(loss, {"accuracy": accuracy, "auc": soft_auc(first, truth, w)})


class _MeanTask(Task):
    """A task whose loss is a mean over examples that all count the same."""

    mean_loss: ClassVar[Any]

    def checked(self, model: nn.Module, targets: Any, examples: int, weights: Any) -> tuple[Tensor, None]:  # noqa: ARG002
        """Targets, one per example."""
        truth = torch.as_tensor(targets)
        if len(truth) != examples:
            raise InputError(f"{len(truth)} targets for {examples} examples", "one for each")
        if weights is not None:
            raise InputError(f"weights for the task {self!r}", "none: all examples count the same")
        return truth, None

    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None, sums: Tensor | None) -> Tensor:  # noqa: ARG002
        """The mean loss of a batch."""
        result: Tensor = self.mean_loss(outputs, targets)
        return result

    def judged(self, model: nn.Module, held: Held, batch: int, penalty: Penalty | None) -> Verdict:
        """The mean loss of the validation examples, batch by batch."""
        if penalty is not None:
            raise InputError(f"a penalty for the task {self!r}", "a penalty for a binary task alone")
        sums: dict[str, float] = {"loss": 0.0}
        for inputs, targets in _batches(model, held, batch):
            shown, wanted = self.shown(inputs, targets)
            outputs = model(shown)
            found = {"loss": float(self.mean_loss(outputs, wanted)), **self.metrics(outputs, wanted)}
            sums = {name: sums.get(name, 0.0) + value * len(targets) for name, value in found.items()}
        means = {name: total / len(held.targets) for name, total in sums.items()}
        return Verdict(means.pop("loss"), means)

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:  # noqa: ARG002 (others measure)
        """What is measured besides the loss, by name, as means over a batch of shape ``(n_batch, ...)``."""
        return {}

    def order(self, seed: int, epoch: int) -> np.random.Generator:
        """As ever for such tasks, so that trainings repeat those of earlier versions."""
        return np.random.default_rng([seed, epoch])

    def torch_seed(self, seed: int, epoch: int, rank: int) -> int:
        """As ever for such tasks, in the first process."""
        return seed * 1_000_003 + epoch + rank * 1_000_000_007


@dataclasses.dataclass(frozen=True)
class MeanOf(_MeanTask):
    """Anything whose loss is a mean over examples.

    Parameters
    ----------
    mean_loss
        From outputs and targets of a batch, one row per example, to their mean loss.
    name
        What tells this loss from others; two losses of one name count as the same in a checkpoint.
    """

    mean_loss: MeanLoss  # type: ignore[misc]  # each has its own
    name: str = ""

    def __repr__(self) -> str:
        return f"MeanOf({self.name or _name(self.mean_loss)})"


@dataclasses.dataclass(frozen=True)
class Numbers(_MeanTask):
    """Numbers of each example, or of each set of them: the least mean squared error."""

    mean_loss = staticmethod(nn.functional.mse_loss)


@dataclasses.dataclass(frozen=True)
class Classes(_MeanTask):
    """One of many classes: targets are their numbers, outputs a logit for each; cross entropy [nat].

    Measured is the ``accuracy``.
    """

    mean_loss = staticmethod(nn.functional.cross_entropy)

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """The share of examples, of shape ``(n_batch,)``, whose class has the largest logit."""
        return {"accuracy": float((outputs.argmax(1) == targets).double().mean())}


@dataclasses.dataclass(frozen=True)
class SelfSupervised(_MeanTask):
    """Targets that are made of the inputs themselves, such as what was hidden of them.

    Parameters
    ----------
    hide
        From the inputs of a batch to what the network is shown of them, and what it shall say; it may draw
        from PyTorch's random numbers, which are seeded for each epoch, and alike for each validation.
    mean_loss
        From outputs and targets of a batch to their mean loss; the mean squared error by default.
    """

    hide: Callable[[Any], tuple[Any, Tensor]]
    mean_loss: MeanLoss = nn.functional.mse_loss  # type: ignore[misc]  # each has its own

    def __repr__(self) -> str:
        return f"SelfSupervised({_name(self.hide)}, {_name(self.mean_loss)})"

    def checked(self, model: nn.Module, targets: Any, examples: int, weights: Any) -> tuple[Tensor, None]:
        """No targets, so zeros of shape ``(n_examples,)``.

        Raises
        ------
        InputError
            For targets.
        """
        if targets is not None:
            raise InputError("targets for a self-supervised task", "None: they are made of the inputs")
        return super().checked(model, np.zeros(examples, dtype=np.float32), examples, weights)

    def shown(self, inputs: Any, targets: Tensor) -> tuple[Any, Tensor]:  # noqa: ARG002 (it makes its own)
        """What is shown of the inputs, and what is hidden, see :meth:`Task.shown`."""
        return self.hide(inputs)

    def judged(self, model: nn.Module, held: Held, batch: int, penalty: Penalty | None) -> Verdict:
        """The mean loss of the validation examples, the same parts of them hidden each time."""
        device = next(model.parameters()).device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(0)
            return super().judged(model, held, batch, penalty)


def _name(of: object) -> str:
    """What tells a loss from others, in any process."""
    return getattr(of, "__qualname__", None) or repr(of)


def _batches(model: nn.Module, held: Held, batch: int) -> Iterator[tuple[Any, Tensor]]:
    """Batches and targets of validation examples, where the model is, for as long as it is in evaluation."""
    device = next(model.parameters()).device
    data, targets = held.data.to(device), held.targets.to(device)
    with in_evaluation(model), torch.inference_mode():
        for numbers in torch.split(torch.arange(len(data), device=device), batch):
            yield data.batch(numbers), targets[numbers]


def _as_numbers(values: Any, what: str, dtype: type[np.floating]) -> NDArray[Any]:
    try:
        return np.asarray(values, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} that are no numbers ({error})", "numbers, one for each event") from error


def _importance(weights: Any, shape: tuple[int, ...]) -> Tensor:
    importance = np.ones(shape) if weights is None else _as_numbers(weights, "weights", np.float64)
    if importance.ndim == 1:
        importance = np.repeat(importance[:, None], shape[1], axis=1)
    if importance.shape != shape or not np.isfinite(importance).all():
        raise InputError(
            f"weights of shape {importance.shape} or with values that are not finite",
            f"({shape[0]},) or {shape}, finite numbers",
        )
    if len(importance) and not (importance.sum(0) > 0).all():
        raise InputError(
            f"weights that add to {importance.sum(0).min():g}", "a positive sum", "check their signs"
        )
    return torch.from_numpy((importance / importance.mean(0)).astype(np.float32))


def _penalty_of_parts(penalty: Penalty, events: NDArray[np.int64], batch: int, logits: Tensor) -> float:
    """Mean penalty of parts of about ``batch`` of the ``events``."""
    parts = math.ceil(len(events) / batch)
    # neighbours in a file may be of one kind: deal them out
    dealt = [torch.arange(start, len(events), parts) for start in range(parts)]
    device = next(iter(penalty.buffers()), torch.empty(0)).device
    with torch.inference_mode():
        values = [
            penalty(logits[part].to(device), torch.from_numpy(events)[part].to(device)) for part in dealt
        ]
    return float(torch.stack(values).mean())


def soft_auc(scores: NDArray[Any], labels: NDArray[Any], weights: NDArray[Any]) -> float:
    """Area under the ROC curve where a label may be a probability.

    An event with label y counts as y of a passing and 1 − y of a failing event. NaN if there is
    nothing of one of them, or a score is not finite. All arguments have the shape ``(n_events,)``; weights
    may be negative.
    """
    passing, failing = weights * labels, weights * (1 - labels)
    if not (passing.sum() > 0 and failing.sum() > 0) or not np.isfinite(scores).all():
        return math.nan
    if (weights < 0).any():  # scikit-learn wants a curve that rises
        values, place = np.unique(scores, return_inverse=True)
        below = np.bincount(place, failing, minlength=len(values))
        return float(passing @ (np.cumsum(below) - 0.5 * below)[place] / (passing.sum() * failing.sum()))
    truth = np.repeat([1, 0], len(scores))
    return float(roc_auc_score(truth, np.tile(scores, 2), sample_weight=np.concatenate([passing, failing])))
