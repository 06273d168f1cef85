"""The simulated decays of each cell, for training, toys, calibration and bounds, with seeds of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hepsets.analyses.delta_c9.config import (
    Config,
    Level,
)
from hepsets.core.event_frame import EventFrame, read_frame
from hepsets.core.purpose import Purpose
from hepsets.generate.kstmumu.density import (
    TRAIN_VALUES,
    VARIABLES,
    WINDOWS,
    WindowName,
)
from hepsets.learn.data_sets.truth_ratios import TRUTH
from hepsets.select.kstmumu.sample import LEVELS, make_sample

TRAINING, TOYS, LINEARITY, CALIBRATION, POOL, BOUND = range(6)
EFFICIENCY, ASYMMETRY, SUPPRESSION, SHAPES = range(100, 104)
SHOWN = 200
"""What events are for: each purpose has seeds of its own, and only those of ``TRAINING`` are trained on."""


DATA: Literal["data"] = "data"
"""Level of the user's own frames."""


@dataclass(frozen=True)
class Cell:
    """A level of realism and a window of q²."""

    level: Level | Literal["data"]
    window: WindowName

    @property
    def name(self) -> str:
        """Name of its files."""
        return f"{self.level}_{self.window}"


def cells(config: Config) -> tuple[Cell, ...]:
    """All that are configured, level by level; one for the user's own frames."""
    if config.data.train:
        return (Cell(DATA, config.windows[0]),)
    return tuple(Cell(level, window) for level in config.levels for window in config.windows)


def seed_of(config: Config, cell: Cell, purpose: int, number: int = 0) -> int:
    """Seed of events of a cell that serve a purpose; samples of one purpose are numbered."""
    place = LEVELS.index(cell.level), list(WINDOWS).index(cell.window)
    state = np.random.SeedSequence([config.seed, *place, purpose, number]).generate_state(1, np.uint64)
    return int(state[0] >> 2)


def sample(
    config: Config,
    cell: Cell,
    delta_c9: float,
    events: int,
    seed: int,
    columns: Sequence[str] | None = None,
) -> EventFrame:
    """Events of a cell, with all columns or some; background fluctuates as it would."""
    return make_sample(
        cell.level,
        cell.window,
        delta_c9,
        events,
        seed,
        background_over_signal=config.data.background_over_signal,
        poisson=True,
        columns=columns,
    )


def sample_for(
    config: Config,
    cell: Cell,
    purpose: int,
    number: int,
    delta_c9: float,
    events: int,
    columns: Sequence[str] | None = None,
) -> EventFrame:
    """Events of a cell that serve a purpose, by the seed of that purpose, and that know it."""
    frame = sample(config, cell, delta_c9, events, seed_of(config, cell, purpose, number), columns)
    return frame.used_for(Purpose.TRAINING if purpose == TRAINING else Purpose.TEST)


def training_events(config: Config, cell: Cell) -> tuple[EventFrame, EventFrame]:
    """Events at the 44 ΔC9 of training, or all of the user's; and those of them that ours learn from."""
    if cell.level == DATA:
        frame = user_events(config.data.train, config).used_for(Purpose.TRAINING)
        return frame, frame
    data = config.data
    events = data.events_per_value if cell.level == "generator" else data.reconstructed_per_value
    share = data.ours_per_value / events
    known = (*VARIABLES, "delta_c9", "is_signal", *(f"{TRUTH}{name}" for name in VARIABLES))
    every, ours = [], []
    for number, value in enumerate(TRAIN_VALUES):
        columns = (*known, *config.morphing.signal_columns)
        part = sample_for(config, cell, TRAINING, number, value, events, columns)
        ours.append(part[: round(share * len(part))])  # background is spread over the signal
        every.append(part.select_present(known))
    return EventFrame.concatenate(every), EventFrame.concatenate(ours)


def user_events(paths: Sequence[str], config: Config) -> EventFrame:
    """Frames of the user with a label ``delta_c9``.

    Raises
    ------
    InputError
        If a file cannot be read or lacks a column.
    """
    needed = [*VARIABLES, "delta_c9"]
    trust = config.data.trust_pickle
    return EventFrame.concatenate([read_frame(path, needed, trust_pickle=trust) for path in paths])
