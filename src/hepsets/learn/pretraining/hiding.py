"""What pre-training shows of events: some particles hidden, with what they were beside."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from hepsets.core.pdg import UNKNOWN
from hepsets.learn.pretraining.corpus import CorpusBatch
from hepsets.represent.particle_sets.data import PackedSet

SLOTS = 8
"""Most members of a set that are hidden of one event."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A batch with some particles hidden.

    Parameters
    ----------
    batch
        What is left: fewer members in the sets, the same generated particles, whose ids are ``<unknown>``
        where they are hidden.
    hidden
        For each set the features of its hidden members, in physical units.
    slots
        For each set a number for each hidden member, counted in each event; which stands for which is open.
    hidden_particles
        Which generated particles are hidden, bool, shape ``(n_particles,)``.
    tokens
        The ids of all generated particles as they were.
    """

    batch: CorpusBatch
    hidden: tuple[PackedSet, ...]
    slots: tuple[Tensor, ...]
    hidden_particles: Tensor
    tokens: Tensor

    def to(self, device: torch.device | str) -> Self:
        """Where it is already: batches are made on the device of their data."""
        del device
        return self


@dataclass(frozen=True)
class Hide:
    """Hide particles at random, with PyTorch's random numbers.

    Parameters
    ----------
    share
        Probability of each reconstructed particle to be hidden; 0 hides nothing.
    generated_share
        The same of each generated particle.
    """

    share: float = 0.3
    generated_share: float = 0.2

    def __call__(self, batch: CorpusBatch) -> tuple[Shown, Tensor]:
        """What is shown; in place of targets, which stand in it, a zero for each event."""
        left, links, hidden, slots = [], [], [], []
        for one, link in zip(batch.sets, batch.links, strict=True):
            gone, place = _drawn(one, self.share)
            left.append(_members(one, ~gone))
            links.append(link[~gone])
            hidden.append(_members(one, gone))
            slots.append(place[gone])
        tree = batch.generated
        lost = torch.rand(tree.tokens.shape, device=tree.tokens.device) < self.generated_share
        shown = replace(
            batch,
            sets=tuple(left),
            links=tuple(links),
            generated=dataclasses.replace(tree, tokens=tree.tokens.masked_fill(lost, UNKNOWN)),
        )
        nothing = torch.zeros(batch.n_events, device=batch.labels.device)
        return Shown(shown, tuple(hidden), tuple(slots), lost, tree.tokens), nothing


def _drawn(one: PackedSet, share: float) -> tuple[Tensor, Tensor]:
    """Which members are hidden, and the how manieth of its event each hidden one is."""
    gone = torch.rand(one.n_particles, device=one.offsets.device) < share
    before = torch.cat([gone.new_zeros(1, dtype=torch.int64), gone.long().cumsum(0)])
    place = before[:-1] - before[one.offsets[:-1]][one.event_of_particle]
    return gone & (place < SLOTS), place


def _members(one: PackedSet, keep: Tensor) -> PackedSet:
    """The same set with some members alone."""
    before = torch.cat([keep.new_zeros(1, dtype=torch.int64), keep.long().cumsum(0)])
    return PackedSet(one.features[keep], before[one.offsets])
