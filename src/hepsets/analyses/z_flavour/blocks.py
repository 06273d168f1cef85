"""Blocks of events, each made whole by a worker: generated, seen, with vertices, and as features in files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hepsets.analyses.z_flavour.cells import HALVES, SAMPLE_INPUTS, SampleName
from hepsets.core.events import Events
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.core.whole_file import whole_file
from hepsets.generate.z_pole import generate_z_block
from hepsets.represent.vertexed_events.data import VertexedData, halved
from hepsets.represent.vertexed_events.feature_files import write_features
from hepsets.represent.vertexed_events.hemispheres import hemispheres
from hepsets.select.vertices.event import vertexed
from hepsets.simulate.idea import IdeaConfig
from hepsets.simulate.layered import see_z_events

EVENTS = 1000
"""Events of a block: some dozens of megabytes while it is made."""

TEST_BLOCKS = 2**20
"""First number of the blocks that are for testing alone."""

Z_SAMPLES = {5: "zbb", 4: "zcc", 3: "zss", 1: "zud"}
"""The generated sample of each flavour."""

WITH_UNITS = ("published", "jets")
"""Samples whose features have units, and may be too small or too large for half precision."""

TRUTH = ("flavour", "quark_cos", "event_number")
"""Event columns that are kept beside the features; those that there are."""


@dataclass(frozen=True)
class Block:
    """One block to make.

    Parameters
    ----------
    folder
        Where its files go.
    samples
        Which features are made.
    flavour, number, events
        What is generated.
    seed
        Of events and detector.
    detector
        Its settings.
    """

    folder: Path
    samples: tuple[SampleName, ...]
    flavour: int
    number: int
    events: int
    seed: int
    detector: IdeaConfig

    def path(self, sample: SampleName) -> Path:
        """The file of one sample's features."""
        return self.folder / f"{sample}_{self.flavour}_{self.number:07d}.safetensors"

    @property
    def made(self) -> bool:
        """Whether all its files are there; each appears whole or not at all."""
        return all(
            self.path(sample).exists() and truth_file(self.path(sample)).exists() for sample in self.samples
        )


def make_block(block: Block) -> int:
    """Make the files of one block; the number of its events."""
    see_block(generated(block), block)
    return block.events


def generated(block: Block) -> Events:
    """The events of a block before any detector sees them."""
    return generate_z_block(Z_SAMPLES[block.flavour], block.seed, block.number, block.events)


def see_block(events: Events, block: Block) -> None:
    """Make the files of one block out of its events: seen by its detector, with vertices, as features."""
    numbers = np.arange(block.events) + EVENTS * block.number + (block.flavour << 40)
    seen = see_z_events(events, seed=block.seed, event_numbers=numbers, detector=block.detector.detector())
    of_seeded = [name for name in block.samples if name in ("published", "seeded")]
    if of_seeded:
        seeded = vertexed(seen, vertices="seeded")
        for name in of_seeded:
            keep_features(seeded, name, block.path(name))
    of_found = [name for name in block.samples if name not in ("published", "seeded")]
    if of_found:
        found = vertexed(seen, vertices="found")
        halves = hemispheres(found) if set(of_found) & set(HALVES) else found
        for sample in of_found:
            keep_features(halves if sample in HALVES else found, sample, block.path(sample))


def keep_features(events: VertexedEvents, sample: SampleName, path: Path) -> None:
    """Write features of events, in half precision where they are proper ones, and the truth beside them."""
    data = VertexedData.from_events(events, SAMPLE_INPUTS[sample])
    write_features(data if sample in WITH_UNITS else halved(data), path)
    with whole_file(truth_file(path)) as partial, partial.open("wb") as file:
        columns = {name: events.columns[name] for name in TRUTH if name in events.columns}
        np.savez(file, allow_pickle=False, **columns)


def truth_file(path: Path) -> Path:
    """Where the truth of a file of features is."""
    return path.with_suffix(".truth.npz")


def blocks_of(events: int, first: int) -> Iterator[tuple[int, int]]:
    """Number and size of each block of so many events."""
    for place, start in enumerate(range(0, events, EVENTS)):
        yield first + place, min(EVENTS, events - start)


def missing(blocks: Iterable[Block]) -> list[Block]:
    """Those that are not made yet."""
    return [block for block in blocks if not block.made]
