r"""How well any method can know ΔC9 from the shape of N decays: Fisher information, Cramér–Rao bound.

.. math:: I_{ab} = \int \frac{\partial_a f\, \partial_b f}{f R}\, dx
          - \frac{\partial_a R}{R}\frac{\partial_b R}{R}, \qquad σ \ge 1/\sqrt{N I_{δδ}}

with the density f, its integral R over the window, and a, b out of ΔC9 and the nuisance directions.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from hepsets.core.errors import InputError
from hepsets.generate.kstmumu.density import (
    POWERS,
    Floats,
    Window,
    angular_functions,
    angular_table,
    angular_table_with_directions,
    knot_weights,
    rate,
)

_POLAR, _AZIMUTH = 20, 20
"""Quadrature points in each cosine (Gauss–Legendre) and in χ; twice as many change σ by 2e-4 of it."""


def fisher_information(delta_c9: float, window: Window) -> float:
    """What one decay tells about ΔC9: the inverse of the least variance."""
    return float(information_matrix(delta_c9, window)[0, 0])


def cramer_rao_bound(delta_c9: float, window: Window, events: int) -> float:
    """Least standard deviation of an unbiased estimate of ΔC9 from the shape of so many decays.

    Raises
    ------
    InputError
        For less than one event.

    Examples
    --------
    >>> from hepsets.generate.kstmumu.density import WINDOWS
    >>> round(cramer_rao_bound(-0.8, WINDOWS["0-20"], 8000), 3)
    0.068
    """
    if events < 1:
        raise InputError(f"{events} events", "at least one")
    return 1 / math.sqrt(events * fisher_information(delta_c9, window))


@lru_cache(maxsize=256)
def information_matrix(delta_c9: float, window: Window, *, nuisances: bool = False) -> Floats:
    """Fisher information of one decay on ΔC9 and, on demand, on each nuisance direction.

    Parameters
    ----------
    delta_c9
        Where.
    window
        Where decays count.
    nuisances
        Add a row and a column per direction of
        :func:`~hepsets.generate.kstmumu.density.angular_table_with_directions`.

    Returns
    -------
    ndarray
        Symmetric, shape ``(1, 1)`` or ``(1 + directions, 1 + directions)``.
    """
    integrals, rates = _integrals(delta_c9, nuisances)
    weights = knot_weights(window)
    total = weights @ rates  # R and its derivatives
    mean = total[1:] / total[0]
    return np.asarray(np.einsum("q,qab->ab", weights, integrals) / total[0] - mean[:, None] * mean)


@lru_cache(maxsize=64)
def _integrals(delta_c9: float, nuisances: bool) -> tuple[Floats, Floats]:
    """∫ ∂f ∂f / f over the angles, and the rate with its derivatives, at every knot."""
    table = angular_table_with_directions() if nuisances else angular_table()
    knots, rows = table.coefficients.shape[:2]
    powers = table.coefficients.reshape(knots, rows, -1, POWERS)
    central = powers[:, :, 0]
    terms = np.concatenate(
        [
            (central @ [1.0, delta_c9, delta_c9**2])[:, :, None],
            (central @ [0.0, 1.0, 2 * delta_c9])[:, :, None],
            powers[:, :, 1:] @ [1.0, delta_c9, delta_c9**2],
        ],
        axis=2,
    )
    functions, weight = _angles()
    integrals = np.empty((knots, terms.shape[2] - 1, terms.shape[2] - 1))
    for knot in range(knots):
        density = functions @ terms[knot]
        changes = density[:, 1:]
        integrals[knot] = changes.T @ (changes * (weight / density[:, 0])[:, None])
    return integrals, rate(terms)


@lru_cache(maxsize=1)
def _angles() -> tuple[Floats, Floats]:
    """The angular functions at the points of the quadrature, shape ``(points, 12)``, and its weights."""
    nodes, weights = np.polynomial.legendre.leggauss(_POLAR)
    chi = math.pi * (2 * np.arange(_AZIMUTH) + 1) / _AZIMUTH - math.pi
    functions = np.empty((_POLAR * _POLAR * _AZIMUTH, 12))
    points = ((mu, k, angle) for mu in nodes for k in nodes for angle in chi)
    for row, (mu, k, angle) in zip(functions, points, strict=True):
        angular_functions(mu, k, angle, row)
    weight = np.outer(weights, weights).ravel().repeat(_AZIMUTH) * 2 * math.pi / _AZIMUTH
    return functions, weight
