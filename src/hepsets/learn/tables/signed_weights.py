"""Trees grown with weights of either sign, such as sWeights or a sideband that is subtracted.

XGBoost refuses negative weights, but takes gradients from outside: those of the weighted cross entropy, of
which each event has its part with its sign. On average that is the loss of what the weights unfold, so the
best trees are, too. A leaf must hold a positive sum of second derivatives (``min_child_weight``), so the
weights in it cannot cancel; growing ends by the signed loss of the validation part. For networks
:func:`hepsets.learn.training.losses.cross_entropy` does the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray
from scipy.special import expit

from hepsets.learn.tables.booster import Growing, Grown, grow
from hepsets.learn.tables.oversampling import Rows

_LOSS = "signed_logloss"


def grow_signed(training: Rows, validation: Rows, config: Growing, **options: Any) -> Grown:
    """Grow trees for two classes as :func:`~hepsets.learn.tables.booster.grow` does, with signed weights.

    Parameters
    ----------
    training, validation
        Variables, labels and weights; the weights of each class must add to a positive number.
    config
        How to grow them.
    options
        Further parameters of XGBoost, ``min_child_weight`` among them.
    """
    data = tuple(xgb.DMatrix(part.matrix, part.labels) for part in (training, validation))

    def rows_of(matrix: xgb.DMatrix) -> Rows:
        return training if matrix is data[0] else validation

    def gradients(logits: NDArray[Any], matrix: xgb.DMatrix) -> tuple[NDArray[Any], NDArray[Any]]:
        rows, probability = rows_of(matrix), expit(logits)
        return rows.weights * (probability - rows.labels), rows.weights * probability * (1 - probability)

    def measure(logits: NDArray[Any], matrix: xgb.DMatrix) -> tuple[str, float]:
        rows = rows_of(matrix)
        each = np.logaddexp(0.0, np.where(rows.labels, -logits, logits).astype(np.float64))
        return _LOSS, float(rows.weights @ each / rows.weights.sum())

    return grow(
        data[0],
        data[1],
        config,
        _LOSS,
        gradients=gradients,
        measure=measure,
        objective="binary:logistic",
        base_score=0.5,
        **options,
    )
