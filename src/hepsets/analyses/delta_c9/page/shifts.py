"""The report's section on a shift of q² between training and test events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hepsets.analyses.delta_c9.page.models import Styles
from hepsets.analyses.delta_c9.result import Result
from hepsets.core.measured import Measured
from hepsets.report.likelihood_figures import nth_marker
from hepsets.report.page import Content, FigureFiles
from hepsets.report.style import INK, MUTED, RULE, Style, not_empty, styled


def shifts(result: Result, styles: Styles, figures: FigureFiles) -> Iterator[Content]:
    """What a shift of q² does to each model."""
    if result.comparison.shifts:
        yield "What a small shift of q² between training and test events does to each model."
    for cell, effects in result.comparison.shifts.items():
        yield figures(
            f"q2_shift_{cell.level}",
            shift_effects(effects, styles),
            f"Shift of the prediction, {cell.level} level, {cell.window} GeV².",
        )


@styled
def shift_effects(
    figure: Figure, effects: Mapping[str, Mapping[float, Measured]], styles: Mapping[str, Style]
) -> None:
    """Shift of each model's prediction, in its standard deviations, when the events' q² is shifted.

    ``effects``: by model, then by the shift of q² in GeV².
    """
    not_empty(effects)
    shifts = sorted({shift for of_model in effects.values() for shift in of_model})
    figure.set_size_inches(8.2, 1.0 + len(effects) * (0.18 + 0.12 * len(shifts)))
    axes = figure.subplots()
    for row, (name, of_model) in enumerate(effects.items()):
        for k, shift in enumerate(shifts):
            if shift in of_model:
                axes.errorbar(
                    of_model[shift].value,
                    row + 0.6 * ((k + 0.5) / len(shifts) - 0.5),
                    xerr=of_model[shift].se,
                    ms=4.5,
                    lw=1.2,
                    **nth_marker(k, styles[name].colour),
                )
    axes.axvline(0, color=MUTED, lw=0.9)
    for edge in range(1, len(effects)):
        axes.axhline(edge - 0.5, color=RULE, lw=0.6)
    axes.set_yticks(range(len(effects)), list(effects))
    for text, name in zip(axes.get_yticklabels(), effects, strict=True):
        text.set_color(styles[name].colour)
    axes.set_ylim(len(effects) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.margins(x=0.08)
    axes.set_xlabel("shift of the prediction / its standard deviation")
    keys = [Line2D([], [], ls="", ms=4.5, **nth_marker(k, INK)) for k in range(len(shifts))]
    texts = [f"$q^2$ {shift:+g} GeV²".replace("-", "−") for shift in shifts]
    axes.legend(keys, texts, loc="upper left", bbox_to_anchor=(1.0, 1.0))
