"""Two finished runs beside each other: settings that differ, and metrics with errors of their differences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from hepsets.core.config import read_toml
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.run import read_result

_NAMES = (
    "name",
    "model",
    "world",
    "level",
    "window",
    "comparison",
    "classes",
    "observable",
    "skim",
    "sample",
)
"""Fields that say which row of a table one is, in place of its position."""

_AT_A_CUT = ("true_positive_rate", "false_positive_rate", "signal_efficiency_at_nominal_cut")
"""What is always counted at a cut that the run chose: its error is that of counting alone."""

_BESIDE_A_CUT = ("signal_efficiency", "background_efficiency", "b_over_s_after", "fom", "effective_fraction")
"""What is counted at a cut where ``cut`` or ``threshold`` stands beside it."""

_MOST = 50
"""How many rows are shown without ``everything``."""


@dataclass(frozen=True)
class Difference:
    """A metric of two runs.

    Parameters
    ----------
    metric
        Where it stands in ``result.json``.
    first, second
        What it is in either run.
    cut_differs
        If it is counted at a cut that each run chose for itself, which its errors, of counting, leave out.
    """

    metric: str
    first: Measured
    second: Measured
    cut_differs: bool = False

    @property
    def difference(self) -> Measured:
        """Second less first; errors are added in quadrature, as of independent runs."""
        return Measured(self.second.value - self.first.value, math.hypot(self.first.se, self.second.se))

    @property
    def sigmas(self) -> float | None:
        """How many errors the difference is; ``None`` where neither run has one, or the cuts are others."""
        found = self.difference
        return found.value / found.se if found.se > 0 and not self.cut_differs else None

    def cells(self) -> tuple[str, ...]:
        """A row of the table."""
        difference, sigmas = str(self.difference), "" if self.sigmas is None else f"{self.sigmas:+.1f}"
        if self.cut_differs:
            difference, sigmas = str(Measured(self.difference.value, 0.0)), "cut"
        return (self.metric, str(self.first), str(self.second), difference, sigmas)


@dataclass(frozen=True)
class ListDifference:
    """A list of numbers, such as bins, of two runs.

    Parameters
    ----------
    metric
        Where it stands in ``result.json``.
    lengths
        How many entries either run has.
    chi2, bins
        χ² of the differences, bins as if independent, and how many have an error; of the same edges.
    """

    metric: str
    lengths: tuple[int, int]
    chi2: float
    bins: int

    def cells(self) -> tuple[str, ...]:
        """A row of the table."""
        first, second = self.lengths
        told = f"χ² {self.chi2:.1f} of {self.bins}" if self.bins else ""
        return (self.metric, f"{first} bins", f"{second} bins", told, "")


@dataclass(frozen=True)
class Compared:
    """What :func:`compare_runs` found.

    Parameters
    ----------
    settings
        Settings that differ, with the value in either run; ``None`` where there is none.
    differences
        Metrics that differ, in the order of the first run.
    same
        How many metrics are the same.
    alone
        Metrics that only the first run, and only the second one has.
    lists
        Lists of numbers that differ; the list of their errors is taken with them.
    """

    settings: Mapping[str, tuple[Any, Any]]
    differences: tuple[Difference, ...]
    same: int
    alone: tuple[tuple[str, ...], tuple[str, ...]]
    lists: tuple[ListDifference, ...] = ()

    def headline(self) -> tuple[Difference, ...]:
        """What has an error and is told of each model, or of the run as a whole; studies and bins are not.

        Of a mean over trainings and the result of one, the mean, where they differ.
        """
        of_models = any(each.metric.startswith("models[") for each in self.differences)
        found = {
            each.metric: each
            for each in self.differences
            if max(each.first.se, each.second.se) > 0
            and not each.metric.startswith("studies")
            and (
                each.metric.startswith("models[")
                or each.metric.count("[") + each.metric.count(".") <= (1 if of_models else 2)
            )
        }
        for metric, each in list(found.items()):
            if (mean := found.get(f"{metric}_mean")) is not None:
                once = math.isclose(each.first.value, mean.first.value) and math.isclose(
                    each.second.value, mean.second.value
                )
                del found[mean.metric if once else metric]
        return tuple(found.values())

    def lines(self, everything: bool = False) -> list[str]:
        """For people.

        Parameters
        ----------
        everything
            All metrics and lists, not only :meth:`headline`.
        """
        told = [f"{name}: {first} | {second}" for name, (first, second) in self.settings.items()]
        shown = self.differences if everything else self.headline()[:_MOST]
        rows = [each.cells() for each in shown]
        rows += [each.cells() for each in self.lists] if everything else []
        if rows:
            rows.insert(0, ("metric", "first", "second", "difference", "σ"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        told += [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        lists = f" and {len(self.lists)} lists" if self.lists else ""
        told.append(f"{len(self.differences)} metrics{lists} differ, {self.same} are the same")
        hidden = len(self.differences) + len(self.lists) - (len(rows) - 1 if rows else 0)
        if hidden:
            told.append(f"{hidden} of them are not shown; --all shows them")
        for which, names in zip(("first", "second"), self.alone, strict=True):
            if names:
                more = f" and {len(names) - 5} more" if len(names) > 5 else ""
                told.append(f"only in the {which}: {', '.join(names[:5])}{more}")
        if any(each.cut_differs for each in shown):
            told.append("cut: no σ, as each run chose its cut anew, which errors of counting leave out")
        if any(each.sigmas is not None for each in shown):
            told.append(
                "σ as of independent runs: what both took from the same events makes it too small, "
                "how trainings scatter too large"
            )
        return told


def compare_runs(first: Path, second: Path) -> Compared:
    """Compare ``result.json`` and ``config.toml`` of two runs.

    Parameters
    ----------
    first, second
        Folders of finished runs of one analysis.

    Raises
    ------
    InputError
        For folders that are none, and runs of different analyses.
    """
    results = [read_result(folder) for folder in (first, second)]
    analyses = [result["analysis"] for result in results]
    if analyses[0] != analyses[1]:
        raise InputError(f"runs of {analyses[0]} and {analyses[1]}", "two runs of one analysis")
    one, two = (dict(_found(result["metrics"])) for result in results)
    both = [
        name for name in one if name in two and isinstance(one[name], _Bins) == isinstance(two[name], _Bins)
    ]
    changed = [name for name in both if one[name] != two[name]]
    lists, differences = [], []
    for name in changed:
        before, after = one[name], two[name]
        if isinstance(before, _Bins) and isinstance(after, _Bins):
            edges = f"{name.rpartition('.')[0]}.edges"
            lists.append(_of_lists(name, before, after, same_bins=one.get(edges) == two.get(edges)))
        elif isinstance(before, _Number) and isinstance(after, _Number):
            cuts = before.at_cut is not None and before.at_cut != after.at_cut
            differences.append(Difference(name, before.measured, after.measured, cuts))
    return Compared(
        _settings(first, second),
        tuple(differences),
        len(both) - len(differences) - len(lists),
        (tuple(name for name in one if name not in two), tuple(name for name in two if name not in one)),
        tuple(lists),
    )


@dataclass(frozen=True)
class _Number:
    """A metric, and the cut at which it was counted; ``nan``, equal to nothing, where it is not told."""

    measured: Measured
    at_cut: float | None = field(default=None, compare=False)


@dataclass(frozen=True)
class _Bins:
    """A list of numbers with its errors, 0 where it has none."""

    values: tuple[float, ...]
    errors: tuple[float, ...]


def _of_lists(name: str, one: _Bins, two: _Bins, *, same_bins: bool) -> ListDifference:
    lengths = (len(one.values), len(two.values))
    chi2, bins = 0.0, 0
    if same_bins and lengths[0] == lengths[1]:
        for a, b, ea, eb in zip(one.values, two.values, one.errors, two.errors, strict=True):
            if (variance := ea**2 + eb**2) > 0:
                chi2, bins = chi2 + (b - a) ** 2 / variance, bins + 1
    return ListDifference(name, lengths, chi2, bins)


def _settings(first: Path, second: Path) -> dict[str, tuple[Any, Any]]:
    one, two = (dict(_leaves(read_toml(folder / "config.toml"))) for folder in (first, second))
    names = dict.fromkeys((*one, *two))
    return {name: (one.get(name), two.get(name)) for name in names if one.get(name) != two.get(name)}


def _leaves(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{where}.{key}" if where else str(key))
    else:
        yield where, value


def _found(value: Any, where: str = "") -> Iterator[tuple[str, _Number | _Bins]]:
    """All numbers and lists of metrics, with the errors that stand beside them."""
    if isinstance(value, Mapping):
        if value.keys() == {"value", "se"}:
            yield where, _Number(Measured(value["value"], value["se"]))
            return
        for key, item in value.items():
            own = f"{where}.{key}" if where else str(key)
            error = value.get(f"{key}_se")
            if str(key).endswith("_se") and str(key)[:-3] in value:
                continue
            if _is_number(item):
                measured = Measured(item, error if _is_number(error) else 0.0)
                yield own, _Number(measured, _cut_of(str(key), value, where))
            elif _is_list(item):
                paired = _is_list(error) and len(error) == len(item)
                errors = tuple(error or ()) if paired else (0.0,) * len(item)
                yield own, _Bins(tuple(item), errors)
            else:
                yield from _found(item, own)
    elif isinstance(value, list):
        labels = [_label(item, place) for place, item in enumerate(value)]
        for place, item in enumerate(value):
            label = labels[place] if labels.count(labels[place]) == 1 else f"{labels[place]} {place}"
            if _is_number(item):
                yield f"{where}[{place}]", _Number(Measured(item, 0.0))
            elif _is_list(item):
                yield f"{where}[{place}]", _Bins(tuple(item), (0.0,) * len(item))
            else:
                yield from _found(item, f"{where}[{label}]")


def _cut_of(key: str, beside: Mapping[str, Any], where: str) -> float | None:
    chosen = next((beside[name] for name in ("threshold", "cut") if _is_number(beside.get(name))), None)
    if key in _AT_A_CUT or (key == "effective_fraction" and where.startswith("threshold[")):
        return math.nan if chosen is None else chosen
    return chosen if key in _BESIDE_A_CUT else None


def _label(item: Any, place: int) -> str:
    if not isinstance(item, Mapping):
        return str(place)
    return " ".join(str(item[name]) for name in _NAMES if isinstance(item.get(name), str | int)) or str(place)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_list(value: Any) -> TypeGuard[list[float]]:
    return isinstance(value, list) and bool(value) and all(map(_is_number, value))
