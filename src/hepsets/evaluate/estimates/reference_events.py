r"""Simulated events kept with a model, weighted to any ΔC9: what a user's events are compared with.

Each event has a share of the signal, :math:`(w_0 + w_1\delta + w_2\delta^2)/R(\delta)`, or of the background.
A mistake in a user's events is simulated by making it in these: another sign, another unit, a part left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from pydantic import TypeAdapter

from hepsets.core.event_frame import EventFrame
from hepsets.evaluate.estimates.goodness_of_fit import CellModel
from hepsets.learn.data_sets.quadratic_likelihood import Rate
from hepsets.learn.data_sets.truth_ratios import TruthRatios, signal_with
from hepsets.learn.files import damaged, read_tensors, refusing_damage, write_tensors

FORMAT = "hepsets-reference-events-1"

Array = NDArray[np.float64]

REFERENCE_EVENTS = 200_000
"""Events that are kept at most."""

FOLDED_CHI = "|chi|"
"""The angle χ without its sign: the decay hardly knows its sign, but well that of its cosine."""


@dataclass(frozen=True, eq=False)
class ReferenceEvents:
    """Simulated events with their shares.

    Parameters
    ----------
    frame
        The events.
    shares
        w₀, w₁, w₂ of signal events and the share of background ones, shape ``(4, n_events)``.
    """

    frame: EventFrame
    shares: Array

    @classmethod
    def of(
        cls,
        frame: EventFrame,
        truth: TruthRatios,
        variables: Sequence[str],
        seed: int,
        most: int = REFERENCE_EVENTS,
    ) -> ReferenceEvents:
        """A random part of simulated events, in random order.

        Parameters
        ----------
        frame
            Simulated events, signal and background (column ``is_signal``).
        truth
            Density ratios of the signal events, in their order.
        variables
            The columns to keep.
        seed
            Of the choice.
        most
            How many to keep at most.

        Raises
        ------
        InputError
            If frame and truth do not fit.
        """
        signal = signal_with(frame, truth)
        shares = np.zeros((4, len(frame)))
        shares[:3, signal] = np.stack([np.ones(len(truth)), truth.beta, truth.gamma]) * truth.weights(0.0)
        shares[3, ~signal] = 1.0
        chosen = np.random.default_rng([seed, len(frame)]).permutation(len(frame))[:most]
        # as the file keeps them, so that a loaded model says the same
        single = np.ascontiguousarray(shares[:, chosen].astype(np.float32).astype(np.float64))
        columns = {name: frame[name][chosen].astype(np.float32) for name in variables}
        return cls(EventFrame(columns), single)

    def __len__(self) -> int:
        return len(self.frame)

    def weights(self, delta_c9: float, background_fraction: float = 0.0) -> Array:
        """Weight of each event in a data set of one ΔC9, shape ``(n_events,)``; their sum is 1."""
        signal = np.maximum(np.array([1.0, delta_c9, delta_c9**2]) @ self.shares[:3], 0.0)
        weights = (1 - background_fraction) * signal / signal.sum()
        if background_fraction > 0:
            weights = weights + background_fraction * self.shares[3] / self.shares[3].sum()
        return np.asarray(weights)

    @property
    def has_background(self) -> bool:
        """Whether any event is background."""
        return bool((self.shares[3] > 0).any())

    def order(self, name: str) -> NDArray[np.int64]:
        """The numbers of the events as a column rises, shape ``(n_events,)``; sorted once."""
        if name not in self._orders:
            self._orders[name] = np.argsort(self.frame[name], kind="stable")
        return self._orders[name]

    def cell_of(self, cells: CellModel) -> NDArray[np.int64]:
        """Number of the cell of each event, shape ``(n_events,)``.

        Looked up once for cells and those that they are joined to.
        """
        finest, found = self._cells
        if finest is None or finest.levels < cells.levels or not _joined(finest, cells):
            finest, found = cells, cells.cell_of(self.frame)
            self._cells[:] = [finest, found]
        return np.asarray(found >> (finest.levels - cells.levels))

    @cached_property
    def _orders(self) -> dict[str, NDArray[np.int64]]:
        return {}

    @cached_property
    def _cells(self) -> list[Any]:
        return [None, None]

    def first(self, number: int) -> ReferenceEvents:
        """So many of the events at most; they are in random order."""
        return self if number >= len(self) else self.where(np.arange(len(self)) < number)

    def where(self, kept: NDArray[np.bool_]) -> ReferenceEvents:
        """The events where ``kept``, shape ``(n_events,)``, is true."""
        return ReferenceEvents(self.frame[kept], self.shares[:, kept])

    def changed(self, **columns: Callable[[NDArray[np.float32]], NDArray[np.floating]]) -> ReferenceEvents:
        """With a function of each named column, shape ``(n_events,)``, in its place."""
        made = {name: function(self.frame[name]) for name, function in columns.items()}
        return ReferenceEvents(self.frame.with_columns(**made), self.shares)

    def and_also(self, other: ReferenceEvents) -> ReferenceEvents:
        """Both kinds of events, as many of either."""
        return ReferenceEvents(
            EventFrame.concatenate([self.frame, other.frame]),
            np.concatenate([self.shares, other.shares], axis=1) / 2,
        )

    def with_folded_chi(self) -> ReferenceEvents:
        """With :data:`FOLDED_CHI` beside ``chi``."""
        return ReferenceEvents(with_folded_chi(self.frame), self.shares)

    def save(self, path: str | Path, *, compact: bool = False) -> None:
        """Write to one file, whole or not at all. Nothing in it is code.

        Parameters
        ----------
        path
            The file.
        compact
            Keep eleven bits of each number, enough to compare distributions, in half the space.
        """
        names = list(self.frame.columns)
        kept = np.float16 if compact else np.float32
        values = np.stack([self.frame[name].astype(kept) for name in names])
        # only their ratios count; as they are they would be too small for half precision
        shares = self.shares / np.array([[self.shares[0].mean() if compact else 1.0]] * 3 + [[1.0]])
        tensors = {"values": values, "shares": shares.astype(kept)}
        write_tensors(
            path,
            {"format": FORMAT, "columns": names},
            {name: torch.from_numpy(array) for name, array in tensors.items()},
        )

    @classmethod
    def load(cls, path: str | Path) -> ReferenceEvents:
        """Read what :meth:`save` wrote; never executes code from the file.

        Raises
        ------
        InputError
            If the file is missing, broken, or something else.
        """
        record, tensors = read_tensors(path, FORMAT)
        with refusing_damage(path):
            names = TypeAdapter(list[str]).validate_python(record["columns"])
            values, shares = tensors["values"].float().numpy(), tensors["shares"].double().numpy()
        if values.ndim != 2 or len(values) != len(names) or shares.shape != (4, values.shape[1]):
            raise damaged(path, ValueError("arrays of shapes that do not fit"))
        if not (np.isfinite(values).all() and np.isfinite(shares).all() and shares[0].sum() > 0):
            raise damaged(path, ValueError("values that are not finite, or no signal"))
        return cls(EventFrame(dict(zip(names, values, strict=True))), shares)


@dataclass(frozen=True, eq=False)
class SignalReference:
    """Reference events without background as decays with known density ratios, see ``WeightedDecays``.

    Parameters
    ----------
    events
        The events, all of them signal.
    rate
        Their total rate.
    delta_c9
        Least and greatest ΔC9 that they were made at.
    rate_is_known
        Whether the rate is exact.
    """

    events: ReferenceEvents
    rate: Rate
    delta_c9: Array
    rate_is_known: bool

    def __len__(self) -> int:
        return len(self.events)

    @property
    def beta(self) -> Array:
        """Linear coefficients, shape ``(n_events,)``."""
        return np.asarray(self.events.shares[1] / self.events.shares[0])

    @property
    def gamma(self) -> Array:
        """Quadratic coefficients, shape ``(n_events,)``."""
        return np.asarray(self.events.shares[2] / self.events.shares[0])

    def weights(self, delta_c9: float) -> Array:
        """Weights with which the decays stand for some at ``delta_c9``; their sum is 1."""
        return self.events.weights(delta_c9)

    def mean_scores(self, delta_c9: ArrayLike) -> Array:
        """Mean slope of ln p(x|δ) of decays at each ΔC9, shape ``(n_points,)``: zero but for chance."""
        points = np.asarray(delta_c9, dtype=np.float64)
        total, linear, quadratic = self.events.shares[:3].sum(axis=1)
        slope = (linear + 2 * points * quadratic) / (total + points * (linear + points * quadratic))
        return np.asarray(slope - (self.rate.linear + 2 * points * self.rate.quadratic) / self.rate(points))

    @property
    def effective_decays(self) -> float:
        """Kish's effective number of decays at ΔC9 = 0."""
        weights = self.weights(0.0)
        return float(1 / (weights @ weights))


def _joined(finest: CellModel, cells: CellModel) -> bool:
    return finest.variables == cells.variables and np.array_equal(
        finest.thresholds[: len(cells.thresholds)], cells.thresholds
    )


def with_folded_chi(frame: EventFrame) -> EventFrame:
    """Events with :data:`FOLDED_CHI` beside ``chi``."""
    return frame.with_columns(**{FOLDED_CHI: np.abs(frame["chi"])})
