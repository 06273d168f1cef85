"""What a file of somebody else held: how much, what was masked, and what was odd but kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.vertexed_events import VertexedEvents

LARGEST_NUMBER = 1e6
"""No momentum, energy or mass [GeV], no coordinate of a vertex [cm] is larger; what claims so is masked."""
LARGEST_CHARGE = 2
"""No particle that a detector sees has more elementary charges; what claims so is masked."""


@dataclass(frozen=True)
class ReadCounts:
    """What a reader counted; reports show it.

    Parameters
    ----------
    events, particles, vertices
        How many were read.
    masked
        By its description, how many entries are marked as not valid in a column of truth values; what
        cannot be a number is 0 there.
    kept
        By its description, how many entries are odd but stand in the table as they came.

    Examples
    --------
    >>> first = ReadCounts(2, 10, 3, {"thrust errors that are no numbers": 1})
    >>> print((first + first).lines()[1])
    masked: 2 thrust errors that are no numbers
    """

    events: int = 0
    particles: int = 0
    vertices: int = 0
    masked: Mapping[str, int] = field(default_factory=dict)
    kept: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: ReadCounts) -> ReadCounts:
        return ReadCounts(
            self.events + other.events,
            self.particles + other.particles,
            self.vertices + other.vertices,
            dict(Counter(self.masked) + Counter(other.masked)),
            dict(Counter(self.kept) + Counter(other.kept)),
        )

    def lines(self) -> list[str]:
        """In words, a line for each: what was read, what was masked, what was kept."""
        return [
            f"{self.events} events with {self.particles} particles and {self.vertices} vertices",
            *self.masked_lines(),
            *(f"kept: {count} {what}" for what, count in self.kept.items() if count),
        ]

    def masked_lines(self) -> list[str]:
        """In words, a line for each kind of entry that was masked."""
        return [f"masked: {count} {what}" for what, count in self.masked.items() if count]


class Tally:
    """Counts in the making, of the events of one table."""

    def __init__(self) -> None:
        self._masked: dict[str, int] = {}
        self._kept: dict[str, int] = {}

    def mask(self, what: str, which: NDArray[np.bool_]) -> None:
        """Count entries that are marked as not valid; any array of truth values."""
        self._masked[what] = self._masked.get(what, 0) + int(which.sum())

    def keep(self, what: str, which: NDArray[np.bool_]) -> None:
        """Count odd entries that stay; any array of truth values."""
        self._kept[what] = self._kept.get(what, 0) + int(which.sum())

    def counts(self, events: VertexedEvents) -> ReadCounts:
        """All that was counted, with the sizes of the table."""
        return ReadCounts(
            len(events),
            events.particles.n_particles,
            events.vertices.n_particles,
            self._masked,
            self._kept,
        )


@dataclass(frozen=True, eq=False)
class CountedEvents:
    """Events of one file or several, and what was counted while they were read.

    Parameters
    ----------
    events
        Particles and vertices.
    counts
        What was masked, and what was odd but kept.
    """

    events: VertexedEvents
    counts: ReadCounts

    @staticmethod
    def concatenate(parts: Iterable[CountedEvents]) -> CountedEvents:
        """Join tables end to end, and add their counts.

        Raises
        ------
        InputError
            For no table, or unless all have the same columns.
        """
        tables = list(parts)
        counts = sum((part.counts for part in tables), ReadCounts())
        return CountedEvents(VertexedEvents.concatenate([part.events for part in tables]), counts)


def masked_numbers(columns: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
    """Which entries of columns of shape ``(n_entries,)`` are numbers in all of them; those that are none
    become 0 in place.
    """
    good = np.ones(len(next(iter(columns.values()))), dtype=bool)
    for column in columns.values():
        finite = np.isfinite(column)
        good &= finite
        column[~finite] = 0.0
    return good


def beyond(columns: Iterable[NDArray[Any]], limit: float = LARGEST_NUMBER) -> NDArray[np.bool_]:
    """Which entries of columns of shape ``(n_entries,)`` are larger in size than ``limit`` in any of them."""
    found: NDArray[np.bool_] = np.any([np.abs(column) > limit for column in columns], axis=0)
    return found
