"""The figures of background to B→K*⁰μ⁺μ⁻: where it lies, what the sideband tells of it, how it is suppressed.

Style and helpers are those of :mod:`hepsets.report.figures` and :mod:`hepsets.report.kstmumu_figures`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from hepsets.core.errors import InputError
from hepsets.evaluate.two_sample_chi2 import two_sample_chi2
from hepsets.report.figures import INK, MUTED, RULE, Array, not_empty, styled
from hepsets.report.kstmumu_figures import BACKGROUND, SIGNAL, axis_label


@dataclass(frozen=True)
class MeritCurve:
    """Figure of merit S/√(S+B) on expected yields against the cut; the one without a cut is ``before``."""

    cuts: Array
    merit: Array
    chosen: float
    before: float


@styled
def mbc_and_delta_e(
    figure: Figure,
    signal: Mapping[str, ArrayLike],
    background: Mapping[str, ArrayLike],
    *,
    signal_region: tuple[float, float] = (5.27, 5.29),
    sideband: tuple[float, float] = (4.8, 5.26),
    delta_e_cut: float = 0.05,
    bins: int = 60,
) -> None:
    """Mbc and ΔE of signal and background candidates; bands mark the signal region and the sideband.

    Parameters
    ----------
    signal, background
        ``mbc`` and ``delta_e`` in GeV, each of shape ``(n_candidates,)``. All are shown for Mbc, those
        of the signal region for ΔE.
    signal_region, sideband
        Of Mbc [GeV].
    delta_e_cut
        Largest |ΔE| [GeV] (dashed lines).
    """
    not_empty(signal)
    sides = {
        "background": {name: np.asarray(value, dtype=np.float64) for name, value in background.items()},
        "signal": {name: np.asarray(value, dtype=np.float64) for name, value in signal.items()},
    }
    figure.set_size_inches(9.4, 3.6)
    left, right = figure.subplots(1, 2, width_ratios=[1.4, 1])
    low, high = min(sideband[0], signal_region[0]), max(signal_region[1], sideband[1])
    energies = np.concatenate([side["delta_e"] for side in sides.values()])
    reach = max(float(np.quantile(np.abs(energies), 0.999)), delta_e_cut) * 1.05
    for axes, name, edges in (
        (left, "mbc", np.linspace(low, high, bins + 1)),
        (right, "delta_e", np.linspace(-reach, reach, bins // 2 + 1)),
    ):
        for kind, side in sides.items():
            value = side[name]
            if name == "delta_e":
                value = value[(side["mbc"] > signal_region[0]) & (side["mbc"] < signal_region[1])]
            counts, _ = np.histogram(value, edges)
            drawn: dict[str, Any] = (
                {"fill": True, "color": BACKGROUND, "alpha": 0.4}
                if kind == "background"
                else {"color": SIGNAL, "lw": 1.4}
            )
            axes.stairs(counts, edges, label=kind, **drawn)
        axes.set(xlim=(edges[0], edges[-1]))
        axes.set_ylabel(f"candidates / {1e3 * (edges[1] - edges[0]):.2g} MeV")
    left.set(yscale="log", xlabel=r"$M_\mathrm{bc}$ [GeV]")
    left.set_ylim(0.7, 4 * left.get_ylim()[1])
    right.set(xlabel=r"$\Delta E$ [GeV], signal region")
    right.set_ylim(0, 1.1 * right.get_ylim()[1])
    for (start, end), text, ha in (
        (sideband, "sideband", "center"),
        (signal_region, "signal region", "right"),
    ):
        left.axvspan(start, end, color=RULE, alpha=0.6, lw=0, zorder=0)
        left.annotate(
            text,
            (end if ha == "right" else (start + end) / 2, 0.97),
            xycoords=left.get_xaxis_transform(),
            ha=ha,
            va="top",
            fontsize=8,
            color=MUTED,
        )
    for sign in (-1, 1):
        right.axvline(sign * delta_e_cut, color=MUTED, lw=0.9, ls=(0, (2, 2)))
    handles, texts = left.get_legend_handles_labels()
    figure.legend(handles[::-1], texts[::-1], loc="outside upper left", ncols=2)


@styled
def sideband_comparison(
    figure: Figure,
    sideband: Mapping[str, ArrayLike],
    signal_region: Mapping[str, ArrayLike],
    *,
    bins: int = 20,
) -> None:
    """Background of the sideband (grey) and of the signal region (points), with their ratio below.

    ``sideband``, ``signal_region``: by variable, shape ``(n_candidates,)``. The title has the χ² test
    of one density.
    """
    not_empty(sideband)
    columns = len(sideband)
    figure.set_size_inches(min(9.4, 2.3 * columns + 0.4), 3.7)
    grid = figure.subplots(2, columns, sharex="col", sharey="row", height_ratios=[2.2, 1], squeeze=False)
    for (top, bottom), name in zip(grid.T, sideband, strict=True):
        first, second = (np.asarray(side[name], dtype=np.float64) for side in (sideband, signal_region))
        both = np.concatenate([first, second])
        edges = np.linspace(both.min(), both.max(), bins + 1)
        a, b = np.histogram(first, edges)[0], np.histogram(second, edges)[0]
        share, points = a / a.sum(), b / b.sum()
        error = np.sqrt(b) / b.sum()
        # an even density is 1 in all panels
        top.stairs(bins * share, edges, fill=True, color=RULE)
        centre = (edges[:-1] + edges[1:]) / 2
        drawn: dict[str, Any] = {"fmt": "o", "ms": 2.6, "lw": 1, "color": BACKGROUND}
        top.errorbar(centre, bins * points, bins * error, **drawn)
        test = two_sample_chi2(a, b)
        top.set_title(f"χ²/ndf = {test.chi2:.1f}/{test.ndof}\np = {test.p_value:.2g}", fontsize=8)
        both_filled = (a > 0) & (b > 0)
        ratio = points[both_filled] / share[both_filled]
        se = ratio * np.sqrt(1 / a[both_filled] + 1 / b[both_filled])
        bottom.axhline(1, color=MUTED, lw=0.8)
        bottom.errorbar(centre[both_filled], ratio, se, **drawn)
        bottom.set(xlabel=axis_label(name), xlim=(edges[0], edges[-1]))
        bottom.xaxis.set_major_locator(MaxNLocator(5))
        bottom.grid(axis="y")
    grid[0, 0].set_ylim(0, None)
    grid[1, 0].set_ylim(0.4, 1.6)
    grid[0, 0].set_ylabel("density · range")
    grid[1, 0].set_ylabel("signal region /\nsideband")
    figure.align_ylabels()
    keys = [Patch(color=RULE), Line2D([], [], color=BACKGROUND, marker="o", ms=2.6, lw=1)]
    figure.legend(keys, ["sideband", "background in the signal region"], loc="outside upper left", ncols=2)


@styled
def suppression(
    figure: Figure,
    scores: Mapping[str, tuple[ArrayLike, ArrayLike]],
    merit: MeritCurve,
    *,
    bins: int = 40,
) -> None:
    """Output of the classifier for signal and background, and the figure of merit against the cut.

    Parameters
    ----------
    scores
        ``"training"`` and ``"test"``: outputs in [0, 1] for signal and for background. Test events are
        filled, training events points; the title has the χ² tests that both have one density.
    merit
        On expected yields; the chosen cut is the vertical line in both panels.
    """
    if set(scores) != {"training", "test"}:
        raise InputError(f"scores of {sorted(scores)}", "training and test")
    figure.set_size_inches(9.4, 3.6)
    left, right = figure.subplots(1, 2, width_ratios=[1.3, 1])
    edges = np.linspace(0, 1, bins + 1)
    centre, width = (edges[:-1] + edges[1:]) / 2, edges[1] - edges[0]
    tests = []
    smallest = 1.0
    for side, (kind, colour) in enumerate((("signal", SIGNAL), ("background", BACKGROUND))):
        train, test = (
            np.histogram(np.asarray(scores[sample][side]), edges)[0] for sample in ("training", "test")
        )
        left.stairs(test / (test.sum() * width), edges, fill=True, color=colour, alpha=0.35)
        some = train > 0
        norm_ = train.sum() * width
        left.errorbar(
            centre[some],
            train[some] / norm_,
            np.sqrt(train[some]) / norm_,
            fmt="o",
            ms=2.4,
            lw=1,
            color=colour,
        )
        tests.append(f"{kind} p = {two_sample_chi2(train, test).p_value:.2g}")
        smallest = min(smallest, 0.5 / (test.sum() * width))
    left.set(yscale="log", xlim=(0, 1), xlabel="classifier output", ylabel="density")
    left.set_ylim(smallest, None)
    left.set_title("training against test: " + ", ".join(tests), fontsize=8)
    right.plot(merit.cuts, merit.merit, color=INK, lw=1.4)
    right.axhline(merit.before, color=MUTED, lw=0.9, ls=(0, (2, 2)))
    at_cut = float(np.interp(merit.chosen, merit.cuts, merit.merit))
    for text, height, above in (("without a cut", merit.before, -11), (f"{at_cut:.1f}", at_cut, 3)):
        right.annotate(
            text,
            (0.02, height) if above < 0 else (merit.chosen, height),
            (0, above),
            xycoords=("axes fraction", "data") if above < 0 else "data",
            textcoords="offset points",
            ha="left" if above < 0 else "center",
            fontsize=8,
            color=MUTED if above < 0 else INK,
        )
    right.set(xlabel="cut on the output", ylabel=r"$S/\sqrt{S+B}$, expected yields", xlim=(0, 1))
    right.set_ylim(0, 1.12 * float(np.nanmax(merit.merit)))
    for axes in (left, right):
        axes.axvline(merit.chosen, color=INK, lw=0.9, ls=(0, (1, 1.5)))
    keys: list[Any] = [
        Patch(color=SIGNAL, alpha=0.35),
        Patch(color=BACKGROUND, alpha=0.35),
        Line2D([], [], color=INK, marker="o", ms=2.4, lw=1),
        Line2D([], [], color=INK, lw=0.9, ls=(0, (1, 1.5))),
    ]
    texts = ["signal (test)", "background (test)", "training", f"cut at {merit.chosen:.3g}"]
    figure.legend(keys, texts, loc="outside upper left", ncols=4)
