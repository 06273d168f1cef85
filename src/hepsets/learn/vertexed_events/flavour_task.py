"""What flavour taggers are trained for: one of several flavours, and the sign of the quark's charge."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hepsets.core.errors import InputError
from hepsets.learn.training.losses import Penalty
from hepsets.learn.training.score import logits_of
from hepsets.learn.training.task import Held, Task, Verdict

CHARGE_WEIGHT = 0.2
"""Weight of the loss of the charge beside that of the flavour."""


def flavour_targets(
    flavour: NDArray[np.integer], charge: NDArray[np.integer] | None = None
) -> NDArray[np.int64]:
    """Targets of :class:`Flavour`, int64, shape ``(n, 2)``.

    Parameters
    ----------
    flavour
        Number of the class, shape ``(n,)``.
    charge
        1 for the hemisphere of the quark, −1 for that of the antiquark, 0 where it shall not be learnt, as
        in whole events; shape ``(n,)``.
    """
    signs = np.zeros(len(flavour)) if charge is None else charge
    return np.stack([flavour, signs], axis=1).astype(np.int64)


@dataclasses.dataclass(frozen=True)
class Flavour(Task):
    """One of several classes, by cross entropy [nat]; of models with a charge, the sign besides.

    Targets are those of :func:`flavour_targets`. Measured is the ``accuracy`` of the class, and the
    ``charge_accuracy`` where there is a charge.

    Parameters
    ----------
    charge
        Whether the last output of the model is that of the charge.
    """

    charge: bool = False

    def checked(self, model: nn.Module, targets: Any, examples: int, weights: Any) -> tuple[Tensor, None]:
        """Targets, int64, shape ``(n_examples, 2)``.

        Raises
        ------
        InputError
            For classes that the model does not have, another shape, one class alone, or weights.
        """
        truth = torch.as_tensor(np.asarray(targets), dtype=torch.int64)
        heads: Any = getattr(model, "heads", 1 << 30)
        classes = heads - self.charge
        if truth.shape != (examples, 2):
            raise InputError(f"targets of shape {tuple(truth.shape)}", f"({examples}, 2): class and charge")
        if weights is not None:
            raise InputError("weights for flavours", "none: all examples count the same")
        if examples and (truth[:, 0].min() < 0 or truth[:, 0].max() >= classes):
            raise InputError(
                f"classes {sorted(set(truth[:, 0].tolist()))[:9]}", f"numbers from 0 to {classes - 1}"
            )
        if examples and (truth[:, 0] == truth[0, 0]).all():
            raise InputError(f"class {int(truth[0, 0])} for every event", "events of several flavours")
        return truth, None

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        weights: Tensor | None,  # noqa: ARG002 (all examples count the same)
        sums: Tensor | None,  # noqa: ARG002
    ) -> Tensor:
        """Mean loss of a batch, see :meth:`hepsets.learn.training.task.Task.loss`: of the class, and a
        part of that of the charge where one is to be learnt.
        """
        if not self.charge:
            return functional.cross_entropy(outputs, targets[:, 0])
        of_class = functional.cross_entropy(outputs[:, :-1], targets[:, 0])
        signed = (targets[:, 1] != 0).to(outputs.dtype)
        each = functional.binary_cross_entropy_with_logits(
            outputs[:, -1], (targets[:, 1] > 0).to(outputs.dtype), reduction="none"
        )
        return of_class + CHARGE_WEIGHT * (each * signed).sum() / signed.sum().clamp(min=1)

    def judged(self, model: nn.Module, held: Held, batch: int, penalty: Penalty | None) -> Verdict:
        """The loss of all validation examples, with accuracies.

        Raises
        ------
        InputError
            For a penalty.
        """
        if penalty is not None:
            raise InputError("a penalty for flavours", "a penalty for a binary task alone")
        logits, truth = logits_of(model, held.data, batch_events=min(batch, 512)).double(), held.targets.cpu()
        classes = logits.shape[1] - self.charge
        metrics = {"accuracy": float((logits[:, :classes].argmax(1) == truth[:, 0]).double().mean())}
        signed = truth[:, 1] != 0
        if self.charge and bool(signed.any()):
            right = (logits[:, -1] > 0) == (truth[:, 1] > 0)
            metrics["charge_accuracy"] = float(right[signed].double().mean())
        return Verdict(float(self.loss(logits, truth, None, None)), metrics)
