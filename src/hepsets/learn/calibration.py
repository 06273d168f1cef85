"""Turn a trained model's scores into probabilities with events that it was not trained on."""

from __future__ import annotations

from collections.abc import Sized

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from hepsets.core.errors import InputError
from hepsets.learn.model import logits_of
from hepsets.learn.trainable import Trainable


def calibrate_model(
    model: Trainable,
    events: Sized,
    labels: NDArray[np.bool_],
    weights: NDArray[np.floating] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit the slope and the offset of every head's logits to labels (Platt scaling).

    Targets from repeated simulation are posterior means: they are drawn towards the prior, and a
    model that learns them is too cautious by a smooth, rising function. A slope and an offset undo
    it without changing the order of events. They become part of the model and of its file.

    Parameters
    ----------
    model
        Trained; its calibration is replaced.
    events, labels
        Validation events and their hard labels, shape ``(n_events,)`` or ``(n_events, heads)``.
    weights
        How much each event counts, the shape of ``labels``; all the same by default.

    Returns
    -------
    tuple
        Slopes and offsets, each of shape ``(heads,)``.

    Raises
    ------
    InputError
        If a head's labels are of one class, or its scores fall with the labels; nothing is changed then.

    Notes
    -----
    Platt, in Advances in Large Margin Classifiers (1999) 61.
    """
    heads = model.heads
    labels = np.asarray(labels, dtype=bool).reshape(len(events), -1)
    weights = np.ones(labels.shape) if weights is None else np.asarray(weights).reshape(len(events), -1)
    if labels.shape != (len(events), heads) or weights.shape != labels.shape:
        raise InputError(
            f"labels of shape {labels.shape} and weights of shape {weights.shape}",
            f"both ({len(events)}, {heads}): events, heads of the model",
        )
    # what an earlier calibration did is taken back
    raw = (logits_of(model, model.prepare(events)) - model.offset.cpu()) / model.slope.cpu()
    fitted = np.array(
        [_platt(model, *head) for head in zip(raw.double().numpy().T, labels.T, weights.T, strict=True)]
    )
    with torch.no_grad():
        model.slope.copy_(torch.from_numpy(fitted[:, 0]))
        model.offset.copy_(torch.from_numpy(fitted[:, 1]))
    return fitted[:, 0], fitted[:, 1]


def _platt(
    model: Trainable,
    logits: NDArray[np.float64],
    labels: NDArray[np.bool_],
    weights: NDArray[np.floating],
) -> tuple[float, float]:
    """Slope and offset of one head."""
    counted = weights > 0
    if labels[counted].all() or not labels[counted].any():
        raise InputError("labels of one class", "passing and failing events")
    regression = LogisticRegression(C=np.inf).fit(logits[:, None], labels, sample_weight=weights)
    slope, offset = float(regression.coef_[0, 0]), float(regression.intercept_[0])
    if slope <= 0:
        raise InputError(
            f"scores of {model.name} that fall where labels rise (slope {slope:.2g})",
            "a model that learnt something",
            "train longer or on more events",
        )
    return slope, offset
