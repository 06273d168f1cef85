"""Which models can be told apart, and the table that says so: on the terminal, the page and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from hepsets.analyses.smart_background.comparison import ModelResult
from hepsets.analyses.smart_background.config import OURS
from hepsets.core.measured import Measured
from hepsets.core.text_tables import markdown_table
from hepsets.evaluate.filter.limit import Limit
from hepsets.evaluate.scores.paired import DISTINCT, Repeated, indistinct, winner
from hepsets.report.page import Column, Table

QUANTITIES = {"auc": "aucs", "max_speedup": "speedups", "importance_speedup": "importances"}
"""Names of metrics, and where a :class:`ModelResult` keeps their values of all trainings."""

RUNNING = "¹"
"""Marks models that had not stopped improving."""


def ranked(models: Sequence[ModelResult]) -> list[ModelResult]:
    """Models by their AUC, the mean of all trainings, best first."""
    return sorted(models, key=lambda model: -model.aucs.mean)


def repeated(model: ModelResult, quantity: str) -> Repeated:
    """One of :data:`QUANTITIES` in all trainings of a model."""
    found: Repeated = getattr(model, QUANTITIES[quantity])
    return found


def alike(models: Sequence[ModelResult], quantity: str) -> list[list[int]]:
    """For each model the numbers of those that it cannot be told from, by one of :data:`QUANTITIES`."""
    return indistinct([repeated(model, quantity) for model in models])


def crowned(models: Sequence[ModelResult]) -> ModelResult | None:
    """The model whose AUC is above all others' by more than two errors of the difference, if there is one.

    Several trainings of each model must show it.
    """
    found = winner([model.aucs for model in models])
    return None if found is None else models[found]


def verdict(models: Sequence[ModelResult]) -> str:
    """One or two sentences: which model is best, if any is, and which had not stopped improving."""
    best = crowned(models)
    if len(models) == 1:
        text = f"One model was trained, {models[0].name}."
    elif best is not None:
        text = (
            f"Among {len(models)} models, {best.name} separates best: its AUC is more than {DISTINCT:g} "
            "errors of the difference above every other."
        )
    else:
        rows = ranked(models)
        level = [rows[0], *(rows[i] for i in alike(rows, "auc")[0])]
        names = ", ".join(model.name for model in level[:-1])
        within = f"cannot be told apart (AUCs within {DISTINCT:g} errors of the difference)"
        if any(model.aucs.spread is None for model in models):
            text = (
                f"{len(models)} models were trained once each, so none is called best: how far a result "
                "depends on its training is not known."
            )
            text += f" At the top {names} and {level[-1].name} {within}." if names else ""
        else:
            text = f"Among {len(models)} models none is best: {names} and {level[-1].name} {within}."
    if running := [model.name for model in models if model.converged is False]:
        text += f" Not converged, and better with more training: {', '.join(running)}."
    return text


def rows_of(models: Sequence[ModelResult], limit: Limit | None) -> list[list[str]]:
    """Cells of the table under :data:`HEADINGS` but for the first, best AUC first.

    Numbers are means over the trainings with their statistical errors, the spread over trainings beside
    them; the last cell has the numbers of the rows that cannot be told from this one by AUC.
    """
    rows = ranked(models)
    found = []
    for model, others in zip(rows, alike(rows, "auc"), strict=True):
        cells = [
            model.name + (RUNNING if model.converged is False else ""),
            str(model.parameters),
            str(model.inputs),
        ]
        for quantity in QUANTITIES:
            values = repeated(model, quantity)
            cells += [
                str(Measured(values.mean, values.statistical_se)),
                "–" if values.spread is None else f"{values.spread:.2g}",
            ]
            if quantity == "auc":
                cells.append("" if limit is None else _to_limit(values, limit))
        found.append([*cells, ", ".join(str(i + 1) for i in sorted(others))])
    return found


def _to_limit(values: Repeated, limit: Limit) -> str:
    se = (limit.auc.se**2 + values.statistical_se**2) ** 0.5
    return str(Measured(limit.auc.value - values.mean, se))


def limit_row(limit: Limit) -> list[str]:
    """The limit as a row of the same table."""
    found = (limit.auc, limit.max_speedup, limit.importance_speedup)
    area, gain, unbiased = (str(Measured(one.value, one.se)) for one in found)
    return ["limit of any filter", "", "", area, "", "", gain, "", unbiased, "", ""]


HEADINGS = (
    "#",
    "model",
    "parameters",
    "inputs",
    "AUC",
    "spread",
    "to the limit",
    "speedup, threshold",
    "spread",
    "speedup, no bias",
    "spread",
    "not distinguishable from #",
)


def legend(models: Sequence[ModelResult]) -> str:
    """What the numbers of the table are."""
    number = len(models[0].fits)
    text = (
        f"Means over {number} trainings from different initial weights, on the same events; errors are those "
        "of the test sample and of what was chosen on validation events, the spread is the standard "
        "deviation between trainings. "
        if number > 1
        else "One training of each model, whose spread over trainings is not known; errors are those of the "
        "test sample and of what was chosen on validation events. "
    )
    text += f"Not distinguishable: AUCs within {DISTINCT:g} errors of the difference on the same test events"
    text += ", spreads included." if number > 1 else "."
    if any(model.converged is False for model in models):
        text += f" {RUNNING} Had not converged: the validation loss still fell when the training ended."
    return text


def markdown(models: Sequence[ModelResult], limit: Limit | None) -> str:
    """The table and its legend, as README and documentation show it."""
    best = crowned(models)
    rows = []
    for number, (model, cells) in enumerate(zip(ranked(models), rows_of(models, limit), strict=True), 1):
        name = f"`{model.name}`" + cells[0].removeprefix(model.name)
        name = f"**{name}**" if model is best else name
        name += " (ours)" if model.name == OURS else ""
        rows.append((str(number), name, *cells[1:]))
    if limit is not None:
        name, *cells = limit_row(limit)
        rows.append(("", f"*{name}*", *cells))
    return "\n".join(markdown_table(HEADINGS, rows)) + f"\n\n{legend(models)}\n"


def trainings_table(models: Sequence[ModelResult]) -> Table:
    """All trainings of each model, for the page."""
    rows = ranked(models)
    return Table(
        (
            Column("Model"),
            Column("Trainings"),
            Column("Converged"),
            Column("AUC", "mean"),
            Column("Spread", digits=4),
            Column("Speedup", "threshold, mean", digits=2),
            Column("Spread", digits=3),
            Column("Speedup", "weights, mean", digits=2),
            Column("Spread", digits=3),
            Column("Not distinguishable from", "by AUC"),
        ),
        tuple(
            (
                model.name,
                len(model.fits),
                {True: "yes", False: "no", None: "unknown"}[model.converged],
                *(
                    cell
                    for quantity in QUANTITIES
                    for values in [repeated(model, quantity)]
                    for cell in (Measured(values.mean, values.statistical_se), values.spread)
                ),
                ", ".join(rows[i].name for i in others) or "–",
            )
            for model, others in zip(rows, alike(rows, "auc"), strict=True)
        ),
        legend(models),
    )
