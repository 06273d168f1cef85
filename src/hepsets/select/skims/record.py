"""What a skim is, and what it finds: candidates of many events, in records that all skims share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import update_wrapper
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hepsets.core.kernel import Record, kernel
from hepsets.select.candidates.charm import CHARM_MODE_NAMES, N_CHARM_MODES
from hepsets.select.candidates.record import ParticleLists


def candidate_dtype(*measured: str) -> np.dtype[np.void]:
    """Record of a skim's candidate: the skim's own measured numbers, then what all skims tell.

    These are ``signal_probability``; bit masks ``tracks`` and ``clusters`` of what the candidate uses
    in its event; ``event``, position in the batch; ``mode``, index into the skim's mode names;
    ``charm_mode``, index into :data:`~hepsets.select.candidates.charm.CHARM_MODE_NAMES` (plus their number
    if a D* or Ds* radiates a photon, -1 without a charm meson); ``charge``; ``flavour``, the sign that
    tells particle from antiparticle, 0 if the decay does not; ``is_correct``, whether it is true.
    """
    return np.dtype(
        [(name, np.float64) for name in (*measured, "signal_probability")]
        + [(name, np.uint64) for name in ("tracks", "clusters")]
        + [(name, np.int64) for name in ("event", "mode", "charm_mode", "charge", "flavour")]
        + [("is_correct", np.bool_)]
    )


@kernel
def begin(new: Record, event: int, mode: int, part: Record) -> None:
    """Make ``new``, a record of :func:`candidate_dtype`, a candidate of one particle of the lists.

    It has no charm meson, no flavour and is not true; what is known better is set afterwards, and the
    skim's own numbers with ``signal_probability``.
    """
    new.event, new.mode, new.charm_mode = event, mode, -1
    new.tracks, new.clusters = part.tracks, part.clusters
    new.charge, new.flavour, new.is_correct = part.charge, 0, False


@kernel
def join(new: Record, part: Record) -> None:
    """Add another particle of the lists to a candidate."""
    new.tracks |= part.tracks
    new.clusters |= part.clusters
    new.charge += part.charge


@dataclass(frozen=True, eq=False)
class SkimCandidates:
    """Accepted candidates of many events.

    Parameters
    ----------
    values
        Records made by :func:`candidate_dtype`, ordered by event.
    event_numbers
        int64, shape ``(n_events,)``: the caller's number of each event in the batch.
    mode_names
        What each ``mode`` is called.
    """

    values: NDArray[np.void]
    event_numbers: NDArray[np.int64]
    mode_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def measured(self) -> tuple[str, ...]:
        """Names of the numbers that only this skim has."""
        names = self.values.dtype.names or ()
        return names[: names.index("signal_probability")]

    @property
    def event_number(self) -> NDArray[np.int64]:
        """Event number of each candidate, shape ``(n_candidates,)``."""
        numbers: NDArray[np.int64] = self.event_numbers[self.values["event"]]
        return numbers

    @property
    def signal_probability(self) -> NDArray[np.float64]:
        """How much it looks like signal, in (0, 1], shape ``(n_candidates,)``."""
        return self.values["signal_probability"]

    @property
    def is_correct(self) -> NDArray[np.bool_]:
        """Whether it is a true decay, wholly and rightly reconstructed, shape ``(n_candidates,)``."""
        return self.values["is_correct"]

    @property
    def passes(self) -> NDArray[np.bool_]:
        """Whether each event has a candidate, shape ``(n_events,)``."""
        result = np.zeros(len(self.event_numbers), dtype=np.bool_)
        result[self.values["event"]] = True
        return result

    @staticmethod
    def concatenate(parts: Sequence[SkimCandidates], event_numbers: NDArray[np.int64]) -> SkimCandidates:
        """Join batches whose ``event`` counts through all of ``event_numbers``, shape ``(n_events,)``."""
        return SkimCandidates(
            np.concatenate([part.values for part in parts]), event_numbers, parts[0].mode_names
        )

    def to_arrow(self) -> pa.Table:
        """A flat table, one row per candidate, with event numbers and names of the modes."""
        values = self.values
        return pa.table(
            {
                "event_number": self.event_number,
                **{name: values[name].copy() for name in (*self.measured, "signal_probability")},
                "is_correct": pa.array(values["is_correct"].copy()),
                "mode_index": values["mode"].copy(),
                "mode": pa.array([self.mode_names[mode] for mode in values["mode"]], pa.string()),
                "charm_mode": pa.array(
                    [_charm_mode_name(mode) for mode in values["charm_mode"]], pa.string()
                ),
                "charge": values["charge"].copy(),
                "flavour": values["flavour"].copy(),
                "track_mask": values["tracks"].copy(),
                "cluster_mask": values["clusters"].copy(),
            }
        )


def _charm_mode_name(mode: int) -> str | None:
    if mode < 0:
        return None
    return CHARM_MODE_NAMES[mode % N_CHARM_MODES] + (" (photon)" if mode >= N_CHARM_MODES else "")


Find: TypeAlias = Callable[[ParticleLists, NDArray[np.int64]], SkimCandidates]
"""From the particle lists and event numbers of a batch to the candidates that make events pass."""


Passing: TypeAlias = Callable[[ParticleLists, NDArray[np.int64]], NDArray[np.bool_]]
"""From the same to whether each event has a candidate, where that is found sooner than all candidates."""


class Skim:
    """A skim of the package: made of its function by :func:`skim`, whose name and docstring it takes.

    Parameters
    ----------
    find
        What finds the candidates.
    keep
        Probability that a sample for many skims keeps an event that passes this one.
    place
        Where it stands among the skims; models for many skims have their heads in this order.
    passing
        Tells which events have a candidate; by default those of which ``find`` finds one.
    """

    __name__: str

    def __init__(self, find: Find, *, keep: float, place: int, passing: Passing | None = None) -> None:
        update_wrapper(self, find)
        self._find, self.keep, self.place, self._passing = find, keep, place, passing

    def __call__(self, lists: ParticleLists, event_numbers: NDArray[np.int64]) -> SkimCandidates:
        """The candidates of a batch of events; ``event_numbers`` has shape ``(n_events,)``."""
        return self._find(lists, event_numbers)

    def passes(self, lists: ParticleLists, event_numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each event of a batch has a candidate, shape ``(n_events,)``."""
        if self._passing:
            return self._passing(lists, event_numbers)
        return self._find(lists, event_numbers).passes


def skim(*, keep: float = 1.0, place: int = 100, passing: Passing | None = None) -> Callable[[Find], Skim]:
    """Make a function a skim: it is in the registry, by the function's name, for standing in this folder.

    Parameters
    ----------
    keep, place, passing
        As of :class:`Skim`; by default a sample for many skims keeps all its events, and it stands last.
    """
    return lambda find: Skim(find, keep=keep, place=place, passing=passing)
