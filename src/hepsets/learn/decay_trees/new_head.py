"""A new skim for a trained network: one more head on its frozen trunk, or the whole of it fine-tuned.

Few events with labels are enough for either, since the trunk knows decay trees already.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.purpose import Purpose, demand
from hepsets.learn.decay_trees.decay_sweep import DecaySweep, DecaySweepConfig
from hepsets.learn.decay_trees.model import EventModel
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import Progress, fit
from hepsets.learn.training.score import score
from hepsets.learn.training.trainable import in_evaluation

INVERSE_STRENGTHS = np.geomspace(1e-4, 10.0, 11)
"""Inverse strengths of the L2 regularisation that cross-validation chooses from."""

FOLDS = 5

FINE_TUNING = FitConfig(epochs=20, batch=64, learning_rate=1e-3, schedule="cosine", weight_decay=1e-4)
"""Fine-tuning: half the learning rate of a training from scratch; early stopping ends it."""

_BATCH_EVENTS = 256


@dataclass(frozen=True, eq=False)
class NewHead:
    """A model for a new skim, and on which events its threshold and keep rule may be chosen.

    Parameters
    ----------
    model
        The model, in evaluation mode.
    held_out
        Int64, rising: events of the input whose ``scores`` come from a fit that did not see them.
    scores
        Probability of each of these to pass the new skim, shape ``(len(held_out),)``.
    """

    model: EventModel
    held_out: NDArray[np.int64]
    scores: NDArray[np.float64]


def add_head(
    model: EventModel,
    events: Events,
    labels: NDArray[Any],
    weights: NDArray[Any] | None = None,
    *,
    seed: int = 0,
) -> NewHead:
    """One more head on the frozen trunk of ``model``, by logistic regression.

    The new head is linear in the sums over particles that the trunk makes of an event; the hidden
    layers behind them were made for the other skims and have forgotten more. Everything else of the
    model is copied as it stands, and the scores of its other heads stay the same to the last bit.

    A convex fit with scikit-learn rather than some epochs of gradient descent: it has one parameter to
    choose, the strength of its regularisation, and cross-validation chooses that well even from thirty
    passing events; every labelled event serves the fit, where early stopping would keep some back.

    Parameters
    ----------
    model
        A trained ``decay_sweep``; it is left as found.
    events
        Events that the new skim has been run on.
    labels
        Shape ``(n_events,)``, bool: the event passes the new skim.
    weights
        Shape ``(n_events,)``, positive: how much each event counts; all the same by default. Scores
        are probabilities at the share of passing events that these weights give.
    seed
        Seed of the folds of the cross-validation.

    Returns
    -------
    NewHead
        The model with the new head as its last one, and out-of-fold scores of all events.

    Raises
    ------
    InputError
        For validation or test events; if the model's network is no ``decay_sweep``, or labels or weights
        do not fit: there must be at least two passing and two failing events.
    """
    demand(events.purpose, Purpose.TRAINING, "a head is added")
    network = _decay_sweep(model)
    label, weight = _checked(events, labels, weights)
    sums = pooled_sums(model, events)
    folds = StratifiedKFold(
        min(FOLDS, int(label.sum()), int((~label).sum())), shuffle=True, random_state=seed
    )
    fit_weight = {"logisticregression__sample_weight": weight}
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
        {"logisticregression__C": INVERSE_STRENGTHS},
        scoring="neg_log_loss",
        cv=folds,
    ).fit(sums, label, **fit_weight)
    best = search.best_estimator_
    scaler, regression = best[0], best[1]
    assert isinstance(model.config, DecaySweepConfig)  # as its network is
    config = dataclasses.replace(
        model.config, heads=model.config.heads + 1, new_heads=model.config.new_heads + 1
    )
    grown = build_model(model.name, model.pdg_map, config)
    state = grown.state_dict()
    for name, tensor in model.state_dict().items():
        of_heads = name.startswith("calibration.")
        state[name] = torch.cat([tensor.cpu(), state[name][-1:]]) if of_heads else tensor
    slopes = regression.coef_[0] / scaler.scale_
    head = f"network.new_heads.{len(network.new_heads)}"
    state[f"{head}.weight"] = torch.from_numpy(slopes[None]).float()
    state[f"{head}.bias"] = torch.from_numpy(regression.intercept_ - slopes @ scaler.mean_).float()
    grown.load_state_dict(state)
    scores = cross_val_predict(best, sums, label, cv=folds, method="predict_proba", params=fit_weight)
    return NewHead(grown.eval(), np.arange(len(events)), scores[:, 1])


def fine_tune(
    model: EventModel,
    events: Events,
    labels: NDArray[Any],
    weights: NDArray[Any] | None = None,
    config: FitConfig = FINE_TUNING,
    *,
    progress: Progress | None = None,
) -> NewHead:
    """A model of the new skim alone that starts from all of ``model`` but its last layer.

    Parameters
    ----------
    model
        A trained ``decay_sweep``; it is left as found.
    events, labels, weights
        As for :func:`add_head`.
    config
        How to train; the state of least validation loss is kept.
    progress
        Told about each step.

    Returns
    -------
    NewHead
        The model, which has one head, and the scores of the validation events.

    Raises
    ------
    InputError
        As :func:`add_head`, or as :func:`hepsets.learn.training.fit.fit`.
    """
    _decay_sweep(model)
    assert isinstance(model.config, DecaySweepConfig)  # as its network is
    label, weight = _checked(events, labels, weights)
    tuned = build_model(
        model.name,
        model.pdg_map,
        dataclasses.replace(model.config, heads=1, new_heads=0, seed=config.seed),
    )
    state, trained = tuned.state_dict(), model.state_dict()
    own = ("calibration.", "network.head.6.")
    tuned.load_state_dict({name: state[name] if name.startswith(own) else trained[name] for name in state})
    result = fit(tuned, events, label, weight, config, progress=progress)
    held_out = result.validation_indices
    return NewHead(tuned, held_out, score(tuned, events[held_out]).astype(np.float64))


def pooled_sums(model: EventModel, events: Events) -> NDArray[np.float64]:
    """What the trunk of a ``decay_sweep`` makes of each event, shape ``(n_events, width)``.

    Raises
    ------
    InputError
        If the model's network is another one.
    """
    network = _decay_sweep(model)
    with in_evaluation(model), torch.inference_mode():
        parts = [
            network.pooled(batch.to(model.device)).cpu()
            for batch in model.prepare(events).batches(_BATCH_EVENTS)
        ]
    return torch.cat(parts).double().numpy() if parts else np.empty((0, network.width))


# -- inside ----------------------------------------------------------------------------------------


def _decay_sweep(model: EventModel) -> DecaySweep:
    if not isinstance(model.network, DecaySweep):
        raise InputError(f"a new skim for {model.name}", "a trained decay_sweep")
    return model.network


def _checked(
    events: Events, labels: NDArray[Any], weights: NDArray[Any] | None
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    label = np.asarray(labels)
    weight = np.ones(len(events)) if weights is None else np.asarray(weights, dtype=np.float64)
    if label.shape != (len(events),) or not np.isin(label, (0, 1)).all() or weight.shape != label.shape:
        raise InputError(
            f"labels of shape {label.shape} and weights of shape {weight.shape}",
            f"({len(events)},) each, labels 0 (fails) or 1 (passes)",
        )
    if not (np.isfinite(weight) & (weight > 0)).all():
        raise InputError("a weight that is not positive and finite", "positive, finite weights")
    label = label.astype(bool)
    if min(label.sum(), (~label).sum()) < 2:
        raise InputError(
            f"{label.sum()} events that pass the new skim and {(~label).sum()} that fail",
            "two of either, better some tens",
            "run the skim on more events",
        )
    return label, weight
