"""What every estimator of ΔC9 from sets of decays is, and what those on networks have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from hepsets.core.event_frame import EventFrame
from hepsets.core.kernel import kernel
from hepsets.learn.described import described
from hepsets.learn.registry import Kind, Recipe
from hepsets.represent.data_sets.pools import EventSets, variable_matrix, whole_sets

GROUP_MEMBERS = 2_000_000
"""Members of the sets that are evaluated together: bounds the memory."""

CHUNK_EVENTS = 16_384
"""Events that a network sees together when it is applied to single events."""


class SetEstimator(Protocol):
    """Whatever estimates ΔC9 from sets of events."""

    @property
    def name(self) -> str:
        """What it is called in tables and files."""

    def predict(self, frame: EventFrame, offsets: NDArray[Any]) -> NDArray[np.float64]:
        """ΔC9 of each set, shape ``(n_sets,)``.

        Parameters
        ----------
        frame
            The events of all sets end to end, with the variables q², angles.
        offsets
            Shape ``(n_sets + 1,)``: set ``i`` owns events ``offsets[i]:offsets[i + 1]``.
        """


@dataclass(frozen=True, eq=False)
class SetEstimates:
    """Estimates of ΔC9 with 68.3 % intervals.

    Parameters
    ----------
    value, low, high
        Each of shape ``(n_sets,)``.
    """

    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


class NetworkEstimator:
    """An estimator with a network, for sets that may share events.

    Subclasses give ``name`` and :meth:`estimate_sets`; those with numbers of their own, :meth:`record`,
    :meth:`tensors` and :meth:`of_record`, which files need.
    """

    kind: Kind = "data_sets"
    name: str

    def __repr__(self) -> str:
        """Kind, size and options."""
        try:
            numbers = sum(tensor.numel() for tensor in self.tensors().values())
        except NotImplementedError:  # none of its own
            numbers = 0
        return described(self, f"{numbers:,} numbers")

    def estimate_sets(self, sets: EventSets) -> SetEstimates:
        """ΔC9 of each set. An event that many sets hold goes through the network once, where it can."""
        raise NotImplementedError

    def record(self) -> dict[str, Any]:
        """All but tensors, see :meth:`hepsets.learn.registry.Model.record`."""
        raise NotImplementedError

    def tensors(self) -> dict[str, Tensor]:
        """Its numbers by name, see :meth:`hepsets.learn.registry.Model.tensors`."""
        raise NotImplementedError

    @classmethod
    def of_record(
        cls, config: Any, record: Mapping[str, Any], tensors: dict[str, Tensor], **given: Any
    ) -> Self:
        """The estimator of a file: its options, what :meth:`record` gave, and its numbers.

        See :meth:`hepsets.learn.registry.Recipe.read`.
        """
        raise NotImplementedError

    def estimate(self, frame: EventFrame, offsets: NDArray[Any]) -> SetEstimates:
        """ΔC9 of each set with its interval, shape ``(n_sets,)``; arguments as for :meth:`predict`."""
        return self.estimate_sets(whole_sets(frame, offsets))

    def predict(self, frame: EventFrame, offsets: NDArray[Any]) -> NDArray[np.float64]:
        """ΔC9 of each set, see :class:`SetEstimator`."""
        return self.estimate(frame, offsets).value

    def interval(self, frame: EventFrame, offsets: NDArray[Any]) -> NDArray[np.float64]:
        """68.3 % interval of each set, shape ``(n_sets, 2)``."""
        found = self.estimate(frame, offsets)
        return np.stack([found.low, found.high], axis=1)


@dataclass(frozen=True, kw_only=True)
class EstimatorRecipe(Recipe):
    """An estimator of data sets: its options as published, and what reads it.

    Parameters
    ----------
    name, config
        See :class:`~hepsets.learn.registry.Recipe`.
    estimator
        Its class.
    """

    estimator: type[NetworkEstimator]

    @property
    def kind(self) -> Kind:
        """Sets of events."""
        return "data_sets"

    def of_earlier(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Options of trainings had names of their own where they were those of plateaus."""
        return {name: _of_plateaus(value) if "fit" in name else value for name, value in config.items()}

    def read(self, record: Mapping[str, Any], tensors: dict[str, Tensor], **given: Any) -> NetworkEstimator:
        """The estimator of a file, see :meth:`hepsets.learn.registry.Recipe.read`."""
        return self.estimator.of_record(self.stored(record), record, tensors, **given)


def _of_plateaus(fit: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {"factor": "plateau_factor", "patience": "plateau_epochs"}
    return {renamed.get(name, name): value for name, value in fit.items()}


def groups(sets: EventSets) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]]:
    """Neighbouring sets, about :data:`GROUP_MEMBERS` members together.

    Yields
    ------
    matrix
        Variables of the events that these sets hold, each event once, shape ``(n_events, n_variables)``.
    members
        The sets' members as rows of ``matrix``, shape ``(n_members,)``.
    offsets
        Of these sets, shape ``(n_sets + 1,)``.
    """
    begin = 0
    while begin < len(sets):
        end = int(np.searchsorted(sets.offsets, sets.offsets[begin] + GROUP_MEMBERS, side="right")) - 1
        end = min(max(end, begin + 1), len(sets))
        part = sets[begin:end]
        used = np.zeros(len(sets.frame), dtype=bool)
        used[part.members] = True
        row = np.cumsum(used) - 1
        yield variable_matrix(sets.frame[used]), row[part.members], part.offsets
        begin = end


def member_sums(
    sets: EventSets, outputs: Callable[[NDArray[np.float32]], NDArray[np.float32]], width: int
) -> NDArray[np.float64]:
    """Sum over the members of each set of ``width`` numbers per event, in double precision.

    Parameters
    ----------
    sets
        The sets.
    outputs
        From variables ``(n_events, 4)`` to ``(n_events, width)``; called with at most
        :data:`CHUNK_EVENTS` events.
    width
        Numbers per event.

    Returns
    -------
    ndarray
        Shape ``(n_sets, width)``; zeros for an empty set.
    """
    parts = []
    for matrix, members, offsets in groups(sets):
        rows = np.empty((len(matrix), width), dtype=np.float32)
        for begin in range(0, len(matrix), CHUNK_EVENTS):
            rows[begin : begin + CHUNK_EVENTS] = outputs(matrix[begin : begin + CHUNK_EVENTS])
        result = np.zeros((len(offsets) - 1, width))
        _sum_members(rows, members, offsets, result)
        parts.append(result)
    return np.concatenate(parts) if parts else np.zeros((0, width))


@kernel
def _sum_members(
    rows: NDArray[np.float32],
    members: NDArray[np.int64],
    offsets: NDArray[np.int64],
    result: NDArray[np.float64],
) -> None:
    for one in range(len(offsets) - 1):
        for place in range(offsets[one], offsets[one + 1]):
            for k in range(rows.shape[1]):
                result[one, k] += rows[members[place], k]
