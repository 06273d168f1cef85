"""The corpus: reconstructed particles, the decay tree and who came from whom, from shards or in memory."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hepsets.core.errors import InputError
from hepsets.core.events import Events, iter_parquet
from hepsets.core.parquet import open_parquet
from hepsets.core.particle_sets import ParticleSets, iter_particle_sets
from hepsets.core.pdg import PdgMap
from hepsets.core.record import checksum_of_file
from hepsets.learn.particle_sets.particle_encoder import MARK
from hepsets.learn.training.examples import Numbered
from hepsets.represent.decay_trees.batch import PackedBatch
from hepsets.represent.decay_trees.data import EventData
from hepsets.represent.decay_trees.features import FeatureSpec
from hepsets.represent.particle_sets.data import PackedSet, SetData
from hepsets.represent.particle_sets.features import SetSpec
from hepsets.select.whole_events.particles import TRUTH

LABELS = "pretraining_labels"
"""Event column of the generated events: sample, decay class, and 0 or 1 for each skim."""

SEEN, GENERATED = ".seen.parquet", ".generated.parquet"
"""Ends of the names of the two files of a shard; row groups of one and the other are the same events."""


@dataclass(frozen=True, eq=False)
class CorpusBatch:
    """Some events: what was seen, what was generated, and the links between both.

    Parameters
    ----------
    sets
        What was seen: a set each of tracks and of clusters, as the trunk has them.
    links
        For each set the position in ``generated`` of what a member came from, −1 for none; int64, shape
        ``(n_members,)``.
    generated
        The decay trees.
    labels
        Int64, shape ``(n_events, 2 + n_skims)``: sample, decay class, and whether each skim keeps it.
    """

    sets: tuple[PackedSet, ...]
    links: tuple[Tensor, ...]
    generated: PackedBatch
    labels: Tensor

    @property
    def n_events(self) -> int:
        """Number of events."""
        return self.labels.shape[0]


@dataclass(frozen=True, eq=False)
class CorpusData(Numbered):
    """Events of a corpus in memory.

    Parameters
    ----------
    sets, labels
        As in :class:`CorpusBatch`.
    links
        Places of generated particles within their events, −1 for none.
    generated
        The decay trees.
    """

    sets: tuple[PackedSet, ...]
    links: tuple[PackedSet, ...]
    generated: EventData
    labels: Tensor

    @classmethod
    def of(cls, seen: ParticleSets, generated: Events, specs: Sequence[SetSpec], pdg_map: PdgMap) -> Self:
        """From what was seen, with a column :data:`TRUTH`, and what was generated, with :data:`LABELS`.

        Raises
        ------
        InputError
            Unless both hold the same number of events, and the columns that are needed.
        """
        if len(seen) != len(generated) or TRUTH not in seen.particles or LABELS not in generated.columns:
            raise InputError(
                f"{len(seen)} reconstructed and {len(generated)} generated events",
                f"the same events, with the columns {TRUTH} and {LABELS}",
            )
        marked = with_marks(seen)
        numbers = [SetSpec(spec.name, (TRUTH,), spec.members, spec.cap) for spec in specs]
        return cls(
            SetData.from_events(marked, specs).sets,
            SetData.from_events(marked, numbers).sets,
            EventData.from_events(generated, pdg_map, FeatureSpec()),
            torch.from_numpy(generated.columns[LABELS].astype(np.int64)),
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Join data end to end."""

        def packed(sets: Sequence[PackedSet]) -> PackedSet:
            return PackedSet(torch.cat([one.features for one in sets]), _offsets([s.offsets for s in sets]))

        trees = [part.generated for part in parts]
        return cls(
            tuple(packed(one) for one in zip(*(part.sets for part in parts), strict=True)),
            tuple(packed(one) for one in zip(*(part.links for part in parts), strict=True)),
            EventData(
                torch.cat([tree.features for tree in trees]),
                torch.cat([tree.tokens for tree in trees]),
                torch.cat([tree.mothers for tree in trees]),
                _offsets([tree.offsets for tree in trees]),
                torch.cat([tree.event_types for tree in trees]),
            ),
            torch.cat([part.labels for part in parts]),
        )

    def __len__(self) -> int:
        return self.labels.shape[0]

    def to(self, device: torch.device | str) -> Self:
        """The same events on ``device``."""
        return type(self)(
            tuple(one.to(device) for one in self.sets),
            tuple(one.to(device) for one in self.links),
            self.generated.to(device),
            self.labels.to(device),
        )

    def tensors(self) -> tuple[Tensor, ...]:
        """All that it holds, in tensors of any shape."""
        sets = (tensor for one in (*self.sets, *self.links) for tensor in (one.features, one.offsets))
        return *sets, *self.generated.tensors(), self.labels

    def select(self, events: Tensor) -> Self:
        """Some events as data of their own."""
        return type(self)(
            tuple(one.choose(events) for one in self.sets),
            tuple(one.choose(events) for one in self.links),
            self.generated.select(events),
            self.labels[events],
        )

    def batch(self, numbers: Tensor) -> CorpusBatch:
        """The events numbered so, in any order."""
        generated = self.generated.batch(numbers)
        links = []
        for one in self.links:
            chosen = one.choose(numbers)
            place = chosen.features[:, 0].long()
            begin = generated.offsets[:-1][chosen.event_of_particle]
            links.append(torch.where(place < 0, place, place + begin))
        sets = tuple(one.choose(numbers) for one in self.sets)
        return CorpusBatch(sets, tuple(links), generated, self.labels[numbers])


def with_marks(seen: ParticleSets) -> ParticleSets:
    """Reconstructed events with all columns that a trunk sees: ``dr dz`` [cm], and a mark, of nothing.

    Parameters
    ----------
    seen
        With impact parameters ``d0 z0``, or ``dr dz``.
    """
    p = dict(seen.particles)
    if "dr" not in p:
        p |= {"dr": np.abs(p["d0"]), "dz": p["z0"]}
    p.setdefault(MARK, np.zeros(seen.n_particles, dtype=bool))
    return ParticleSets(p, seen.offsets, seen.columns, seen.purpose)


@dataclass(frozen=True)
class Shard:
    """Some thousand events on disk: two files of one row group each.

    Parameters
    ----------
    stem
        Path of both files without their ends.
    events
        How many events.
    """

    stem: Path
    events: int

    @classmethod
    def at(cls, stem: Path) -> Self:
        """The shard of this stem.

        Raises
        ------
        InputError
            If its files are missing, damaged, or hold different numbers of events.
        """
        counts = []
        for end in (SEEN, GENERATED):
            with open_parquet(stem.with_name(stem.name + end)) as file:
                counts.append(int(file.metadata.num_rows))
        if counts[0] != counts[1]:
            raise InputError(
                f"{counts[0]} seen and {counts[1]} generated events of {stem}", "the same events"
            )
        return cls(stem, counts[0])

    def read(self) -> tuple[ParticleSets, Events]:
        """What was seen and what was generated."""
        seen = ParticleSets.concatenate(list(iter_particle_sets(self.stem.with_name(self.stem.name + SEEN))))
        trees = Events.concatenate(list(iter_parquet(self.stem.with_name(self.stem.name + GENERATED))))
        return seen, trees

    def checksum(self) -> bytes:
        """What tells its content from another's."""
        ends = (SEEN, GENERATED)
        both = "".join(checksum_of_file(self.stem.with_name(self.stem.name + end)) for end in ends)
        return hashlib.sha256(both.encode()).digest()


def shards_in(folder: Path) -> list[Shard]:
    """All shards in a folder, by name.

    Raises
    ------
    InputError
        If there is none, or one is damaged.
    """
    stems = sorted(path.with_name(path.name.removesuffix(SEEN)) for path in folder.glob(f"*{SEEN}"))
    if not stems:
        raise InputError(
            f"no shards in {folder}", f"files *{SEEN} beside *{GENERATED}", "make a corpus first"
        )
    return [Shard.at(stem) for stem in stems]


class CorpusStream(Numbered):
    """Events of many shards, a few of which are in memory at a time, whatever their number.

    Parameters
    ----------
    shards
        Where the events are.
    prepare
        From a shard to its events.
    window
        So many shards are mixed: events of a batch are of these alone.
    device
        Where batches go.
    """

    def __init__(
        self,
        shards: Sequence[Shard],
        prepare: Callable[[Shard], CorpusData],
        *,
        window: int = 4,
        device: torch.device | str = "cpu",
    ) -> None:
        self.shards, self.prepare, self.window, self.device = list(shards), prepare, window, device
        self.first = np.cumsum([0, *(shard.events for shard in self.shards)])
        self._kept: OrderedDict[int, CorpusData] = OrderedDict()

    def __len__(self) -> int:
        return int(self.first[-1])

    def to(self, device: torch.device | str) -> Self:
        """The same events, batches of which go to ``device``."""
        return type(self)(self.shards, self.prepare, window=self.window, device=device)

    def tensors(self) -> tuple[Tensor, ...]:
        """What tells the events from others: checksums of the files, uint8, shape ``(32,)`` each."""
        return tuple(torch.tensor(list(shard.checksum()), dtype=torch.uint8) for shard in self.shards)

    def select(self, events: Tensor) -> CorpusData:
        """Some events in memory, in their order here."""
        return self._gathered(events)

    def batch(self, numbers: Tensor) -> CorpusBatch:
        """The events numbered so; those of one shard stand together."""
        data = self._gathered(numbers)
        return data.batch(torch.arange(len(data))) if self.device == "cpu" else self._on_device(data)

    def shuffled(self, chosen: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
        """Shards in random order, events mixed within as many as are in memory at once; shape ``(n,)``."""
        shard = np.searchsorted(self.first, chosen, side="right") - 1
        order = random.permutation(len(self.shards))
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        group = rank[shard] // self.window
        result: NDArray[np.int64] = chosen[np.lexsort([random.random(len(chosen)), group])]
        return result

    def _on_device(self, data: CorpusData) -> CorpusBatch:
        return data.to(self.device).batch(torch.arange(len(data), device=self.device))

    def _gathered(self, numbers: Tensor) -> CorpusData:
        """Events of any shards, shard by shard."""
        wanted = numbers.cpu().numpy()
        shard = np.searchsorted(self.first, wanted, side="right") - 1
        parts = [
            self._shard(int(one)).select(torch.from_numpy(wanted[shard == one] - self.first[one]))
            for one in np.unique(shard)
        ]
        return CorpusData.concatenate(parts)

    def _shard(self, number: int) -> CorpusData:
        if number not in self._kept:
            while len(self._kept) >= self.window:
                self._kept.popitem(last=False)
            self._kept[number] = self.prepare(self.shards[number])
        self._kept.move_to_end(number)
        return self._kept[number]


def _offsets(parts: Sequence[Tensor]) -> Tensor:
    """Offsets of data end to end."""
    counts = torch.cat([part.diff() for part in parts])
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])
