"""The section of the coursework's version, with each fault beside the number that it changes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hepsets.analyses.bs_dspi.figures.selection import roc_figure, score_figure
from hepsets.analyses.bs_dspi.published import ABOVE, Published
from hepsets.analyses.bs_dspi.summary import auc_text, mev
from hepsets.report import figures as shared_figures
from hepsets.report.mass_fit_figures import fit_picture_figure
from hepsets.report.page import Column, Content, FigureFiles, Section, Table
from hepsets.report.style import model_styles

NAME = "published"


def published_section(found: Published, figures: FigureFiles, label: str) -> Section:
    """What the coursework's version finds here, and what each fault changes.

    Parameters
    ----------
    found
        Of the study.
    figures
        Draws.
    label
        Of the mass.
    """
    return Section("As published", tuple(_content(found, figures, label)))


def _content(found: Published, figures: FigureFiles, label: str) -> Iterator[Content]:
    yield (
        f"The coursework's version on the same candidates: its variables, data above {ABOVE:g} GeV as "
        "background, scaling, SMOTE, 500 trees with early stopping, a cut by S/√(S+B) of counts, a Gaussian "
        "on an exponential in bins. Each fault stands beside the number that it changes; scaling changes "
        "nothing, since trees do not see it."
    )
    yield Table(
        (Column("fault"), Column("number"), Column("as published"), Column("without it"), Column("why")),
        tuple((one.name, one.number, one.published, one.done_right, one.remark) for one in found.faults),
    )
    for name, fit in (("before", found.before), ("after", found.after)):
        drawn = fit_picture_figure(fit.picture, label)
        true = f" ({fit.truth} are there)" if fit.truth >= 0 else ""
        yield figures(
            f"published_{name}",
            drawn,
            f"{name.capitalize()} the published cut: {fit.signal} signal decays{true}, {mev(fit.mean)} MeV.",
        )
    names = "signal", "background"
    drawn = score_figure(found.signal_scores, found.background_scores, found.threshold, names)
    yield figures(
        "published_scores",
        drawn,
        "Scores of the published test part, synthetic candidates included, and the published cut at "
        f"{found.threshold:.3f}.",
    )
    styles, best = model_styles([NAME]), int(np.argmin(found.test_losses))
    curve = shared_figures.TrainingCurve(found.train_losses, found.test_losses, best)
    drawn = shared_figures.training_curves({NAME: curve}, styles, steps="tree")
    caption = "Loss of training (dashed) and test part (solid), least after"
    yield figures("published_loss", drawn, f"{caption} {best + 1} trees.")
    drawn = roc_figure(found.quality, found.quality.auc, ("share of signal", "share of background"))
    caption = "ROC curve of the published test part, area"
    yield figures("published_roc", drawn, f"{caption} {auc_text(found.quality.auc)}.")
    order = sorted(found.gains, key=lambda one: -found.gains[one])
    yield Table(
        (Column("variable"), Column("gain", "% of all", 1)),
        tuple((one, 100 * found.gains[one]) for one in order),
        "Importance as published: by how much splits lowered the training loss.",
    )
