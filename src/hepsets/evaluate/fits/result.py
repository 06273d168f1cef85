"""What a fit found: parameters with errors and intervals, and numbers that follow from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.fits.model import MassModel
from hepsets.evaluate.fits.parameters import Array

ENTANGLED = 0.995
FREE, HELD, CONSTRAINED = "free", "fixed", "constrained"


@dataclass(frozen=True)
class FittedParameter:
    """A parameter after the fit.

    Parameters
    ----------
    name
        In the model.
    value
        With the standard error of HESSE, or of the sandwich for weighted events; error 0 if it was held.
    state
        ``"free"``, ``"constrained"`` by something known beforehand, or ``"fixed"``.
    at_limit
        ``"lower"`` or ``"upper"`` if it came to rest on a limit; then it was held there.
    below, above
        Distances from the value to the ends of its 68.27 % interval by MINOS, both positive, if asked for.
    """

    name: str
    value: Measured
    state: str
    at_limit: str | None = None
    below: float | None = None
    above: float | None = None


@dataclass(frozen=True, eq=False)
class FitResult:
    """A fit that converged.

    Parameters
    ----------
    model
        What was fitted.
    parameters
        In the model's order.
    covariance
        Of all parameters, zero for those held; shape ``(n_parameters, n_parameters)``.
    minimum
        −2 ln L there, but for a constant.
    events
        In the range.
    calls
        Of the likelihood.
    """

    model: MassModel
    parameters: tuple[FittedParameter, ...]
    covariance: Array
    minimum: float
    events: int
    calls: int

    @property
    def values(self) -> Array:
        """Of all parameters, shape ``(n_parameters,)``."""
        return np.array([parameter.value.value for parameter in self.parameters])

    @property
    def n_floating(self) -> int:
        """How many parameters were free: those of degrees of freedom."""
        return sum(one.state == FREE and one.at_limit is None for one in self.parameters)

    @property
    def at_limits(self) -> tuple[str, ...]:
        """What came to rest on a limit, each as ``name = value (its upper limit)``."""
        return tuple(
            f"{one.name} = {one.value.value:.4g} (its {one.at_limit} limit)"
            for one in self.parameters
            if one.at_limit
        )

    @property
    def entangled(self) -> tuple[tuple[str, str], ...]:
        """Pairs of parameters that the events hardly tell apart: correlated by more than 99.5 %."""
        strong = np.argwhere(np.triu(np.abs(self.correlation) > ENTANGLED, 1))
        names = self.model.names
        return tuple((names[i], names[j]) for i, j in strong)

    def __getitem__(self, name: str) -> FittedParameter:
        """The parameter of a name.

        Raises
        ------
        InputError
            If there is none.
        """
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise InputError(f"a parameter {name!r}", f"one of {', '.join(self.model.names)}")

    def derived(self, function: Callable[[Array], float]) -> Measured:
        """A number that follows from the parameters, with the error that their covariance gives it.

        Slopes are taken within the limits of the parameters.

        Parameters
        ----------
        function
            Of all values, shape ``(n_parameters,)``.
        """
        values = self.values
        errors = np.sqrt(np.diag(self.covariance))
        slope = np.zeros(len(values))
        for i in np.flatnonzero(errors > 0):
            limits, step = self.model.parameters[i], 0.1 * errors[i]
            above, below = values.copy(), values.copy()
            above[i], below[i] = min(values[i] + step, limits.high), max(values[i] - step, limits.low)
            slope[i] = (function(above) - function(below)) / (above[i] - below[i])
        variance = float(slope @ self.covariance @ slope)
        return Measured(float(function(values)), float(np.sqrt(max(variance, 0.0))))

    @property
    def signal(self) -> Measured:
        """Yield of the signal in all categories."""
        return self.derived(lambda values: float(values[self.model.signal_yields].sum()))

    @property
    def mean(self) -> Measured:
        """Mean of the signal [GeV], of the first category if each has its own."""
        return self.derived(lambda values: self.model.mean(values, 0))

    def sigma(self, category: int = 0) -> Measured:
        """Effective width of the signal in a category [GeV]."""
        return self.derived(lambda values: self.model.sigma(values, category))

    @property
    def correlation(self) -> Array:
        """Of all parameters, zero for those held; shape ``(n_parameters, n_parameters)``."""
        errors = np.sqrt(np.diag(self.covariance))
        scale = np.where(errors > 0, errors, 1.0)
        return np.asarray(self.covariance / np.outer(scale, scale))
