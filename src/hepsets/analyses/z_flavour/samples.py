"""Features of a run's events, generated and seen by blocks, or of the user's files; and their split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.z_flavour.blocks import (
    TEST_BLOCKS,
    Block,
    blocks_of,
    keep_features,
    make_block,
    missing,
    truth_file,
)
from hepsets.analyses.z_flavour.cells import CELLS, FLAVOUR_OF, SampleName
from hepsets.analyses.z_flavour.config import Config
from hepsets.analyses.z_flavour.split import TEST, stratified_parts
from hepsets.core.parallel import map_in_order
from hepsets.core.progress import progress_bar
from hepsets.core.run import log
from hepsets.formats.fcc_tree import iter_fcc_trees
from hepsets.formats.read_counts import ReadCounts
from hepsets.represent.vertexed_events.data import VertexedData, gather_features
from hepsets.represent.vertexed_events.inputs import InputSpec


@dataclass(frozen=True, eq=False)
class Labelled:
    """Features of events, or hemispheres, with what they are.

    Parameters
    ----------
    data
        The features.
    flavour
        Place of the flavour among the classes, shape ``(n,)``.
    charge
        1 in the quark's hemisphere, −1 in the antiquark's, 0 where nobody knows; shape ``(n,)``.
    event
        Number of the event among those of its sample, shape ``(n,)``: hemispheres share it.
    """

    data: VertexedData
    flavour: NDArray[np.int64]
    charge: NDArray[np.int64]
    event: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sample:
    """Files with the features of one kind of events, and the part that each event belongs to.

    Parameters
    ----------
    files
        Each of some events, in order.
    flavour, part
        The event column ``flavour`` and the number of the part, shape ``(n_events,)``.
    per_event
        Examples of each event: two hemispheres, or one.
    """

    files: tuple[Path, ...]
    flavour: NDArray[np.int64]
    part: NDArray[np.int8]
    per_event: int = 1

    def load(
        self,
        part: int,
        classes: Sequence[str],
        spec: InputSpec | None = None,
        sort_by: Sequence[str] = (),
    ) -> Labelled:
        """The examples of one part and some flavours.

        Parameters
        ----------
        part
            Its number.
        classes
            Names of the flavours, in the order of the targets.
        spec
            The features that are wanted, all by default.
        sort_by
            Features that the particles of each event are sorted by, falling.
        """
        ids = np.array([FLAVOUR_OF[name] for name in classes])
        wanted = (self.part == part) & np.isin(self.flavour, ids)
        examples = np.repeat(wanted, self.per_event)
        truth = [_read_truth(file) for file in self.files]
        edges = np.cumsum([0, *(len(one["flavour"]) for one in truth)])
        chosen = [np.flatnonzero(examples[a:b]) for a, b in pairwise(edges)]
        data = gather_features(self.files, chosen, spec, sort_by)
        quark = np.concatenate([one.get("quark_cos", np.zeros(len(one["flavour"]))) for one in truth])
        quark = quark[examples]
        flavour = np.repeat(self.flavour, self.per_event)[examples]
        return Labelled(
            data,
            (flavour[:, None] == ids).argmax(1),
            np.sign(quark).astype(np.int64) if self.per_event == 2 else np.zeros(len(quark), dtype=np.int64),
            np.repeat(np.arange(len(wanted)), self.per_event)[examples],
        )

    def count(self, part: int) -> int:
        """Events of a part."""
        return int((self.part == part).sum())


def get_samples(config: Config, folder: Path, *, workers: int = 1) -> dict[SampleName, Sample]:
    """Features of the events of a run, by kind: what an earlier try left in its folder is not made again.

    Raises
    ------
    InputError
        For the user's files that cannot be read or have one flavour alone.
    """
    folder.mkdir(exist_ok=True)
    names = tuple(dict.fromkeys(CELLS[cell].sample for cell in config.cells))
    if config.data.train:
        return _own_samples(config, folder)
    total = round(config.data.train_per_class / config.data.shares[0])
    flavours = sorted(
        {FLAVOUR_OF[name] for cell in config.cells for name in CELLS[cell].classes}, reverse=True
    )
    blocks = [
        Block(folder, names, flavour, number, events, config.seed, config.detector)
        for wanted, first in ((total, 0), (config.data.more_test_per_class, TEST_BLOCKS))
        for number, events in blocks_of(wanted, first)
        for flavour in flavours
    ]
    with progress_bar("events", sum(block.events for block in blocks)) as advance:
        todo = missing(blocks)
        advance(sum(block.events for block in blocks) - sum(block.events for block in todo))
        for made in map_in_order(make_block, todo, min(workers, max(len(todo), 1))):
            advance(made)
    flavour = np.repeat([block.flavour for block in blocks], [block.events for block in blocks])
    extra = np.repeat([block.number >= TEST_BLOCKS for block in blocks], [block.events for block in blocks])
    part = np.full(len(flavour), TEST, dtype=np.int8)
    part[~extra] = stratified_parts(flavour[~extra], config.data.shares, config.seed)
    return {
        name: Sample(
            tuple(block.path(name) for block in blocks), flavour, part, 2 if name == "hemispheres" else 1
        )
        for name in names
    }


def _own_samples(config: Config, folder: Path) -> dict[SampleName, Sample]:
    """Features of the user's files, whose vertices are taken for seeded ones."""
    names = tuple(dict.fromkeys(CELLS[cell].sample for cell in config.cells))
    files: dict[SampleName, list[Path]] = {name: [] for name in names}
    flavour, extra, counts = [], [], ReadCounts()
    for paths, of_test in ((config.data.train, False), (config.data.test, True)):
        for number, read in enumerate(iter_fcc_trees(paths, flavour_needed=True) if paths else ()):
            for name in names:
                path = folder / f"{name}_{'test' if of_test else 'own'}_{number:05d}.npz"
                if not path.exists() or not truth_file(path).exists():
                    keep_features(read.events, name, path)
                files[name].append(path)
            flavour.append(read.events.columns["flavour"].astype(np.int64))
            extra.append(np.full(len(read.events), of_test))
            counts = counts + read.counts
    for line in counts.lines():
        log.info("%s", line)
    flavours, is_extra = np.concatenate(flavour), np.concatenate(extra)
    part = np.full(len(flavours), TEST, dtype=np.int8)
    part[~is_extra] = stratified_parts(flavours[~is_extra], config.data.shares, config.seed)
    return {name: Sample(tuple(files[name]), flavours, part) for name in names}


def _read_truth(path: Path) -> dict[str, NDArray[np.generic]]:
    with np.load(truth_file(path), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
