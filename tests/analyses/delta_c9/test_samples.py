"""Which decays each cell is trained on and judged with, seen without making them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hepsets.analyses.delta_c9 import samples
from hepsets.analyses.delta_c9.config import Config, DataConfig
from hepsets.analyses.delta_c9.samples import TOYS, TRAINING, Cell, sample_for, seed_of, training_events
from hepsets.core.event_frame import EventFrame
from hepsets.core.purpose import Purpose
from hepsets.generate.kstmumu.density import TRAIN_VALUES, VARIABLES
from hepsets.learn.data_sets.truth_ratios import TRUTH

CONFIG = Config(
    data=DataConfig(
        events_per_value=400, reconstructed_per_value=200, ours_per_value=100, background_over_signal=2.5
    )
)


@pytest.fixture
def made(monkeypatch):
    """What decays were asked for; those that come count on."""
    asked = []

    def make_sample(level, window, delta_c9, events, seed, *, background_over_signal, poisson, columns):
        asked.append((level, window, delta_c9, events, seed, background_over_signal, poisson))
        names = (*VARIABLES, *(f"{TRUTH}{name}" for name in VARIABLES), *CONFIG.morphing.signal_columns)
        counted = np.arange(float(events))
        return EventFrame(
            dict.fromkeys(names, counted)
            | {"delta_c9": np.full(events, delta_c9), "is_signal": np.ones(events, bool)}
        )

    monkeypatch.setattr(samples, "make_sample", make_sample)
    return asked


@pytest.mark.parametrize(("level", "events"), [("generator", 400), ("detector", 200), ("background", 200)])
@pytest.mark.parametrize("window", ["0-20", "1-19"])
def test_a_cell_trains_on_decays_of_its_level_and_window_at_each_value_with_seeds_of_training(
    made, level, window, events
):
    cell = Cell(level, window)
    every, ours = training_events(CONFIG, cell)
    assert made == [
        (level, window, value, events, seed_of(CONFIG, cell, TRAINING, number), 2.5, True)
        for number, value in enumerate(TRAIN_VALUES)
    ]
    assert np.array_equal(every["delta_c9"], np.repeat(TRAIN_VALUES, events))
    assert np.array_equal(ours["delta_c9"], np.repeat(TRAIN_VALUES, 100))
    assert np.array_equal(ours["q_squared"], np.tile(np.arange(100.0), len(TRAIN_VALUES)))
    assert every.purpose is ours.purpose is Purpose.TRAINING


def test_seeds_differ_by_cell_purpose_number_and_seed_of_the_run(made):
    calls = [
        (CONFIG, Cell("generator", "0-20"), TOYS, 0),
        (CONFIG, Cell("generator", "0-20"), TOYS, 1),
        (CONFIG, Cell("generator", "0-20"), TRAINING, 0),
        (CONFIG, Cell("detector", "0-20"), TOYS, 0),
        (CONFIG, Cell("generator", "1-19"), TOYS, 0),
        (dataclasses.replace(CONFIG, seed=CONFIG.seed + 1), Cell("generator", "0-20"), TOYS, 0),
    ]
    for call in calls:
        sample_for(*call, -0.8, 5)
    assert len({seed for _, _, _, _, seed, _, _ in made}) == len(calls)
