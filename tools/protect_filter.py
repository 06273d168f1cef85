"""Give a filter that is there rules that protect observables, and say where its speedup lives.

``python tools/protect_filter.py NAME``. It makes fresh events of the filter's samples, chooses the
rules on one half of them and judges on the other. The graph stays as it is, and with it every score; only the
card within the file changes, and the section about it in the model card beside.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import numpy as np
import typer
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from numpy.typing import NDArray

from hepsets.analyses.smart_background.many_skims_sample import (
    MultiSkimSampleConfig,
    make_multi_skim_sample,
)
from hepsets.analyses.smart_background.one_skim_sample import SkimmedSampleConfig, make_skimmed_sample
from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.measured import Measured
from hepsets.core.purpose import Purpose
from hepsets.core.whole_file import whole_file
from hepsets.deploy.filter.card import FilterCard, SkimCard
from hepsets.deploy.filter.event_filter import CARD, EventFilter
from hepsets.deploy.filter.shipped import SHIPPED, filter_file
from hepsets.deploy.onnx.seal import SEAL, seal
from hepsets.evaluate.filter.effective_fraction import EffectiveFraction
from hepsets.evaluate.filter.importance_sampling import importance_speedup
from hepsets.evaluate.filter.protection import (
    effective_fractions,
    judge_protection,
    protected_rules,
    protection_choice_error,
)
from hepsets.evaluate.filter.speedup import SpeedupConfig
from hepsets.evaluate.scores.sample import scored_events
from hepsets.select.variables.generated import passing_observables

SEED = 20_261_129
"""Of the events; no training used it."""

EVENTS = 40_000
"""About half of them pass; half of either to choose on, half to judge on."""

TIME_NETWORK = 28.6e-6
"""Scoring of an event by `decay_sweep` [s] as in docs/filter.md; measured anew, it would move the choice."""

BINS, LEAST = 8, 300
"""Bins of the model card, and passing events in each: coarse ones, so that the errors are small."""

Section: TypeAlias = dict[str, Any]
"""What the card says of a skim: of the whole sample, by bin, and with protection."""

BEGIN, END = "<!-- where the speedup lives -->", "<!-- end -->"
"""What the section stands between."""

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=StrictUndefined,
    autoescape=False,
    keep_trailing_newline=True,
)


def protect(path: Path, observables: tuple[str, ...], *, events: int = EVENTS, workers: int = 1) -> None:
    """Add rules for ``observables`` to a filter, in place, and rewrite its model card's section."""
    event_filter = EventFilter.load(path)
    skims = event_filter.skims
    if len(skims) == 1:
        balanced = SkimmedSampleConfig(event_filter.card.sample, skims[0], events, SEED)
        one = make_skimmed_sample(balanced, workers=workers)
        made, generated, what = one.events, one.generated, "balanced events"
        made = made.with_columns(**{f"label_{skims[0]}": made.columns["label"]})
    else:
        keep = {name: share for name, share in MultiSkimSampleConfig().keep.items() if name in skims}
        mixed = make_multi_skim_sample(
            MultiSkimSampleConfig(events=events, seed=SEED, keep=keep), workers=workers
        )
        made, generated, what = mixed.events, sum(mixed.generated.values()), "events of all samples"
    card, sections = protected_card(event_filter, made, observables)
    put_card(path, card)
    how = (
        f"`python tools/protect_filter.py {path.stem}`: {events} {what} of seed {SEED}, kept from "
        f"{generated}, half to choose the rules on, half to judge them"
    )
    write_section(path.with_suffix(".md"), sections, how)


def protected_card(
    event_filter: EventFilter, events: Events, observables: tuple[str, ...]
) -> tuple[FilterCard, list[Section]]:
    """The card with the rules, and what :func:`write_section` needs of each skim.

    Parameters
    ----------
    event_filter
        The filter.
    events
        With event columns ``label_SKIM`` and ``weight``; every second event of a class judges.
    observables
        What is to be protected.
    """
    scores = event_filter.scores(events)
    each = [
        _protected_skim(skim, events, own, observables)
        for skim, own in zip(event_filter.card.skims, scores.T, strict=True)
    ]
    card = dataclasses.replace(event_filter.card, skims=tuple(skim for skim, _ in each))
    return card, [section for _, section in each]


def _protected_skim(
    skim: SkimCard, events: Events, scores: NDArray[np.float64], observables: tuple[str, ...]
) -> tuple[SkimCard, Section]:
    costs = SpeedupConfig(retention=skim.rule.population, time_network=TIME_NETWORK)
    events = events.with_columns(label=events.columns[f"label_{skim.name}"])
    judged = every_second(events.columns["label"])
    validation = events[np.flatnonzero(~judged)].used_for(Purpose.VALIDATION)
    test = events[np.flatnonzero(judged)].used_for(Purpose.TEST)
    chosen_on = scored_events(validation, scores[~judged])
    rules = protected_rules(observables, validation, chosen_on, costs, trained=skim.rule.trained)
    label, weight, own = test.columns["label"], test.columns["weight"], scores[judged]
    seen = passing_observables(test[np.flatnonzero(label)])
    plain = skim.rule(own)
    few = min(LEAST, max(int(label.sum()) // 4, 1))
    protections = [
        judge_protection(
            rule,
            test,
            own,
            costs,
            seen,
            bins=BINS,
            least=few,
            choice_se=protection_choice_error(rule, validation, chosen_on, test, own, costs, seed=0),
        )
        for rule in rules
    ]
    return dataclasses.replace(skim, protected=rules), {
        "skim": skim.name,
        "whole": importance_speedup(label, plain, weight, costs),
        "fractions": effective_fractions(plain, test, costs, seen, bins=BINS, least=few),
        "protections": protections,
    }


def every_second(label: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Every second event of each class, a mask of shape ``(n_events,)``."""
    place = np.where(label, np.cumsum(label), np.cumsum(~label))
    return np.asarray(place % 2 == 0)


def put_card(path: Path, card: FilterCard) -> None:
    """Put another card into a filter's file; the graph stays as it is, the checksum is a new one."""
    import onnx

    graph = onnx.load(path, load_external_data=False)
    properties = {entry.key: entry.value for entry in graph.metadata_props if entry.key != SEAL}
    onnx.helper.set_model_props(graph, properties | {CARD: card.to_json()})
    with whole_file(path) as partial:
        partial.write_bytes(seal(graph.SerializeToString()))


def write_section(path: Path, sections: Sequence[Section], how: str) -> None:
    """Put the section about effective fractions into a model card, in place of an earlier one.

    Parameters
    ----------
    path
        The model card.
    sections
        One per skim, as :func:`protected_card` and :func:`section_of_run` make them.
    how
        What they were made with.

    Raises
    ------
    InputError
        If the card has no place for it.
    """
    text = path.read_text(encoding="utf-8")
    drawn = (
        BEGIN
        + "\n"
        + _TEMPLATES.get_template("effective_fractions.md").render(sections=sections, how=how)
        + END
    )
    if BEGIN in text:
        head, _, rest = text.partition(BEGIN)
        text = head + drawn + rest.partition(END)[2]
    elif "## Training domain" in text:
        text = text.replace("## Training domain", drawn + "\n\n## Training domain", 1)
    else:
        raise InputError(f"{path} without a section 'Training domain'", "a model card")
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def section_of_run(metrics: dict[str, Any], model: str) -> Section | None:
    """What :func:`write_section` needs, from the metrics of a run; ``None`` if they lack the model."""
    fractions = [_from_metrics(row) for row in metrics.get("effective_fraction", []) if row["model"] == model]
    if not fractions:
        return None
    protections = [
        {
            "rule": {"observable": row["observable"]},
            "importance": _speedup_measured(row),
            "fractions": [_from_metrics(each) for each in row["bins"]],
        }
        for row in metrics.get("protect", [])
        if row["model"] == model
    ]
    whole = next(row for row in metrics["importance"] if row["model"] == model)
    return {
        "whole": _speedup_measured(whole),
        "fractions": fractions,
        "protections": protections,
    }


def _speedup_measured(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"speedup": Measured(row["speedup"], row["speedup_se"])}


def _from_metrics(row: dict[str, Any]) -> EffectiveFraction:
    names = ("edges", "passing", "effective_fraction", "effective_fraction_se", "speedup", "speedup_se")
    return EffectiveFraction(row["observable"], *(np.array(row[name]) for name in names))


def _main(
    name: Annotated[
        str, typer.Argument(help="A filter of the package, or a file with a model card.")
    ] = SHIPPED[0],
    observable: Annotated[list[str] | None, typer.Option(help="Observable to protect; repeatable.")] = None,
    events: Annotated[int, typer.Option(help="Events to make, about half of them passing.")] = EVENTS,
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
) -> None:
    wanted = tuple(observable or ("missing_energy", "charged_multiplicity", "photon_multiplicity"))
    protect(filter_file(name), wanted, events=events, workers=workers)


if __name__ == "__main__":
    typer.run(_main)
