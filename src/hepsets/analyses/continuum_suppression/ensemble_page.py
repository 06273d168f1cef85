"""The section of the page on predictive uncertainty: several trainings taken together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from hepsets.analyses.continuum_suppression.ensembles import Ensemble
from hepsets.evaluate.scores.ensemble import SpreadAgainstError
from hepsets.report import figures as shared_figures
from hepsets.report.page import Column, Content, FigureFiles, Section, Table
from hepsets.report.style import MUTED, Style, model_panels, styled


def ensemble_sections(
    ensembles: Sequence[Ensemble], styles: Mapping[str, Style], figures: FigureFiles
) -> Iterator[Section]:
    """The section, if a model was trained several times."""
    if ensembles:
        yield Section("Predictive uncertainty", tuple(_content(ensembles, styles, figures)))


def _content(
    ensembles: Sequence[Ensemble], styles: Mapping[str, Style], figures: FigureFiles
) -> Iterator[Content]:
    yield (
        "Models that were trained several times give each event a mean probability and a spread "
        "(predictions/, columns MODEL_mean and MODEL_spread). The spread is what initial weights, the split "
        "and the order of the training events leave open. It does not know what all trainings have in "
        "common: their events, the detector and the fragmentation that were simulated."
    )
    yield Table(
        (
            Column("model"),
            Column("trainings"),
            Column("AUC", "of the mean"),
            Column("AUC", "of the first"),
            Column("background left", "of the mean"),
            Column("background left", "of the first"),
            Column("spread", "root mean square", digits=4),
            Column("calibration error", "of the mean"),
        ),
        tuple(
            (
                one.name,
                one.trainings,
                one.auc,
                one.auc_of_first,
                one.left,
                one.left_of_first,
                one.spread,
                one.calibration.expected_error,
            )
            for one in ensembles
        ),
    )
    yield figures(
        "reliability",
        shared_figures.calibration_curves(
            {one.name: one.calibration for one in ensembles}, styles, share="share that is signal"
        ),
        "Reliability of the mean probability: share of signal against it, with one standard error.",
    )
    judged = {one.name: one.against_error for one in ensembles if one.against_error is not None}
    if judged:
        yield figures(
            "spread_against_error",
            spread_and_error(judged, styles),
            "Events in steps of the spread: the error of the mean probability, against the share of signal "
            "in bins of it and freed of what chance makes. On the dashed line the spread is the error.",
        )


@styled
def spread_and_error(
    figure: Figure, found: Mapping[str, SpreadAgainstError], styles: Mapping[str, Style]
) -> None:
    """Error of the mean score over the spread of the trainings, a panel per model."""
    most = max(float(max(one.spread.max(), one.error_high.max())) for one in found.values())
    for axes, (name, one) in model_panels(figure, found, "spread of trainings", "error of their mean"):
        axes.plot([0, 1], [0, 1], color=MUTED, lw=0.9, ls=(0, (3, 2)))
        axes.errorbar(
            one.spread,
            one.error,
            np.array([one.error - one.error_low, one.error_high - one.error]),
            fmt=styles[name].marker,
            color=styles[name].colour,
            ms=4,
            lw=1.1,
        )
        axes.set(xlim=(0, 1.08 * most), ylim=(0, 1.08 * most))
        axes.set_title(name, color=styles[name].colour)
