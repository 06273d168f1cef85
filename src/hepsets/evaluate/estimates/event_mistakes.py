"""Mistakes that sets of B⁰ → K*⁰μ⁺μ⁻ events are known to come with, each made in simulated events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.evaluate.estimates.agreement import Test
from hepsets.evaluate.estimates.reference_events import ReferenceEvents
from hepsets.generate.kstmumu.density import Q_SQUARED_LIMITS, Window

Column = NDArray[np.floating]


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    Parameters
    ----------
    name
        What is the matter with the events, in words.
    remedy
        What to do about it.
    make
        Makes the mistake in simulated events.
    fitted
        How many numbers in it were taken from the events, such as ends of a range.
    """

    name: str
    remedy: str
    make: Callable[[ReferenceEvents], ReferenceEvents]
    fitted: int = 0


def _negative(values: Column) -> Column:
    return -values


def _other_sign(*names: str) -> Callable[[ReferenceEvents], ReferenceEvents]:
    return lambda events: events.changed(**dict.fromkeys(names, _negative))


def _unflipped(events: ReferenceEvents) -> ReferenceEvents:
    """Half of all decays are those of B̄⁰."""
    return events.and_also(events.changed(costheta_mu=_negative))


def _swapped(events: ReferenceEvents) -> ReferenceEvents:
    mu, kaon = events.frame["costheta_mu"], events.frame["costheta_K"]
    return events.changed(costheta_mu=lambda _: kaon, costheta_K=lambda _: mu)


MIRRORS = (
    Mistake(
        "cosθ_ℓ has the other sign",
        "change the sign of costheta_mu, see docs/kstmumu.md for the convention",
        _other_sign("costheta_mu"),
    ),
    Mistake(
        "cosθ_K has the other sign, or chi is turned by π",
        "change the sign of costheta_K, or add π to chi",
        _other_sign("costheta_K"),
    ),
    Mistake(
        "both cosθ_ℓ and cosθ_K have the other sign",
        "change the signs of costheta_mu and costheta_K",
        _other_sign("costheta_mu", "costheta_K"),
    ),
    Mistake(
        "the angles of B̄⁰ are not CP-flipped",
        "change the sign of costheta_mu where the meson is a B̄⁰",
        _unflipped,
    ),
    Mistake(
        "cosθ_ℓ and cosθ_K are swapped",
        "swap the columns: --column costheta_mu=… --column costheta_K=…",
        _swapped,
    ),
)
"""Mistakes that leave every event a possible decay: only the numbers of events tell."""

DISTORTIONS = (
    Mistake(
        "chi is in units of π",
        "multiply chi by π",
        lambda events: events.changed(chi=lambda chi: chi / np.pi),
    ),
    Mistake(
        "chi is in turns",
        "multiply chi by 2π",
        lambda events: events.changed(chi=lambda chi: chi / (2 * np.pi)),
    ),
    Mistake(
        "chi is given without its sign",
        "take chi from −π to π",
        lambda events: events.changed(chi=np.abs),
    ),
    Mistake(
        "cosθ_ℓ is given without its sign",
        "take costheta_mu from −1 to 1",
        lambda events: events.changed(costheta_mu=np.abs),
    ),
    Mistake(
        "cosθ_K is given without its sign",
        "take costheta_K from −1 to 1",
        lambda events: events.changed(costheta_K=np.abs),
    ),
    Mistake(
        "q_squared is the mass of the muon pair",
        "square it",
        lambda events: events.changed(q_squared=np.sqrt),
    ),
)
"""Mistakes that move events to where no, or hardly any, decays are."""


UNITS_OF_Q_SQUARED: tuple[tuple[str, str, Callable[[Column], Column]], ...] = (
    ("in MeV²", "divide by 10⁶", lambda values: values / 1e6),
    ("a mass in MeV", "divide by 1000 and square", lambda values: (values / 1e3) ** 2),
)
"""What q² may be that lies in no window: in words, what to do, and how to get GeV²."""


def unit_of_q_squared(q_squared: NDArray[np.floating], window: Window) -> str:
    """What to do about q², shape ``(n_events,)``, all outside the window: units that bring it there."""
    for unit, remedy, converted in UNITS_OF_Q_SQUARED:
        values = converted(q_squared)
        share = float((window.contains(values) & (values > Q_SQUARED_LIMITS[0])).mean())
        if share > 0.5:
            return f"{remedy}: taken as {unit}, {100 * share:.0f} % of the events lie in the window"
    return "check the units (GeV²); neither MeV² nor a mass in MeV brings them there"


def windows_within(
    model: str, windows: Mapping[str, Window], q_squared: NDArray[np.floating]
) -> list[Mistake]:
    """Named windows other than the model's that hold all events, q² of shape ``(n_events,)`` [GeV²].

    The events may have been cut so.
    """
    found = []
    for name, window in windows.items():
        if name != model and window.contains(q_squared).all():

            def cut(events: ReferenceEvents, window: Window = window) -> ReferenceEvents:
                return events.where(window.contains(events.frame["q_squared"]))

            found.append(
                Mistake(
                    f"the events are those of the window {name}",
                    f"take a model of that window: --window {name}",
                    cut,
                )
            )
    return found


def parts_left_out(tests: tuple[Test, ...]) -> list[Mistake]:
    """Cuts and vetoes that the longest runs without events point to, and all of them together."""
    runs = [test for test in tests if test.empty is not None and test.p_value < 1e-3]
    found = []
    for chosen in [[run] for run in runs] + ([runs] if len(runs) > 1 else []):

        def cut(events: ReferenceEvents, chosen: list[Test] = chosen) -> ReferenceEvents:
            kept = np.ones(len(events), dtype=bool)
            for run in chosen:
                low, high = run.empty or (0.0, 0.0)
                values = events.frame[run.variable or ""]
                kept &= (values <= low) | (values >= high)
            return events.where(kept)

        what = " and ".join(run.what.split(",")[0].removeprefix("no event has ") for run in chosen)
        found.append(
            Mistake(
                f"events are left out with {what}",
                "give all events of the model's window and selection, or train a model for this one",
                cut,
                fitted=2 * len(chosen),
            )
        )
    return found


def _covered(low: float, high: float) -> Callable[[ReferenceEvents], ReferenceEvents]:
    def cut(events: ReferenceEvents) -> ReferenceEvents:
        q_squared = events.frame["q_squared"]
        return events.where((q_squared >= low) & (q_squared <= high))

    return cut


def only_between(q_squared: NDArray[np.floating]) -> Mistake:
    """The events, q² of shape ``(n_events,)`` [GeV²], cover only a part of its range."""
    low, high = float(q_squared.min()), float(q_squared.max())
    return Mistake(
        f"only q² from {low:.3g} to {high:.3g} GeV² is covered",
        "give all events of the model's window, or the limits of your cut, such as --q-squared "
        f"{low:.3g}-{high:.3g}",
        _covered(low, high),
        fitted=2,
    )


def together(first: Mistake, second: Mistake) -> Mistake:
    """Two mistakes at once."""
    return Mistake(
        f"{first.name}, and {second.name}",
        f"{first.remedy}; {second.remedy}",
        lambda events: second.make(first.make(events)),
        first.fitted + second.fitted,
    )
