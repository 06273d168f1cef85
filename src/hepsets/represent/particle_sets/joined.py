"""Several sets of each event as one: the members of an event side by side, whatever set they come from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from hepsets.represent.sums import EventSums


class JoinedSets(EventSums):
    """The union of several sets of the same events, packed: an event's members of the first set come first.

    Parameters
    ----------
    sets
        At least one, all with the same number of events.
    """

    def __init__(self, sets: Sequence[EventSums]) -> None:
        self.sets = tuple(sets)
        self.offsets = torch.stack([one.offsets for one in self.sets]).sum(0)

    @property
    def n_particles(self) -> int:
        """Number of members of all sets and events together."""
        return sum(one.n_particles for one in self.sets)

    @cached_property
    def places(self) -> Tensor:
        """Where the members of each set, set after set, stand in the union: int64, ``(n_particles,)``."""
        before, found = self.offsets[:-1], []
        for one in self.sets:
            event = one.event_of_particle
            own = torch.arange(event.shape[0], device=event.device)
            found.append(own + (before - one.offsets[:-1])[event])
            before = before + one.multiplicity
        return torch.cat(found)

    def join(self, members: Sequence[Tensor]) -> Tensor:
        """Values of the members of each set, ``(n_members, ...)`` each, to ``(n_particles, ...)``."""
        values = torch.cat(list(members))
        return torch.zeros_like(values).index_copy(0, self.places, values)

    def part(self, values: Tensor, which: int) -> Tensor:
        """What belongs to the members of one set, out of values ``(n_particles, ...)``."""
        sizes = [one.n_particles for one in self.sets]
        begin = sum(sizes[:which])
        return values.index_select(0, self.places[begin : begin + sizes[which]])
