"""A small study of ΔC9 with Gaussian predictions and made-up events, for the tests of its figures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hepsets.analyses.delta_c9.comparison import Row
from hepsets.analyses.delta_c9.detector import Efficiency, TheoryCurves
from hepsets.analyses.delta_c9.suppression import Suppression
from hepsets.core.measured import Measured
from hepsets.evaluate.estimates.quality import EstimatorQuality
from hepsets.generate.kstmumu.observables import Asymmetries
from hepsets.report.likelihood_figures import LikelihoodCurve

MODELS = {
    "exact": (1.0, 0.0),
    "morphing": (1.04, 0.05),
    "set_summary": (1.1, -0.1),
    "cnn": (2.6, 0.5),
    "deep_sets": (1.6, -0.3),
    "event_by_event": (1.1, 4.5),
    "event_by_event, normalised": (1.08, 0.2),
}
"""Spread and bias of each model in units of the bound."""

SIZES = (8000, 16000, 32000)
TRUTHS = (-2.0, -1.8, -1.5, -1.3, -1.1, -0.95, -0.8, -0.65, -0.5, -0.35, -0.2, -0.1, 0.0, 0.2)
VALUES = np.linspace(-2, 1.1, 44)
RESOLUTIONS = {"q_squared": 0.049, "costheta_mu": 0.0025, "costheta_K": 0.0034, "chi": 0.008}
LEVELS = ("generator", "detector")


def bound(truth: float, events: int) -> float:
    """Roughly the Cramér–Rao bound."""
    return (0.092 + 0.024 * truth) * np.sqrt(8000 / events)


def toy_row(
    truth: float,
    events: int,
    bias: Measured,
    spread: Measured,
    sigma: float,
    coverage: Measured | None = None,
) -> Row:
    """One model on many data sets; what figures do not draw is left at nothing."""
    nothing = Measured(0.0, 0.0)
    quality = EstimatorQuality(truth, 500, spread, bias, nothing, nothing, coverage)
    return Row("generator", "0-20", "model", events, quality, sigma)


@dataclass(frozen=True)
class DeltaC9Study:
    quality: dict[str, list[Row]]
    squared: dict[str, dict[int, Measured]]
    absolute: dict[str, dict[int, Measured]]
    bounds: dict[int, list[float]]
    predictions: dict[str, np.ndarray]
    pooled: dict[str, np.ndarray]
    truth: float
    sigma: float
    curves: dict[str, LikelihoodCurve]
    posteriors: np.ndarray
    running: dict[str, dict[int, np.ndarray]]
    ranks: dict[str, np.ndarray]
    shifts: dict[str, dict[float, Measured]]
    directions: dict[str, tuple[Measured, Measured]]
    widths: dict[str, dict[str, Measured]]


@lru_cache
def delta_c9_study(models: int = len(MODELS), toys: int = 500) -> DeltaC9Study:
    random = np.random.default_rng(1)
    chosen = dict(list(MODELS.items())[:models])
    chosen |= {f"model_{i}": (1 + 0.1 * i, 0.1 * i) for i in range(len(chosen), models)}
    truth, sigma = -0.8, bound(-0.8, 32000)

    def quality(width: float, bias: float, at: float, events: int) -> Row:
        unit = bound(at, events)
        return toy_row(
            at,
            events,
            Measured(unit * random.normal(bias, 1 / np.sqrt(toys)), unit * width / np.sqrt(toys)),
            Measured(unit * width, unit * width / np.sqrt(2 * toys)),
            unit,
            Measured.proportion(random.binomial(toys, 0.683), toys) if width < 1.5 else None,
        )

    def error(power: int, width: float, bias: float, events: int) -> Measured:
        values = np.concatenate([bound(at, events) * random.normal(bias, width, toys) for at in TRUTHS])
        powers = np.abs(values) ** power
        return Measured(powers.mean(), powers.std() / np.sqrt(len(powers)))

    grid = np.linspace(-1.4, -0.2, 121)

    def curve(best: float, width: float) -> LikelihoodCurve:
        return LikelihoodCurve(grid, 7.0 + ((grid - best) / width) ** 2, best, best - width, best + width)

    running = {}
    for kind, drift in (("raw", 1.0), ("normalised", 0.0)):
        running[kind] = {}
        for n in (1, 10, 100, 1000, 32000):
            width = 0.07 * np.sqrt(32000 / n)
            log = -0.5 * ((VALUES - truth - drift * 0.2 * n / 32000 - 0.4 * width) / width) ** 2
            running[kind][n] = np.exp(log - log.max()) / np.exp(log - log.max()).sum()
    posteriors = np.exp(random.normal(0, 0.3, (5, 1)) * VALUES + random.normal(0, 0.1, (5, 1)) * VALUES**2)
    return DeltaC9Study(
        {name: [quality(*m, t, n) for n in SIZES for t in TRUTHS] for name, m in chosen.items()},
        {name: {n: error(2, *m, n) for n in SIZES} for name, m in chosen.items()},
        {name: {n: error(1, *m, n) for n in SIZES} for name, m in chosen.items()},
        {n: [bound(t, n) for t in TRUTHS] for n in SIZES},
        {name: random.normal(truth + sigma * m[1], sigma * m[0], toys) for name, m in chosen.items()},
        {
            name: random.normal(truth + sigma * (m[1] + 0.9), 0.9 * sigma * m[0], toys)
            for name, m in chosen.items()
        },
        truth,
        sigma,
        {
            name: curve(truth + 0.02 * i - 0.02, 0.07 + 0.01 * i)
            for i, name in enumerate(("exact", "morphing", "morphing, background floats"))
        },
        posteriors / posteriors.sum(axis=1, keepdims=True),
        running,
        {name: random.integers(0, 200, 2 * toys) for name in chosen},
        {
            name: {shift: Measured(60 * shift * m[0], 0.05) for shift in (0.005, 0.02)}
            for name, m in chosen.items()
        },
        {f"direction {i}": (Measured(0.3 / i, 0.01), Measured(-0.28 / i, 0.01)) for i in range(1, 6)},
        {
            name: {"fixed": Measured(0.035 * m[0], 0.001), "profiled": Measured(0.21 * m[0], 0.006)}
            for name, m in list(chosen.items())[:2]
        },
    )


@dataclass(frozen=True)
class DecayStudy:
    efficiencies: dict[str, Efficiency]
    overall: Measured
    differences: dict[str, np.ndarray]
    resolutions: dict[str, Measured]
    theory: dict[float, TheoryCurves]
    measured: dict[str, dict[float, Asymmetries]]
    images: dict[float, np.ndarray]
    signal: dict[str, np.ndarray]
    background: dict[str, np.ndarray]
    sideband: dict[str, np.ndarray]
    region: dict[str, np.ndarray]
    suppression: Suppression


def suppression_of(
    training: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    cuts: np.ndarray,
    merit: np.ndarray,
) -> Suppression:
    """Scores of signal and background, and the figure of merit along the cut."""
    some = Measured(0.5, 0.01)
    return Suppression(
        float(cuts[merit.argmax()]), float(merit.max()), float(merit[0]), 2.0, some, some, some,
        *test, *training, cuts, merit,
    )  # fmt: skip


@lru_cache
def decay_study(n: int = 4000) -> DecayStudy:
    random = np.random.default_rng(2)
    ends = {"q_squared": (0, 20), "costheta_mu": (-1, 1), "costheta_K": (-1, 1), "chi": (-np.pi, np.pi)}

    def efficiency(low: float, high: float) -> Efficiency:
        total = random.poisson(n / 10, 20)
        return Efficiency(
            np.linspace(low, high, 21), random.binomial(total, np.linspace(0.3, 0.45, 20)), total
        )

    q2 = np.linspace(0.1, 19, 200)
    edges = np.array([1.0, 3, 5, 7, 9, 10, 11.5, 13, 14, 16.5, 19])

    def theory(value: float) -> TheoryCurves:
        shape = np.tanh((q2 - 4 + 2 * value) / 3) - 0.1 * value
        return TheoryCurves(q2, 0.35 * shape, -0.4 * shape)

    def counted(curves: TheoryCurves, scale: float) -> Asymmetries:
        centre = (edges[:-1] + edges[1:]) / 2
        vetoed = np.isin(edges[:-1], (9, 13))
        afb, s5 = (
            np.where(vetoed, np.nan, scale * np.interp(centre, q2, curve) + random.normal(0, 0.015, 10))
            for curve in (curves.afb, curves.s5)
        )
        return Asymmetries(edges, afb, np.full(10, 0.015), s5, np.full(10, 0.02))

    curves = {value: theory(value) for value in (-1.5, -0.8, 0.0)}

    images = {}
    for value in (-1.5, 0.0):
        filled = random.random((50, 50, 50)) < 0.2
        slope = np.linspace(-1, 1, 50)[:, None, None] * (0.5 + 0.3 * value)
        images[value] = np.where(filled, slope + random.normal(0, 0.9, filled.shape), 0.0)

    def candidates(number: int) -> dict[str, np.ndarray]:
        return {
            "q_squared": 20 * random.beta(1.2, 1.6, number),
            "costheta_mu": random.uniform(-1, 1, number),
            "costheta_K": 2 * random.beta(1.5, 1, number) - 1,
            "chi": random.uniform(-np.pi, np.pi, number),
        }

    cuts = np.linspace(0, 0.99, 100)
    s, b = 900 * (1 - cuts**4), 2000 * (1 - cuts) ** 2
    merit = s / np.sqrt(s + b)
    return DecayStudy(
        {name: efficiency(*end) for name, end in ends.items()},
        Measured(0.372, 0.002),
        {
            name: width * np.where(random.random(n) < 0.9, 1, 3) * random.normal(size=n)
            for name, width in RESOLUTIONS.items()
        },
        {name: Measured(width, 0.01 * width) for name, width in RESOLUTIONS.items()},
        curves,
        {
            level: {value: counted(line, scale) for value, line in curves.items()}
            for level, scale in zip(LEVELS, (1.0, 0.9), strict=True)
        },
        images,
        {"mbc": random.normal(5.2795, 0.0026, n), "delta_e": random.normal(0, 0.014, n)},
        {"mbc": 5.29 - 0.49 * random.beta(1.1, 1.0, 3 * n), "delta_e": random.uniform(-0.05, 0.05, 3 * n)},
        candidates(n),
        candidates(n // 3),
        suppression_of(
            (random.beta(6, 1.5, n), random.beta(1.2, 5, n)),
            (random.beta(6, 1.5, 2 * n), random.beta(1.2, 5, 2 * n)),
            cuts,
            merit,
        ),
    )
