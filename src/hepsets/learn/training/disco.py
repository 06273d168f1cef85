"""DisCo: a penalty on what the scores of background tell about another quantity, such as Mbc."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hepsets.core.errors import InputError
from hepsets.learn.training.losses import Penalty

_LEAST_VARIANCE = 1e-12
"""Distance variances below are none: the correlation is then 0."""


def squared_distance_correlation(x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    r"""Weighted squared distance correlation of two quantities, between 0 and 1.

    .. math:: \mathrm{dCov}^2 = \sum_{ij} w_i w_j A_{ij} B_{ij}, \quad
              \mathrm{dCorr}^2 = \frac{\mathrm{dCov}^2(x, y)}{\mathrm{dCov}(x, x)\,\mathrm{dCov}(y, y)}

    with the doubly centred distances A of x and B of y, and weights that sum to one (Székely, Rizzo
    and Bakirov, Ann. Statist. 35 (2007) 2769). It is 0 in the limit of many events if and only if x and y are
    independent; of n events it is about 1/n or more even then.

    Parameters
    ----------
    x, y, weights
        Shape ``(n,)``. Time and memory grow as n².

    Returns
    -------
    Tensor
        A number; 0 if x or y does not vary.
    """
    w = weights / weights.sum().clamp(min=1e-30)
    a, b = _centred(x, w), _centred(y, w)
    pair = w[:, None] * w
    covariance = (pair * a * b).sum()
    variances = (pair * a * a).sum() * (pair * b * b).sum()
    if not bool(variances > _LEAST_VARIANCE**2):
        return (0.0 * x).sum()
    return covariance.clamp(min=0.0) / variances.sqrt()


def _centred(values: Tensor, w: Tensor) -> Tensor:
    distance = (values[:, None] - values).abs()
    mean = distance @ w
    return distance - mean[:, None] - mean + w @ mean


class DisCo(Penalty):
    r"""λ · dCorr²(score, quantity) over the background of a batch (Kasieczka and Shih, arXiv:2001.05310).

    What a batch of n background events cannot tell apart from 0, about 1/n, is a constant that
    teaches nothing: take large batches, a thousand events and more.

    Parameters
    ----------
    quantity
        What the score shall not know, such as Mbc, of all events that are handed to
        :func:`~hepsets.learn.training.fit.fit`, shape ``(n_events,)``.
    labels
        True for signal, which does not count, shape ``(n_events,)``.
    weights
        Event weights, shape ``(n_events,)``, not negative; all the same by default.
    strength
        λ: what complete dependence costs, in nats of cross entropy.

    Raises
    ------
    InputError
        If shapes differ, the quantity is not finite, or there is no background.
    """

    quantity: Tensor
    weights: Tensor

    def __init__(
        self,
        quantity: NDArray[Any],
        labels: NDArray[Any],
        weights: NDArray[Any] | None = None,
        *,
        strength: float,
    ) -> None:
        super().__init__()
        quantity, labels = np.asarray(quantity, dtype=np.float64), np.asarray(labels, dtype=bool)
        weights = np.ones(len(labels)) if weights is None else np.asarray(weights, dtype=np.float64)
        if not quantity.shape == labels.shape == weights.shape or quantity.ndim != 1:
            raise InputError(
                f"quantity, labels and weights of shapes {quantity.shape}, {labels.shape}, {weights.shape}",
                "one number per event in each",
            )
        if (weights < 0).any():
            raise InputError(
                "negative weights for the penalty DisCo",
                "weights from 0 up: there is no distance correlation else",
                "train without it",
            )
        counted = ~labels & (weights > 0)
        if not counted.any() or not np.isfinite(quantity[counted]).all():
            raise InputError(
                "no background, or a quantity that is not finite", "background events with finite values"
            )
        if not strength >= 0:
            raise InputError(f"DisCo strength {strength}", "a number from 0 up")
        self.strength = strength
        # single precision would lose Mbc's digits: only differences count
        centre, spread = quantity[counted].mean(), quantity[counted].std() or 1.0
        scaled = np.where(counted, (quantity - centre) / spread, 0.0)
        self.register_buffer("quantity", torch.from_numpy(scaled.astype(np.float32)))
        self.register_buffer("weights", torch.from_numpy(np.where(counted, weights, 0.0).astype(np.float32)))

    def forward(self, logits: Tensor, events: Tensor) -> Tensor:
        """The penalty, of the first head, from logits of shape ``(n, heads)`` and event numbers ``(n,)``."""
        weights = self.weights[events]
        counted = weights > 0
        scores = torch.sigmoid(logits[counted, 0])
        quantity = self.quantity[events][counted].to(scores.dtype)
        return self.strength * squared_distance_correlation(
            scores, quantity, weights[counted].to(scores.dtype)
        )

    def extra_repr(self) -> str:
        """What ``print`` shows between the brackets."""
        return f"strength={self.strength}"
