"""Figures of oscillations: times of mixed and unmixed decays, asymmetry in one period, likelihood."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hepsets.core.errors import InputError
from hepsets.evaluate.decay_time.acceptance import Acceptance
from hepsets.evaluate.decay_time.decays import TaggedDecays
from hepsets.evaluate.decay_time.fit import OscillationFit
from hepsets.evaluate.decay_time.oscillation import BS, MeanLife, asymmetry, time_density
from hepsets.report.style import COLOURS, INK, MUTED, RULE, Array, styled

_MOST = 400
"""Decays over which curves are averaged."""


@styled
def decay_time_figure(
    figure: Figure,
    decays: TaggedDecays,
    fit: OscillationFit,
    acceptance: Acceptance | None = None,
    *,
    until: float = 5.0,
    bins: int = 100,
    life: MeanLife = BS,
) -> None:
    """Decay times of unmixed, mixed and untagged signal with the fit, and the acceptance beside.

    Parameters
    ----------
    decays, fit
        What was fitted, and what came out; each decay counts as its probability to be signal.
    acceptance
        By measured time; drawn into the curves.
    until
        End of the axis [ps].
    bins
        On it.
    life
        Mean life of the meson.

    Raises
    ------
    InputError
        For no decays.
    """
    _demand(decays)
    figure.set_size_inches(6.8, 3.9)
    axes = figure.subplots()
    edges = np.linspace(min(0.0, float(decays.time.min())), until, bins + 1)
    points = np.linspace(edges[0], until, 10 * bins)
    some = _few(decays)
    shape = _mean_over(points, some, lambda t, s: time_density(t, s, life))
    wave = _mean_over(
        points,
        some,
        lambda t, s: time_density(t, s, life) * asymmetry(t, s, fit.delta_m.value, life),
    )
    kept = np.ones(len(points)) if acceptance is None else acceptance(points)
    total = np.trapezoid(shape * kept, points)
    width = float(edges[1] - edges[0])
    tagged = decays.signal * decays.tagged
    mean_dilution = fit.dilution_scale.value * float(
        (tagged * (1 - 2 * decays.mistag)).sum() / max(tagged.sum(), 1e-12)
    )
    for place, (state, name) in enumerate(((1, "unmixed"), (-1, "mixed"), (0, "without a tag"))):
        which = (decays.mixing == state) & (decays.time < until)
        weights = decays.signal[which]
        counts = np.histogram(decays.time[which], edges, weights=weights)[0]
        error = np.sqrt(np.histogram(decays.time[which], edges, weights=weights**2)[0])
        middle = (edges[1:] + edges[:-1]) / 2
        axes.errorbar(middle, counts, error, fmt="o", ms=2.2, lw=0.7, color=COLOURS[place])
        all_tagged = float((tagged * (decays.time < until)).sum())
        if state:
            curve = all_tagged * (shape + state * mean_dilution * wave) / 2
        else:
            curve = float((decays.signal * ~decays.tagged * (decays.time < until)).sum()) * shape
        axes.plot(points, curve * kept / total * width, color=COLOURS[place], lw=1.2, label=name)
    axes.set(xlabel="decay time [ps]", ylabel=f"signal / {1e3 * width:.0f} fs", xlim=(edges[0], until))
    axes.set_ylim(bottom=0)
    if acceptance is not None:
        beside = axes.twinx()
        beside.spines["right"].set_visible(True)
        beside.plot(points, kept, color=MUTED, lw=1.0, ls=(0, (4, 2)))
        beside.set_ylabel("relative acceptance (dashed)")
        beside.set_ylim(0, 1.6)
        beside.set_yticks([0, 0.5, 1])
    axes.legend(loc="upper right")


@styled
def oscillation_figure(
    figure: Figure,
    decays: TaggedDecays,
    fit: OscillationFit,
    *,
    truth: float | None = None,
    bins: int = 12,
    life: MeanLife = BS,
) -> None:
    """The asymmetry folded to one period, with the fit; and the likelihood by frequency.

    Parameters
    ----------
    decays, fit
        What was fitted, and what came out. Decays count as much as dilution and resolution leave of them.
    truth
        The true frequency [1/ps], if it is known.
    bins
        In one period.
    life
        Mean life of the meson.

    Raises
    ------
    InputError
        For no tagged decays.
    """
    used = decays[decays.tagged]
    _demand(used)
    figure.set_size_inches(8.2, 3.4)
    left, right = figure.subplots(1, 2)
    _folded(left, used, fit, bins, life)
    right.axvline(fit.delta_m.value, color=COLOURS[0], lw=1.0, label=f"fit {fit.delta_m} /ps")
    if truth is not None:
        right.axvline(truth, color=COLOURS[1], lw=1.0, ls=(0, (4, 2)), label=f"truth {truth:.4f} /ps")
    right.plot(fit.scan, fit.curve, color=INK, lw=1.2)
    right.set(xlabel="Δm [1/ps]", ylabel="−2 Δln L", xlim=(fit.scan[0], fit.scan[-1]))
    right.set_ylim(0, 1.45 * max(float(fit.curve.max()), 1.0))
    right.legend(
        loc="upper left",
        title=f"bound {fit.bound:.4f} /ps",
        alignment="left",
        title_fontsize=8,
        handlelength=1.2,
    )


def _folded(axes: Axes, used: TaggedDecays, fit: OscillationFit, bins: int, life: MeanLife) -> None:
    frequency, scale = fit.delta_m.value, fit.dilution_scale.value
    period = 2 * np.pi / frequency
    weight = used.dilution * np.exp(-((frequency * used.resolution) ** 2) / 2)
    phase = np.mod(used.time, period)
    edges = np.linspace(0, period, bins + 1)
    total = np.maximum(np.histogram(phase, edges, weights=weight)[0], 1e-12)
    value = np.histogram(phase, edges, weights=weight * used.mixing)[0] / total
    error = np.sqrt(np.histogram(phase, edges, weights=weight**2)[0]) / total
    some = _few(used)
    share = some.dilution * np.exp(-((frequency * some.resolution) ** 2) / 2)
    points = np.linspace(0, period, 61)
    first = np.floor(some.time / period) * period
    grid, spread = first[:, None] + points, np.repeat(some.resolution[:, None], len(points), axis=1)
    expected = scale * some.dilution[:, None] * asymmetry(grid, spread, frequency, life)
    axes.axhline(0, color=RULE, lw=0.8)
    axes.errorbar(
        (edges[1:] + edges[:-1]) / 2, value, error, fmt="o", ms=3, lw=0.8, color=INK, label="decays"
    )
    axes.plot(points, (share[:, None] * expected).sum(axis=0) / share.sum(), color=COLOURS[0], label="fit")
    top = 1.35 * float(np.max(np.abs(value) + error))
    axes.set(
        xlabel=r"decay time modulo $2\pi/\Delta m$ [ps]",
        ylabel="asymmetry",
        xlim=(0, period),
        ylim=(-top, top),
    )
    axes.legend(loc="upper center")


def _demand(decays: TaggedDecays) -> None:
    if not len(decays):
        raise InputError("no decays to draw", "one or more")


def _few(decays: TaggedDecays) -> TaggedDecays:
    """Some of the decays with all their resolutions."""
    return decays[np.argsort(decays.resolution)[:: max(1, len(decays) // _MOST)]]


def _mean_over(points: Array, some: TaggedDecays, shape: Callable[[Array, Array], Array]) -> Array:
    grid, spread = np.meshgrid(points, some.resolution)
    return np.asarray(np.average(shape(grid, spread), axis=0, weights=np.maximum(some.signal, 1e-9)))
