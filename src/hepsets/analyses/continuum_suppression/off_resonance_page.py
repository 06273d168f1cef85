"""The sections of the page on off-resonance data: closure of the weights, and what they bring back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hepsets.analyses.continuum_suppression.config import Config
from hepsets.analyses.continuum_suppression.figures import AXIS_LABELS
from hepsets.analyses.continuum_suppression.off_resonance import OffResonance
from hepsets.analyses.continuum_suppression.recovery import WAYS, Recovered
from hepsets.evaluate.scores.shapes import ShapeClosure
from hepsets.report.page import Column, Content, FigureFiles, Section, Table
from hepsets.report.style import COLOURS, INK, MUTED, RULE, styled

_LABELS = {
    **AXIS_LABELS,
    "n_tracks": "tracks",
    "n_clusters": "clusters",
    "n_kaons": "kaons",
    "n_protons": "protons",
    "n_leptons": "leptons",
}
_NAMES = {
    "wrong": "wrong simulation",
    "right": "right simulation",
    "reweighted": "wrong, reweighted",
    "data": "off-resonance data",
}
_WRONG = {
    "fragmentation": "another fragmentation of light quarks ({config.recovery.fragmentation})",
    "detector": "another detector ({config.recovery.detector})",
}
SHOWN = 12
"""Most variables whose shapes are drawn."""


def off_resonance_sections(
    config: Config,
    found: OffResonance | None,
    recovered: Sequence[Recovered],
    figures: FigureFiles,
) -> Iterator[Section]:
    """Sections of what there is."""
    if found is not None:
        warning = (f"Warning: {found.warning}.",) if found.warning else ()
        yield Section("Off-resonance data", (*warning, *_closure(config, found, figures)))
    if recovered:
        yield Section("What off-resonance data bring back", tuple(_recovery(config, recovered, figures)))


def _closure(config: Config, found: OffResonance, figures: FigureFiles) -> Iterator[Content]:
    reweighted = found.use == "reweight"
    yield (
        f"Continuum data taken {1000 * found.below:.0f} MeV below the Υ(4S), all momenta scaled by "
        f"{found.scale:.5f}: {found.train_events:,} candidates "
        + (
            f"that simulated continuum is reweighted to, and {found.held_events:,} that judge. Each event's "
            "weight comes from folds that did not see it; "
            f"{found.clipped:,} of {found.simulated_events:,} weights were clipped at "
            f"{config.off_resonance.ratio.clip:g}, and the effective number of simulated events is "
            f"{found.effective_size:,.0f}. Test continuum is reweighted, too, by the mean over "
            "the folds."
            if reweighted
            else f"to train against in place of simulated continuum, and {found.held_events:,} that judge. "
            "Test continuum is simulated."
        )
    )
    yield Table(
        (
            Column("simulation against data that judge"),
            Column("AUC", "0.5: not told apart"),
            Column("p-value", digits=3),
            Column("median χ²/ndof", "of the variables", digits=2),
            Column("largest χ²/ndof", digits=2),
        ),
        tuple(
            (
                name,
                told.auc,
                told.p_value,
                float(np.median([_per_ndof(one, after) for one in found.closures])),
                max(_per_ndof(one, after) for one in found.closures),
            )
            for name, told, after in (
                ("as simulated", found.before, False),
                *((("reweighted", found.after, True),) if reweighted else ()),
            )
        ),
    )
    yield figures(
        "off_resonance_chi2",
        chi2_of_variables(found.closures, reweighted=reweighted),
        "χ² per degree of freedom of simulated continuum against off-resonance data that made no weights, "
        "variable by variable.",
    )
    yield figures(
        "off_resonance_shapes",
        shapes_of_variables(_furthest(found.closures), reweighted=reweighted),
        "The variables that were furthest apart: simulated continuum over off-resonance data, in bins that "
        "hold a tenth of the data each; the band is the error of data. Ratios beyond 5 lie outside.",
    )
    yield Table(
        (
            Column("model"),
            Column("data left", f"at {100 * config.signal_efficiency:g} % signal efficiency"),
        ),
        tuple(found.left.items()),
        caption="Share of the off-resonance data that judge which a cut on each model leaves.",
    )


def _per_ndof(one: ShapeClosure, after: bool) -> float:
    return (one.chi2_after if after else one.chi2_before) / max(one.ndof, 1)


def _label(one: ShapeClosure) -> str:
    return _LABELS.get(one.variable, one.variable).split(" [")[0]


def _furthest(closures: Sequence[ShapeClosure]) -> list[ShapeClosure]:
    return sorted(closures, key=lambda one: -_per_ndof(one, False))[:SHOWN]


def _recovery(config: Config, recovered: Sequence[Recovered], figures: FigureFiles) -> Iterator[Content]:
    wrong = "; ".join(
        f"{name}: {_WRONG[name].format(config=config)}"
        for name in dict.fromkeys(one.mismodelling for one in recovered)
    )
    yield (
        "Data, on resonance and below it, are continuum as it is simulated here; the simulation that models "
        f"are trained with is wrong on purpose ({wrong}). Signal is the same for all, and all are tested on "
        "right events. Recovery is the share of the background that training on wrong simulation leaves too "
        "much which reweighting, or training against the data themselves, brings back; errors from drawing "
        "test events and training seeds again."
    )
    yield Table(
        (
            Column("wrong is"),
            Column("model"),
            *(Column("background left", _NAMES[way]) for way in WAYS),
            Column("recovered", "by reweighting"),
            Column("recovered", "by training against data"),
            Column("effective size", "of all simulated", digits=2),
        ),
        tuple(
            (
                one.mismodelling,
                one.model,
                *(one.left[way] for way in WAYS),
                one.reweighted,
                one.data,
                one.effective_size / one.events,
            )
            for one in recovered
        ),
    )
    yield figures(
        "recovery",
        recovery(recovered, signal_efficiency=config.signal_efficiency),
        "Background left on right test events, by what models were trained against; means over seeds.",
    )


@styled
def chi2_of_variables(figure: Figure, closures: Sequence[ShapeClosure], *, reweighted: bool) -> None:
    """χ² per degree of freedom of each variable, before and after, those that were furthest apart first."""
    ordered = sorted(closures, key=lambda one: -_per_ndof(one, False))
    figure.set_size_inches(6.4, 0.9 + 0.17 * len(ordered))
    axes = figure.subplots()
    rows = np.arange(len(ordered))
    axes.axvline(1, color=MUTED, lw=0.9, ls=(0, (3, 2)))
    before = [max(_per_ndof(one, False), 0.05) for one in ordered]
    axes.plot(before, rows, "o", color=COLOURS[1], ms=4.5, label="as simulated")
    if reweighted:
        after = [max(_per_ndof(one, True), 0.05) for one in ordered]
        axes.hlines(rows, np.minimum(before, after), np.maximum(before, after), color=RULE, lw=1.2, zorder=0)
        axes.plot(after, rows, "D", color=COLOURS[0], ms=4, label="reweighted")
    axes.set_xscale("log")
    axes.set_yticks(rows, [_label(one) for one in ordered], fontsize=7)
    axes.set_ylim(len(ordered) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("χ² per degree of freedom, simulation against off-resonance data")
    axes.grid(axis="x")
    axes.legend(loc="lower right")


@styled
def shapes_of_variables(figure: Figure, closures: Sequence[ShapeClosure], *, reweighted: bool) -> None:
    """Ratio of simulation to data in each bin, before and after, with the errors of data as a band."""
    columns = 4
    rows = -(-len(closures) // columns)
    figure.set_size_inches(9.6, 1.75 * rows + 0.5)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes in grid.flat[len(closures) :]:
        axes.remove()
    for place, (axes, one) in enumerate(zip(grid.flat, closures, strict=False)):
        at = np.arange(len(one.data)) + 0.5
        error = one.data_se / one.data
        low, high = (np.append(1 + sign * error, 1 + sign * error[-1]) for sign in (-1, 1))
        axes.fill_between(np.arange(len(error) + 1), low, high, step="post", color=RULE, lw=0)
        shown = [(one.before, one.before_se, COLOURS[1], "o")]
        if reweighted:
            shown.append((one.after, one.after_se, COLOURS[0], "D"))
        for shift, (value, se, colour, marker) in enumerate(shown):
            axes.errorbar(
                at + 0.2 * shift, value / one.data, se / one.data, fmt=marker, color=colour, ms=3, lw=1
            )
        axes.axhline(1, color=INK, lw=0.8)
        axes.set(yscale="log", ylim=(0.2, 5), xlim=(0, len(one.data)))
        axes.set_yticks((0.25, 0.5, 1, 2, 4), ("¼", "½", "1", "2", "4"))
        axes.minorticks_off()
        axes.set_xticks([])
        axes.set_xlabel(_label(one))
        if place % columns == 0:
            axes.set_ylabel("simulation / data")
    handles = [
        Line2D([], [], color=COLOURS[1], marker="o", ls="", ms=4, label="as simulated"),
        *(
            [Line2D([], [], color=COLOURS[0], marker="D", ls="", ms=4, label="reweighted")]
            if reweighted
            else []
        ),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)


@styled
def recovery(figure: Figure, recovered: Sequence[Recovered], *, signal_efficiency: float) -> None:
    """Background left after each way of training, a row for each mismodelling and model."""
    figure.set_size_inches(7.4, 1.2 + 0.75 * len(recovered))
    axes = figure.subplots()
    for place, way in enumerate(WAYS):
        shift = 0.7 * ((place + 0.5) / len(WAYS) - 0.5)
        axes.errorbar(
            [100 * one.left[way].value for one in recovered],
            np.arange(len(recovered)) + shift,
            xerr=[100 * one.left[way].se for one in recovered],
            fmt="osD^"[place],
            color=COLOURS[place],
            ms=5,
            lw=1.2,
            label=_NAMES[way],
        )
    axes.set_yticks(range(len(recovered)), [f"{one.mismodelling},\n{one.model}" for one in recovered])
    axes.set_ylim(len(recovered) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.set_xlabel(f"background left at {100 * signal_efficiency:g} % signal efficiency [%]")
    axes.legend(title="trained against", loc="upper left", bbox_to_anchor=(1.0, 1.0))
