"""Features of a run's events, generated and seen by blocks, or of the user's files; and what each is for."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
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
from hepsets.analyses.z_flavour.cells import CELLS, FLAVOUR_OF, HALVES, SampleName
from hepsets.analyses.z_flavour.config import Config
from hepsets.analyses.z_flavour.split import stratified_split
from hepsets.core.errors import InputError
from hepsets.core.parallel import map_in_order
from hepsets.core.progress import progress_bar
from hepsets.core.purpose import Purpose
from hepsets.core.run import log
from hepsets.core.shared_events import content_hashes, n_repeated, refuse_shared
from hepsets.core.streams import echo
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.formats.fcc_tree import iter_fcc_trees
from hepsets.formats.flavoured_files import flavoured_files
from hepsets.formats.given_files import refuse_same_files
from hepsets.formats.read_counts import ReadCounts
from hepsets.represent.vertexed_events.data import VertexedData
from hepsets.represent.vertexed_events.feature_files import FeatureFiles


@dataclass(frozen=True, eq=False)
class Labelled:
    """Features of events, or hemispheres, with what they are.

    Parameters
    ----------
    data
        The features, in memory or in files, which know what they are for.
    flavour
        Place of the flavour among the classes, shape ``(n,)``.
    charge
        1 in the quark's hemisphere, −1 in the antiquark's, 0 where nobody knows; shape ``(n,)``.
    event
        Number of the event among those of its sample, shape ``(n,)``: hemispheres share it.
    """

    data: VertexedData | FeatureFiles
    flavour: NDArray[np.int64]
    charge: NDArray[np.int64]
    event: NDArray[np.int64]

    @property
    def purpose(self) -> Purpose | None:
        """What they are for."""
        return self.data.purpose

    def __getitem__(self, which: NDArray[np.int64]) -> Labelled:
        """Some of them, by places of shape ``(n_chosen,)``, for the same purpose."""
        return Labelled(self.data[which], self.flavour[which], self.charge[which], self.event[which])


@dataclass(frozen=True, eq=False)
class Sample:
    """Files with the features of one kind of events, and what each event is for.

    Parameters
    ----------
    files
        Each of some events, in order.
    flavour
        The event column ``flavour``, shape ``(n_events,)``.
    events
        Numbers of the events that serve each purpose, rising, shape ``(n_chosen,)``; some may serve none.
    per_event
        Examples of each event: two hemispheres, or one.

    Raises
    ------
    InputError
        For an event that serves two purposes.
    """

    files: tuple[Path, ...]
    flavour: NDArray[np.int64]
    events: Mapping[Purpose, NDArray[np.int64]]
    per_event: int = 1

    def __post_init__(self) -> None:
        used = np.bincount(np.concatenate(list(self.events.values())), minlength=len(self.flavour))
        if (used > 1).any():
            raise InputError(f"{int((used > 1).sum())} events for two purposes", "one for each event")

    def load(self, purpose: Purpose, classes: Sequence[str]) -> Labelled:
        """The examples of some flavours that serve a purpose; their features stay in the files.

        Parameters
        ----------
        purpose
            What they are for.
        classes
            Names of the flavours, in the order of the targets.
        """
        ids = np.array([FLAVOUR_OF[name] for name in classes])
        wanted = np.zeros(len(self.flavour), dtype=bool)
        wanted[self.events[purpose]] = True
        wanted &= np.isin(self.flavour, ids)
        examples = np.repeat(wanted, self.per_event)
        truth = [_read_truth(file) for file in self.files]
        edges = np.cumsum([0, *(len(one["flavour"]) for one in truth)])
        chosen = [np.flatnonzero(examples[a:b]) for a, b in pairwise(edges)]
        quark = np.concatenate([one.get("quark_cos", np.zeros(len(one["flavour"]))) for one in truth])
        quark = quark[examples]
        flavour = np.repeat(self.flavour, self.per_event)[examples]
        return Labelled(
            FeatureFiles.of(self.files, chosen).used_for(purpose),
            (flavour[:, None] == ids).argmax(1),
            np.sign(quark).astype(np.int64) if self.per_event == 2 else np.zeros(len(quark), dtype=np.int64),
            np.repeat(np.arange(len(wanted)), self.per_event)[examples],
        )

    def count(self, purpose: Purpose) -> int:
        """Events for a purpose."""
        return len(self.events[purpose])


@dataclass(frozen=True, eq=False)
class Samples:
    """The events of a run.

    Parameters
    ----------
    by_name
        Features, by the kind of events.
    counts
        What was masked, and what was odd but kept, in the user's files; generated events have none.
    """

    by_name: dict[SampleName, Sample]
    counts: ReadCounts | None = None


def get_samples(config: Config, folder: Path, *, workers: int = 1) -> Samples:
    """Features of the events of a run: what an earlier try left in its folder is not made again.

    Raises
    ------
    InputError
        For the user's files that cannot be read or have one flavour alone, and for events of theirs that
        would be trained on and judged by, because they stand in the files twice.
    """
    folder.mkdir(exist_ok=True)
    names = tuple(dict.fromkeys(CELLS[cell].sample for cell in config.cells))
    if config.data.train:
        try:
            return _own_samples(config, folder)
        except InputError:
            shutil.rmtree(folder)  # features of files that are refused are nothing to go on with
            raise
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
    events = _purposes(config, flavour, extra)
    return Samples(
        {
            name: Sample(
                tuple(block.path(name) for block in blocks), flavour, events, 2 if name in HALVES else 1
            )
            for name in names
        }
    )


def _purposes(
    config: Config, flavour: NDArray[np.int64], extra: NDArray[np.bool_]
) -> dict[Purpose, NDArray[np.int64]]:
    """Numbers of the events for each purpose: those that are ``extra`` test, the others are split."""
    given = np.flatnonzero(~extra)
    split = stratified_split(flavour[given], config.data.shares, config.seed)
    events = {purpose: given[places] for purpose, places in split.items()}
    events[Purpose.TEST] = np.sort(np.concatenate([events[Purpose.TEST], np.flatnonzero(extra)]))
    return events


def _own_samples(config: Config, folder: Path) -> Samples:
    """Features of the user's files, whose vertices are taken for seeded ones."""
    names = tuple(dict.fromkeys(CELLS[cell].sample for cell in config.cells))
    files: dict[SampleName, list[Path]] = {name: [] for name in names}
    flavour, extra, content, counts = [], [], [], ReadCounts()
    given, apart = (
        [str(file.path) for file in flavoured_files(paths)] if paths else []
        for paths in (config.data.train, config.data.test)
    )
    refuse_same_files(given, apart)
    for paths, of_test in ((config.data.train, False), (config.data.test, True)):
        for number, read in enumerate(iter_fcc_trees(paths, flavour_needed=True) if paths else ()):
            for name in names:
                path = folder / f"{name}_{'test' if of_test else 'own'}_{number:05d}.safetensors"
                if not path.exists() or not truth_file(path).exists():
                    keep_features(read.events, name, path)
                files[name].append(path)
            flavour.append(read.events.columns["flavour"].astype(np.int64))
            extra.append(np.full(len(read.events), of_test))
            content.append(_content(read.events))
            counts = counts + read.counts
    for line in counts.lines():
        log.info("%s", line)
        echo(line, err=True)
    flavours, hashes = np.concatenate(flavour), np.concatenate(content)
    _demand_classes(config, flavours, ", ".join(given))
    events = _purposes(config, flavours, np.concatenate(extra))
    _refuse_shared_events(hashes, events, ", ".join(given), ", ".join(apart or given))
    return Samples({name: Sample(tuple(files[name]), flavours, events) for name in names}, counts)


def _demand_classes(config: Config, flavours: NDArray[np.int64], source: str) -> None:
    """Refuse files without a flavour that is compared, before anything is trained.

    Raises
    ------
    InputError
        If there is one.
    """
    wanted = list(dict.fromkeys(name for cell in config.cells for name in CELLS[cell].classes))
    lacking = [name for name in wanted if not (flavours == FLAVOUR_OF[name]).any()]
    if lacking:
        raise InputError(
            f"no {' and no '.join(lacking)} events in {source}",
            f"events of {', '.join(wanted)}",
            "give a file of each flavour, such as --data Zss.root or --data s=FILE",
        )


def _content(events: VertexedEvents) -> NDArray[np.uint64]:
    """What tells events apart, whatever file they stand in, shape ``(n_events,)``."""
    columns = events.particles.particles
    told = {name: columns[name] for name in ("px", "py", "pz", "charge")}
    return content_hashes(told, events.particles.offsets)


def _refuse_shared_events(
    content: NDArray[np.uint64], events: Mapping[Purpose, NDArray[np.int64]], given: str, tested: str
) -> None:
    """Refuse test events that were trained or chosen with; warn of events that stand in the files twice."""
    train, held, test = (content[events[purpose]] for purpose in Purpose)
    refuse_shared(np.concatenate([train, held]), test, f"those of {given} to train and choose on", tested)
    if repeated := n_repeated(np.concatenate([train, held])):
        log.warning(
            "%d events of %s stand there twice: validation, and cuts and calibration with it, sees events "
            "that were trained on",
            repeated,
            given,
        )


def _read_truth(path: Path) -> dict[str, NDArray[np.generic]]:
    with np.load(truth_file(path), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
