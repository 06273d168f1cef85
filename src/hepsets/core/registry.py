"""Things by name: those of the package, then those that other packages add by an entry point."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from hepsets.core.errors import InputError

Thing = TypeVar("Thing")


class Registry(Mapping[str, Thing], Generic[Thing]):
    """Analyses, models, skims or detectors by name.

    A name costs nothing: what it stands for is imported when it is asked for. Iteration gives the package's
    own names first, in order, then those of other packages, sorted.

    Parameters
    ----------
    group
        Of the entry points by which other packages add theirs, such as ``hepsets.skims``.
    kind
        What one of them is called, such as ``skim``.
    own
        Those of the package: the thing itself, or where it is, as ``module:attribute`` or ``module``.
    fault
        Why a thing that another package gives cannot be used; an empty text if it can.

    Examples
    --------
    >>> from math import pi
    >>> numbers = Registry("hepsets.doctest", "number", {"pi": pi, "e": "math:e"})
    >>> list(numbers), round(numbers["e"], 3)
    (['pi', 'e'], 2.718)
    >>> numbers.find("pie")
    Traceback (most recent call last):
    hepsets.core.errors.InputError: no number 'pie'; expected one of pi, e; did you mean 'pi'?
    """

    def __init__(
        self,
        group: str,
        kind: str,
        own: Mapping[str, Thing | str],
        fault: Callable[[Any], str] = lambda _: "",
    ) -> None:
        self.group, self.kind = group, kind
        self.own: dict[str, Thing | str] = dict(own)
        self._fault = fault
        self._loaded: dict[str, Thing] = {}

    @cached_property
    def added(self) -> dict[str, tuple[EntryPoint, ...]]:
        """Entry points of other packages by name; several have one name if several packages give it."""
        found: dict[str, list[EntryPoint]] = {}
        for point in entry_points(group=self.group):
            found.setdefault(point.name, []).append(point)
        return {name: tuple(found[name]) for name in sorted(found)}

    def source(self, name: str) -> str:
        """Name of the other package that gives it; empty for the package's own."""
        return "" if name in self.own else ", ".join(map(_package, self.added[name]))

    def find(self, name: str) -> Thing:
        """What a user asks for by name.

        Raises
        ------
        InputError
            If nothing has this name, several packages give it, or what one gives cannot be used.
        """
        if name not in self:
            near = difflib.get_close_matches(str(name), list(self), n=1)
            raise InputError(
                f"no {self.kind} {name!r}",
                f"one of {', '.join(self)}" if len(self) else f"a package that adds one to {self.group}",
                f"did you mean {near[0]!r}?" if near else "",
            )
        return self[name]

    def __getitem__(self, name: str) -> Thing:
        points = self.added.get(name, ())
        given = self.own.get(name)
        if given is None and not points:
            raise KeyError(name)
        if len(points) + (given is not None) > 1:
            packages = [*(["hepsets"] if given is not None else []), *map(_package, points)]
            raise InputError(
                f"{self.kind} {name!r} of {' and '.join(packages)}",
                "one package that gives it",
                "uninstall the other, or rename it there",
            )
        if given is not None and not isinstance(given, str):
            return given
        if name not in self._loaded:
            self._loaded[name] = self._load(name, given, points)
        return self._loaded[name]

    def _load(self, name: str, place: str | None, points: tuple[EntryPoint, ...]) -> Thing:
        if place is not None:
            thing: Thing = EntryPoint(name, place, self.group).load()
            return thing
        try:
            thing = points[0].load()
            fault = self._fault(thing)
        except (Exception, SystemExit) as error:  # another package's code may fail in any way
            fault = f"{type(error).__name__}: {error}"
        if fault:
            raise InputError(
                f"{self.kind} {name!r} of {_package(points[0])} ({points[0].value}) cannot be used ({fault})",
                f"a {self.kind} as docs/extending.md says",
                "mend or uninstall that package",
            )
        return thing

    def __contains__(self, name: object) -> bool:
        return name in self.own or name in self.added

    def __iter__(self) -> Iterator[str]:
        yield from self.own
        yield from (name for name in self.added if name not in self.own)

    def __len__(self) -> int:
        return len({*self.own, *self.added})


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "an unknown package"
