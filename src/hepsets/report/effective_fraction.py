"""Effective fraction of kept passing events by bin of observables, for one keep rule or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from hepsets.evaluate.filter.effective_fraction import EffectiveFraction
from hepsets.report.style import COLOURS, MUTED, RULE, not_empty, styled


@styled
def effective_fractions(
    figure: Figure,
    rules: Mapping[str, Sequence[EffectiveFraction]],
    axis_labels: Mapping[str, str],
    colour: str = COLOURS[0],
) -> None:
    """One panel per observable: effective fraction by bin, with the first rule's speedup on the right.

    Parameters
    ----------
    figure
        Where to draw.
    rules
        For each keep rule, by name, the same observables; the first has ``colour``.
    axis_labels
        Label with unit of each observable; its name is the fallback.
    """
    not_empty(rules)
    first = next(iter(rules.values()))
    not_empty(first)
    columns = min(4, len(first))
    rows = -(-len(first) // columns)
    figure.set_size_inches(2.5 * columns + 0.6, 2.2 * rows + 0.5)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    # orange first: the blue of the first model is hard to tell from the green of our own
    colours = [colour, *(other for other in (*COLOURS[1:], COLOURS[0]) if other != colour)]
    for axes in list(grid.flat)[len(first) :]:
        axes.remove()
    for i, (axes, found) in enumerate(zip(grid.flat, first, strict=False)):
        share = found.passing / max(int(found.passing.max()), 1)
        axes.stairs(0.3 * share, found.edges, fill=True, color=RULE, alpha=0.6, lw=0)
        for k, each in enumerate(rules.values()):
            filled = each[i].passing > 0
            centre = (each[i].edges[1:] + each[i].edges[:-1]) / 2
            half = (each[i].edges[1:] - each[i].edges[:-1]) / 2
            axes.errorbar(
                centre[filled],
                each[i].fraction[filled],
                each[i].fraction_se[filled],
                half[filled],
                fmt="o" if k == 0 else "s",
                ms=3,
                lw=1,
                color=colours[k % len(colours)],
                mfc=colours[k % len(colours)] if k == 0 else "white",
            )
        axes.set(xlabel=axis_labels.get(found.observable, found.observable), ylim=(0, 1))
        axes.grid(axis="y")
        if i % columns == 0:
            axes.set_ylabel("effective fraction")
        if i % columns == columns - 1 or i == len(first) - 1:
            # one production, one cost: the speedup is the fraction times a constant
            most = found.highest
            scale = float(found.speedup[most] / found.fraction[most])
            right = axes.secondary_yaxis(
                "right", functions=(lambda y, s=scale: y * s, lambda y, s=scale: y / s)
            )
            right.set_ylabel("speedup, no bias", color=MUTED)
    handles = [
        figure.axes[0].plot([], [], "o" if k == 0 else "s", color=colours[k % len(colours)], ms=4)[0]
        for k in range(len(rules))
    ]
    figure.legend(handles, list(rules), loc="outside upper center", ncols=len(rules))
