"""The masses that a fit takes from a column: in GeV, within a range, counted and by category."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.mixed_units import refuse_mixed_units
from hepsets.evaluate.fits.parameters import Array, MassRange

IN_GEV: dict[str, float] = {"GeV": 1.0, "MeV": 1e-3}
TOO_HEAVY = 500.0
"""Median mass [GeV] above which a column without a unit is taken for one in MeV, and refused."""
TOO_LIGHT = 0.02
"""Median mass [GeV] below which a unit is doubted, and the doubt is told."""
MOST_CATEGORIES = 12
_TELLING = 10
"""Masses from which on equal ones are no chance."""
_EMPTY = 0.25
"""Share of the range without an event from which on that is told as the cause of a fit that fails."""
_FEW_EFFECTIVE = 10.0
"""Effective events below which weights are."""


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
        middle = float(np.median(np.concatenate(list(self.masses.values()))))
        if abs(middle) < TOO_LIGHT:
            found.append(f"half of the masses are below {1e3 * middle:.3g} MeV: is the column in GeV?")
        return tuple(found)


def refuse_one_value(mass: Array, name: str) -> None:
    """Refuse ten masses or more of which half or more are one value: they have no width.

    Parameters
    ----------
    mass
        [GeV], shape ``(n_events,)``, all finite.
    name
        Of the sample, for the error.

    Raises
    ------
    InputError
        For such masses.
    """
    values, counts = np.unique(mass, return_counts=True)
    if len(mass) >= _TELLING and 2 * counts.max() >= len(mass):
        raise InputError(
            f"{name} of which half or more have one mass, {values[np.argmax(counts)]:g} GeV",
            "masses that differ from candidate to candidate",
            "choose the column that was measured",
        )


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


def explained(error: InputError, spectrum: Spectrum) -> InputError:
    """The error of a fit that did not converge, with what of the events may be the cause.

    Parameters
    ----------
    error
        Of the fit.
    spectrum
        What was fitted.
    """
    window, causes = spectrum.window, []
    for name, mass in spectrum.masses.items():
        where = f" in category {name}" if name else ""
        points = np.concatenate([[window.low], np.sort(mass), [window.high]])
        widest = int(np.argmax(np.diff(points)))
        if points[widest + 1] - points[widest] > _EMPTY * window.width:
            causes.append(
                f"no event lies between {points[widest]:g} and {points[widest + 1]:g} GeV{where}: "
                "choose a --range that events fill"
            )
        weight = None if spectrum.weights is None else spectrum.weights[name]
        if weight is not None and (heaviest := float(np.abs(weight).max())) > 0:
            weight = weight / heaviest
            effective = float(weight.sum() ** 2 / (weight**2).sum())
            if effective < _FEW_EFFECTIVE:
                causes.append(
                    f"the weights make {effective:.3g} effective events of {len(weight)}{where}: "
                    "leave out events of extreme weight"
                )
    return InputError(error.came, error.expected, causes[0]) if causes else error


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
        For no events, no finite mass, masses in two units or of one value, no events in the range (which may
        be in another unit), weights that sum to none, and columns of categories that hold no whole numbers or
        more than twelve of them.
    """
    if not len(mass):
        raise InputError(f"{name} has no events", "at least one")
    finite = np.isfinite(mass) if weights is None else np.isfinite(mass) & np.isfinite(weights)
    if not finite.any():
        raise InputError(f"none of {len(mass)} values of {name} is finite", "masses")
    known = mass[finite]
    refuse_mixed_units(known, name)
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
    refuse_one_value(mass[inside], name)
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
