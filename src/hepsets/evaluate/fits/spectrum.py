"""The masses that a fit takes from a column: in GeV, within a range, counted and by category."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.parameters import Array, MassRange

IN_GEV: dict[str, float] = {"GeV": 1.0, "MeV": 1e-3}
TOO_HEAVY = 500.0
"""Median mass [GeV] above which a column without a unit is taken for one in MeV, and refused."""
MOST_CATEGORIES = 12


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Masses ready for a fit.

    Parameters
    ----------
    window
        Range of the fit [GeV].
    masses
        Of each category [GeV], by its name; ``""`` is the only one if there are none.
    weights
        Of the same events, or ``None``.
    events
        In the column.
    not_finite
        Events left out because mass or weight is NaN or infinite.
    outside
        Events left out because they lie outside the range.
    """

    window: MassRange
    masses: dict[str, Array]
    weights: dict[str, Array] | None
    events: int
    not_finite: int
    outside: int

    @property
    def used(self) -> int:
        """Events in the fit."""
        return sum(len(mass) for mass in self.masses.values())

    def notes(self) -> tuple[str, ...]:
        """What was left out, in words."""
        found = []
        if self.not_finite:
            found.append(f"{self.not_finite} of {self.events} events left out: mass or weight is not finite")
        if self.outside:
            found.append(
                f"{self.outside} of {self.events} events left out: outside {self.window.low:g} to "
                f"{self.window.high:g} GeV"
            )
        return tuple(found)


def in_gev(column: NDArray[np.generic], unit: str | None, name: str) -> Array:
    """A column of masses in GeV, or its refusal if the unit is in doubt.

    Parameters
    ----------
    column
        Shape ``(n_events,)``.
    unit
        ``"GeV"``, ``"MeV"``, or ``None`` for GeV unless the masses look like MeV.
    name
        Of the column.

    Raises
    ------
    InputError
        If there is no unit and half of the masses are above 500.
    """
    mass = np.asarray(column, dtype=np.float64)
    finite = mass[np.isfinite(mass)]
    if unit is None and len(finite) and np.median(np.abs(finite)) > TOO_HEAVY:
        raise InputError(
            f"{name} with a median of {np.median(finite):g}",
            "masses in GeV",
            "say --unit MeV if they are in MeV (or --unit GeV if they are not)",
        )
    return mass * IN_GEV[unit or "GeV"]


def make_spectrum(
    mass: Array,
    window: MassRange | None,
    *,
    name: str,
    weights: Array | None = None,
    categories: NDArray[np.generic] | None = None,
) -> Spectrum:
    """Masses within a range, by category; what is left out is counted.

    Parameters
    ----------
    mass
        [GeV], shape ``(n_events,)``.
    window
        Range of the fit; by default from the lowest to the highest finite mass.
    name
        Of the column, for errors.
    weights
        Shape ``(n_events,)``.
    categories
        A whole number for each event, shape ``(n_events,)``.

    Raises
    ------
    InputError
        For no events, no finite mass, no events in the range (which may be in another unit), weights that sum
        to none, and columns of categories that hold no whole numbers or more than twelve of them.
    """
    if not len(mass):
        raise InputError(f"{name} has no events", "at least one")
    finite = np.isfinite(mass) if weights is None else np.isfinite(mass) & np.isfinite(weights)
    if not finite.any():
        raise InputError(f"none of {len(mass)} values of {name} is finite", "masses")
    known = mass[finite]
    if window is None:
        if not known.min() < known.max():
            raise InputError(f"{name} holds one value, {known[0]:g}", "a spectrum of masses")
        window = MassRange(float(known.min()), float(known.max()))
    inside = finite & window.holds(np.where(finite, mass, window.low - 1))
    if not inside.any():
        raise _nothing_inside(known, window, name)
    groups = {"": inside}
    if categories is not None:
        whole = np.asarray(categories, dtype=np.float64)
        chosen = whole[inside]
        if not (np.isfinite(chosen).all() and (chosen == np.rint(chosen)).all()):
            raise InputError("categories that are not whole numbers", "a column such as ds_mode")
        kinds = np.unique(chosen)
        if len(kinds) > MOST_CATEGORIES:
            raise InputError(f"{len(kinds)} categories", f"at most {MOST_CATEGORIES}")
        groups = {f"{kind:.0f}": inside & (whole == kind) for kind in kinds}
    if weights is not None and not all(weights[group].sum() > 0 for group in groups.values()):
        raise InputError("weights whose sum is not positive", "weights of events")
    return Spectrum(
        window,
        {key: mass[group] for key, group in groups.items()},
        None if weights is None else {key: weights[group] for key, group in groups.items()},
        len(mass),
        int((~finite).sum()),
        int((finite & ~inside).sum()),
    )


def _nothing_inside(mass: Array, window: MassRange, name: str) -> InputError:
    low, high = mass.min(), mass.max()
    remedy = "change --range"
    middle, of_range = np.median(mass), 0.5 * (window.low + window.high)
    for factor, unit in ((1e3, "MeV"), (1e-3, "GeV")):
        if 0.5 < middle / (factor * of_range) < 2:
            remedy = f"the masses look like {unit}: say --unit {unit}, and give --range in the same unit"
    return InputError(
        f"no event of {name} in {window.low:g} to {window.high:g} GeV (it reaches from {low:g} to {high:g})",
        "events in the range",
        remedy,
    )
