"""Give a filter that is there rules that protect observables, and say where its speedup lives.

``python tools/protect_filter.py NAME``. It makes fresh events of the filter's sample, chooses the
rules on one half of them and judges on the other. The graph stays as it is, and with it every score; only the
card within the file changes, and the section about it in the model card beside.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from numpy.typing import NDArray

from hepsets.analyses.smart_background.one_skim_sample import SkimmedSampleConfig, make_skimmed_sample
from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.purpose import Purpose
from hepsets.core.whole_file import whole_file
from hepsets.deploy.filter.card import FilterCard
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
"""Half of them pass; half of either to choose on, half to judge on."""

TIME_NETWORK = 28.6e-6
"""Scoring of an event by `decay_sweep` [s] as in docs/filter.md; measured anew, it would move the choice."""

BINS, LEAST = 8, 300
"""Bins of the model card, and passing events in each: coarse ones, so that the errors are small."""

BEGIN, END = "<!-- where the speedup lives -->", "<!-- end -->"
"""What the section stands between."""

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=StrictUndefined,
    autoescape=False,
    keep_trailing_newline=True,
)


def protect(path: Path, observables: tuple[str, ...], *, events: int = EVENTS, workers: int = 1) -> None:
    """Add rules for ``observables`` to a filter of one skim, in place, and rewrite its model card's section.

    Raises
    ------
    InputError
        If the filter has more than one skim.
    """
    event_filter = EventFilter.load(path)
    if len(event_filter.skims) != 1:
        raise InputError(
            f"{path} with {len(event_filter.skims)} skims", "a filter of one", "run its analysis again"
        )
    (skim,) = event_filter.card.skims
    made = make_skimmed_sample(
        SkimmedSampleConfig(event_filter.card.sample, skim.name, events, SEED), workers=workers
    )
    card, section = protected_card(event_filter, made.events, observables)
    section["how"] = (
        f"`python tools/protect_filter.py`: {events} balanced events of seed {SEED}, kept from "
        f"{made.generated}, half to choose the rules on, half to judge them"
    )
    put_card(path, card)
    write_section(path.with_suffix(".md"), section)


def protected_card(
    event_filter: EventFilter, events: Events, observables: tuple[str, ...]
) -> tuple[FilterCard, dict[str, Any]]:
    """The card with the rules, and what :func:`write_section` needs; every second event of a class judges."""
    (skim,) = event_filter.card.skims
    scores = event_filter.scores(events)[:, 0]
    costs = SpeedupConfig(retention=skim.rule.population, time_network=TIME_NETWORK)
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
    section = {
        "whole": importance_speedup(label, plain, weight, costs),
        "fractions": effective_fractions(plain, test, costs, seen, bins=BINS, least=few),
        "protections": protections,
    }
    card = dataclasses.replace(event_filter.card, skims=(dataclasses.replace(skim, protected=rules),))
    return card, section


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


def write_section(path: Path, section: dict[str, Any]) -> None:
    """Put the section about effective fractions into a model card, in place of an earlier one.

    Raises
    ------
    InputError
        If the card has no place for it.
    """
    text = path.read_text(encoding="utf-8")
    drawn = BEGIN + "\n" + _TEMPLATES.get_template("effective_fractions.md").render(section) + END
    if BEGIN in text:
        head, _, rest = text.partition(BEGIN)
        text = head + drawn + rest.partition(END)[2]
    elif "## Training domain" in text:
        text = text.replace("## Training domain", drawn + "\n\n## Training domain", 1)
    else:
        raise InputError(f"{path} without a section 'Training domain'", "a model card")
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def section_of_run(metrics: dict[str, Any], model: str) -> dict[str, Any] | None:
    """What :func:`write_section` needs, from the metrics of a run; ``None`` if they lack the model."""
    fractions = [_from_metrics(row) for row in metrics.get("effective_fraction", []) if row["model"] == model]
    if not fractions:
        return None
    protections = [
        {
            "rule": {"observable": row["observable"]},
            "importance": row,
            "fractions": [_from_metrics(each) for each in row["bins"]],
        }
        for row in metrics.get("protect", [])
        if row["model"] == model
    ]
    whole = next(row for row in metrics["importance"] if row["model"] == model)
    return {
        "whole": whole,
        "fractions": fractions,
        "protections": protections,
        "how": "the run, on its test events",
    }


def _from_metrics(row: dict[str, Any]) -> EffectiveFraction:
    names = ("edges", "passing", "effective_fraction", "effective_fraction_se", "speedup", "speedup_se")
    return EffectiveFraction(row["observable"], *(np.array(row[name]) for name in names))


def _main(
    name: Annotated[
        str, typer.Argument(help="A filter of the package, or a file with a model card.")
    ] = SHIPPED[0],
    observable: Annotated[list[str] | None, typer.Option(help="Observable to protect; repeatable.")] = None,
    events: Annotated[int, typer.Option(help="Balanced events to make.")] = EVENTS,
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
) -> None:
    wanted = tuple(observable or ("missing_energy", "charged_multiplicity", "photon_multiplicity"))
    protect(filter_file(name), wanted, events=events, workers=workers)


if __name__ == "__main__":
    typer.run(_main)
