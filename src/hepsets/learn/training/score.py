"""Scores of a model for any number of events, in batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hepsets.learn.training.trainable import Trainable, TrainingData, in_evaluation

_PREPARED_EVENTS = 8192


def score(model: Trainable, events: Any, *, batch_events: int | None = None) -> NDArray[np.float32]:
    """Probability of each event to pass, by the first head, or of the first class.

    Parameters
    ----------
    model
        The model; its training or evaluation mode is left as found.
    events
        The events. They are prepared some thousands at a time, so memory stays small.
    batch_events
        Events per batch; it changes the speed, not the scores. By default as the model has it: on a CPU small
        batches stay in the cache, on a GPU a few thousand are faster.

    Returns
    -------
    ndarray
        Float32, shape ``(n_events,)``.
    """
    return np.ascontiguousarray(score_heads(model, events, batch_events=batch_events)[:, 0])


def score_heads(model: Trainable, events: Any, *, batch_events: int | None = None) -> NDArray[np.float32]:
    """Probability of each event to pass, by every head, or of each class; as :func:`score`.

    Returns
    -------
    ndarray
        Float32, shape ``(n_events, heads)``.
    """
    result = np.empty((len(events), model.heads), dtype=np.float32)
    prepared = max(batch_events or 0, _PREPARED_EVENTS)
    for begin in range(0, len(events), prepared):
        data = model.prepare(events[begin : begin + prepared])
        logits = logits_of(model, data, batch_events=batch_events)
        result[begin : begin + prepared] = model.probabilities(logits.numpy())
    return result


def logits_of(model: nn.Module, data: TrainingData, *, batch_events: int | None = None) -> Tensor:
    """Logits in evaluation mode, float32 on the CPU, shape ``(n_events, heads)``."""
    device = next(model.parameters()).device
    together: int = getattr(model, "scored_together", Trainable.scored_together)
    with in_evaluation(model), torch.inference_mode():
        outputs = (model(batch.to(device)).cpu() for batch in data.batches(batch_events or together))
        parts = [output[:, None] if output.ndim == 1 else output for output in outputs]
    return torch.cat(parts) if parts else torch.empty(0, getattr(model, "heads", 1))
