"""What one data set says about ΔC9: value, intervals, what limits them, what to mind; in words too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hepsets.core.whole_file import whole_file
from hepsets.evaluate.goodness_of_fit import GoodnessOfFit
from hepsets.learn.quadratic_likelihood import Array

SCHEMA = "hepsets-delta-c9-result-1"

HALF_CHI2_95 = 1.9207
"""Fall of the log-likelihood at the ends of a 95 % interval: half of the quantile of χ² with one degree."""


@dataclass(frozen=True, eq=False)
class Inference:
    """ΔC9 from one data set.

    Parameters
    ----------
    delta_c9
        The estimate of highest likelihood.
    interval68, interval95
        Ends of the intervals by likelihood ratio; a limit of the model where the likelihood ends there.
    simulation_se
        Standard error from the finite simulation behind the model. More data do not make it smaller.
    theory
        Standard deviation from what the theory does not know, by group of parameters and in all
        (``total``); for decays as generated in the window, see :mod:`hepsets.generate.kstmumu_nuisances`.
    events, events_given
        Events that were used, and that came.
    background_fraction
        Fitted share of background among the events; ``None`` where the model knows none.
    curve_delta_c9, curve_log_likelihood
        The likelihood, shape ``(n_points,)``; its maximum is 0.
    goodness_of_fit
        χ² against simulation at the estimate; ``None`` with too few events.
    level, window
        Of the model.
    warnings
        What to mind, in whole sentences.
    """

    delta_c9: float
    interval68: tuple[float, float]
    interval95: tuple[float, float]
    simulation_se: float
    theory: Mapping[str, float]
    events: int
    events_given: int
    background_fraction: float | None
    curve_delta_c9: Array
    curve_log_likelihood: Array
    goodness_of_fit: GoodnessOfFit | None
    level: str
    window: str
    warnings: tuple[str, ...]

    def lines(self) -> list[str]:
        """The result in a few lines, warnings last."""
        low, high = self.interval68
        least, most = self.interval95
        groups = ", ".join(f"{name} {_number(self.theory[name], 2)}" for name in self.theory_groups)
        lines = [
            f"ΔC9 = {_number(self.delta_c9)}  +{high - self.delta_c9:.3f} −{self.delta_c9 - low:.3f}  "
            f"(68 %: {_number(low)} to {_number(high)}; 95 %: {_number(least)} to {_number(most)})",
            f"besides: simulation ± {self.simulation_se:.3f}, theory about ± "
            f"{self.theory['total']:.2f} ({groups})",
            f"events: {self.events} of {self.events_given}"
            + (
                ""
                if self.background_fraction is None
                else f", {100 * self.background_fraction:.1f} % of them background"
            ),
        ]
        fit = self.goodness_of_fit
        lines.append(
            "goodness of fit: none"
            if fit is None
            else f"goodness of fit: χ² = {fit.chi2:.1f} for {fit.ndof} cells, p = {fit.p_value:.2g}"
        )
        lines.append(f"model: morphing, {self.level} level, q² window {self.window}")
        return lines + [f"warning: {text}" for text in self.warnings]

    @property
    def theory_groups(self) -> tuple[str, ...]:
        """The groups of theory parameters."""
        return tuple(name for name in self.theory if name != "total")

    def record(self) -> dict[str, Any]:
        """What JSON can hold of it, but for the curve."""
        fit = self.goodness_of_fit
        return {
            "schema": SCHEMA,
            "analysis": "delta-c9",
            "level": self.level,
            "window": self.window,
            "delta_c9": self.delta_c9,
            "interval68": list(self.interval68),
            "interval95": list(self.interval95),
            "simulation_se": self.simulation_se,
            "theory": dict(self.theory),
            "events": self.events,
            "events_given": self.events_given,
            "background_fraction": self.background_fraction,
            "goodness_of_fit": None
            if fit is None
            else {
                "chi2": fit.chi2,
                "ndof": fit.ndof,
                "p_value": fit.p_value,
                "worst_cell": fit.worst_cell,
                "worst_pull": fit.worst_pull,
            },
            "warnings": list(self.warnings),
        }

    def write_curve(self, path: str | Path) -> None:
        """Write the likelihood curve as CSV, whole or not at all."""
        rows = zip(self.curve_delta_c9, self.curve_log_likelihood, strict=True)
        with whole_file(path) as partial:
            partial.write_text(
                "delta_c9,log_likelihood\n" + "".join(f"{delta:.6f},{value:.6f}\n" for delta, value in rows),
                encoding="utf-8",
            )


def interval(delta_c9: Array, log_likelihood: Array, fall: float) -> tuple[float, float]:
    """Where a curve has fallen from its maximum by ``fall``, on either side; the curve's end if nowhere.

    Parameters
    ----------
    delta_c9, log_likelihood
        Shape ``(n_points,)``, the former rising.
    fall
        Positive.

    Examples
    --------
    >>> points = np.linspace(-1, 1, 2001)
    >>> [round(end, 3) for end in interval(points, -2 * points**2, 0.5)]
    [-0.5, 0.5]
    """
    top = int(np.argmax(log_likelihood))
    level = log_likelihood[top] - fall
    ends = []
    for step in (-1, 1):
        side = slice(top, None, step)
        at, value = delta_c9[side], log_likelihood[side]
        below = np.flatnonzero(value < level)
        if not len(below):
            ends.append(float(at[-1]))
            continue
        k = int(below[0])
        share = (value[k - 1] - level) / (value[k - 1] - value[k])
        ends.append(float(at[k - 1] + share * (at[k] - at[k - 1])))
    return ends[0], ends[1]


def _number(value: float, digits: int = 3) -> str:
    text = f"{value:.{digits}f}"
    if math.isclose(float(text), 0.0):
        text = text.removeprefix("-")
    return text.replace("-", "−")
