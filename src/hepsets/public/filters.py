"""Public names about filters: load one, of the package or exported."""

from __future__ import annotations

from pathlib import Path

from hepsets.deploy.filter.event_filter import EventFilter


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
    return EventFilter.load(name)
