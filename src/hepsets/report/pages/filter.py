"""The page about one run of the filter: what came, what was kept, what was out of its depth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hepsets.core.pdg import particle_name
from hepsets.evaluate.filter.summary import BINS, FilterSummary
from hepsets.report.figures import filter_histograms
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
from hepsets.report.style import mark_simulation

MOST_IDS = 50
"""PDG ids that are listed; more than that and the events are of another kind altogether."""


def write_filter_page(
    path: str | Path, summary: FilterSummary, facts: Mapping[str, str], rules: Mapping[str, str]
) -> None:
    """Write the page, whole or not at all.

    Parameters
    ----------
    path
        HTML file.
    summary
        What the filter did.
    facts
        How it was set, as (term, value).
    rules
        Which events were kept for each skim.

    Raises
    ------
    InputError
        If the folder does not exist.
    """
    words: list[Content] = []
    if summary.doubled:
        words.append(
            f"Events equal to earlier ones, in number and content: {cell_text(summary.doubled)}. They share "
            "their random numbers, so their decisions are not independent, and they are no further data."
        )
    words.append(Listing("What the command said", "\n".join(summary.lines())))
    page = Page(
        docs="filter",
        title="What the filter kept",
        summary=_in_short(summary),
        facts=tuple(facts.items()),
        key_figures=_key_figures(summary),
        sections=(
            Section("Skims", (_skims(summary, rules), _figure(summary))),
            Section("Out of its depth", _strange(summary)),
            Section("In words", tuple(words)),
        ),
    )
    write_page(path, page)


def _in_short(summary: FilterSummary) -> str:
    if summary.kept == summary.read:
        return f"All {cell_text(summary.read)} generated events go on to the simulation."
    numbers = f"{cell_text(summary.kept)} of {cell_text(summary.read)}"
    return f"{numbers} generated events go on to the simulation. " + (
        "Weights, one per skim, undo what was left out."
        if summary.unbiased
        else "Nothing undoes what was left out: their distributions are biased."
    )


def _key_figures(summary: FilterSummary) -> tuple[KeyFigure, ...]:
    found = [KeyFigure(f"{100 * summary.kept / summary.read:.2f} %", "kept for at least one skim")]
    if summary.unbiased and summary.kept < summary.read:
        if len(summary.skims) > 1:
            found.append(
                KeyFigure(
                    f"{100 * summary.independent / summary.read:.2f} %",
                    "with independent random numbers",
                    "expected if the skims did not share theirs",
                )
            )
        else:
            found.append(
                KeyFigure(
                    str(summary.skims[0].mean_weight),
                    "mean weight of all events",
                    "1 but for chance",
                )
            )
    outside = f"{100 * summary.outside / summary.read:.3g} %"
    note = f"{cell_text(summary.outside)} events, all kept" if summary.outside else ""
    return (*found, KeyFigure(outside, "outside the training domain", note))


def _skims(summary: FilterSummary, rules: Mapping[str, str]) -> Table:
    return Table(
        (
            Column("skim"),
            Column("kept", "events"),
            Column("expected", "Σp"),
            Column("share", "%", digits=2),
            Column("mean weight", "of all events"),
            Column("effective size", "(Σw)²/Σw²"),
            Column("rule", "p: probability to be kept"),
        ),
        tuple(
            (
                skim.name,
                skim.kept,
                round(skim.expected),
                100 * skim.kept / summary.read,
                skim.mean_weight,
                round(skim.effective),
                rules[skim.name],
            )
            for skim in summary.skims
        ),
        "P(pass) is the network's probability for the skim in the population. Events that are not kept have "
        "weight 0; without bias the mean weight is 1 but for chance. The effective size is what the kept "
        "events are worth if all events count alike; for passing events, whose p is larger, it is more.",
    )


def _figure(summary: FilterSummary) -> Content:
    figure = filter_histograms(
        np.linspace(0, 1, BINS + 1),
        {skim.name: skim.scores for skim in summary.skims},
        {skim.name: skim.probabilities for skim in summary.skims},
    )
    mark_simulation(figure)  # a filter reads generated events
    return drawing(
        figure,
        "Left: scores of all events, as learned from samples in which about half of the events pass. Right: "
        "the probabilities with which they were kept.",
        alt="Numbers of events by score and by keep probability",
    )


def _strange(summary: FilterSummary) -> tuple[Content, ...]:
    if not summary.outside:
        return ("All events lie within the domain that the network was trained in.",)
    content: list[Content] = [
        f"{cell_text(summary.outside)} events are unlike anything in the training. The network's opinion of "
        "them means nothing, so all of them were kept with weight one.",
        Table(
            (Column("reason"), Column("events"), Column("share", "%", digits=3)),
            tuple(
                (reason, count, 100 * count / summary.read) for reason, count in summary.reasons.most_common()
            ),
            "An event may have several reasons.",
        ),
    ]
    if summary.unknown_ids:
        more = len(summary.unknown_ids) - MOST_IDS
        content.append(
            Table(
                (Column("particle"), Column("PDG id"), Column("events")),
                tuple(
                    (particle_name(pdg), str(pdg), count)
                    for pdg, count in summary.unknown_ids.most_common(MOST_IDS)
                ),
                "Particles that training never saw"
                + (f": the most frequent ones, and {more} more." if more > 0 else "."),
            )
        )
    return tuple(content)
