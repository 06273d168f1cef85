"""The page about one run of the filter: what came, what was kept, what was out of its depth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hepsets.core.pdg import particle_name
from hepsets.evaluate.filter_summary import BINS, FilterSummary
from hepsets.report.figures import filter_histograms
from hepsets.report.page import (
    Column,
    Content,
    KeyFigure,
    Listing,
    Page,
    Section,
    Table,
    drawing,
    write_page,
)


def write_filter_page(path: str | Path, summary: FilterSummary, facts: Mapping[str, str]) -> None:
    """Write the page, whole or not at all.

    Parameters
    ----------
    path
        HTML file.
    summary
        What the filter did.
    facts
        How it was set, as (term, value).

    Raises
    ------
    InputError
        If the folder does not exist.
    """
    share = summary.kept / summary.read
    outside = summary.outside / summary.read
    weighted = sum(skim.sum_weights for skim in summary.skims) / (len(summary.skims) * summary.read)
    page = Page(
        title="Events before the simulation",
        summary=(
            f"{summary.kept} of {summary.read} generated events go on to the simulation. "
            + (
                "Weights, one per skim, undo what was left out."
                if summary.unbiased
                else "Nothing undoes what was left out: their distributions are biased."
            )
        ),
        facts=tuple(facts.items()),
        key_figures=(
            KeyFigure(f"{100 * share:.2f} %", "kept", f"{summary.kept} events"),
            KeyFigure(
                f"{weighted:.3f}",
                "mean weight of all events",
                "1 but for chance" if summary.unbiased else "1 if all were kept",
            ),
            KeyFigure(
                f"{100 * outside:.3g} %", "outside the training domain", f"{summary.outside} events, all kept"
            ),
        ),
        sections=(
            Section("Skims", (_skims(summary), _figure(summary))),
            Section("Out of its depth", _strange(summary)),
            Section("In words", (Listing("What the command said", "\n".join(summary.lines()), open=True),)),
        ),
    )
    write_page(path, page)


def _skims(summary: FilterSummary) -> Table:
    return Table(
        (
            Column("skim"),
            Column("kept", "events"),
            Column("expected", "Σp", digits=1),
            Column("sum of weights", "of kept events", digits=1),
            Column("effective size", "(Σw)²/Σw²", digits=1),
        ),
        tuple(
            (skim.name, skim.kept, skim.expected, skim.sum_weights, skim.effective) for skim in summary.skims
        ),
        "The sum of weights estimates the number of events that came; the effective size is what the "
        "kept ones are worth if all events counted alike.",
    )


def _figure(summary: FilterSummary) -> Content:
    edges = np.linspace(0, 1, BINS + 1)
    return drawing(
        filter_histograms(
            edges,
            {skim.name: skim.scores for skim in summary.skims},
            {skim.name: skim.probabilities for skim in summary.skims},
        ),
        "Scores of all events, at the share of passing events of the training, and the probabilities "
        "with which they were kept.",
    )


def _strange(summary: FilterSummary) -> tuple[Content, ...]:
    if not summary.outside:
        return ("All events lie within the domain that the network was trained in.",)
    content: list[Content] = [
        f"{summary.outside} events are unlike anything in the training. The network's opinion of them "
        "means nothing, so all of them were kept with weight one.",
        Table(
            (Column("reason"), Column("events")),
            tuple((reason, count) for reason, count in summary.reasons.most_common()),
        ),
    ]
    if summary.unknown_ids:
        content.append(
            Table(
                (Column("particle"), Column("PDG id"), Column("events")),
                tuple(
                    (particle_name(pdg), str(pdg), count)
                    for pdg, count in summary.unknown_ids.most_common(50)
                ),
                "Particles that training never saw.",
            )
        )
    return tuple(content)
