"""Weights that leave the signal's distribution of another variable: sWeights and custom orthogonal ones."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.integrate import IntegrationWarning
from sweights import Cows, kendall_tau

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.parameters import Array
from hepsets.evaluate.fits.result import FitResult

_GRID = 4001
_ORTHOGONAL = 1e-3
"""How far ∫ w_k g_j may be from one or zero."""


@dataclass(frozen=True, eq=False)
class OrthogonalWeights:
    """Weights of the components of a fit at the masses of events.

    Parameters
    ----------
    weights
        Shape ``(n_components, n_events)``, the signal first; those of a component sum to its yield (for
        classic ones exactly, at the fitted yields).
    densities
        Of the components at the events [1/GeV], same shape.
    variance
        The function that the weights are divided by, at the events [1/GeV], shape ``(n_events,)``.
    classic
        Whether they are sWeights, with matrix elements that are sums over these events.
    """

    weights: Array
    densities: Array
    variance: Array
    classic: bool

    @property
    def signal(self) -> Array:
        """The signal's weights, shape ``(n_events,)``."""
        return np.asarray(self.weights[0])

    @property
    def effective_events(self) -> float:
        """Kish's (Σ w)²/Σ w² of the signal's weights."""
        return float(self.signal.sum() ** 2 / (self.signal**2).sum())


def orthogonal_weights(
    fit: FitResult,
    mass: Array,
    *,
    category: int = 0,
    kind: Literal["classic", "fitted", "flat"] = "classic",
) -> OrthogonalWeights:
    """Weights from the fitted densities [Dembinski, Kenzie, Langenbruch and Schmelling, arXiv:2112.04574].

    ``classic``: sWeights, variance function the fitted density, matrix elements summed over the events
    (their variant B). ``fitted``: the same function, matrix elements integrated, which need not be in the
    data. ``flat``: a constant variance function; a larger variance, but right even where the efficiency
    changes with mass. All need a variable that is independent of mass in each component
    (:func:`factorises`).

    Parameters
    ----------
    fit
        Of events without weights; its components must not be negative in sum.
    mass
        Of the events [GeV], shape ``(n_events,)``, all within the range.
    category
        Of the fit.
    kind
        ``"classic"``, ``"fitted"`` or ``"flat"``.

    Raises
    ------
    InputError
        For an unknown kind, fits of one component, and components too much alike to tell apart.
    """
    model, values = fit.model, fit.values
    if kind not in ("classic", "fitted", "flat"):
        raise InputError(f"weights of kind {kind!r}", "classic, fitted or flat")
    if len(model.components) < 2:
        raise InputError("weights of a fit of one component", "a signal and a background")

    def density(component: int) -> Callable[[Array], Array]:
        return lambda m: model.density(values, category, component, np.asarray(m))

    yields = np.array([values[place.count] for place in model.places[category]])
    densities = [density(k) for k in range(len(yields))]
    total = float(yields.sum())

    def fitted(m: Array) -> Array:
        return np.asarray(sum(n / total * one(m) for n, one in zip(yields, densities, strict=True)))

    def flat(m: Array) -> Array:
        return np.full(np.shape(m), 1 / model.window.width)

    variance = flat if kind == "flat" else fitted
    ends = (model.window.low, model.window.high)
    classic = kind == "classic"
    try:
        with warnings.catch_warnings():  # kinks of templates; whether the integrals are good is tested below
            warnings.simplefilter("ignore", IntegrationWarning)
            made = Cows(
                mass if classic else None,
                densities[0],
                densities[1:],
                variance,
                range=ends,
                summation=classic,
            )
    except np.linalg.LinAlgError as error:
        raise InputError(
            f"components {', '.join(one.name for one in model.components)} that cannot be told apart",
            "different shapes",
            "join those that are alike",
        ) from error
    if not classic:
        _check_orthogonal(made, densities, model.window.low, model.window.high)
    weights = np.array([made[k](mass) for k in range(len(yields))])
    at_events = np.array([one(mass) for one in densities])
    return OrthogonalWeights(weights, at_events, variance(mass), classic)


def _check_orthogonal(made: Cows, densities: list[Callable[[Array], Array]], low: float, high: float) -> None:
    """∫ w_k g_j = δ_kj: the integrals behind the weights have not missed a narrow peak."""
    grid = np.linspace(low, high, _GRID)
    products = [
        [np.trapezoid(made[k](grid) * one(grid), grid) for one in densities] for k in range(len(densities))
    ]
    if not np.allclose(products, np.eye(len(densities)), atol=_ORTHOGONAL):
        raise InputError(
            "weights that are not orthogonal (their integrals did not converge)",
            "a peak that is not too narrow for the range",
            "narrow the range",
        )


@dataclass(frozen=True)
class Factorisation:
    """Whether a variable is independent of mass.

    Parameters
    ----------
    tau, tau_se
        Kendall's rank correlation, and its spread if there is none.
    p_value
        Of a correlation this large or larger.
    events
        How many.
    """

    tau: float
    tau_se: float
    p_value: float
    events: int


def factorises(mass: Array, variable: Array) -> Factorisation:
    """Kendall's test of independence, in a pure sample of one component.

    Signal from simulation, backgrounds from sidebands or simulation. In a mixed sample it means nothing.

    Parameters
    ----------
    mass, variable
        Of the sample, shape ``(n_events,)``.

    Raises
    ------
    InputError
        For fewer than ten events, and samples of unlike lengths.
    """
    if len(mass) != len(variable) or len(mass) < 10:
        raise InputError(f"{len(mass)} masses and {len(variable)} values", "ten events or more, both of each")
    tau, error, p_value = kendall_tau(np.asarray(mass), np.asarray(variable))
    return Factorisation(float(tau), float(error), float(p_value), len(mass))


def corrected_covariance(weights: OrthogonalWeights, scores: Array, naive: Array) -> Array:
    """Covariance of parameters θ that were fitted to the signal's weighted events of another variable.

    The weighted fit maximises Σ w ln h(x; θ). Its inverse second derivative is no covariance; the sandwich
    H⁻¹ (Σ w² s sᵀ) H⁻¹ is one for weights that are known. Those of sWeights are not: their matrix elements
    come from the same events, which takes off H⁻¹ E C′ Eᵀ H⁻¹ (arXiv:2112.04574, equation 51; shapes in mass
    are taken to be known).

    Parameters
    ----------
    weights
        Of the events.
    scores
        ∂ ln h/∂θ at each event, shape ``(n_parameters, n_events)``.
    naive
        H⁻¹, the inverse second derivative of −Σ w ln h, shape ``(n_parameters, n_parameters)``.

    Raises
    ------
    InputError
        If shapes do not fit each other.
    """
    n, events = scores.shape
    if events != weights.weights.shape[1] or naive.shape != (n, n):
        raise InputError(
            f"scores of shape {scores.shape} and a covariance of shape {naive.shape}",
            f"(n, {weights.weights.shape[1]}) and (n, n)",
        )
    middle = (scores * weights.signal**2) @ scores.T
    if weights.classic:
        g, variance = weights.densities, weights.variance
        # the same normalisation as the weights: W_xy = Σ g_x g_y / variance² / n, whose inverse makes them
        pairs = [(x, y) for x in range(len(g)) for y in range(x + 1)]
        elements = np.array([g[x] * g[y] / variance**2 for x, y in pairs]) / events
        matrix = np.zeros((len(g), len(g)))
        for (x, y), value in zip(pairs, elements.sum(axis=1), strict=True):
            matrix[x, y] = matrix[y, x] = value
        inverse = np.linalg.inv(matrix)
        slopes = []
        for x, y in pairs:
            moved = np.zeros_like(matrix)
            moved[x, y] = moved[y, x] = 1.0
            by_weight = -(inverse @ moved @ inverse)[0] @ g / variance
            slopes.append(scores @ by_weight)
        middle -= np.array(slopes).T @ (elements @ elements.T) @ np.array(slopes)
    return np.asarray(naive @ middle @ naive)
