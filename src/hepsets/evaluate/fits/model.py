"""The model of a mass spectrum: components with yields, in one category or in several at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.backgrounds import Shape
from hepsets.evaluate.fits.parameters import Array, Constraint, MassRange, Parameter
from hepsets.evaluate.fits.peaks import SCALE, WIDTH, Peak
from hepsets.evaluate.fits.template import Template

SIGNAL = "signal"
"""Name of the first component, and of its yield."""


@dataclass(frozen=True)
class Component:
    """A part of the spectrum.

    Parameters
    ----------
    name
        Of the component and of its yield.
    shape
        Its density.
    """

    name: str
    shape: Shape


@dataclass(frozen=True, eq=False)
class Place:
    """Where a component of a category finds its numbers among those of the whole model.

    Parameters
    ----------
    count
        Of its yield.
    shape
        Of the parameters of its shape, shape ``(n,)``.
    """

    count: int
    shape: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class MassModel:
    """Components in each category, and all parameters in one row.

    Parameters
    ----------
    window
        Range of the fit.
    components
        The signal first; the same in all categories.
    categories
        Their names; ``("",)`` for one without a name.
    parameters
        Of all categories.
    places
        ``places[category][component]``.
    constraints
        What is known beforehand.
    """

    window: MassRange
    components: tuple[Component, ...]
    categories: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    places: tuple[tuple[Place, ...], ...]
    constraints: tuple[Constraint, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parameters."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def start(self) -> Array:
        """Where a fit begins, shape ``(n_parameters,)``."""
        return np.array([parameter.start for parameter in self.parameters])

    @property
    def floating(self) -> NDArray[np.intp]:
        """Positions of the parameters that float, shape ``(n_floating,)``."""
        return np.flatnonzero([not parameter.fixed for parameter in self.parameters])

    @property
    def signal_yields(self) -> list[int]:
        """Positions of the signal's yields, one of each category."""
        return [row[0].count for row in self.places]

    def density(self, values: Array, category: int, component: int, mass: Array) -> Array:
        """Normalised density of a component [1/GeV], shape ``(n_events,)`` as ``mass``."""
        place = self.places[category][component]
        return self.components[component].shape.density(mass, values[place.shape], self.window)

    def cumulative(self, values: Array, category: int, component: int, mass: Array) -> Array:
        """Share of a component below each mass, shape ``(n_events,)`` as ``mass``."""
        place = self.places[category][component]
        return self.components[component].shape.cumulative(mass, values[place.shape], self.window)

    def expected(self, values: Array, category: int, edges: Array) -> Array:
        """Expected events of all components in bins of the mass, shape ``(n_bins,)``."""
        total = np.zeros(len(edges) - 1)
        for k, place in enumerate(self.places[category]):
            total += values[place.count] * np.diff(self.cumulative(values, category, k, edges))
        return total

    def sigma(self, values: Array, category: int) -> float:
        """Effective width of the signal [GeV]; see :meth:`~hepsets.evaluate.fits.peaks.Peak.sigma`."""
        peak = self.components[0].shape
        assert isinstance(peak, Peak)
        return peak.sigma(values[self.places[category][0].shape])

    def mean(self, values: Array, category: int) -> float:
        """Mean of the signal [GeV]."""
        return float(values[self.places[category][0].shape[0]])

    def with_parameters(self, parameters: Sequence[Parameter]) -> MassModel:
        """The same with other starts, limits or held parameters, of the same names."""
        assert [parameter.name for parameter in parameters] == list(self.names)
        return replace(self, parameters=tuple(parameters))

    def with_constraints(self, constraints: Sequence[Constraint]) -> MassModel:
        """The same with these constraints in place of its own."""
        return replace(self, constraints=tuple(constraints))

    def from_values(self, values: Array) -> MassModel:
        """The same, beginning at ``values`` of shape ``(n_parameters,)``."""
        return replace(self, parameters=tuple(p.at(v) for p, v in zip(self.parameters, values, strict=True)))


def build_model(
    components: Sequence[Component],
    window: MassRange,
    counts: Mapping[str, float],
    *,
    own: Sequence[str] = (WIDTH, SCALE),
    signal_share: float = 0.3,
) -> MassModel:
    """A model of one category or several.

    The signal's parameters are common to all categories, but for those in ``own``; backgrounds and yields are
    each category's own; the waves of a template, one sample for all, are common.

    Parameters
    ----------
    components
        The signal first, a :class:`~hepsets.evaluate.fits.peaks.Peak`.
    window
        Range of the fit.
    counts
        Events in the range of each category, by its name; the name ``""`` for the only one.
    own
        Parameters of the signal that each category has for itself.
    signal_share
        Of the events, to begin with.

    Raises
    ------
    InputError
        If two components have one name.
    """
    names = [component.name for component in components]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two components {name!r}", "one of each", "name each once in the model")
    found: dict[str, Parameter] = {}
    places, constraints = [], []
    for category, events in counts.items():
        row = []
        ending = f"[{category}]" if category else ""
        for k, component in enumerate(components):
            share = signal_share if k == 0 else (1 - signal_share) / max(len(components) - 1, 1)
            if len(components) == 1:
                share = 1.0
            count = Parameter(f"{component.name}{ending}", share * events, max(0.05 * events, 1.0))
            found[count.name] = count
            own_names = []
            for parameter in component.shape.parameters(window):
                alone = parameter.name in own if k == 0 else not isinstance(component.shape, Template)
                name = parameter.name if k == 0 else f"{component.name}_{parameter.name}"
                name = f"{name}{ending if alone else ''}"
                found.setdefault(name, replace(parameter, name=name))
                own_names.append(name)
            row.append((count.name, own_names))
        places.append(row)
    for component in components:
        if isinstance(component.shape, Template):
            constraints += [
                replace(one, names=tuple(f"{component.name}_{name}" for name in one.names))
                for one in component.shape.constraints()
            ]
    at = {name: i for i, name in enumerate(found)}
    return MassModel(
        window,
        tuple(components),
        tuple(counts),
        tuple(found.values()),
        tuple(
            tuple(
                Place(at[count], np.array([at[name] for name in shape], dtype=np.intp))
                for count, shape in row
            )
            for row in places
        ),
        tuple(constraints),
    )
