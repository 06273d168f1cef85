"""The report's sections about many skims at once."""

from __future__ import annotations

from collections.abc import Iterator

from hepsets.analyses.smart_background import figures as own_figures
from hepsets.analyses.smart_background.studies.many_skims import LEAST_PASSING, MultiSkim
from hepsets.core.measured import Measured
from hepsets.report.page import Column, Drawing, FigureFiles, Section, Table


def multi_skim_sections(found: MultiSkim, figures: FigureFiles) -> Iterator[Section]:
    """What one network does for many skims, and what one random number for all of them saves."""
    yield Section("Many skims", (_prose(found), _table(found), *_samples(found, figures)))
    yield Section("One random number for all skims", tuple(_random(found, figures)))


def _prose(found: MultiSkim) -> str:
    text = (
        f"One network of {found.parameters:,} parameters with a head for each skim is told which of the six "
        f"samples an event is from. It was trained on {found.train_events:,} and judged on "
        f"{found.test_events:,} events, thinned from {found.generated:,} generated ones; weights bring the "
        "mix of the cross sections back. Keep rules and thresholds were chosen on validation events, "
        "for each skim at its own retention."
    )
    for alone in found.alone:
        text += (
            f" A network of the same kind for {alone.skim} alone, trained on the same events, reaches an "
            f"AUC of {alone.auc} and a speedup without bias of "
            f"{alone.importance.speedup}; the network "
            f"of all skims is {alone.gain} above it in AUC."
        )
    return text


def _table(found: MultiSkim) -> Table:
    columns = (
        Column("skim"),
        Column("retention", "%"),
        Column("AUC"),
        Column("AUC", "event type alone"),
        Column("speedup", "threshold"),
        Column("passing events kept", "threshold"),
        Column("speedup", "no bias"),
        Column("effective fraction", "no bias"),
        Column("effective fraction", "all simulated events"),
        Column("largest pull", "no bias", 1),
    )
    rows = []
    for each in found.skims:
        cut, unbiased = each.threshold, each.importance
        rows.append(
            (
                each.skim,
                Measured(100 * each.retention.value, 100 * each.retention.se),
                each.auc,
                each.auc_of_event_type,
                cut.speedup,
                cut.true_positive_rate,
                unbiased.speedup,
                each.effective_fraction,
                each.effective_fraction_of_all,
                max((float(abs(bias.pulls).max()) for bias in each.weighted_biases), default=0.0),
            )
        )
    return Table(
        columns,
        tuple(rows),
        "Each skim in the production mix. The effective fraction is Kish's effective number of kept passing "
        "events over all passing ones: with the events that the skim itself wants, and with all those that "
        "any skim wants. The largest pull is that of any bin of the observables of weighted kept events.",
    )


def _samples(found: MultiSkim, figures: FigureFiles) -> Iterator[Table | Drawing]:
    areas = {
        each.skim: {"all": each.auc} | {one.sample: one.auc for one in each.samples} for each in found.skims
    }
    yield figures(
        "skims_by_sample",
        own_figures.areas_by_sample(areas),
        "AUC of each head in the production mix and within each sample, where at least "
        f"{LEAST_PASSING} test events pass. In the mix a part of the separation is that between samples.",
    )
    columns = (
        Column("skim"),
        Column("sample"),
        Column("passing test events"),
        Column("retention", "%"),
        Column("AUC"),
        Column("speedup", "no bias, this sample alone"),
    )
    yield Table(
        columns,
        tuple(
            (
                each.skim,
                one.sample,
                one.passing,
                Measured(100 * one.retention.value, 100 * one.retention.se),
                one.auc,
                one.importance_speedup,
            )
            for each in found.skims
            for one in each.samples
        ),
        "The same by sample.",
    )


def _random(found: MultiSkim, figures: FigureFiles) -> Iterator[str | Drawing]:
    random = found.random
    yield (
        "Each skim wants an event with a probability of its own. If one random number per event decides for "
        "all skims, an event that one wants is likely wanted by the others, and "
        f"{_per_cent(random.shared)} of the generated events are simulated; with a random number for each "
        f"skim it would be {_per_cent(random.independent)}, for the same weights and effective sizes. The "
        f"shared number saves {_per_cent(random.saving)} of the computing time, and "
        f"{_per_cent(random.separate_saving)} of that of a production for each skim."
    )
    yield figures(
        "shared_random",
        own_figures.simulated_shares(
            {each.skim: share for each, share in zip(found.skims, random.each, strict=True)},
            {
                "all, a random number for each": random.independent,
                "all, one random number": random.shared,
            },
        ),
        "Share of generated events that each skim wants (grey) and that any skim wants.",
    )


def _per_cent(share: Measured) -> str:
    return f"({Measured(100 * share.value, 100 * share.se)}) %"
