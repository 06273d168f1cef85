"""Turn a trained model's scores into probabilities with events that it was not trained on."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose, demand
from hepsets.learn.training.logit_spline import KNOTS, LogitSpline
from hepsets.learn.training.score import logits_of
from hepsets.learn.training.trainable import Trainable

EVENTS_PER_KNOT = 100
"""Fewer events of either class than this for every knot are calibrated with slope and offset alone."""


def calibrate_model(
    model: Trainable,
    events: Sized,
    labels: NDArray[np.bool_],
    weights: NDArray[np.floating] | None = None,
) -> None:
    """Fit a rising spline of every head's logits to labels; it becomes part of the model.

    Targets from repeated simulation are posterior means: they are drawn towards the prior, most of all
    where hardly any event passes, and a model that learns them is too cautious by a smooth, rising
    function. The spline undoes it without changing the order of events. It is linear between
    :data:`~hepsets.learn.training.logit_spline.KNOTS` quantiles of the logits (a spline calibration, Lucena,
    arXiv:1809.07751), or a slope and an offset alone (Platt, in Advances in Large Margin Classifiers
    (1999) 61) where events are few or a segment would fall.

    Parameters
    ----------
    model
        Trained; its calibration is replaced.
    events, labels
        Validation events and their hard labels, shape ``(n_events,)`` or ``(n_events, heads)``.
    weights
        How much each event counts, the shape of ``labels``; all the same by default.

    Raises
    ------
    InputError
        For training or test events; if a head's labels are of one class, or its scores fall with the
        labels. Nothing is changed then.
    """
    demand(getattr(events, "purpose", None), Purpose.VALIDATION, "a model is calibrated")
    heads = model.heads
    labels = np.asarray(labels, dtype=bool).reshape(len(events), -1)
    weights = np.ones(labels.shape) if weights is None else np.asarray(weights).reshape(len(events), -1)
    if labels.shape != (len(events), heads) or weights.shape != labels.shape:
        raise InputError(
            f"labels of shape {labels.shape} and weights of shape {weights.shape}",
            f"both ({len(events)}, {heads}): events, heads of the model",
        )
    raw = _network_logits(model, events)
    splines = [_spline(model, *head) for head in zip(raw.T, labels.T, weights.T, strict=True)]
    with torch.no_grad():
        for head, (knots, coefficients, offset) in enumerate(splines):
            model.calibration.slope[head] = coefficients[0]
            model.calibration.offset[head] = offset
            model.calibration.knots[head] = torch.from_numpy(knots)
            model.calibration.bends[head] = torch.from_numpy(coefficients[1:])


def calibrate_classes(
    model: Trainable, events: Any, classes: NDArray[np.integer], number: int | None = None
) -> None:
    """Fit a temperature, and an offset of each class, to classes; they become part of the model.

    Temperature scaling (Guo et al., arXiv:1706.04599) with offsets keeps probabilities between two classes in
    their order, so no working point moves.

    Parameters
    ----------
    model
        Trained; its calibration is replaced.
    events
        Validation events.
    classes
        Their classes, shape ``(n_events,)``.
    number
        How many of the model's heads are classes, all by default; others are left alone.

    Raises
    ------
    InputError
        For training or test events. Nothing is changed then.
    """
    demand(getattr(events, "purpose", None), Purpose.VALIDATION, "a model is calibrated")
    number = model.heads if number is None else number
    logits = _network_logits(model, events)[:, :number]
    rows = np.arange(len(logits))

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scaled = logits * np.exp(parameters[0]) + parameters[1:]
        of_class = log_softmax(scaled, axis=1)
        difference = np.exp(of_class)
        difference[rows, classes] -= 1
        gradient = [(difference * logits).sum() * np.exp(parameters[0]), *difference.sum(0)]
        return -float(of_class[rows, classes].mean()), np.array(gradient) / len(logits)

    found = minimize(loss, np.zeros(number + 1), jac=True, method="L-BFGS-B").x
    with torch.no_grad():
        model.calibration.slope[:number] = float(np.exp(found[0]))
        model.calibration.offset[:number] = torch.from_numpy(found[1:] - found[1:].mean())
        model.calibration.knots[:number] = 0.0
        model.calibration.bends[:number] = 0.0


def _network_logits(model: Trainable, events: Sized) -> NDArray[np.float64]:
    """Logits as the network gives them, shape ``(n_events, heads)``."""
    calibration = model.calibration
    model.calibration = LogitSpline(model.heads).to(model.device)
    try:
        return logits_of(model, model.prepare(events)).double().numpy()
    finally:
        model.calibration = calibration


def _spline(
    model: Trainable,
    logits: NDArray[np.float64],
    labels: NDArray[np.bool_],
    weights: NDArray[np.floating],
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Knots, slope with bends, and offset of one head."""
    counted = weights > 0
    logits, labels, weights = logits[counted], labels[counted], weights[counted]
    if labels.all() or not labels.any():
        raise InputError("labels of one class", "passing and failing events")
    knots = np.quantile(logits, np.arange(1, KNOTS + 1) / (KNOTS + 1))
    if min(labels.sum(), (~labels).sum()) >= EVENTS_PER_KNOT * KNOTS:
        basis = np.column_stack([logits, np.maximum(logits[:, None] - knots, 0)])
        coefficients, offset = _regress(basis, labels, weights)
        if (np.cumsum(coefficients) > 0).all():
            return knots, coefficients, offset
    coefficients, offset = _regress(logits[:, None], labels, weights)
    if coefficients[0] <= 0:
        raise InputError(
            f"scores of {model.name} that fall where labels rise (slope {coefficients[0]:.2g})",
            "a model that learnt something",
            "train longer or on more events",
        )
    return knots, np.append(coefficients, np.zeros(KNOTS)), offset


def _regress(
    basis: NDArray[np.float64], labels: NDArray[np.bool_], weights: NDArray[np.floating]
) -> tuple[NDArray[np.float64], float]:
    regression = LogisticRegression(C=np.inf, max_iter=1000).fit(basis, labels, sample_weight=weights)
    return regression.coef_[0], float(regression.intercept_[0])
