"""The page about ΔC9 from one data set: do the events fit, likelihood, numbers, what to mind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hepsets.core.measured import Measured
from hepsets.evaluate.estimates.summary import Inference
from hepsets.report.likelihood_figures import LikelihoodCurve, likelihood_curves
from hepsets.report.page import (
    Column,
    Content,
    KeyFigure,
    Listing,
    Page,
    Section,
    Table,
    cell_text,
    drawing,
    write_page,
)
from hepsets.report.style import model_styles

MODEL = "morphing"


def write_inference_page(path: str | Path, inference: Inference, facts: Mapping[str, str]) -> None:
    """Write the page, whole or not at all.

    Parameters
    ----------
    path
        HTML file.
    inference
        What the events say.
    facts
        Where they and the model come from, as (term, value).

    Raises
    ------
    InputError
        If the folder does not exist.
    """
    total = inference.theory["total"]
    fit = inference.goodness_of_fit
    answer = inference.verdict.answer
    told = "yes, but" if answer == "yes" and inference.verdict.not_excluded else answer
    keys = [
        KeyFigure(told, "do the events look like the model?", f"p = {inference.verdict.p_value:.2g}"),
        _estimate(inference)
        if answer != "no"
        else KeyFigure("none", "ΔC9", "the events are not the model's"),
        KeyFigure(f"± {total:.2f}", "from the theory", "form factors and subleading effects"),
        KeyFigure(cell_text(inference.events), "events", f"of {cell_text(inference.events_given)}"),
    ]
    if fit is not None:
        keys.append(
            KeyFigure(f"{fit.p_value:.2g}", "p of the fit", f"χ² {fit.chi2:.1f} for {fit.ndof} cells")
        )
    page = Page(
        docs="infer",
        title="ΔC9 from a set of B⁰ → K*⁰μ⁺μ⁻ events",
        summary=" ".join(_sentences(inference)),
        facts=tuple(facts.items()),
        key_figures=tuple(keys),
        sections=(
            Section("Do the events look like the model?", _verdict(inference)),
            Section("Likelihood", (_figure(inference), _numbers(inference))),
            Section("What to mind", _mind(inference)),
            Section("In words", (Listing("What the command said", "\n".join(inference.lines()), open=True),)),
        ),
    )
    write_page(path, page)


def _estimate(inference: Inference) -> KeyFigure:
    if inference.limit95 is not None:
        sign = "≥" if inference.limit95.side == "at least" else "≤"
        text = f"{sign} {inference.limit95.value:.2f}".replace("-", "−")
        return KeyFigure(text, "ΔC9", "95 % limit: the likelihood rises to the end of the model")
    assert inference.interval68 is not None
    low, high = inference.interval68
    if low is None or high is None:
        text = f"{inference.delta_c9:.2f}".replace("-", "−")
        return KeyFigure(text, "ΔC9", "the 68 % interval reaches the end of the model")
    value = Measured(inference.delta_c9, (high - low) / 2)
    return KeyFigure(str(value).replace("-", "−"), "ΔC9", "68 % interval, of the events alone")


def _verdict(inference: Inference) -> tuple[Content, ...]:
    verdict = inference.verdict
    words = {
        "yes": f"Yes, but {verdict.not_excluded}."
        if verdict.not_excluded
        else "Yes: nothing in the tests below contradicts it.",
        "no": "No. The numbers on this page are not to be used before the cause is found.",
        "cannot tell": "The events cannot tell.",
    }[verdict.answer]
    content: list[Content] = [" ".join([words, *(f"{reason}." for reason in verdict.reasons)])]
    if verdict.answer == "cannot tell" and verdict.not_excluded:
        content.append(f"Besides, {verdict.not_excluded}.")
    if verdict.causes:
        content.append(
            Table(
                (Column("what explains the events"), Column("p", digits=3), Column("remedy")),
                tuple((cause.name, cause.p_value, cause.remedy) for cause in verdict.causes),
                f"{verdict.tried} causes were tried, by making each mistake in simulated events.",
            )
        )
    elif verdict.answer == "no":
        content.append(f"None of {verdict.tried} causes that were tried explains the events.")
    return tuple(content)


def _sentences(inference: Inference) -> list[str]:
    words = [f"{line[0].upper()}{line[1:].rstrip('.')}." for line in inference.verdict.lines()[:2]]
    words.append(
        f"{cell_text(inference.events)} events at {inference.level} level, q² window {inference.window}"
        + ("." if inference.verdict.answer == "no" else f", give {inference.estimate()}.")
    )
    if inference.warnings:
        number = len(inference.warnings)
        words.append(f"There {'is one warning' if number == 1 else f'are {number} warnings'}; see below.")
    return words


def _figure(inference: Inference) -> Content:
    low, high = inference.interval68 or (None, None)
    points = inference.curve_delta_c9
    curve = LikelihoodCurve(
        points,
        -2 * inference.curve_log_likelihood,
        inference.delta_c9,
        low,
        high,
    )
    return drawing(
        likelihood_curves({MODEL: curve}, model_styles([MODEL])),
        "The likelihood of the events along ΔC9"
        + ("." if inference.background_fraction is None else ", at the best background fraction for each."),
        alt="Minus two log likelihood ratio against ΔC9",
    )


def _numbers(inference: Inference) -> Table:
    rows: list[tuple[str, float | None, float | None]] = [
        ("68 % interval", *(inference.interval68 or (None, None))),
        ("95 % interval", *(inference.interval95 or (None, None))),
    ]
    if inference.limit95 is not None:
        at_least = inference.limit95.side == "at least"
        value = inference.limit95.value
        rows.append(("95 % limit", value if at_least else None, None if at_least else value))
    sizes = [("finite simulation", inference.simulation_se)]
    sizes += [(f"theory: {name}", size) for name, size in inference.theory.items()]
    rows += [(name, inference.delta_c9 - size, inference.delta_c9 + size) for name, size in sizes]
    return Table(
        (Column("what"), Column("from", digits=3), Column("to", digits=3)),
        tuple(rows),
        "Intervals are those of the likelihood ratio. The others are one standard deviation around the "
        "estimate, which no number of events makes smaller.",
    )


def _mind(inference: Inference) -> tuple[Content, ...]:
    content: list[Content] = []
    if inference.warnings:
        content.append("\n\n".join(inference.warnings))
    else:
        content.append("The events lie where the model was trained.")
    fit = inference.goodness_of_fit
    if fit is not None:
        pulls = (fit.observed - fit.expected) / np.sqrt(np.maximum(fit.expected, 1e-12))
        far = int((np.abs(pulls) > 2).sum())
        content.append(
            f"Goodness of fit compares {len(fit.observed)} cells of the variables with simulation at the "
            f"estimate. The cell farthest off is {fit.worst_cell}, with a pull of {fit.worst_pull:+.1f}; "
            f"{far} {'cell is' if far == 1 else 'cells are'} off by more than two standard deviations."
        )
    return tuple(content)
