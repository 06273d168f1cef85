"""Figure of the signal's unfolded distribution of a variable beside the truth."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from hepsets.analyses.bs_dspi.unfolded import UnfoldedSignal
from hepsets.report.style import COLOURS, INK, MUTED, RULE, p_text, styled


@styled
def unfolded_figure(figure: Figure, found: UnfoldedSignal, label: str, unit: str) -> None:
    """Weighted data with √Σw² beside simulated decays, and below their ratio.

    Parameters
    ----------
    found
        The two.
    label, unit
        Of the variable.
    """
    figure.set_size_inches(6.4, 4.4)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    edges = found.measured.edges
    width, middle = np.diff(edges), 0.5 * (edges[1:] + edges[:-1])
    above.stairs(found.truth.values / width, edges, fill=True, color=RULE, label="simulated decays")
    above.errorbar(
        middle, found.measured.values / width, found.measured.errors / width, width / 2,
        fmt="o", ms=3, lw=1, color=COLOURS[0], label="data, by sWeights",
    )  # fmt: skip
    above.set(ylabel=f"decays / {unit}", title=f"Kolmogorov–Smirnov: p {p_text(found.agreement.p_value)}")
    above.legend()
    true = np.where(found.truth.values > 0, found.truth.values, np.nan)
    below.axhline(1, color=MUTED, lw=0.8)
    below.errorbar(
        middle, found.measured.values / true, found.measured.errors / true, width / 2,
        fmt="o", ms=3, lw=1, color=INK,
    )  # fmt: skip
    top = float(np.nanmax(found.measured.values / true, initial=1.8))
    below.set(xlabel=f"{label} [{unit}]", ylabel="ratio", ylim=(0, 1.1 * top), xlim=(edges[0], edges[-1]))
