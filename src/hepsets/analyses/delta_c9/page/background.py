"""The report's sections on background: where it lies, what the sideband tells, how it is suppressed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from hepsets.analyses.delta_c9.page.axes import BACKGROUND, SIGNAL, variable_axis
from hepsets.analyses.delta_c9.result import Result
from hepsets.analyses.delta_c9.suppression import Suppression
from hepsets.evaluate.estimates.two_sample_chi2 import two_sample_chi2
from hepsets.report.page import Content, FigureFiles
from hepsets.report.style import INK, MUTED, RULE, Array, not_empty, p_text, styled
from hepsets.select.kstmumu.cuts import SELECTION


def background(result: Result, figures: FigureFiles) -> Iterator[Content]:
    """Where candidates of signal and background lie, if it was looked at."""
    candidates = result.detector.candidates
    if candidates is None:
        return
    yield "Background is drawn from a smooth model of candidates in simulated B B̄ events."
    yield figures(
        "mbc_delta_e",
        mbc_and_delta_e(candidates.signal, candidates.background, delta_e_cut=SELECTION.max_delta_e),
        f"Mbc and ΔE of candidates, {result.config.data.background_over_signal:g} of background to one "
        "of signal in the signal region. The gap lies between the regions.",
    )
    yield figures(
        "sideband",
        sideband_comparison(candidates.in_sideband, candidates.in_region),
        "Background in the sideband and in the signal region.",
    )


@styled
def mbc_and_delta_e(
    figure: Figure,
    signal: Mapping[str, ArrayLike],
    background: Mapping[str, ArrayLike],
    *,
    signal_region: tuple[float, float] = (5.27, 5.29),
    sideband: tuple[float, float] = (4.8, 5.26),
    delta_e_cut: float = 0.05,
) -> None:
    """Mbc, its signal region, and ΔE of signal and background candidates; bars name the regions of Mbc.

    Parameters
    ----------
    signal, background
        ``mbc`` and ``delta_e`` in GeV, each of shape ``(n_candidates,)``. ΔE is that of the signal
        region.
    signal_region, sideband
        Of Mbc [GeV].
    delta_e_cut
        Largest |ΔE| [GeV] (dashed lines).
    """
    not_empty(signal)
    sides = {
        kind: (np.asarray(side["mbc"], dtype=np.float64), np.asarray(side["delta_e"], dtype=np.float64))
        for kind, side in (("background", background), ("signal", signal))
    }
    energies = {
        kind: energy[(mbc > signal_region[0]) & (mbc < signal_region[1])]
        for kind, (mbc, energy) in sides.items()
    }
    masses = {kind: mbc for kind, (mbc, _) in sides.items()}
    low, high = sideband[0], signal_region[1]
    middle = signal_region[0] - 1.5 * (signal_region[1] - signal_region[0])
    reach = 1.2 * delta_e_cut
    figure.set_size_inches(9.4, 3.4)
    panels = figure.subplots(1, 3, width_ratios=[1.25, 1, 1])
    for axes, values, start, end, width, label in (
        (panels[0], masses, low, high, 0.005, r"$M_\mathrm{bc}$ [GeV]"),
        (panels[1], masses, middle, high, 0.001, r"$M_\mathrm{bc}$ [GeV]"),
        (panels[2], energies, -reach, reach, 0.0025, r"$\Delta E$ [GeV], signal region"),
    ):
        _candidates(axes, values, np.linspace(start, end, max(round((end - start) / width), 1) + 1))
        axes.set(xlabel=label, ylabel=f"candidates / {1e3 * width:g} MeV")
    panels[0].set(yscale="log", ylim=(0.7, None))
    panels[0].set_ylim(0.7, 8 * panels[0].get_ylim()[1])
    _region(panels[0], sideband, "sideband")
    _region(panels[0], signal_region)
    _region(panels[1], sideband, "sideband")
    _region(panels[1], signal_region, "signal region")
    for sign in (-1, 1):
        panels[2].axvline(sign * delta_e_cut, color=MUTED, lw=0.9, ls=(0, (2, 2)))
    handles, texts = panels[0].get_legend_handles_labels()
    figure.legend(handles[::-1], texts[::-1], loc="outside upper left", ncols=2)


def _candidates(axes: Axes, values: Mapping[str, Array], edges: Array) -> None:
    """Candidates of signal (a line) and background (filled), with room for what stands above."""
    for kind, value in values.items():
        counts, _ = np.histogram(value, edges)
        drawn: dict[str, Any] = (
            {"fill": True, "color": BACKGROUND, "alpha": 0.4}
            if kind == "background"
            else {"color": SIGNAL, "lw": 1.4}
        )
        axes.stairs(counts, edges, label=kind, **drawn)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, 1.25 * axes.get_ylim()[1])
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))


def _region(axes: Axes, region: tuple[float, float], text: str = "") -> None:
    """A bar near the top of the panel over the part of a region that it shows."""
    where = axes.get_xaxis_transform()
    shown = np.clip(region, *axes.get_xlim())
    axes.plot(shown, (0.92, 0.92), color=MUTED, lw=3, solid_capstyle="butt", transform=where)
    if text:
        axes.annotate(
            text,
            (shown.mean(), 0.92),
            (0, 4),
            xycoords=where,
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=MUTED,
        )


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
    reach = 0.1
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
        top.set_title(f"χ²/ndf = {test.chi2:.1f}/{test.ndof}\np {p_text(test.p_value)}", fontsize=8)
        both_filled = (a > 0) & (b > 0)
        ratio = points[both_filled] / share[both_filled]
        se = ratio * np.sqrt(1 / a[both_filled] + 1 / b[both_filled])
        bottom.axhline(1, color=MUTED, lw=0.8)
        bottom.errorbar(centre[both_filled], ratio, se, **drawn)
        bottom.set_xlim(edges[0], edges[-1])
        variable_axis(bottom.xaxis, name)
        reach = max(reach, float(np.max(np.abs(ratio - 1) + se, initial=0.0)))
        bottom.grid(axis="y")
    grid[0, 0].set_ylim(0, None)
    reach = 1.1 * min(reach, 1.0)
    grid[1, 0].set_ylim(1 - reach, 1 + reach)
    grid[0, 0].set_ylabel("density × range")
    grid[1, 0].set_ylabel("signal region /\nsideband")
    figure.align_ylabels()
    keys = [Patch(color=RULE), Line2D([], [], color=BACKGROUND, marker="o", ms=2.6, lw=1)]
    figure.legend(keys, ["sideband", "background in the signal region"], loc="outside upper left", ncols=2)


def suppression(result: Result, figures: FigureFiles) -> Iterator[Content]:
    """What the suppression of background leaves, if it was looked at."""
    found = result.detector.suppression
    if found is None:
        return
    yield (
        f"Boosted trees leave {found.b_over_s_after} background candidates per signal decay in place "
        f"of {found.b_over_s_before:.1f}, and {found.signal_efficiency} of the signal, in what "
        f"{result.config.study.luminosity:g}/ab should hold."
    )
    yield figures(
        "suppression",
        trees_and_merit(found),
        "Output of the trees, and the figure of merit on expected yields.",
    )


@styled
def trees_and_merit(figure: Figure, found: Suppression, *, bins: int = 40) -> None:
    """Output of the classifier for signal and background, and the figure of merit against the cut.

    Test events are filled, training events points; the title has the χ² tests that both have one density.
    The chosen cut is the vertical line in both panels.
    """
    samples = (
        ("signal", SIGNAL, found.training_signal_scores, found.signal_scores),
        ("background", BACKGROUND, found.training_background_scores, found.background_scores),
    )
    figure.set_size_inches(9.4, 3.6)
    left, right = figure.subplots(1, 2, width_ratios=[1.3, 1])
    edges = np.linspace(0, 1, bins + 1)
    centre, width = (edges[:-1] + edges[1:]) / 2, edges[1] - edges[0]
    tests = []
    smallest = 1.0
    for kind, colour, trained, tested in samples:
        train, test = (np.histogram(scores, edges)[0] for scores in (trained, tested))
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
        tests.append(f"{kind} p {p_text(two_sample_chi2(train, test).p_value)}")
        smallest = min(smallest, 0.5 / (test.sum() * width))
    left.set(yscale="log", xlim=(0, 1), xlabel="classifier output", ylabel="density")
    left.set_ylim(smallest, None)
    left.set_title("training against test: " + ", ".join(tests), fontsize=8)
    right.plot(found.cuts, found.fom_curve, color=INK, lw=1.4)
    right.axhline(found.fom_before, color=MUTED, lw=0.9, ls=(0, (2, 2)))
    at_cut = float(np.interp(found.cut, found.cuts, found.fom_curve))
    for text, height, above in (("without a cut", found.fom_before, -11), (f"{at_cut:.1f}", at_cut, 3)):
        right.annotate(
            text,
            (0.02, height) if above < 0 else (found.cut, height),
            (0 if above < 0 else -4, above),
            xycoords=("axes fraction", "data") if above < 0 else "data",
            textcoords="offset points",
            ha="left" if above < 0 else "right",
            fontsize=8,
            color=MUTED if above < 0 else INK,
        )
    right.set(xlabel="cut on the output", ylabel=r"$S/\sqrt{S+B}$, expected yields", xlim=(0, 1))
    right.set_ylim(0, 1.12 * float(np.nanmax(found.fom_curve)))
    for axes in (left, right):
        axes.axvline(found.cut, color=INK, lw=0.9, ls=(0, (1, 1.5)))
    keys: list[Any] = [
        Patch(color=SIGNAL, alpha=0.35),
        Patch(color=BACKGROUND, alpha=0.35),
        Line2D([], [], color=INK, marker="o", ms=2.4, lw=1),
        Line2D([], [], color=INK, lw=0.9, ls=(0, (1, 1.5))),
    ]
    texts = ["signal (test)", "background (test)", "training", f"cut at {found.cut:.3g}"]
    figure.legend(keys, texts, loc="outside upper left", ncols=4)
