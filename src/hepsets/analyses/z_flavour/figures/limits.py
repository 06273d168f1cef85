"""Figures of what is in reach: more training events, repeated measurements, R_b on disjoint samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, PercentFormatter
from scipy.stats import norm

from hepsets.core.measured import Measured
from hepsets.evaluate.scores.learning_curve import LearningCurve
from hepsets.evaluate.scores.repeated_measurement import RepeatedMeasurement
from hepsets.report.style import COLOURS, INK, MUTED, PAPER, RULE, Style, not_empty, styled


@styled
def learning_curves(figure: Figure, curves: Mapping[str, LearningCurve], styles: Mapping[str, Style]) -> None:
    """Error rates against training events, with the power law and its band up to the extrapolation."""
    not_empty(curves)
    figure.set_size_inches(7.4, 4.0)
    axes = figure.subplots()
    for name, curve in curves.items():
        style = styles[name]
        axes.fill_between(
            curve.drawn_events, curve.drawn_low, curve.drawn_high, color=style.colour, alpha=0.15, lw=0
        )
        measured = curve.drawn_events <= curve.events.max() * (1 + 1e-9)
        axes.plot(curve.drawn_events[measured], curve.drawn_rate[measured], color=style.colour, lw=1.3)
        axes.plot(curve.drawn_events, curve.drawn_rate, color=style.colour, lw=1.0, ls=(0, (3, 2)))
        axes.errorbar(
            curve.events,
            curve.error_rate,
            curve.error_rate_se,
            fmt=style.marker,
            ms=4.5,
            lw=1.2,
            color=style.colour,
            label=f"{name}: exponent {curve.exponent:.2f}",
        )
        far = curve.extrapolated
        axes.errorbar(
            curve.at,
            far.value,
            [[far.value - far.low], [far.high - far.value]],
            fmt=style.marker,
            ms=5,
            mfc=PAPER,
            lw=1.2,
            color=style.colour,
        )
    axes.set(xscale="log", yscale="log", ylabel="share misjudged")
    axes.set_xlabel("training events per flavour (open: extrapolated)")
    low, high = axes.get_ylim()
    ticks = [t for t in (0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5) if low <= t <= high]
    axes.set_yticks(ticks)
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.grid(axis="y")
    axes.legend(loc="upper right")


@styled
def repeated_measurements(
    figure: Figure, found: Mapping[str, RepeatedMeasurement], styles: Mapping[str, Style]
) -> None:
    """Accuracy of the mean score of so many simulations of the same decays; at the right edge that of all."""
    not_empty(found)
    figure.set_size_inches(7.0, 3.7)
    axes = figure.subplots()
    edge = 4 * max(float(one.measurements.max()) for one in found.values())
    for name, one in found.items():
        style = styles[name]
        look = {"color": style.colour, "marker": style.marker, "ms": 4.5, "lw": 1.2}
        axes.errorbar(one.measurements, one.accuracy, one.accuracy_se, label=name, **look)  # type: ignore[arg-type]
        axes.errorbar(edge, one.limit.value, one.limit.se, mfc=PAPER, **look)  # type: ignore[arg-type]
        axes.plot(
            [one.measurements[-1], edge],
            [one.accuracy[-1], one.limit.value],
            color=style.colour,
            lw=1,
            ls=(0, (1.2, 1.6)),
        )
    axes.set(xscale="log", ylabel="accuracy")
    axes.set_xlabel("simulations of each decay whose scores are averaged (open: extrapolated)")
    ticks = sorted({float(m) for one in found.values() for m in one.measurements})
    axes.set_xticks([*ticks, edge], [*(f"{tick:g}" for tick in ticks), "∞"])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=1, symbol=" %"))
    axes.grid(axis="y")
    axes.legend(loc="lower right")


@styled
def partial_widths(figure: Figure, samples: Sequence[Measured], truth: float, whole: Measured) -> None:
    """R_b of disjoint samples, of all together (open), and their pulls beside a unit normal.

    Parameters
    ----------
    figure
        To draw on.
    samples
        R_b of each disjoint sample.
    truth
        The share of b events that was mixed in.
    whole
        R_b of all data.
    """
    not_empty(samples)
    figure.set_size_inches(8.6, 3.4)
    left, right = figure.subplots(1, 2, width_ratios=[1.7, 1])
    places = np.arange(1, len(samples) + 1)
    left.axhline(truth, color=MUTED, lw=1.0)
    left.axhspan(whole.value - whole.se, whole.value + whole.se, color=RULE, lw=0)
    left.errorbar(
        places,
        [one.value for one in samples],
        [one.se for one in samples],
        fmt="o",
        ms=3,
        lw=0.9,
        color=COLOURS[0],
    )
    left.errorbar(len(samples) + 2, whole.value, whole.se, fmt="o", ms=5, mfc=PAPER, color=INK)
    left.set(xlabel="disjoint sample (open: all)", ylabel="$R_b$")
    left.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    pulls = np.array([(one.value - truth) / one.se for one in samples])
    edges = np.linspace(-4, 4, 17)
    right.hist(np.clip(pulls, -4, 4), edges, color=COLOURS[0], alpha=0.75)
    x = np.linspace(-4, 4, 200)
    right.plot(x, len(pulls) * 0.5 * norm.pdf(x), color=INK, lw=1.2)
    right.set(xlabel="(measured − true) / error", ylabel="samples")
    if len(pulls) > 1:
        width = pulls.std(ddof=1)
        right.set_title(
            f"width {width:.2f} ± {width / np.sqrt(2 * len(pulls) - 2):.2f}, "
            f"mean {pulls.mean():+.2f} ± {width / np.sqrt(len(pulls)):.2f}".replace("-", "−")
        )
