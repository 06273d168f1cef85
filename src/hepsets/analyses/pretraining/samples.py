"""The labelled events of a run: those to draw labels from, to choose with and to judge by, none twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.pretraining.config import Config
from hepsets.analyses.pretraining.tasks import EVENT, LABEL, TASKS, Block, Table, make_block, without_inputs
from hepsets.analyses.steps import Rounds, rounds_until_enough
from hepsets.core.events import Events, read_parquet, write_parquet
from hepsets.core.parallel import computing_seconds
from hepsets.core.particle_sets import ParticleSets, read_particle_sets, write_particle_sets
from hepsets.core.purpose import Purpose
from hepsets.core.run import write_atomically
from hepsets.core.shared_events import refuse_shared

FIRST_BLOCK: Mapping[str, int] = {
    Purpose.TRAINING: 0,
    Purpose.VALIDATION: 2**20,
    Purpose.TEST: 2**21,
}
"""Blocks of each purpose begin here, so no event serves two."""

SHIFTED, MISSING = "shifted detector", "missing inputs"
"""Tests outside the domain: the test events as another detector saw them, and with less to be seen."""


@dataclass(frozen=True, eq=False)
class Sample:
    """The labelled events of a task, classes by turns in each but those ``elsewhere``.

    Parameters
    ----------
    pool
        Labels are drawn from it.
    development
        Chooses.
    test
        Judges.
    elsewhere
        Further tests.
    seconds_per_event
        Computing time of a labelled event: generator, detector, reconstruction, choice.
    """

    pool: Table
    development: Table
    test: Table
    elsewhere: dict[str, Table]
    seconds_per_event: float

    def draw(self, labels: int, number: int) -> NDArray[np.int64]:
        """Places in the pool of the labels of a draw, int64, shape ``(labels,)``; no two draws share one."""
        return np.arange(number * labels, (number + 1) * labels)


def get_sample(config: Config, task: str, folder: Path, *, workers: int = 1) -> Sample:
    """The events of a task: what an earlier try left in the folder is not made again."""
    place = folder / task
    cost = place / "cost.json"  # the last file
    if not cost.exists():
        place.mkdir(parents=True, exist_ok=True)
        _make(config, task, place, workers)
    return read_sample(task, folder)


def read_sample(task: str, folder: Path) -> Sample:
    """The events of a task that stand in the folder of all tasks."""
    place = folder / task
    tables = {
        purpose: read(task, place / f"{purpose}.parquet").used_for(purpose)
        for purpose in (Purpose.TRAINING, Purpose.VALIDATION, Purpose.TEST)
    }
    test = tables[Purpose.TEST]
    elsewhere = {
        SHIFTED: read(task, place / "shifted.parquet").used_for(Purpose.TEST),
        MISSING: without_inputs(test),
    }
    return Sample(
        tables[Purpose.TRAINING],
        tables[Purpose.VALIDATION],
        test,
        elsewhere,
        json.loads((place / "cost.json").read_text())["seconds_per_event"],
    )


def check_apart(samples: Mapping[str, Sample], corpus: NDArray[np.int64]) -> None:
    """Refuse events that serve two purposes, or that a corpus knows.

    Parameters
    ----------
    samples
        By task.
    corpus
        Hashes of the corpus' events, see :func:`~hepsets.analyses.pretraining.tasks.hashes_of`; shape
        ``(n_events,)``.

    Raises
    ------
    InputError
        For a single such event.
    """
    known = corpus.view(np.uint64)
    for task, sample in samples.items():
        parts = {
            f"the {what} events of {task}": table.columns[EVENT].view(np.uint64)
            for what, table in (
                ("training", sample.pool),
                ("development", sample.development),
                ("test", sample.test),
            )
        }
        names = list(parts)
        for at, name in enumerate(names):
            refuse_shared(known, parts[name], "the corpus", name)
            for later in names[at + 1 :]:
                refuse_shared(parts[name], parts[later], name, later)


def alternating(table: Table, wanted: int, seed: int) -> Table:
    """So many events at random, of both classes by turns.

    Parameters
    ----------
    table
        With the event column ``label``, and at least half of ``wanted`` of each class.
    wanted
        How many.
    seed
        Of the choice.
    """
    rng = np.random.default_rng([seed, wanted])
    label = table.columns[LABEL]
    both = [rng.permutation(np.flatnonzero(which))[: wanted // 2] for which in (label, ~label)]
    return table[np.column_stack(both).ravel()]


def read(task: str, path: Path) -> Table:
    """Labelled events of a task in a file."""
    return read_particle_sets(path) if TASKS[task].side == "seen" else read_parquet(path)


# -- inside ------------------------------------------------------------------------------------------


def wanted_events(config: Config) -> dict[str, int]:
    """Labelled events of each purpose, and of the shifted detector."""
    sizes = config.labels
    return {
        str(Purpose.TRAINING): max(sizes.pool, sizes.draws * max(*sizes.counts, *sizes.scratch_counts, 0)),
        str(Purpose.VALIDATION): sizes.development,
        str(Purpose.TEST): sizes.test,
        "shifted": sizes.test,
    }


def _make(config: Config, task: str, place: Path, workers: int) -> None:
    wanted = wanted_events(config)
    begin = computing_seconds()
    kinds = {
        name: Rounds(number // 2, partial(_round, config, task, name)) for name, number in wanted.items()
    }
    parts = rounds_until_enough(
        make_block, _of_rarer_class, kinds, title=f"labelled events of {task}", workers=workers
    )
    seconds = (computing_seconds() - begin) / sum(wanted.values())
    for name, number in wanted.items():
        _write(alternating(_joined(parts[name]), number, config.seed), place / f"{name}.parquet")
    write_atomically(place / "cost.json", json.dumps({"seconds_per_event": seconds}) + "\n")


def _round(config: Config, task: str, name: str, number: int) -> tuple[Block, ...]:
    """The block of a round; blocks of the shifted detector are those of the test events."""
    shift = config.labels.shift if name == "shifted" else None
    first = FIRST_BLOCK[str(Purpose.TEST) if name == "shifted" else name]
    events = min(TASKS[task].block_events, 20 * wanted_events(config)[name])
    return (Block(task, config.seed, first + number, events, shift),)


def _of_rarer_class(table: Table) -> int:
    label = table.columns[LABEL]
    return int(min(label.sum(), (~label).sum()))


def _joined(parts: list[Table]) -> Table:
    if isinstance(parts[0], Events):
        return Events.concatenate([one for one in parts if isinstance(one, Events)])
    return ParticleSets.concatenate([one for one in parts if isinstance(one, ParticleSets)])


def _write(table: Table, path: Path) -> None:
    if isinstance(table, Events):
        write_parquet(table, path)
    else:
        write_particle_sets(table, path)
