"""What figures of a likelihood over ΔC9 share: the curve, the bound, the truth, and their levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from hepsets.report.style import INK, MUTED, PAPER, Array, Style, not_empty, styled

DELTA_C9 = r"$\Delta C_9$"


BOUND_LINE: Mapping[str, Any] = {"color": INK, "lw": 1.3, "ls": (0, (6, 2))}
"""How the Cramér–Rao bound is drawn."""


TRUTH_LINE: Mapping[str, Any] = {"color": INK, "lw": 0.9, "ls": (0, (1, 1.5))}
"""How the true value is drawn."""


def nth_marker(k: int, colour: str) -> dict[str, Any]:
    """Marker of the k-th of several sizes or shifts of one model: filled first, then open."""
    return {"marker": ("o", "s", "^", "D")[k % 4], "mfc": PAPER if k else colour, "color": colour}


ONE_SIGMA = 0.6827
"""Share of a Gaussian within one standard deviation."""


LEVELS: Mapping[str, float] = {"68 %": 1.0, "95 %": 3.841}
"""Rise of −2 ln L at the ends of intervals in one parameter (Wilks)."""


@dataclass(frozen=True)
class LikelihoodCurve:
    """The likelihood of one data set along ΔC9.

    Parameters
    ----------
    delta_c9
        Rising, shape ``(n,)``.
    minus_two_log
        −2 ln L, up to a constant, shape ``(n,)``; other parameters profiled, if there are any.
    value, low, high
        The estimate and the ends of its 68 % interval; ``None`` where an end lies beyond the curve.
    """

    delta_c9: Array
    minus_two_log: Array
    value: float
    low: float | None
    high: float | None


@styled
def likelihood_curves(
    figure: Figure,
    curves: Mapping[str, LikelihoodCurve],
    styles: Mapping[str, Style],
    *,
    truth: float | None = None,
    highest: float = 9.0,
) -> None:
    """−2 Δ ln L of one data set by each likelihood, with the 68 % and 95 % levels.

    The legend has each estimate with its 68 % interval; ``truth`` is known for simulated sets.
    """
    not_empty(curves)
    figure.set_size_inches(8.6, 4.2)
    axes = figure.subplots()
    ends = []
    for name, curve in curves.items():
        style = styles[name]
        text = f"{curve.value:.3f}".replace("-", "−")
        if curve.low is not None and curve.high is not None:
            text += f" $^{{+{curve.high - curve.value:.3f}}}_{{-{curve.value - curve.low:.3f}}}$"
        rise = curve.minus_two_log - curve.minus_two_log.min()
        axes.plot(curve.delta_c9, rise, color=style.colour, ls=style.dash, label=f"{name}:  {text}")
        ends_of_interval = [end for end in (curve.low, curve.high) if end is not None]
        axes.plot(
            ends_of_interval,
            np.interp(ends_of_interval, curve.delta_c9, rise),
            ls="",
            marker=style.marker,
            ms=3.5,
            color=style.colour,
        )
        ends += list(curve.delta_c9[rise <= 1.2 * highest])
    span = (min(ends), max(ends)) if len(ends) > 1 else (curve.delta_c9[0], curve.delta_c9[-1])
    for level, height in LEVELS.items():
        axes.axhline(height, color=MUTED, lw=0.8, ls=(0, (2, 2)), zorder=1)
        axes.annotate(
            level,
            (0, height),
            (3, 2),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            fontsize=8,
            color=MUTED,
        )
    if truth is not None:
        shown = f"true {DELTA_C9} = {truth:g}".replace("-", "−")
        axes.axvline(truth, label=shown, **TRUTH_LINE)
    axes.set(xlim=span, ylim=(0, highest), xlabel=DELTA_C9, ylabel=r"$-2\,\Delta\ln L$")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), title="estimate and 68 % interval")
