r"""Whether one data set looks like the simulated events at its fitted ΔC9.

The space of the variables is cut into cells of equal population by medians, one variable after the other. In
each cell simulation expects :math:`(h_0 + h_1\delta + h_2\delta^2)/R(\delta)` of the signal, and a share of
the background; χ² compares that with what the data have there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter
from scipy.stats import chi2

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.generate.kstmumu.density import VARIABLES
from hepsets.learn.data_sets.quadratic_likelihood import DeltaC9Fit
from hepsets.learn.data_sets.truth_ratios import WeightedDecays, signal_with
from hepsets.learn.files import damaged, read_tensors, refusing_damage, write_tensors

FORMAT = "hepsets-cells-1"

Array = NDArray[np.float64]

LEAST_EXPECTED = 5.0
"""Events expected in a cell that counts."""


@dataclass(frozen=True, eq=False)
class GoodnessOfFit:
    """χ² of one data set.

    Parameters
    ----------
    chi2, ndof, p_value
        Of all cells. The parameters were fitted to events, not to cells, so that χ² lies between that of
        ``ndof`` degrees of freedom and of one less for each of them (Chernoff & Lehmann 1954); the former
        is taken, so that no good data set is suspected too often.
    observed, expected
        Events in each cell, shape ``(n_cells,)``.
    worst_cell
        The cell of the greatest pull, in words.
    worst_pull
        Its (observed − expected) / error.
    """

    chi2: float
    ndof: int
    p_value: float
    observed: NDArray[np.int64]
    expected: Array
    worst_cell: str
    worst_pull: float


@dataclass(frozen=True, eq=False)
class CellModel:
    """Cells and what simulation expects in them.

    Parameters
    ----------
    variables
        What the cells are cut in, one after the other, beginning again after the last.
    thresholds
        Where each cell is cut, level by level, shape ``(n_cells - 1,)``.
    signal
        h₀, h₁, h₂ of each cell, shape ``(3, n_cells)``; h₀ sums to 1.
    signal_variance
        Variance of a cell's expected share from finite simulation, at ΔC9 = 0; shape ``(n_cells,)``.
    background, background_variance
        Share of the background in each cell, and its variance; zeros if there is none.
    """

    variables: tuple[str, ...]
    thresholds: Array
    signal: Array
    signal_variance: Array
    background: Array
    background_variance: Array

    @classmethod
    def of(
        cls,
        frame: EventFrame,
        truth: WeightedDecays,
        *,
        cells: int = 64,
        variables: Sequence[str] = VARIABLES,
    ) -> CellModel:
        """Cut the space by simulated events and count them.

        Parameters
        ----------
        frame
            Simulated events, signal and background (column ``is_signal``).
        truth
            Density ratios of the signal events, in their order.
        cells
            A power of two.
        variables
            What to cut in.

        Raises
        ------
        InputError
            For a number of cells that is no power of two, or fewer than ten events per cell.
        """
        levels = int(np.log2(cells)) if cells > 1 else 0
        if 2**levels != cells or levels == 0:
            raise InputError(f"{cells} cells", "a power of two from 2 up")
        if len(frame) < 10 * cells:
            raise InputError(f"{len(frame)} events for {cells} cells", "at least ten for each")
        signal = signal_with(frame, truth)
        columns = [frame[name].astype(np.float64) for name in variables]
        thresholds = np.empty(cells - 1)
        cell = np.zeros(len(frame), dtype=np.int64)
        for level in range(levels):
            values = columns[level % len(columns)]
            order = np.lexsort((values, cell))
            ends = np.searchsorted(cell[order], np.arange(2**level + 1))
            for node in range(2**level):
                inside = values[order[ends[node] : ends[node + 1]]]
                thresholds[2**level - 1 + node] = inside[len(inside) // 2] if len(inside) else 0.0
            cell = 2 * cell + (values >= thresholds[2**level - 1 + cell])
        weights = truth.weights(0.0)
        own = cell[signal]
        counted = [
            np.bincount(own, weights * factor, minlength=cells) for factor in (1.0, truth.beta, truth.gamma)
        ]
        background = np.bincount(cell[~signal], minlength=cells) / max(int((~signal).sum()), 1)
        return cls(
            tuple(variables),
            thresholds,
            np.stack(counted),
            np.bincount(own, weights**2, minlength=cells).astype(np.float64),
            background,
            background * (1 - background) / max(int((~signal).sum()), 1),
        )

    def cell_of(self, frame: EventFrame) -> NDArray[np.int64]:
        """Number of the cell that each event lies in, shape ``(n_events,)``."""
        columns = [frame[name].astype(np.float64) for name in self.variables]
        cell = np.zeros(len(frame), dtype=np.int64)
        for level in range(self.levels):
            cell = 2 * cell + (columns[level % len(columns)] >= self.thresholds[2**level - 1 + cell])
        return cell

    def expected(self, delta_c9: float, background_fraction: float = 0.0) -> Array:
        """Share of the events in each cell, shape ``(n_cells,)``."""
        signal = np.array([1.0, delta_c9, delta_c9**2]) @ self.signal
        share = (1 - background_fraction) * signal / signal.sum() + background_fraction * self.background
        return np.asarray(share)

    def compare(self, frame: EventFrame, fit: DeltaC9Fit) -> GoodnessOfFit:
        """χ² of a data set against simulation at its fitted ΔC9 and background fraction.

        Raises
        ------
        InputError
            If so few events are expected that not even two cells have five.
        """
        n = len(frame)
        fraction = fit.background_fraction if np.isfinite(fit.background_fraction) else 0.0
        share = self.expected(fit.value, fraction)
        expected = n * share
        observed = np.bincount(self.cell_of(frame), minlength=len(share))
        variance = expected + n**2 * (
            (1 - fraction) ** 2 * self.signal_variance + fraction**2 * self.background_variance
        )
        counts = expected >= LEAST_EXPECTED
        if counts.sum() < 2:
            raise InputError(
                f"{n} events in {len(share)} cells", f"at least {LEAST_EXPECTED:g} expected in two cells"
            )
        pull = np.where(counts, (observed - expected) / np.sqrt(np.maximum(variance, 1e-12)), 0.0)
        statistic, ndof = float(pull @ pull), int(counts.sum()) - 1
        worst = int(np.argmax(np.abs(pull)))
        return GoodnessOfFit(
            statistic,
            ndof,
            float(chi2.sf(statistic, ndof)),
            observed,
            expected,
            self.describe(worst),
            float(pull[worst]),
        )

    def describe(self, cell: int) -> str:
        """The limits of a cell in words, such as ``q_squared < 6.2, chi ≥ 0.1``."""
        limits: dict[str, list[float]] = {}
        for level in range(self.levels):
            node = cell >> (self.levels - level)
            upper = (cell >> (self.levels - level - 1)) & 1
            ends = limits.setdefault(self.variables[level % len(self.variables)], [-np.inf, np.inf])
            ends[0 if upper else 1] = self.thresholds[2**level - 1 + node]
        words = []
        for name, (low, high) in limits.items():
            if np.isfinite(low) and np.isfinite(high):
                words.append(f"{low:.3g} ≤ {name} < {high:.3g}")
            else:
                words.append(f"{name} < {high:.3g}" if np.isfinite(high) else f"{name} ≥ {low:.3g}")
        return ", ".join(words)

    def save(self, path: str | Path) -> None:
        """Write to one file, whole or not at all. Nothing in it is code."""
        arrays = ("thresholds", "signal", "signal_variance", "background", "background_variance")
        write_tensors(
            path,
            {"format": FORMAT, "variables": list(self.variables)},
            {name: torch.from_numpy(np.ascontiguousarray(getattr(self, name))) for name in arrays},
        )

    @classmethod
    def load(cls, path: str | Path) -> CellModel:
        """Read what :meth:`save` wrote; never executes code from the file.

        Raises
        ------
        InputError
            If the file is missing, broken, or something else.
        """
        record, tensors = read_tensors(path, FORMAT)
        with refusing_damage(path):
            variables = TypeAdapter(tuple[str, ...]).validate_python(record["variables"])
            model = cls(variables, **{name: tensor.double().numpy() for name, tensor in tensors.items()})
        if model.signal.shape != (3, len(model.thresholds) + 1):
            raise damaged(path, ValueError("arrays of shapes that do not fit"))
        return model

    def joined(self, levels: int, variables: Sequence[str] | None = None) -> CellModel:
        """The larger cells after the first so many cuts; ``variables`` names what is cut in, if not all."""

        def together(values: Array) -> Array:
            return np.asarray(values.reshape(*values.shape[:-1], 2**levels, -1).sum(-1))

        return CellModel(
            self.variables if variables is None else tuple(variables),
            self.thresholds[: 2**levels - 1],
            together(self.signal),
            together(self.signal_variance),
            together(self.background),
            together(self.background_variance),
        )

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return len(self.thresholds) + 1

    @property
    def levels(self) -> int:
        """How often each cell was cut: the logarithm to base 2 of their number."""
        return int(np.log2(self.n_cells))
