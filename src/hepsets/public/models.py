"""Public names about models: fit, score, judge, save and load them; the filters of the package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from hepsets.core.measured import Measured
from hepsets.evaluate.scores.classification import classify

if TYPE_CHECKING:
    from hepsets.deploy.filter.event_filter import EventFilter


def auc(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Measured:
    """Area under the ROC curve: how likely a passing event has the greater score of two.

    Parameters
    ----------
    labels
        Shape ``(n_events,)``, bool: the event passes.
    scores
        Shape ``(n_events,)``, in [0, 1].
    weights
        Shape ``(n_events,)``, not negative; all one by default.

    Returns
    -------
    Measured
        The area and its standard error.

    Raises
    ------
    InputError
        For shapes that do not fit, a single class, or numbers that are not finite.

    Examples
    --------
    >>> import hepsets as hs
    >>> print(hs.auc([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.9]))
    0.75 ± 0.35
    """
    found = classify(labels, scores, weights)
    return Measured(found.auc, found.auc_se)


def load_filter(name: str | Path = "hadronic_b0") -> EventFilter:
    """Load a filter, which tells the generated events that are worth simulating.

    Parameters
    ----------
    name
        One of those that :func:`list_filters` names, or a file that ``hepsets export`` wrote.

    Returns
    -------
    EventFilter
        ``weights(events)`` gives weights, shape ``(n_events, n_skims)``; 0 where an event is not to be
        simulated. ``skims`` names the columns.

    Raises
    ------
    InputError
        For a name or file that is no such filter, or is damaged.

    Examples
    --------
    >>> import hepsets as hs
    >>> keep = hs.load_filter("all_skims")
    >>> keep.weights(hs.generate("mixed", 5, seed=1)).shape == (5, len(keep.skims))
    True
    """
    from hepsets.deploy.filter.event_filter import EventFilter  # starts ONNX Runtime

    return EventFilter.load(name)
