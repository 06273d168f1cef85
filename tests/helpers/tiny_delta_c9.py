"""Models that infer ΔC9, trained in seconds: coarse, yet right on average."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from helpers import quadratic_family
from hepsets.core.event_frame import EventFrame
from hepsets.deploy.delta_c9 import DeltaC9Inference
from hepsets.generate.kstmumu.density import WINDOWS
from hepsets.generate.kstmumu.sampler import sample_decays
from hepsets.learn.data_sets.morphing import MorphingConfig, fit_morphing
from hepsets.learn.data_sets.published_fit import PublishedFit
from hepsets.learn.data_sets.truth_ratios import TruthRatios

VALUES = (-2.0, -1.4, -0.8, -0.2, 0.4, 1.1)
SET_EVENTS = (2000, 8000)

_FIT = PublishedFit(epochs=5, batch=1024, learning_rate=5e-3, schedule="cosine")
CONFIG = MorphingConfig(width=24, layers=2, fit=_FIT, odds_fit=_FIT, background_over_signal=1.0)


def decays(n: int, delta_c9: float, seed: int, window: str = "0-20") -> EventFrame:
    """Generated decays."""
    return sample_decays(n, delta_c9, seed, window=WINDOWS[window])


def among_background(n: int, delta_c9: float, seed: int, window: str = "0-20") -> EventFrame:
    """As many background events as decays, with what tells them apart, in random order."""
    random = np.random.default_rng(seed)
    signal = quadratic_family.candidates(decays(n, delta_c9, seed, window), random, True)
    noise = quadratic_family.flat(2 * n, random)
    noise = noise[WINDOWS[window].contains(noise["q_squared"]) & (noise["q_squared"] > 0.05)]
    noise = noise[noise["q_squared"] < 19.2][:n]
    noise = noise.with_columns(delta_c9=np.full(n, delta_c9), flavour=np.ones(n, dtype=np.int8))
    both = EventFrame.concatenate([signal, quadratic_family.candidates(noise, random, False)])
    mixed: EventFrame = both[random.permutation(2 * n)]
    return mixed


@lru_cache(maxsize=4)
def tiny_model(level: str = "generator", window: str = "0-20") -> DeltaC9Inference:
    """A trained model of generator or background level."""
    make = among_background if level == "background" else decays
    frame = EventFrame.concatenate([make(4000, value, 100 + k, window) for k, value in enumerate(VALUES)])
    truth = TruthRatios.of(frame, WINDOWS[window])
    model = fit_morphing(frame, truth, CONFIG).model
    return DeltaC9Inference.of(model, frame, truth, level=level, window=window, set_events=SET_EVENTS, seed=1)


def tiny_run(folder: Path, *models: DeltaC9Inference) -> Path:
    """The folder of a run with these models."""
    for model in models:
        model.save(folder / "models" / f"{model.provenance.level}_{model.provenance.window}")
    return folder
