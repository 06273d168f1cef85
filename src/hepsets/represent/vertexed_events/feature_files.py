"""Features in files, block by block, and a data set that reads of them what it is asked for."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save as safetensors_bytes
from torch import Tensor

from hepsets.core.purpose import Purpose, demand
from hepsets.core.whole_file import whole_file
from hepsets.formats.tensor_header import whole_header
from hepsets.represent.particle_sets.data import PackedSet
from hepsets.represent.vertexed_events.data import VertexedBatch, VertexedData
from hepsets.represent.vertexed_events.inputs import InputSpec

READ_TOGETHER = 8192
"""Events that are read at a time: some dozens of megabytes, and enough that each file is worth opening."""


def write_features(data: VertexedData, path: Path) -> None:
    """Write features to one file, in the precision that they have."""
    names = {kind: json.dumps(getattr(data.spec, kind)) for kind in _KINDS}
    tensors = {name: one.contiguous() for name, one in zip(_TENSORS, data.tensors(), strict=True)}
    with whole_file(path) as partial:
        partial.write_bytes(safetensors_bytes(tensors, metadata=names))


def read_features(path: Path) -> VertexedData:
    """What :func:`write_features` wrote; what is not used of it is not read from the disk."""
    return _File.of(path).data()


@dataclass(frozen=True, eq=False)
class FeatureFiles:
    """Some events of several files, as :class:`~hepsets.represent.vertexed_events.data.VertexedData` is in
    memory: the batches are the same, and its memory does not grow with the number of events.

    Parameters
    ----------
    paths
        Files of :func:`write_features`, at least one, with the same features; they stay as they are.
    chosen
        For each file the numbers of its events, shape ``(n_chosen,)``.
    spec
        The features that are wanted.
    sort_by
        How the particles of each event are sorted, see
        :meth:`~hepsets.represent.vertexed_events.data.VertexedData.sorted_by`.
    purpose
        What the events are for, if that is settled.
    """

    paths: tuple[Path, ...]
    chosen: tuple[NDArray[np.int64], ...]
    spec: InputSpec
    sort_by: tuple[str, ...] = ()
    purpose: Purpose | None = None

    @classmethod
    def of(cls, paths: Sequence[Path], chosen: Sequence[NDArray[np.int64]]) -> Self:
        """Events with all features that there are of them; shapes as in the class."""
        return cls(tuple(paths), tuple(chosen), _File.of(paths[0]).spec)

    def __len__(self) -> int:
        return sum(map(len, self.chosen))

    def used_for(self, purpose: Purpose) -> Self:
        """The same events, for a purpose.

        Raises
        ------
        InputError
            If they serve another one already.
        """
        demand(self.purpose, purpose, f"{purpose} events are needed")
        return dataclasses.replace(self, purpose=purpose)

    def seeing(self, spec: InputSpec) -> Self:
        """Only the features of ``spec``, in its order.

        Raises
        ------
        InputError
            If one is missing.
        """
        self.select(torch.empty(0, dtype=torch.int64)).seeing(spec)
        return dataclasses.replace(self, spec=spec)

    def sorted_by(self, names: Sequence[str]) -> Self:
        """The particles of each event by falling features; without names they stay as they are."""
        return dataclasses.replace(self, sort_by=tuple(names)) if names else self

    def to(self, device: torch.device | str) -> Self | VertexedData:
        """The same data on ``device``: in its memory, unless that is the CPU's."""
        if torch.device(device).type == "cpu":
            return self
        return VertexedData.joined([part.to(device) for part in self.pieces()])

    def pieces(self) -> Iterator[VertexedData]:
        """All events in order, :data:`READ_TOGETHER` at a time; an empty piece where there are none."""
        for begin in range(0, max(len(self), 1), READ_TOGETHER):
            yield self[begin : begin + READ_TOGETHER]

    def tensors(self) -> Iterator[Tensor]:
        """All that it holds, in tensors of any shape, piece by piece."""
        return (tensor for piece in self.pieces() for tensor in piece.tensors())

    def batch(self, events: Tensor) -> VertexedBatch:
        """The events numbered by ``events`` (int64, shape ``(n,)``, any order, with repeats) as one batch."""
        return self.select(events).batch(torch.arange(len(events)))

    def batches(self, events: int) -> Iterator[VertexedBatch]:
        """All events in order, ``events`` at a time."""
        return self.in_turn(torch.split(torch.arange(len(self)), events) if len(self) else ())

    def in_turn(self, choices: Sequence[Tensor]) -> Iterator[VertexedBatch]:
        """A batch of each choice of events, shapes ``(n,)``; those of some batches are read together."""
        begin, waiting = 0, 0
        for end, choice in enumerate(choices, 1):
            waiting += len(choice)
            if waiting >= READ_TOGETHER or end == len(choices):
                data = self.select(torch.cat(list(choices[begin:end])))
                sizes = [len(one) for one in choices[begin:end]]
                yield from map(data.batch, torch.split(torch.arange(waiting), sizes))
                begin, waiting = end, 0

    def __getitem__(self, which: slice | NDArray[Any]) -> VertexedData:
        """Events by slice, boolean mask or integer array of shape ``(n,)``, in memory."""
        return self.select(torch.from_numpy(np.ascontiguousarray(np.arange(len(self))[which])))

    def select(self, events: Tensor) -> VertexedData:
        """Some events, numbered as in :meth:`batch`, shape ``(n,)``, in memory."""
        numbers = events.numpy()
        owner = np.searchsorted(self._ends, numbers, side="right")
        parts, places = [self._files[0].data().select(events[:0]).seeing(self.spec)], []
        for number in np.unique(owner):
            places.append(np.flatnonzero(owner == number))
            rows = torch.from_numpy(self._rows[numbers[places[-1]]])
            parts.append(self._files[number].data().select(rows).seeing(self.spec))
        found = VertexedData.joined(parts)
        if len(parts) > 2:
            found = found.select(torch.from_numpy(np.argsort(np.concatenate(places))))
        found = found.sorted_by(self.sort_by)
        return found if self.purpose is None else found.used_for(self.purpose)

    @cached_property
    def _files(self) -> tuple[_File, ...]:
        return tuple(map(_File.of, self.paths))

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """Number of the first event after those of each file."""
        return np.cumsum([len(one) for one in self.chosen])

    @cached_property
    def _rows(self) -> NDArray[np.int64]:
        """Number of each event in its file, shape ``(n_events,)``."""
        return np.concatenate(self.chosen)


# -- inside ------------------------------------------------------------------------------------------

_KINDS = ("particles", "vertices", "events")

_TENSORS = ("particles", "particle_offsets", "vertices", "vertex_offsets", "vertex", "events")
"""Names of what :meth:`VertexedData.tensors` gives, in its order."""

_TYPES = {"F16": np.float16, "F32": np.float32, "I16": np.int16, "I64": np.int64}
"""What safetensors calls types."""


@dataclass(frozen=True)
class _File:
    """A file and what its header says: opening it anew then takes no time.

    Parameters
    ----------
    path
        The file.
    spec
        Names of the features.
    tensors
        Of each of :data:`_TENSORS` its type, its shape, and where in the file it begins and ends.
    """

    path: Path
    spec: InputSpec
    tensors: tuple[tuple[type[np.generic], tuple[int, ...], int, int], ...]

    @classmethod
    def of(cls, path: Path) -> Self:
        """Read the header of a file of safetensors."""
        header, begin = whole_header(path)
        names = header["__metadata__"]
        places = (
            (_TYPES[one["dtype"]], tuple(one["shape"]), *(begin + at for at in one["data_offsets"]))
            for one in map(header.__getitem__, _TENSORS)
        )
        return cls(path, InputSpec(*(tuple(json.loads(names[kind])) for kind in _KINDS)), tuple(places))

    def data(self) -> VertexedData:
        """All of it, read from the disk where it is used, and out of memory with the last tensor of it."""
        content = np.memmap(self.path, mode="c")
        particles, particle_offsets, vertices, vertex_offsets, vertex, events = (
            torch.from_numpy(content[begin:end].view(kind).reshape(shape))
            for kind, shape, begin, end in self.tensors
        )
        sets = PackedSet(particles, particle_offsets), PackedSet(vertices, vertex_offsets)
        return VertexedData(self.spec, *sets, vertex, events)
