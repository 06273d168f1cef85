"""Smooth backgrounds under a mass peak: exponential, constant, Bernstein polynomials."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import betainc, comb

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.parameters import Array, MassRange, Parameter


class Shape(Protocol):
    """A density within a range, with parameters of its own."""

    def parameters(self, window: MassRange) -> tuple[Parameter, ...]:
        """In the order of ``values`` in :meth:`density`."""

    def density(self, mass: Array, values: Array, window: MassRange) -> Array:
        """Density [1/GeV], normalised within the range; shape ``(n_events,)`` as ``mass``."""

    def cumulative(self, mass: Array, values: Array, window: MassRange) -> Array:
        """Share below each mass, from 0 to 1 within the range; shape ``(n_events,)`` as ``mass``."""


@dataclass(frozen=True)
class Exponential:
    """exp(``slope`` · mass) within the range; the slope [1/GeV] may have either sign."""

    def parameters(self, window: MassRange) -> tuple[Parameter, ...]:
        """The slope, within e^±50 over the range."""
        most = 50 / window.width
        return (Parameter("slope", -1 / window.width, 0.2 / window.width, -most, most),)

    def density(self, mass: Array, values: Array, window: MassRange) -> Array:
        """See :class:`Shape`."""
        turn = values[0] * window.width
        norm = np.expm1(turn) / turn if turn else 1.0
        return np.asarray(np.exp(values[0] * (mass - window.low)) / (norm * window.width))

    def cumulative(self, mass: Array, values: Array, window: MassRange) -> Array:
        """See :class:`Shape`."""
        if not values[0]:
            return (mass - window.low) / window.width
        return np.asarray(np.expm1(values[0] * (mass - window.low)) / np.expm1(values[0] * window.width))


@dataclass(frozen=True)
class Bernstein:
    """A Bernstein polynomial: a mixture of the basis polynomials of a degree, each with a share.

    ``share_k`` is that of the k-th from 1 to the degree, the first has the rest. Shares are not kept above 0:
    what must not be negative is the sum of all components. Degree 0 is a constant.

    Parameters
    ----------
    degree
        From 0 to 8.
    """

    degree: int

    def parameters(self, window: MassRange) -> tuple[Parameter, ...]:  # noqa: ARG002 (as all shapes)
        """The shares, all alike: a constant."""
        even = 1 / (self.degree + 1)
        return tuple(Parameter(f"share_{k}", even, 0.1 * even) for k in range(1, self.degree + 1))

    def _shares(self, values: Array) -> Array:
        return np.concatenate([[1 - np.sum(values)], values])

    def density(self, mass: Array, values: Array, window: MassRange) -> Array:
        """See :class:`Shape`."""
        n, z = self.degree, (mass - window.low) / window.width
        total = np.zeros_like(z)
        for k, share in enumerate(self._shares(values)):
            total += share * comb(n, k) * z**k * (1 - z) ** (n - k)
        return np.asarray(total * (n + 1) / window.width)

    def cumulative(self, mass: Array, values: Array, window: MassRange) -> Array:
        """See :class:`Shape`."""
        n, z = self.degree, np.clip((mass - window.low) / window.width, 0, 1)
        parts = [share * betainc(k + 1, n - k + 1, z) for k, share in enumerate(self._shares(values))]
        return np.asarray(np.sum(parts, axis=0))


BACKGROUNDS = ("exponential", "constant", "bernstein1 … bernstein8")
"""Names that :func:`find_background` knows."""


def is_background(name: str) -> bool:
    """Whether :func:`find_background` knows the name."""
    return name in BACKGROUNDS[:2] or re.fullmatch(r"bernstein[1-8]", name) is not None


def find_background(name: str) -> Shape:
    """The background of a name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name == "exponential":
        return Exponential()
    if name == "constant":
        return Bernstein(0)
    if re.fullmatch(r"bernstein[1-8]", name):
        return Bernstein(int(name[-1]))
    raise InputError(
        f"a background {name!r}",
        f"one of {', '.join(BACKGROUNDS)}, or the name of a template",
        "give its sample with --template NAME=FILE",
    )
