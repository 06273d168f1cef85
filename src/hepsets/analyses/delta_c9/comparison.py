"""How good each model is in each cell: from its predictions to spreads, biases, coverage, and the bound."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hepsets.analyses.delta_c9.bounds import Bound, bounds
from hepsets.analyses.delta_c9.cells import truths_of
from hepsets.analyses.delta_c9.config import Config
from hepsets.analyses.delta_c9.predictions import Key, Predictions
from hepsets.analyses.delta_c9.samples import Cell
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.parallel import begin
from hepsets.evaluate.estimates.quality import EstimatorQuality, estimator_quality
from hepsets.evaluate.estimates.simulation_based_calibration import (
    PosteriorCalibration,
    posterior_calibration,
)
from hepsets.generate.kstmumu.density import TEST_VALUES
from hepsets.learn.data_sets.estimator import SetEstimates
from hepsets.learn.data_sets.morphing import Morphing
from hepsets.learn.files import load
from hepsets.learn.training.one_thread import one_thread

LEAST_SPREAD = 1e-6
"""Predictions that differ by less are one value, as when a product of posteriors is all on one; no unit."""


@dataclass(frozen=True)
class Row:
    """One model on the toys of one size at one truth in one cell.

    ``sigma`` is the bound on the spread, where it is known.
    """

    level: str
    window: str
    model: str
    events: int
    quality: EstimatorQuality
    sigma: float | None

    @property
    def bound(self) -> float:
        """``sigma``, where it is known.

        Raises
        ------
        InputError
            Where it is not.
        """
        if self.sigma is None:
            raise InputError(f"{self.model} at {self.level} level without a bound", "a row with one")
        return self.sigma

    @property
    def over_bound(self) -> Measured | None:
        """Spread over the bound."""
        if self.sigma is None:
            return None
        spread = self.quality.spread
        return Measured(spread.value / self.sigma, spread.se / self.sigma)


@dataclass(frozen=True)
class Comparison:
    """What the toys say.

    Parameters
    ----------
    rows
        On toys at the truths.
    linearity
        On toys at the 14 ΔC9 of testing, in the first window.
    bounds
        On the standard deviation.
    calibration
        Of posteriors, by cell and model.
    shifts
        Shift of the prediction, in its standard deviations, by cell, model and shift of q².
    """

    rows: tuple[Row, ...]
    linearity: tuple[Row, ...]
    bounds: tuple[Bound, ...]
    calibration: Mapping[tuple[Cell, str], PosteriorCalibration]
    shifts: Mapping[Cell, Mapping[str, Mapping[float, Measured]]]


def compare(config: Config, predictions: Mapping[Cell, Predictions], models: Path) -> Comparison:
    """Judge all predictions; ``models`` is the folder of the trained models."""
    rows: dict[str, list[Row]] = {"toys": [], "linearity": []}
    found_bounds: list[Bound] = []
    calibration: dict[tuple[Cell, str], PosteriorCalibration] = {}
    shifts: dict[Cell, Mapping[str, Mapping[float, Measured]]] = {}
    begun = {cell: begin(_bounds_of, (config, cell, models / cell.name)) for cell in predictions}
    for cell, of_cell in predictions.items():
        here = begun[cell]()
        found_bounds += [bound for bound in here if bound.delta_c9 in truths_of(config, cell)]
        sigma = {(bound.delta_c9, bound.events): bound.sigma for bound in here}
        for key, estimates in of_cell.items():
            if key.kind in rows:
                quality = estimator_quality(estimates.value, key.delta_c9, _intervals(estimates))
                at = sigma.get((key.delta_c9, key.events))
                rows[key.kind].append(Row(cell.level, cell.window, key.model, key.events, quality, at))
            elif key.kind == "calibration":
                calibration[cell, key.model] = posterior_calibration(estimates.value)
        moved = _shifts(of_cell)
        if moved:
            shifts[cell] = moved
    return Comparison(tuple(rows["toys"]), tuple(rows["linearity"]), tuple(found_bounds), calibration, shifts)


def _bounds_of(task: tuple[Config, Cell, Path]) -> list[Bound]:
    config, cell, models = task
    path = models / "morphing.safetensors"
    morphing = load(path, Morphing) if path.exists() else None
    truths = tuple(dict.fromkeys((*truths_of(config, cell), *TEST_VALUES)))
    with one_thread():
        return bounds(config, cell, morphing, truths)


def _intervals(estimates: SetEstimates) -> np.ndarray | None:
    intervals = np.stack([estimates.low, estimates.high], axis=1)
    return intervals if np.isfinite(intervals).all() else None


def _shifts(predictions: Predictions) -> dict[str, dict[float, Measured]]:
    found: dict[str, dict[float, Measured]] = {}
    for key, moved in predictions.items():
        if key.kind != "shifted":
            continue
        still = predictions[Key("unshifted", key.model, key.delta_c9, key.events)]
        spread = float(still.value.std(ddof=1))
        if spread < LEAST_SPREAD:
            continue
        change = (moved.value - still.value) / spread
        se = float(change.std(ddof=1)) / math.sqrt(len(change))
        found.setdefault(key.model, {})[key.shift] = Measured(float(change.mean()), se)
    return found
