r"""A mass constraint as an analytic kinematic fit: momenta move by their errors until the mass is right.

With the gradient g of the squared mass by the momenta and their covariance V the least-squares step is
:math:`-V g\,(m^2 - M^2) / g^T V g` (P. Avery, CLEO note CBX 91-72), repeated until it rests; the covariance
becomes :math:`V - V g g^T V / g^T V g`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ITERATIONS = 4


class Constrained(NamedTuple):
    """Systems after the fit.

    ``momentum`` [GeV], shape ``(n, n_daughters, 3)``; ``gradient`` of the squared mass by it and ``pull``,
    V g, of the same shape; ``size``, g V g, and ``chi2`` of the constraint, shape ``(n,)``.
    """

    momentum: Floats
    gradient: Floats
    pull: Floats
    size: Floats
    chi2: Floats


def mass_gradient(momentum: Floats, masses: Floats) -> tuple[Floats, Floats]:
    """Squared mass [GeV²] of systems, shape ``(n,)``, and its gradient by the three-momenta [GeV].

    Parameters
    ----------
    momentum
        Shape ``(n, n_daughters, 3)``.
    masses
        Shape ``(n_daughters,)``.
    """
    energy = np.sqrt((momentum**2).sum(axis=-1) + masses**2)
    total, total_energy = momentum.sum(axis=1), energy.sum(axis=1)
    square = total_energy**2 - (total**2).sum(axis=-1)
    gradient = 2 * (total_energy[:, None, None] * momentum / energy[..., None] - total[:, None, :])
    return square, gradient


def constrain(momentum: Floats, covariance: Floats, masses: Floats, mass: float) -> Constrained:
    """Fit systems of particles to have a mass.

    Parameters
    ----------
    momentum
        Measured, shape ``(n, n_daughters, 3)`` [GeV].
    covariance
        Of each, shape ``(n, n_daughters, 3, 3)`` [GeV²].
    masses
        Of the daughters, shape ``(n_daughters,)`` [GeV].
    mass
        What the system is known to have [GeV].
    """
    fitted = momentum
    for _ in range(ITERATIONS):
        square, gradient = mass_gradient(fitted, masses)
        pull = (covariance @ gradient[..., None])[..., 0]
        size = (gradient * pull).sum(axis=(1, 2))
        # distance of the measured point from the constraint, linearised at the fitted one
        lag = square - mass**2 + (gradient * (momentum - fitted)).sum(axis=(1, 2))
        fitted = momentum - pull * (lag / size)[:, None, None]
    return Constrained(fitted, gradient, pull, size, lag**2 / size)


def mass_error(
    momentum: Floats, covariance: Floats, masses: Floats, constrained: Constrained | None = None
) -> tuple[Floats, Floats]:
    """Mass [GeV] of systems and its error, both of shape ``(n,)``.

    Parameters
    ----------
    momentum, covariance, masses
        As for :func:`constrain`.
    constrained
        What the first daughters of the system were fitted to, if they were; their ``covariance`` is that
        before.
    """
    square, gradient = mass_gradient(momentum, masses)
    spread = (gradient * (covariance @ gradient[..., None])[..., 0]).sum(axis=(1, 2))
    if constrained is not None:
        n = constrained.momentum.shape[1]
        shared = (gradient[:, :n] * constrained.pull).sum(axis=(1, 2))
        spread = spread - shared**2 / constrained.size
    mass = np.sqrt(np.maximum(square, 0))
    return mass, np.sqrt(np.maximum(spread, 0)) / (2 * mass)
