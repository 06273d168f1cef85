"""A small study of continuum suppression with made-up events, for the tests of its figures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hepsets.analyses.continuum_suppression.trust import PenaltyResult
from hepsets.core.measured import Measured
from hepsets.evaluate.filter.bias import Bias
from hepsets.evaluate.scores.background_at import (
    BackgroundCurve,
    BackgroundLeft,
    RatioCurve,
    background_at,
    background_curve,
    background_ratio_curve,
)
from hepsets.evaluate.scores.distance_correlation import distance_correlation
from hepsets.evaluate.scores.importance import Importance
from hepsets.evaluate.scores.sculpting import measure_sculpting
from hepsets.select.variables.continuum import CONTINUUM_VARIABLES

MODELS = ("bdt", "fixed_mlp", "deep_sets", "multi_deep_sets", "combined", "learned_moments")
SETS = ("rest_tracks", "rest_photons", "signal_tracks", "signal_photons", "candidate")
SHIFTS = ("nominal", "momentum scale", "momentum resolution", "identification", "beam background")
MODES = (
    r"$D^-\pi^+$",
    r"$\bar D^0\pi^+$",
    r"$D^{*-}\pi^+$",
    r"$D^-\pi^+\pi^0$",
    r"$D^{*-}\pi^+\pi^-\pi^+\pi^0$",
    r"$D^-D_s^{*+}$",
)


@dataclass(frozen=True)
class ContinuumStudy:
    labels: np.ndarray
    weights: np.ndarray
    variables: dict[str, np.ndarray]
    mbc: np.ndarray
    scores: dict[str, np.ndarray]
    left: dict[str, BackgroundLeft]
    curves: dict[str, BackgroundCurve]
    ratios: dict[str, RatioCurve]
    sculpting: dict[str, list[Bias]]
    penalty: list[PenaltyResult]
    importances: dict[str, list[Importance]]
    shifted: dict[str, dict[str, Measured]]
    unseen: dict[str, dict[str, Measured]]


def _variable(low: float, high: float, latent: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A number within its limits that follows how much an event looks like two jets."""
    share = 1 / (1 + np.exp(-0.8 * latent - random.normal(size=len(latent))))
    if np.isfinite(low) and np.isfinite(high):
        return low + (high - low) * share
    return 2 * share if np.isfinite(low) else 4 * (share - 0.4)


@lru_cache
def continuum_study(models: int = len(MODELS), n: int = 3000) -> ContinuumStudy:
    random = np.random.default_rng(1)
    labels = random.random(n) < 0.5
    weights = np.where(labels, 0.02, random.choice([1.0, 1.2], n))
    jets = random.normal(size=n) - 1.6 * labels
    variables = {
        v.name: _variable(v.low, v.high, jets if i % 3 else -jets, random)
        for i, v in enumerate(CONTINUUM_VARIABLES)
    }
    mbc = np.where(labels, random.normal(5.2795, 0.0027, n), 5.29 - 0.05 * random.beta(1.5, 1.0, n))
    delta_e = np.where(labels, random.normal(0, 0.02, n), random.uniform(-0.2, 0.2, n))
    names = [MODELS[i] if i < len(MODELS) else f"model_{i}" for i in range(models)]
    scores = {
        name: 1
        / (1 + np.exp(-(1.5 + 0.15 * min(i, 6)) * (labels - 0.5) - random.normal(size=n) + 0.4 * jets))
        for i, name in enumerate(names)
    }
    left = {name: background_at(labels, s, weights) for name, s in scores.items()}
    penalty = []
    for strength in (0.0, 1.0, 10.0, 100.0):
        knows = 50 / (1 + strength) * (mbc - 5.265)
        score = 1 / (1 + np.exp(-2 * (labels - 0.5) + 0.5 * jets - knows - random.normal(size=n)))
        at = background_at(labels, score, weights)
        penalty.append(
            PenaltyResult(
                strength,
                at.background,
                distance_correlation(score[~labels], mbc[~labels], weights[~labels]),
                measure_sculpting("mbc", mbc, labels, score, weights).p_value,
            )
        )

    def importances(inputs: tuple[str, ...], size: float) -> list[Importance]:
        growth = size * random.exponential(size=len(inputs)) ** 2
        return [
            Importance(name, Measured(0.2 * (1 + g), 0.01), Measured(g, 0.02 + 0.08 * g))
            for name, g in zip(inputs, growth, strict=True)
        ]

    return ContinuumStudy(
        labels,
        weights,
        variables,
        mbc,
        scores,
        left,
        {name: background_curve(labels, s, weights) for name, s in scores.items()},
        {
            name: background_ratio_curve(labels, s, scores[names[0]], weights)
            for name, s in scores.items()
            if name != names[0]
        },
        {
            name: [
                measure_sculpting("mbc", mbc, labels, s, weights),
                measure_sculpting("delta_e", delta_e, labels, s, weights),
            ]
            for name, s in scores.items()
        },
        penalty,
        {
            "sets": importances(SETS, 0.6),
            "rest_tracks": importances(("momentum", "charge", "identification", "log_dr", "log_dz"), 0.2),
            "candidate": importances(("direction", "thrust axis"), 0.3),
        },
        {
            shift: {
                name: Measured(left[name].background.value * (1 + 0.04 * i), left[name].background.se)
                for name in names
            }
            for i, shift in enumerate(SHIFTS)
        },
        {
            mode: {name: Measured(0.9 - 0.03 * random.random(), 0.008) for name in names[-3:]}
            for mode in MODES
        },
    )
