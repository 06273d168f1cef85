"""What uncertain form factors and subleading effects do to ΔC9: shifts, and fits that let them float.

The table of the package has directions in the theory's parameters, each one standard deviation long and
uncorrelated with the others, sorted by how much they change the shape of the decay: six for the form factors
(arXiv:1503.05534, with correlations), ten for flavio's subleading effects. The density is linear in each.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.measured import Measured
from hepsets.generate.kstmumu.bound import information_matrix
from hepsets.generate.kstmumu.density import (
    POWERS,
    TABLE_FILE,
    Floats,
    Window,
    angular_table_with_directions,
    density_terms,
    n_directions,
    rate_terms,
)
from hepsets.generate.kstmumu.likelihood import fit_exact


@dataclass(frozen=True)
class Direction:
    """One direction in the theory's parameters.

    Parameters
    ----------
    group
        ``form factors`` or ``subleading``.
    share_of_variance
        Of what the parameters of the group change in the shape of the decay.
    shift
        Change of each of flavio's parameters at one standard deviation.
    """

    group: str
    share_of_variance: float
    shift: Mapping[str, float]


@lru_cache(maxsize=1)
def directions() -> tuple[Direction, ...]:
    """The nuisance directions, in the order of the table and of every array of nuisances."""
    stored = json.loads(TABLE_FILE.with_suffix(".json").read_text(encoding="utf-8"))["directions"]
    return tuple(Direction(**entry) for entry in stored)


def theory_shifts(delta_c9: float, window: Window) -> Floats:
    """How far one standard deviation along each direction moves a fit that knows nothing of it.

    To first order, the expected shift of the maximum of the likelihood: I_δk / I_δδ. Shape
    ``(directions,)``.
    """
    information = information_matrix(delta_c9, window, nuisances=True)
    return np.asarray(information[0, 1:] / information[0, 0])


def theory_uncertainty(delta_c9: float, window: Window) -> dict[str, float]:
    """Standard deviation of ΔC9 from the theory, by group of parameters and in all (``total``).

    Examples
    --------
    >>> from hepsets.generate.kstmumu.density import WINDOWS
    >>> {name: round(value, 2) for name, value in theory_uncertainty(0.0, WINDOWS["0-20"]).items()}
    {'form factors': 0.22, 'subleading': 0.29, 'total': 0.36}
    """
    shifts = theory_shifts(delta_c9, window)
    groups = [direction.group for direction in directions()]
    found = {
        name: float(np.linalg.norm(shifts[[group == name for group in groups]]))
        for name in dict.fromkeys(groups)
    }
    return found | {"total": float(np.linalg.norm(shifts))}


def profiled_bound(delta_c9: float, window: Window, events: int) -> float:
    """The Cramér–Rao bound of a fit in which all directions float within their uncertainties.

    It counts what the theory does not know; the events themselves constrain the directions.

    Raises
    ------
    InputError
        For less than one event.
    """
    if events < 1:
        raise InputError(f"{events} events", "at least one")
    information = events * information_matrix(delta_c9, window, nuisances=True)
    prior = np.diag([0.0, *np.ones(n_directions())])
    return math.sqrt(np.linalg.inv(information + prior)[0, 0])


@dataclass(frozen=True, eq=False)
class ProfiledFit:
    """ΔC9 and the theory, fitted together.

    Parameters
    ----------
    delta_c9
        With an error that holds the theory's.
    nuisances
        Standard deviations along each direction, shape ``(directions,)``.
    """

    delta_c9: Measured
    nuisances: Floats


def fit_profiled(frame: EventFrame, window: Window) -> ProfiledFit:
    """Maximise the exact likelihood over ΔC9 and all directions, each with a normal constraint.

    Newton's method with the outer product of the events' scores for the curvature (Berndt et al. 1974).

    Raises
    ------
    InputError
        As :func:`~hepsets.generate.kstmumu.likelihood.fit_exact`, and where the maximum is not found.
    """
    start = fit_exact(frame, window)  # checks the events
    table = angular_table_with_directions()
    events = density_terms(frame, table).reshape(len(frame), -1, POWERS)
    total = rate_terms(window, table).reshape(1, -1, POWERS)
    prior = np.diag([0.0, *np.ones(n_directions())])

    def height(at: Floats) -> float:
        densities, rate = (_density(terms, at) for terms in (events, total))
        if densities.min() <= 0 or rate[0] <= 0:
            return -math.inf
        return float(np.log(densities).sum() - len(frame) * math.log(rate[0]) - at @ prior @ at / 2)

    at = np.concatenate([[start.value], np.zeros(n_directions())])
    now = height(at)
    for _ in range(50):
        scores = _changes(events, at) / _density(events, at)[:, None]
        scores -= _changes(total, at) / _density(total, at)
        slope = scores.sum(axis=0) - prior @ at
        covariance = np.linalg.inv(scores.T @ scores + prior)
        step = covariance @ slope
        if slope @ step < 1e-6:
            return ProfiledFit(Measured(float(at[0]), math.sqrt(covariance[0, 0])), at[1:])
        size = 1.0
        while (reached := height(at + size * step)) <= now and size > 1e-6:
            size /= 2
        at, now = at + size * step, reached
    raise InputError("a likelihood without a maximum in reach", "decays of this theory", "give more events")


def _density(terms: Floats, at: Floats) -> Floats:
    """Density (or rate) at ΔC9 and nuisances ``at``, from terms of shape ``(n, 1 + directions, 3)``."""
    by_direction = terms @ [1.0, at[0], at[0] ** 2]
    return np.asarray(by_direction[:, 0] + by_direction[:, 1:] @ at[1:])


def _changes(terms: Floats, at: Floats) -> Floats:
    """Derivatives of :func:`_density` by ΔC9 and by every nuisance, shape ``(n, 1 + directions)``."""
    slopes = terms @ [0.0, 1.0, 2 * at[0]]
    shift = slopes[:, 0] + slopes[:, 1:] @ at[1:]
    return np.concatenate([shift[:, None], (terms @ [1.0, at[0], at[0] ** 2])[:, 1:]], axis=1)
