"""Ragged tables: flat columns with offsets by event, and what a choice of events owns of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose, demand
from hepsets.core.screen import column_lines, on_screen


class Choice(NamedTuple):
    """Some events of a ragged table.

    Parameters
    ----------
    events
        How the event columns are to be indexed.
    particles
        How the flat columns are to be indexed; a slice (no copies) where the events are neighbours.
    offsets
        Those of the chosen events, shape ``(n_chosen + 1,)``.
    """

    events: slice | NDArray[np.int64]
    particles: slice | NDArray[np.int64]
    offsets: NDArray[np.int64]


def checked_offsets(offsets: NDArray[Any]) -> NDArray[np.int64]:
    """Event offsets as contiguous int64, shape ``(n_events + 1,)``.

    Raises
    ------
    InputError
        Unless they are one-dimensional, start at 0 and never fall.
    """
    offsets = np.ascontiguousarray(offsets, dtype=np.int64)
    if offsets.ndim != 1 or len(offsets) == 0 or offsets[0] != 0 or (np.diff(offsets) < 0).any():
        raise InputError(
            f"event offsets of shape {offsets.shape} that do not rise from 0",
            "a one-dimensional array that starts at 0 and never falls",
        )
    return offsets


def places(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, … within each of the lists of so many members, end to end; shape ``(counts.sum(),)``.

    Examples
    --------
    >>> places(np.array([2, 0, 3])).tolist()
    [0, 1, 0, 1, 2]
    """
    return np.arange(counts.sum(), dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)


def choose(offsets: NDArray[np.int64], which: slice | NDArray[Any]) -> Choice:
    """Events by slice, boolean mask of shape ``(n_events,)`` or integers of any number, shape ``(n,)``.

    Examples
    --------
    >>> events, particles, offsets = choose(np.array([0, 2, 2, 5]), np.array([2, 0]))
    >>> particles.tolist(), offsets.tolist()
    ([2, 3, 4, 0, 1], [0, 3, 5])
    """
    if isinstance(which, slice):
        chosen = np.arange(len(offsets) - 1)[which]
        if which.step in (None, 1) and len(chosen):
            begin, end = offsets[chosen[0]], offsets[chosen[-1] + 1]
            return Choice(which, slice(begin, end), offsets[chosen[0] : chosen[-1] + 2] - begin)
    else:
        which = np.asarray(which)
        chosen = np.flatnonzero(which) if which.dtype == bool else which
    counts = np.diff(offsets)[chosen]
    new = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Choice(chosen, np.arange(new[-1]) + np.repeat(offsets[:-1][chosen] - new[:-1], counts), new)


@dataclass(frozen=True, eq=False)
class RaggedTable:
    """Many events: flat particle columns, event offsets, event columns; the base of the event tables.

    Parameters
    ----------
    particles
        Columns of shape ``(n_particles,)``.
    offsets
        int64, shape ``(n_events + 1,)``: event ``i`` owns particles ``offsets[i]:offsets[i + 1]``.
    columns
        Event columns, each with first dimension ``n_events``.
    purpose
        What the events are for, if that is settled; every choice of them serves the same.
    """

    particles: Mapping[str, NDArray[Any]]
    offsets: NDArray[np.int64]
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    purpose: Purpose | None = None

    def __repr__(self) -> str:
        """Numbers of events and particles, and what the event columns hold."""
        number, sizes = len(self), np.diff(self.offsets)
        each = f", {sizes.mean():.1f} per event, {sizes.min()} to {sizes.max()}" if number else ""
        wanted = f", for {self.purpose.value}" if self.purpose else ""
        return on_screen(
            (
                f"{type(self).__name__}: {number:,} events{wanted}",
                f"{int(self.offsets[-1] - self.offsets[0]):,} particles{each}: {', '.join(self.particles)}",
                *column_lines(self.columns),
            )
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def n_particles(self) -> int:
        """Number of particles in all events together."""
        return int(self.offsets[-1])

    @cached_property
    def multiplicity(self) -> NDArray[np.int64]:
        """Particles per event, shape ``(n_events,)``."""
        return np.diff(self.offsets)

    @cached_property
    def event_of_particle(self) -> NDArray[np.int64]:
        """Event number of each particle, shape ``(n_particles,)``."""
        return np.repeat(np.arange(len(self)), self.multiplicity)

    def __getitem__(self, which: slice | NDArray[Any]) -> Self:
        """Events by slice, boolean mask or integer array; event columns come along."""
        events, particles, offsets = choose(self.offsets, which)
        return type(self)(
            {name: column[particles] for name, column in self.particles.items()},
            offsets,
            {name: column[events] for name, column in self.columns.items()},
            self.purpose,
        )

    def with_columns(self, **columns: NDArray[Any]) -> Self:
        """The same events with event columns added or replaced, of shapes ``(n_events, ...)``."""
        return type(self)(self.particles, self.offsets, {**self.columns, **columns}, self.purpose)

    def used_for(self, purpose: Purpose) -> Self:
        """The same events, for a purpose.

        Raises
        ------
        InputError
            If they serve another one already: what was trained on or chosen with cannot judge.
        """
        demand(self.purpose, purpose, f"{purpose} events are needed")
        return type(self)(self.particles, self.offsets, self.columns, purpose)

    def held_out(self, which: NDArray[np.int64]) -> Self:
        """Events, by places of shape ``(n_chosen,)``, of a training sample that become validation events.

        Events that nobody gave a purpose are taken as training events, as a training takes them; those
        held out are validation events from here on, and refused as test events.

        Raises
        ------
        InputError
            If these are events for something else than training.
        """
        demand(self.purpose, Purpose.TRAINING, "validation events are held out")
        chosen = self[which]
        return type(self)(chosen.particles, chosen.offsets, chosen.columns, Purpose.VALIDATION)
