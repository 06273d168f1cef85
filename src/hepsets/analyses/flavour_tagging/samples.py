"""The tag sides of a run: generated, seen by Belle II without the signal; or read from the user's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.flavour_tagging.config import Config
from hepsets.analyses.steps import step
from hepsets.core.errors import InputError
from hepsets.core.parallel import map_in_order
from hepsets.core.particle_sets import ParticleSets, read_particle_sets, write_particle_sets
from hepsets.core.progress import progress_bar
from hepsets.core.purpose import Purpose
from hepsets.core.shared_events import content_hashes, refuse_shared
from hepsets.core.streams import echo
from hepsets.formats.given_files import refuse_same_files
from hepsets.formats.whole_event_files import SetCounts, read_whole_events
from hepsets.generate.blocks import BLOCK_EVENTS
from hepsets.generate.pythia import generate_block
from hepsets.select.whole_events.tag_side import tag_sides
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.detector import simulate

BLOCK = 2500
"""Events that are made together."""

FIRST_BLOCK: Mapping[Purpose, int] = {
    Purpose.TRAINING: 0,
    Purpose.VALIDATION: 2**30,
    Purpose.TEST: 2**31,
}
"""Blocks of each purpose begin here, so no event serves two."""

TEST_SHARE = 0.2
"""Of the user's sets, where none are given to test."""


@dataclass(frozen=True, eq=False)
class Samples:
    """The sets of a run, each for one purpose.

    Parameters
    ----------
    train, validation, test
        With the label ``q``, 1 or −1, and ``event_number``: both tag sides of an event share it.
    counts
        What was masked in the user's files; generated sets have none.
    """

    train: ParticleSets
    validation: ParticleSets
    test: ParticleSets
    counts: SetCounts | None = None


def get_samples(config: Config, folder: Path, *, workers: int = 1) -> Samples:
    """The sets of a run: what an earlier try left in the folder is not made again.

    Raises
    ------
    InputError
        For the user's files that cannot be read or hold one flavour alone, for test sets that are trained on,
        or if Pythia 8 is not installed.
    """
    if config.data.train:
        return _own_samples(config)
    folder.mkdir(exist_ok=True)
    wanted = {
        Purpose.TRAINING: config.data.train_events,
        Purpose.VALIDATION: config.data.validation_events,
        Purpose.TEST: config.data.test_events,
    }
    made = {}
    for purpose, events in wanted.items():
        path = folder / f"{purpose}.parquet"
        blocks = [
            _Block(config.seed, FIRST_BLOCK[purpose] + k, min(BLOCK, events - k * BLOCK))
            for k in range(-(-events // BLOCK))
        ]
        sets = step(
            path,
            partial(_make, blocks, f"{purpose} events", workers),
            lambda file, sets: write_particle_sets(sets, file),
            read_particle_sets,
        )
        made[purpose] = sets.used_for(purpose)
    return Samples(made[Purpose.TRAINING], made[Purpose.VALIDATION], made[Purpose.TEST])


@dataclass(frozen=True)
class _Block:
    seed: int
    number: int
    events: int


def _make(blocks: list[_Block], title: str, workers: int) -> ParticleSets:
    parts = []
    with progress_bar(title, sum(block.events for block in blocks)) as advance:
        for block, part in zip(
            blocks, map_in_order(make_block, blocks, min(workers, len(blocks))), strict=True
        ):
            parts.append(part)
            advance(block.events)
    return ParticleSets.concatenate(parts)


def make_block(block: _Block) -> ParticleSets:
    """Both tag sides of a block: those of which the first B is the signal, then the others."""
    events = generate_block("mixed", block.seed, block.number, block.events)
    numbers = block.number * BLOCK_EVENTS + np.arange(len(events))
    seen = simulate(events, seed=block.seed, event_numbers=numbers, detector=BELLE2)
    return ParticleSets.concatenate([tag_sides(seen, numbers, signal) for signal in (0, 1)])


def _own_samples(config: Config) -> Samples:
    data = config.data
    if data.test:
        refuse_same_files(data.train, data.test)
    read = partial(read_whole_events, velocity=BELLE2.beams.velocity, columns=data.columns, frame=data.frame)
    given, counts = read(data.train)
    tested, rest = read(data.test) if data.test else (given, counts)
    if data.test:
        counts = counts + rest
    for line in counts.lines():
        echo(line, err=True)
    number = _event_numbers(given)
    order = np.random.default_rng([config.seed, 7]).permutation(np.unique(number))
    n_test = 0 if data.test else round(TEST_SHARE * len(order))
    n_held = max(1, round(data.validation_share * (len(order) - n_test)))
    test = tested if data.test else given[np.isin(number, order[:n_test])]
    held = given[np.isin(number, order[n_test : n_test + n_held])]
    train = given[np.isin(number, order[n_test + n_held :])]
    for sets, what in ((train, "train on"), (held, "calibrate with"), (test, "judge by")):
        if len(np.unique(sets.columns["q"])) < 2:
            raise InputError(f"sets of one flavour alone to {what}", "B0 and anti-B0, told by the column q")
    if data.test:
        refuse_shared(_content(given), _content(test), ", ".join(data.train), ", ".join(data.test))
    return Samples(
        train.used_for(Purpose.TRAINING),
        held.used_for(Purpose.VALIDATION),
        test.used_for(Purpose.TEST),
        counts,
    )


def _event_numbers(sets: ParticleSets) -> NDArray[np.int64]:
    numbers = sets.columns.get("event_number")
    return np.arange(len(sets)) if numbers is None else numbers


def _content(sets: ParticleSets) -> NDArray[np.uint64]:
    told = {name: sets.particles[name] for name in ("px", "py", "pz", "charge")}
    return content_hashes(told, sets.offsets)
