"""What a filter's weights and predictions are called, here and in basf2: one convention for all writers.

``hepsets filter``, ``hepsets produce`` and the module for basf2 write each weight twice: under our name,
``hepsets_<skim>``, and under that of basf2's own smart background module, ``weight_<SkimName>``. 0 says that
the event was not sampled for the skim.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError

WEIGHT = "hepsets_"
"""How our names of weights begin; the skim follows."""

SCORE = "hepsets_score_"
"""How those of scores begin, which decide nothing and are no weights."""

BASF2_WEIGHT = "weight_"
"""How the names of weights begin in basf2's own module; what basf2 calls the skim follows."""

BASF2_PREDICTION = "SmartBKG_Prediction_"
"""Likewise those of the predictions that it writes in its debug mode."""

Number = TypeVar("Number")


def earlier_weights(names: Iterable[str]) -> tuple[str, ...]:
    """Those of some names that are weights of a filter, by our convention."""
    return tuple(name for name in names if name.startswith(WEIGHT) and not name.startswith(SCORE))


def says_nothing_new(name: str) -> bool:
    """Whether a column repeats what others say, as scores, predictions and weights by basf2's names do."""
    return name.startswith((SCORE, BASF2_WEIGHT, BASF2_PREDICTION))


def names_of_skims(skims: Sequence[str], names: Mapping[str, str]) -> dict[str, str]:
    """What each skim of a filter is called in basf2: what ``names`` says, else the same.

    Raises
    ------
    InputError
        For names of skims that there are not, or one name for two.
    """
    unknown = [skim for skim in names if skim not in skims]
    if unknown:
        raise InputError(f"a name for the skim {unknown[0]!r}", f"one of {', '.join(skims)}")
    found = {skim: names.get(skim, skim) for skim in skims}
    if len(set(found.values())) < len(found):
        raise InputError(f"names {', '.join(found.values())}", "one for each skim")
    return found


def in_both_names(weights: Mapping[str, Number], theirs: Mapping[str, str]) -> dict[str, Number]:
    """Weights by our names, and the same by those of basf2.

    Parameters
    ----------
    weights
        By our names: numbers, or arrays of shape ``(n_events,)``.
    theirs
        What basf2 calls skims, where it is another name.

    Examples
    --------
    >>> in_both_names({"hepsets_jpsi": 2.5}, {"jpsi": "InclusiveJpsi"})
    {'hepsets_jpsi': 2.5, 'weight_InclusiveJpsi': 2.5}
    """
    called = {name: name.removeprefix(WEIGHT) for name in weights}
    return {
        **weights,
        **{BASF2_WEIGHT + theirs.get(skim, skim): weights[name] for name, skim in called.items()},
    }


def predictions(scores: NDArray[np.floating], theirs: Mapping[str, str]) -> dict[str, NDArray[np.float64]]:
    """Scores by basf2's names, each of shape ``(n_events,)``.

    Parameters
    ----------
    scores
        Shape ``(n_events, n_skims)``.
    theirs
        What basf2 calls each skim, in order.
    """
    columns = scores.astype(np.float64).T
    return {BASF2_PREDICTION + name: column for name, column in zip(theirs.values(), columns, strict=True)}
