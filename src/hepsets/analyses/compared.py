"""Two finished runs beside each other: settings that differ, and metrics with errors of their differences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Difference:
    """A metric of two runs.

    Parameters
    ----------
    metric
        Where it stands in ``result.json``.
    first, second
        What it is in either run.
    """

    metric: str
    first: Measured
    second: Measured

    @property
    def difference(self) -> Measured:
        """Second less first; errors are added in quadrature, as of independent runs."""
        return Measured(self.second.value - self.first.value, math.hypot(self.first.se, self.second.se))

    @property
    def sigmas(self) -> float | None:
        """How many errors the difference is; ``None`` where neither run has one."""
        found = self.difference
        return found.value / found.se if found.se > 0 else None


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
    """

    settings: Mapping[str, tuple[Any, Any]]
    differences: tuple[Difference, ...]
    same: int
    alone: tuple[tuple[str, ...], tuple[str, ...]]

    def lines(self) -> list[str]:
        """For people."""
        told = [f"{name}: {first} | {second}" for name, (first, second) in self.settings.items()]
        rows: list[tuple[str, ...]] = (
            [("metric", "first", "second", "difference", "σ")] if self.differences else []
        )
        for each in self.differences:
            sigmas = "" if each.sigmas is None else f"{each.sigmas:+.1f}"
            rows.append((each.metric, *map(str, (each.first, each.second, each.difference)), sigmas))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        told += [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        told.append(f"{len(self.differences)} metrics differ, {self.same} are the same")
        for which, names in zip(("first", "second"), self.alone, strict=True):
            if names:
                more = f" and {len(names) - 5} more" if len(names) > 5 else ""
                told.append(f"only in the {which}: {', '.join(names[:5])}{more}")
        if any(each.sigmas is not None for each in self.differences):
            told.append("σ as of independent runs: what both took from the same events makes it too small")
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
    one, two = (dict(_measured(result["metrics"])) for result in results)
    both = [name for name in one if name in two]
    differences = [Difference(name, one[name], two[name]) for name in both if one[name] != two[name]]
    return Compared(
        _settings(first, second),
        tuple(differences),
        len(both) - len(differences),
        (tuple(name for name in one if name not in two), tuple(name for name in two if name not in one)),
    )


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


def _measured(value: Any, where: str = "") -> Iterator[tuple[str, Measured]]:
    """All numbers of metrics, with the errors that stand beside them."""
    if isinstance(value, Mapping):
        if value.keys() == {"value", "se"}:
            yield where, Measured(value["value"], value["se"])
            return
        for key, item in value.items():
            own = f"{where}.{key}" if where else str(key)
            if _is_number(item):
                if not (str(key).endswith("_se") and str(key)[:-3] in value):
                    error = value.get(f"{key}_se")
                    yield own, Measured(item, error if _is_number(error) else 0.0)
            else:
                yield from _measured(item, own)
    elif isinstance(value, list):
        labels = [_label(item, place) for place, item in enumerate(value)]
        for place, item in enumerate(value):
            label = labels[place] if labels.count(labels[place]) == 1 else f"{labels[place]} {place}"
            if _is_number(item):
                yield f"{where}[{place}]", Measured(item, 0.0)
            else:
                yield from _measured(item, f"{where}[{label}]")


def _label(item: Any, place: int) -> str:
    if not isinstance(item, Mapping):
        return str(place)
    return " ".join(str(item[name]) for name in _NAMES if isinstance(item.get(name), str | int)) or str(place)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
