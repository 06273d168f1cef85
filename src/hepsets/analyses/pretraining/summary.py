"""The tables of a run, on the terminal and as markdown."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from hepsets.analyses.pretraining.about import SCRATCH
from hepsets.analyses.pretraining.limit import TaskLimit
from hepsets.analyses.pretraining.result import Result
from hepsets.analyses.pretraining.savings import Saving
from hepsets.core.measured import Measured
from hepsets.core.text_tables import aligned, markdown_table, terminal_table
from hepsets.evaluate.scores.label_saving import LabelSaving

CURVES = ("pre-training", "tuning", "labels", "AUC", "calibration error", "labels from scratch", "rate")
COSTS = ("pre-training", "computing [CPU hours]", "at labels", "break-even tasks")
BY_CHANCE = 1 / 6
"""Share of combinations whose bands would lie above nothing if nothing were saved."""

LIMIT = "limit of any network"
"""What the limit of a task is called in tables."""

TAGGERS = ("tagger", "labels", "effective efficiency [%]", "calibration slope")


def equivalent(saving: LabelSaving) -> str:
    """Labels from scratch with their band, or what they are at least or at most."""
    if saving.beyond:
        return f"> {saving.low:,.0f}"
    if saving.below:
        return f"< {saving.high:,.0f}"
    return f"{saving.equivalent:,.0f} ({saving.low:,.0f} to {saving.high:,.0f})"


def in_words(one: Saving) -> str:
    """What is saved, with its band, in a sentence's part."""
    saving = one.saving
    limited = saving.beyond or saving.below
    pays = "at least " if saving.beyond else "at most " if saving.below else ""
    end = saving.low if saving.beyond else saving.high if saving.below else saving.equivalent
    band = f"{saving.low / saving.labels:.1f} to {saving.high / saving.labels:.1f}"
    return (
        f"{one.pretraining} ({one.tuning}) with {saving.labels:,} labels is worth {pays}"
        f"{end / saving.labels:.1f} times as many from scratch{'' if limited else f' ({band})'}"
    )


def helps(saving: LabelSaving) -> bool:
    """Whether labels are saved beyond the band."""
    return saving.low > saving.labels


def verdict(result: Result, task: str) -> str:
    """What pre-training does for a task, in one honest sentence."""
    own = [one for one in result.savings if one.task == task]
    good = [one for one in own if helps(one.saving)]
    if len(good) <= BY_CHANCE * len(own):
        return (
            f"{task}: pre-training does not help: {len(good)} of {len(own)} combinations of objective, "
            "tuning and labels save any beyond one standard error, no more than chance would give."
        )
    return (
        f"{task}: {in_words(result.best(task))}; "
        f"{len(good)} of {len(own)} combinations save labels beyond one standard error."
    )


def limit_in_words(result: Result, task: str) -> str:
    """How a limit was found, and how much of the way to it the best networks have gone."""
    limit = result.limits[task]
    own = [one for one in result.cells if one.task == task]
    scratch, tuned = (
        max((one for one in own if (one.pretraining == SCRATCH) is whether), key=lambda one: one.auc.value)
        for whether in (True, False)
    )
    return (
        f"{task}: the detector draws the label: of events that passed, "
        f"{100 * limit.passes_again.value:.0f} % pass again when the same generated event is simulated "
        f"afresh. {limit.events:,} test events were simulated {limit.trials} times: the limit, an area of "
        f"{limit.auc}, is what a network that knows each event's pass probability would reach, and none can "
        f"do better; ranked by half of the simulations and judged by the other half it is at least "
        f"{limit.auc_halves}. Of the way from chance to what any network could reach, "
        f"{scratch.labels:,} labels from scratch go {_percent(limit, scratch.auc)}, and the best that starts "
        f"from a trunk ({tuned.pretraining}, {tuned.tuning}, {tuned.labels:,} labels) "
        f"{_percent(limit, tuned.auc)}."
    )


def rates_in_words(result: Result, task: str) -> str:
    """How often the largest learning rate that was tried did best: then a larger one might do better."""
    own = [one for one in result.cells if one.task == task]
    counts = []
    for scratch in (True, False):
        mine = [one.rate == max(one.tried) for one in own if (one.pretraining == SCRATCH) is scratch]
        counts.append(f"{sum(mine)} of {len(mine)}")
    return (
        f"{task}: of the learning rates that were tried the largest did best on development events in "
        f"{counts[0]} trainings from scratch and {counts[1]} that start from a trunk; there a larger one "
        "might do better still, and if that is so from scratch alone, less is saved."
    )


def _percent(limit: TaskLimit, auc: Measured) -> str:
    """How much of the way to a limit an area has gone, with its own error alone."""
    share = limit.share(auc.value)
    return f"{100 * share:.0f} ± {100 * auc.se / (limit.auc.value - 0.5):.0f} %"


def curve_rows(result: Result, task: str) -> Iterator[tuple[str, ...]]:
    """The table of a task under :data:`CURVES`."""
    for cell in (one for one in result.cells if one.task == task):
        scratch = cell.pretraining == SCRATCH
        saved = None if scratch else result.saving(task, cell.pretraining, cell.tuning, cell.labels).saving
        yield (
            cell.pretraining,
            cell.tuning,
            f"{cell.labels:,}",
            str(cell.auc),
            f"{cell.ece:.3f}",
            "" if saved is None else equivalent(saved),
            f"{cell.rate:g}",
        )
    if task in result.limits:
        yield LIMIT, "", "", str(result.limits[task].auc), "", "", ""


def cost_rows(result: Result) -> Iterator[tuple[str, ...]]:
    """The table of costs under :data:`COSTS`."""
    for one in result.costs:
        tasks = "never" if one.break_even_tasks is None else f"{one.break_even_tasks:,}"
        yield one.pretraining, f"{one.cpu_hours:.3f}", f"{one.labels:,}", tasks


def tagger_rows(result: Result) -> Iterator[tuple[str, ...]]:
    """The table of flavour taggers under :data:`TAGGERS`."""
    for one in result.taggers:
        power = f"{100 * one.power.value:.2f} ± {100 * one.power.se:.2f}"
        yield one.model, f"{one.labels:,}", power, str(one.slope)


def tables(result: Result) -> Iterator[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """Title, headings and rows of each table."""
    for task in result.tasks:
        yield task, CURVES, list(curve_rows(result, task))
    if result.taggers:
        yield "Flavour taggers", TAGGERS, list(tagger_rows(result))
    yield "What it costs", COSTS, list(cost_rows(result))


def headline(result: Result) -> Iterator[str]:
    """What pre-training does for each task, and each task with most labels."""
    for task in result.tasks:
        yield verdict(result, task)
    rows = []
    for task in result.tasks:
        cells = [cell for cell in result.cells if cell.task == task]
        most = max((cell.labels for cell in cells), default=0)
        rows += [
            (f"{task}, {one.pretraining}, {one.tuning}", f"{one.labels:,}", str(one.auc))
            for one in cells
            if one.labels == most
        ]
    yield from aligned(("task, pre-training, tuning", "labels", "AUC"), rows)


def print_summary(result: Result) -> None:
    """All tables, and what they say."""
    console = Console()
    for title, headings, rows in tables(result):
        console.print(terminal_table(headings, rows, title=title))
    for task in result.tasks:
        console.print(verdict(result, task), highlight=False)
    for task in result.tasks:
        console.print(rates_in_words(result, task), highlight=False)
    for task in result.limits:
        console.print(limit_in_words(result, task), highlight=False)


def markdown(result: Result) -> str:
    """The same as markdown."""
    parts = []
    for title, headings, rows in tables(result):
        parts.append("\n".join([f"**{title}**", "", *markdown_table(headings, rows)]))
    parts += [verdict(result, task) for task in result.tasks]
    parts += [rates_in_words(result, task) for task in result.tasks]
    parts += [limit_in_words(result, task) for task in result.limits]
    return "\n\n".join(parts) + "\n"
