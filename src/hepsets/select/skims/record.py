"""What a skim finds: candidates of many events, in records that all skims share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hepsets.select.candidates.charm import CHARM_MODE_NAMES, N_CHARM_MODES


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
        """How much it looks like signal, in (0, 1]."""
        return self.values["signal_probability"]

    @property
    def is_correct(self) -> NDArray[np.bool_]:
        """Whether the candidate is a true decay, wholly and rightly reconstructed."""
        return self.values["is_correct"]

    @property
    def passes(self) -> NDArray[np.bool_]:
        """Whether each event has a candidate, shape ``(n_events,)``."""
        result = np.zeros(len(self.event_numbers), dtype=np.bool_)
        result[self.values["event"]] = True
        return result

    @staticmethod
    def concatenate(parts: Sequence[SkimCandidates], event_numbers: NDArray[np.int64]) -> SkimCandidates:
        """Join one or more batches whose ``event`` already counts through all of ``event_numbers``."""
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
