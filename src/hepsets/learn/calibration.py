"""Turn a trained model's scores into probabilities with events that it was not trained on."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.learn.model import EventModel, logits_of


def calibrate_model(model: EventModel, events: Events, labels: NDArray[np.bool_]) -> tuple[float, float]:
    """Fit the slope and the offset of the first head's logits to labels (Platt scaling).

    Targets from repeated simulation are posterior means: they are drawn towards the prior, and a
    model that learns them is too cautious by a smooth, rising function. A slope and an offset undo
    it without changing the order of events. They become part of the model and of its file.

    Parameters
    ----------
    model
        Trained; its calibration is replaced.
    events, labels
        Validation events and their hard labels, shape ``(n_events,)``.

    Returns
    -------
    tuple
        Slope and offset.

    Raises
    ------
    InputError
        If the labels are of one class, or the scores fall with the labels.

    Notes
    -----
    Platt, in Advances in Large Margin Classifiers (1999) 61.
    """
    if labels.all() or not labels.any():
        raise InputError("labels of one class", "passing and failing events")
    with torch.no_grad():
        model.slope[0], model.offset[0] = 1.0, 0.0
    logits = logits_of(model, model.prepare(events))[:, :1].double().numpy()
    regression = LogisticRegression(C=np.inf).fit(logits, labels)
    slope, offset = float(regression.coef_[0, 0]), float(regression.intercept_[0])
    if slope <= 0:
        raise InputError(
            f"scores of {model.name} that fall where labels rise (slope {slope:.2g})",
            "a model that learnt something",
            "train longer or on more events",
        )
    with torch.no_grad():
        model.slope[0], model.offset[0] = slope, offset
    return slope, offset
