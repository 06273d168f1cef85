"""The leading members of each event side by side, for networks that go through them in order or by pairs."""

from __future__ import annotations

import torch
from torch import Tensor

from hepsets.represent.particle_sets.data import PackedSet


class Padded:
    """The first ``cap`` members of each event, with empty places behind.

    Parameters
    ----------
    owner
        Whose members they are.
    cap
        Places.
    """

    def __init__(self, owner: PackedSet, cap: int) -> None:
        event = owner.event_of_particle
        place = torch.arange(owner.n_particles, device=event.device) - owner.offsets.index_select(0, event)
        # what is beyond the cap goes to a place of its own, which is cut off
        self.slot = torch.where(place < cap, event * cap + place, owner.n_events * cap)
        self.cap, self.n_events = cap, owner.n_events
        counts = owner.multiplicity.clamp(max=cap)
        self.filled = torch.arange(cap, device=event.device)[None, :] < counts[:, None]

    def __call__(self, values: Tensor) -> Tensor:
        """Values ``(n_particles, k)`` in their places, ``(n_events, cap, k)``, zeros in empty ones."""
        rows = torch.zeros(
            self.n_events * self.cap + 1, values.shape[1], dtype=values.dtype, device=values.device
        )
        rows = rows.index_copy(0, self.slot, values)
        return rows[:-1].reshape(-1, self.cap, values.shape[1])
