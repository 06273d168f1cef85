"""What one data set says about ΔC9: value, intervals, what limits them, what to mind; in words too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict

import numpy as np

from hepsets.core.whole_file import whole_file
from hepsets.evaluate.estimates.event_verdict import Verdict
from hepsets.evaluate.estimates.goodness_of_fit import GoodnessOfFit
from hepsets.learn.data_sets.quadratic_kernels import Array
from hepsets.learn.data_sets.quadratic_likelihood import DeltaC9Fit

SCHEMA = "hepsets-delta-c9-result-2"

HALF_CHI2_95 = 1.9207
"""Fall of the log-likelihood at the ends of a 95 % interval: half of the quantile of χ² with one degree."""

HALF_CHI2_LIMIT = 1.3528
"""The same for a limit that holds with 95 % on one side."""

AT_EDGE = 1e-3
"""Distance of an estimate from a limit of the model at which it is not inside."""

Interval = tuple[float | None, float | None]


class Intervals(TypedDict):
    """What :func:`intervals_of` finds."""

    interval68: Interval | None
    interval95: Interval | None
    limit95: Limit | None


@dataclass(frozen=True)
class Limit:
    """ΔC9 is at least, or at most, ``value`` with 95 % confidence: all that one knows at a model's edge."""

    side: Literal["at least", "at most"]
    value: float


@dataclass(frozen=True, eq=False)
class Inference:
    """ΔC9 from one data set.

    Parameters
    ----------
    verdict
        Whether the events look like the model's at all.
    delta_c9
        The estimate of highest likelihood; a limit of the model if the likelihood rises up to it.
    interval68, interval95
        Ends of the intervals by likelihood ratio; ``None`` for an end beyond the limits of the model, and
        for both intervals of an estimate at such a limit.
    limit95
        In their place if the estimate lies at a limit of the model.
    simulation_se
        Standard error from the finite simulation behind the model. More data do not make it smaller.
    theory
        Standard deviation from what the theory does not know, by group of parameters and in all
        (``total``); for decays as generated in the window, see :mod:`hepsets.generate.kstmumu.nuisances`.
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

    verdict: Verdict
    delta_c9: float
    interval68: Interval | None
    interval95: Interval | None
    limit95: Limit | None
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
        """The result in a few lines: the verdict first, warnings last."""
        groups = ", ".join(f"{name} {_number(self.theory[name], 2)}" for name in self.theory_groups)
        lines = [
            *self.verdict.lines(),
            self.estimate() if self.verdict.answer != "no" else f"not to be used: {self.estimate()}",
            f"besides: simulation ± {self._simulation_error()}, theory about ± "
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

    def _simulation_error(self) -> str:
        return f"{self.simulation_se:.3f}" if self.simulation_se >= 5e-4 else f"{self.simulation_se:.1g}"

    def estimate(self) -> str:
        """The estimate with its intervals, or the limit, in one line."""
        if self.limit95 is not None:
            return (
                f"ΔC9 {self.limit95.side} {_number(self.limit95.value)} (95 %); the likelihood rises to the "
                f"limit of the model, {_number(self.delta_c9)}"
            )
        assert self.interval68 is not None
        assert self.interval95 is not None
        low, high = self.interval68
        errors = (
            "" if low is None or high is None else f"  +{high - self.delta_c9:.3f} −{self.delta_c9 - low:.3f}"
        )
        return (
            f"ΔC9 = {_number(self.delta_c9)}{errors}  "
            f"(68 %: {_ends(self.interval68)}; 95 %: {_ends(self.interval95)})"
        )

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
            "verdict": self.verdict.answer,
            "verdict_p_value": self.verdict.p_value,
            "reasons": list(self.verdict.reasons),
            "causes": [asdict(cause) for cause in self.verdict.causes],
            "causes_tried": self.verdict.tried,
            "flat_background": None if self.verdict.flat is None else asdict(self.verdict.flat),
            "level": self.level,
            "window": self.window,
            "delta_c9": self.delta_c9,
            "interval68": None if self.interval68 is None else list(self.interval68),
            "interval95": None if self.interval95 is None else list(self.interval95),
            "limit95": None if self.limit95 is None else asdict(self.limit95),
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


def intervals_of(fit: DeltaC9Fit, limits: tuple[float, float]) -> Intervals:
    """Intervals of a fit, none where the model ends, and a limit in their place if the estimate is there."""

    def known(ends: tuple[float, float]) -> Interval:
        low, high = ends
        return None if low <= limits[0] + AT_EDGE else low, None if high >= limits[1] - AT_EDGE else high

    least, most = interval(fit.delta_c9, fit.log_likelihood, HALF_CHI2_LIMIT)
    if fit.value >= limits[1] - AT_EDGE:
        return {"interval68": None, "interval95": None, "limit95": Limit("at least", least)}
    if fit.value <= limits[0] + AT_EDGE:
        return {"interval68": None, "interval95": None, "limit95": Limit("at most", most)}
    low, high = interval(fit.delta_c9, fit.log_likelihood, HALF_CHI2_95)
    return {
        "interval68": known((fit.low, fit.high)),
        "interval95": known((min(low, fit.low), max(high, fit.high))),
        "limit95": None,
    }


def _ends(ends: Interval) -> str:
    low, high = ends
    if low is None and high is None:
        return "all that the model knows"
    if low is None or high is None:
        return f"below {_number(high)}" if high is not None else f"above {_number(low or 0.0)}"
    return f"{_number(low)} to {_number(high)}"


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
