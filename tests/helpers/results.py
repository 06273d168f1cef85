"""A small filter study with made-up scores, for the tests of the report."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hepsets.core.events import PARTICLE_COLUMNS, Events
from hepsets.evaluate.filter.bias import Bias, measure_bias
from hepsets.evaluate.filter.limit import Limit, estimate_limit
from hepsets.evaluate.filter.speedup import (
    SpeedupConfig,
    SpeedupCurve,
    SpeedupResult,
    choose_threshold,
    speedup_at,
    speedup_curve,
)
from hepsets.evaluate.scores.calibration import Calibration, calibrate
from hepsets.evaluate.scores.classification import Classification, classify
from hepsets.evaluate.scores.sample import scored

COSTS = SpeedupConfig(time_network=0.0)


@dataclass(frozen=True)
class Study:
    labels: np.ndarray
    scores: dict[str, np.ndarray]
    classified: dict[str, Classification]
    calibrated: dict[str, Calibration]
    curves: dict[str, SpeedupCurve]
    chosen: dict[str, SpeedupResult]
    biases: list[Bias]
    limit: Limit


@lru_cache
def study(models: int = 3) -> Study:
    random = np.random.default_rng(1)
    n = 3000
    labels = random.random(n) < 0.5
    scores = {
        f"model_{i}": np.where(labels, random.beta(2 + i / 2, 1.5, n), random.beta(1.5, 2 + i / 2, n))
        for i in range(models)
    }
    chosen = {
        name: speedup_at(choose_threshold(scored(labels, s), COSTS).threshold, labels, s, None, COSTS)
        for name, s in scores.items()
    }
    passes = random.binomial(20, random.beta(0.15, 3.0, 1500)[:, None], (1500, 2))
    values = {"r2": random.beta(2, 9, n), "charged_multiplicity": random.poisson(11, n)}
    return Study(
        labels,
        scores,
        {name: classify(labels, s) for name, s in scores.items()},
        {name: calibrate(labels, s) for name, s in scores.items()},
        {name: speedup_curve(labels, s, None, COSTS) for name, s in scores.items()},
        chosen,
        [measure_bias(name, v, random.random(n) < 0.4) for name, v in values.items()],
        estimate_limit(passes, 40, None, COSTS, replicas=10),
    )


def event(*rows: tuple[int, int, float]) -> Events:
    """One event from (pdg, position of the mother, momentum along z)."""
    columns = {name: np.zeros(len(rows), dtype) for name, dtype in PARTICLE_COLUMNS.items()}
    columns["pdg"] = np.array([row[0] for row in rows], dtype=np.int32)
    columns["index"] = np.arange(len(rows), dtype=np.int32)
    columns["mother_index"] = np.array([row[1] for row in rows], dtype=np.int32)
    columns["pz"] = np.array([row[2] for row in rows], dtype=np.float32)
    columns["energy"] = columns["pz"] + 1
    return Events(columns, np.array([0, len(rows)]))
