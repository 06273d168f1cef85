"""What a fit knows of its parameters before it begins: starts, limits, what is held, what is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MassRange:
    """The range of a fit.

    Parameters
    ----------
    low, high
        Its ends [GeV].

    Raises
    ------
    InputError
        Unless ``low`` lies below ``high`` and both are finite.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (np.isfinite([self.low, self.high]).all() and self.low < self.high):
            raise InputError(
                f"a range from {self.low:g} to {self.high:g}", "a lower end below the upper one, in GeV"
            )

    @property
    def width(self) -> float:
        """From end to end [GeV]."""
        return self.high - self.low

    def holds(self, mass: Array) -> NDArray[np.bool_]:
        """Which masses lie within, the ends included; shape ``(n_events,)``."""
        return (mass >= self.low) & (mass <= self.high)


@dataclass(frozen=True)
class Parameter:
    """A parameter of a model.

    Parameters
    ----------
    name
        Within its shape, or of the whole model.
    start, step
        Where a fit begins and how far its first step goes.
    low, high
        Limits; infinite for none.
    fixed
        Whether it stays where it starts.
    """

    name: str
    start: float
    step: float
    low: float = -np.inf
    high: float = np.inf
    fixed: bool = False

    def at(self, start: float, *, fixed: bool | None = None) -> Parameter:
        """The same with another start, and held there if ``fixed``.

        Raises
        ------
        InputError
            If it lies beyond the limits or is not finite.
        """
        if not (np.isfinite(start) and self.low <= start <= self.high):
            raise InputError(
                f"{self.name} = {start:g}", f"a number from {self.low:g} to {self.high:g}", "change its start"
            )
        return replace(self, start=float(start), fixed=self.fixed if fixed is None else fixed)


@dataclass(frozen=True, eq=False)
class Constraint:
    """What is known of some parameters beforehand: a Gaussian around ``centre``.

    Parameters
    ----------
    names
        Of the parameters.
    centre
        Shape ``(n,)``.
    covariance
        Shape ``(n, n)``, positive definite.

    Raises
    ------
    InputError
        If the covariance is not positive definite.
    """

    names: tuple[str, ...]
    centre: Array
    covariance: Array

    def __post_init__(self) -> None:
        try:
            np.linalg.cholesky(self.covariance)
        except np.linalg.LinAlgError as error:
            raise InputError(
                f"the covariance of {', '.join(self.names)}", "one that is positive definite"
            ) from error

    @classmethod
    def of(cls, name: str, value: float, se: float) -> Constraint:
        """Of one parameter, by its value and standard error.

        Raises
        ------
        InputError
            If the error is not positive.
        """
        if not (np.isfinite([value, se]).all() and se > 0):
            raise InputError(f"{name} = {value:g} ± {se:g}", "a finite value and an error above 0")
        return cls((name,), np.array([value]), np.array([[se**2]]))

    @property
    def precision(self) -> Array:
        """Inverse of the covariance, shape ``(n, n)``."""
        return np.asarray(np.linalg.inv(self.covariance))

    def centred(self, centre: Array) -> Constraint:
        """The same knowledge around another centre of shape ``(n,)``, as another experiment would have it."""
        return replace(self, centre=centre)


def with_settings(
    parameters: Sequence[Parameter],
    start: Mapping[str, float],
    fixed: Mapping[str, float],
    limits: Mapping[str, tuple[float, float]] | None = None,
) -> tuple[Parameter, ...]:
    """Parameters with the user's starts, held values and limits.

    Raises
    ------
    InputError
        For a name that no parameter has, limits without anything between, and values beyond limits.
    """
    limits = limits or {}
    known = {parameter.name for parameter in parameters}
    for name in (*start, *fixed, *limits):
        if name not in known:
            raise InputError(f"a parameter {name!r}", f"one of {', '.join(sorted(known))}")
    made = []
    for parameter in parameters:
        if parameter.name in limits:
            low, high = limits[parameter.name]
            if not low < high:
                raise InputError(
                    f"limits of {parameter.name} from {low:g} to {high:g}", "a lower limit below the upper"
                )
            inside = float(np.clip(parameter.start, low, high))
            parameter = replace(parameter, low=low, high=high, start=inside)
        if parameter.name in start:
            parameter = parameter.at(start[parameter.name])
        if parameter.name in fixed:
            parameter = parameter.at(fixed[parameter.name], fixed=True)
        made.append(parameter)
    return tuple(made)
