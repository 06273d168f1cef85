"""Generate, simulate and skim until enough events pass, keeping as many that fail, with weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as config_dataclass

from hepsets.analyses.steps import Rounds, rounds_until_enough
from hepsets.core.events import Events
from hepsets.core.measured import Measured
from hepsets.generate.blocks import BLOCK_EVENTS
from hepsets.generate.pythia import generate_block
from hepsets.select.skims.registry import count_passes, find_candidates, run_skims

FAILING_STREAM = 0x5EED
"""Keeps the random choice of failing events apart from everything else that uses the seed."""


@config_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SkimmedSampleConfig:
    """What to make.

    Parameters
    ----------
    sample
        Generated sample, one of :data:`hepsets.generate.pythia.SAMPLES`.
    skim
        Skim whose label the events get.
    events
        Events to keep, half of them passing; even.
    seed
        Seed of the generator and the detector.
    first_block
        Number of the first generated block. Samples whose blocks do not overlap are independent.
    trials
        Further detector simulations of each kept event, counted in the column ``passes``.
    """

    sample: str = "mixed"
    skim: str = "hadronic_b0"
    events: int = Field(default=60_000, ge=2)
    seed: int = Field(default=1, ge=0, lt=2**63)
    first_block: int = Field(default=0, ge=0)
    trials: int = Field(default=0, ge=0)


@dataclass(frozen=True)
class SkimmedSample:
    """Class-balanced events and what is needed to speak of the population they stand for.

    Parameters
    ----------
    events
        With event columns ``label`` (bool), ``weight`` (1 for passing events, the inverse of the
        prescale for failing ones), ``event_number``, what the skim measures of the best candidate of
        passing events (``mbc`` [GeV] and ``delta_e`` [GeV] of a hadronic tag; 0 where ``label`` is
        false), and ``passes`` of ``trials`` further simulations if any were asked for.
    generated, passing
        Events generated to get them, and how many of these pass.
    """

    events: Events
    generated: int
    passing: int

    @property
    def retention(self) -> Measured:
        """Share of generated events that pass."""
        return Measured.proportion(self.passing, self.generated)


@dataclass(frozen=True)
class _Block:
    config: SkimmedSampleConfig
    number: int


def make_skimmed_sample(config: SkimmedSampleConfig, *, workers: int = 1) -> SkimmedSample:
    """Make a class-balanced sample; it depends on the config only, not on ``workers``.

    Every passing event is kept and, from the same block, as many failing ones, chosen at random.
    """
    wanted = config.events // 2
    blocks = Rounds(wanted, lambda number: [_Block(config, number)], config.first_block)
    parts = rounds_until_enough(
        _make_block,
        _n_passing,
        {config.sample: blocks},
        title=f"making {config.events} {config.sample} events",
        workers=workers,
    )[config.sample]
    passing, generated = sum(map(_n_passing, parts)), sum(made for _, made in parts)
    events = Events.concatenate([part for part, _ in parts])
    label = events.columns["label"]
    failing_weight = (generated - passing) / int((~label).sum())
    keep = np.flatnonzero(_first(label, wanted) | _first(~label, wanted))
    events = events[keep]
    weight = np.where(events.columns["label"], 1.0, failing_weight)
    return SkimmedSample(events.with_columns(weight=weight), generated, passing)


def _n_passing(part: tuple[Events, int]) -> int:
    return int(part[0].columns["label"].sum())


def _first(mask: NDArray[np.bool_], number: int) -> NDArray[np.bool_]:
    return mask & (np.cumsum(mask) <= number)


def _make_block(block: _Block) -> tuple[Events, int]:
    config = block.config
    events = generate_block(config.sample, config.seed, block.number)
    numbers = block.number * BLOCK_EVENTS + np.arange(len(events))
    label = run_skims(events, [config.skim], seed=config.seed, event_numbers=numbers)[config.skim]
    passing, failing = np.flatnonzero(label), np.flatnonzero(~label)
    rng = np.random.default_rng([FAILING_STREAM, config.seed, block.number])
    chosen = rng.choice(failing, size=min(len(passing), len(failing)), replace=False)
    keep = np.sort(np.concatenate([passing, chosen]))
    generated = len(events)
    events = events[keep].with_columns(label=label[keep], event_number=numbers[keep])
    events = events.with_columns(**_best_candidates(events, config))
    if config.trials:
        passes = count_passes(
            events,
            [config.skim],
            seed=config.seed,
            event_numbers=numbers[keep],
            trials=config.trials,
            first_trial=1,  # trial 0 made the label
        )
        events = events.with_columns(passes=passes[config.skim])
    return events, generated


def _best_candidates(events: Events, config: SkimmedSampleConfig) -> dict[str, NDArray[np.float64]]:
    """What the skim measures of each event's most probable candidate, 0 where it has none."""
    numbers = events.columns["event_number"]
    candidates = find_candidates(events, config.skim, seed=config.seed, event_numbers=numbers)
    best = {name: np.zeros(len(events)) for name in candidates.measured}
    order = np.argsort(candidates.signal_probability, kind="stable")
    place = np.searchsorted(numbers, candidates.event_number[order])
    for name, column in best.items():
        column[place] = candidates.values[name][order]  # the last one written is the most probable one
    return best
