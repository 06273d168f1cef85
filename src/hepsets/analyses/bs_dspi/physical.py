"""Physical backgrounds as simulation has them: what is expected of them after a selection, and templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.bs_dspi.samples import Samples
from hepsets.core.measured import Measured
from hepsets.evaluate.fits.parameters import Constraint, MassRange
from hepsets.evaluate.fits.template import FEWEST
from hepsets.evaluate.scores.families import family_sums
from hepsets.select.bs_dspi.yields import yield_covariance

Array = NDArray[np.float64]
Masks = Mapping[str, NDArray[np.bool_]]

MISIDENTIFIED = "misidentified"
PARTLY = "below"

GROUPS: Mapping[str, tuple[str, ...]] = {
    MISIDENTIFIED: ("b0_dpi", "lb_lcpi", "bs_dsk"),
    PARTLY: ("bs_dsstpi", "bs_dsrho", "b0_dspi"),
}
"""Physical backgrounds that one template holds: with a track taken for another, and what lies below the
peak."""

FEWEST_EXPECTED = 3.0
"""Candidates of physical backgrounds that are expected in the range below which a fit leaves them out: its
yield would only fluctuate, below zero as often as not."""


@dataclass(frozen=True, eq=False)
class Physical:
    """Physical backgrounds after a selection, as simulation has them.

    Parameters
    ----------
    templates
        Masses [GeV] of the groups that are enough for a template and to be seen, and weights by which they
        add to what is expected; each of shape ``(n_candidates,)``.
    categories
        Of the fit.
    expected
        Candidates in the range, by group and category; shape ``(n_groups, n_categories)``.
    covariance
        Of these numbers, row by row: the cross-section is common to all of them, a branching fraction to all
        categories. Shape ``(n_groups · n_categories,) * 2``.
    """

    templates: dict[str, tuple[Array, Array | None]]
    categories: tuple[str, ...]
    expected: Array
    covariance: Array

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """What a fit knows of the yields of those that have a template: one constraint of all."""
        if not self.templates:
            return ()
        used = np.repeat([group in self.templates for group in GROUPS], len(self.categories))
        names = tuple(named(group, category) for group in self.templates for category in self.categories)
        return (Constraint(names, self.expected.ravel()[used], self.covariance[np.ix_(used, used)]),)

    @property
    def left_out(self) -> dict[str, float]:
        """What is expected of the groups without a template."""
        numbers = zip(GROUPS, self.expected.sum(axis=1), strict=True)
        return {group: float(number) for group, number in numbers if group not in self.templates}

    def of(self, group: str, category: str) -> Measured:
        """What is expected of a group in a category.

        Parameters
        ----------
        group, category
            Their names.
        """
        at = list(GROUPS).index(group) * len(self.categories) + self.categories.index(category)
        return Measured(float(self.expected.ravel()[at]), float(np.sqrt(self.covariance[at, at])))


def physical_backgrounds(
    samples: Samples, kept: Masks, window: MassRange, categories: Sequence[str]
) -> Physical:
    """What is expected of the groups of physical backgrounds after a selection.

    Errors count families of simulated candidates, and half a candidate where none is left.

    Parameters
    ----------
    samples
        Simulation, and what of it is expected in data.
    kept
        By sample, which candidates the selection keeps, shape ``(n_candidates,)``.
    window
        Range of the fit.
    categories
        Of the fit, as :func:`in_category` names them.
    """
    names = [name for group in GROUPS.values() for name in group if name in samples.yields]
    yields = {name: samples.yields[name] for name in names}
    of_group = np.array([[name in group for name in names] for group in GROUPS.values()], dtype=np.float64)
    shares = {name: _shares(samples, name, kept[name], window, categories) for name in names}
    numbers = np.array([yields[name].value for name in names])
    each = np.array([shares[name][0] for name in names]).reshape(len(names), len(categories))
    # how expected numbers, (group, category), follow from the samples' yields
    slopes = np.einsum("gs,sc->gcs", of_group, each).reshape(len(GROUPS) * len(categories), len(names))
    covariance = slopes @ yield_covariance(yields) @ slopes.T if names else np.zeros((len(slopes),) * 2)
    for place, name in enumerate(names):
        of_sample = numbers[place] ** 2 * shares[name][1]
        covariance += np.kron(np.diag(of_group[:, place]), of_sample)
    expected = (slopes @ numbers).reshape(len(GROUPS), len(categories))
    templates: dict[str, tuple[Array, Array | None]] = {}
    for place, (group, members) in enumerate(GROUPS.items()):
        mass, weight = _weighted(samples, [name for name in members if name in yields], kept)
        inside = window.holds(mass)
        effective = weight[inside].sum() ** 2 / max((weight[inside] ** 2).sum(), 1e-30)
        if effective >= FEWEST and expected[place].sum() >= FEWEST_EXPECTED:
            templates[group] = mass, weight
    return Physical(templates, tuple(categories), expected, covariance)


def _weighted(samples: Samples, names: Sequence[str], kept: Masks) -> tuple[Array, Array]:
    """Masses of what a selection keeps of some samples, and weights that add to what is expected."""
    masses, weights = [np.zeros(0)], [np.zeros(0)]
    for name in names:
        masses.append(samples.simulated[name].candidates.columns["bs_mass"][kept[name]])
        each = samples.yields[name].value / max(len(kept[name]), 1)
        weights.append(np.full(len(masses[-1]), each))
    return np.concatenate(masses), np.concatenate(weights)


def _shares(
    samples: Samples, name: str, kept: NDArray[np.bool_], window: MassRange, categories: Sequence[str]
) -> tuple[Array, Array]:
    """Shares of a sample's candidates that are kept, by category, and their covariance."""
    columns = samples.simulated[name].candidates.columns
    inside = kept & window.holds(columns["bs_mass"])
    chosen = np.stack([inside & in_category(columns, one) for one in categories], axis=1).astype(np.float64)
    n = max(len(chosen), 1)
    shares = chosen.sum(axis=0) / n
    half = np.eye(len(categories)) * (0.5 / n) ** 2
    sums = family_sums((chosen - shares) / n, columns["underlying_event"])
    few = len(sums) / max(len(sums) - 1, 1)
    return shares, half + few * sums.T @ sums


def in_category(columns: Mapping[str, NDArray[Any]], category: str) -> NDArray[np.bool_]:
    """Which candidates belong to a category of a fit, shape ``(n_candidates,)``.

    Parameters
    ----------
    columns
        Of candidates.
    category
        The number of a mode of the D_s, or ``""`` for all.
    """
    mode = columns["ds_mode"]
    return np.asarray(mode == int(category)) if category else np.ones(len(mode), dtype=bool)


def named(name: str, category: str) -> str:
    """A parameter of a category, as the fit calls it.

    Parameters
    ----------
    name, category
        Of parameter and category; ``""`` if there is one category alone.
    """
    return f"{name}[{category}]" if category else name
