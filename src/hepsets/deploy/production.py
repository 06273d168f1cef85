"""Produce a sample on many machines: generate, filter, simulate and skim, in shards made once and whole."""

from __future__ import annotations

import hashlib
import logging
import math
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as config_dataclass

from hepsets.core import config as configuration
from hepsets.core.errors import InputError
from hepsets.core.events import Events, EventWriter
from hepsets.core.lock import only_process
from hepsets.core.measured import Measured
from hepsets.core.parquet import open_parquet
from hepsets.core.progress import progress_bar
from hepsets.core.record import checksum_of_file
from hepsets.core.run import versions, write_atomically
from hepsets.core.weight_names import WEIGHT, in_both_names, names_of_skims, predictions
from hepsets.core.whole_file import whole_file
from hepsets.deploy import scale_out
from hepsets.deploy.filter.event_filter import EventFilter, FilterSettings, Form
from hepsets.deploy.filter.shipped import filter_file
from hepsets.generate.blocks import BLOCK_EVENTS
from hepsets.generate.pythia import SAMPLES, generate_block
from hepsets.select.skims.registry import DEFAULT_SKIM, SKIMS, run_skims

log = logging.getLogger("hepsets")


@config_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class FilterConfig:
    """Which generated events are simulated.

    Parameters
    ----------
    model
        A file that ``hepsets export`` wrote, or the name of a filter of the package; without one every
        event is simulated.
    mode, form, floor, threshold, protect
        See :class:`hepsets.deploy.filter.event_filter.FilterSettings`; the seed is that of the production.
    skim_names
        What basf2 calls skims, by their names here; the same by default.
    debug
        Write the predictions, too, as ``SmartBKG_Prediction_<SkimName>``.
    """

    model: Path | None = None
    mode: Literal["importance", "threshold"] = "importance"
    form: Form = "root"
    floor: float | None = None
    threshold: float | None = None
    protect: str | None = None
    skim_names: dict[str, str] = Field(default_factory=dict)
    debug: bool = False

    def settings(self, seed: int) -> FilterSettings:
        """Settings for the filter.

        Raises
        ------
        InputError
            If they make no sense.
        """
        return FilterSettings(self.mode, self.form, self.floor, self.threshold, seed, protect=self.protect)


@config_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ProduceConfig:
    """What to produce.

    Parameters
    ----------
    sample
        One of :data:`hepsets.generate.pythia.SAMPLES`.
    events
        How many events to generate.
    seed
        Seed of the generator and the detector.
    skims
        Names from :data:`hepsets.select.skims.registry.SKIMS`; a filter must know them all.
    filter
        What is not worth simulating.
    keep
        ``passing``: write the events that pass at least one skim; ``simulated``: write all that were
        simulated.
    shard_events
        Events generated per shard, a multiple of the generator's block of 5000: the unit that is made
        by one worker, and what is lost when one dies.
    """

    sample: str = "mixed"
    events: int = Field(default=100_000, ge=1)
    seed: int = Field(default=1, ge=0, lt=2**63)
    skims: tuple[str, ...] = Field(default=(DEFAULT_SKIM,), min_length=1)
    filter: FilterConfig = Field(default_factory=FilterConfig)
    keep: Literal["passing", "simulated"] = "passing"
    shard_events: int = Field(default=10 * BLOCK_EVENTS, ge=BLOCK_EVENTS, multiple_of=BLOCK_EVENTS)


def check_config(config: ProduceConfig) -> None:
    """Raise :class:`InputError` for an unknown sample or skim, or a filter that does not fit."""
    if config.sample not in SAMPLES:
        raise InputError(f"sample {config.sample!r}", f"one of {', '.join(SAMPLES)}")
    unknown = [name for name in config.skims if name not in SKIMS]
    if unknown or len(set(config.skims)) < len(config.skims):
        raise InputError(f"skims {', '.join(config.skims)}", f"each once, out of {', '.join(SKIMS)}")
    settings = config.filter.settings(config.seed)
    if config.filter.model is None and config.filter != FilterConfig():
        raise InputError("settings of a filter, but no filter", "filter.model", "name one, or leave them out")
    if config.filter.model is not None:
        event_filter = EventFilter.load(config.filter.model)
        event_filter.rules(settings)  # refuses a protection that it does not offer
        known = event_filter.skims
        names_of_skims(known, config.filter.skim_names)
        if not set(config.skims) <= set(known):
            raise InputError(
                f"skims {', '.join(config.skims)} and the filter {config.filter.model}",
                f"skims that the filter knows: {', '.join(known)}",
            )


@config_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SkimCounts:
    """Events that pass a skim and were sampled for it: their number, Σ weight and Σ weight²."""

    passing: int
    weight: float
    weight_squared: float

    def __add__(self, other: SkimCounts) -> SkimCounts:
        return SkimCounts(
            self.passing + other.passing,
            self.weight + other.weight,
            self.weight_squared + other.weight_squared,
        )


@config_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Counts:
    """What became of the events of a block, of a shard or of all.

    Parameters
    ----------
    generated, simulated, written
        Number of events.
    outside
        Events that are unlike what the filter was trained on; it keeps them.
    skims
        By name.
    """

    generated: int
    simulated: int
    written: int
    outside: int
    skims: dict[str, SkimCounts]

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.generated + other.generated,
            self.simulated + other.simulated,
            self.written + other.written,
            self.outside + other.outside,
            {name: counts + other.skims[name] for name, counts in self.skims.items()},
        )

    def retention(self, skim: str) -> Measured:
        """Estimate of the share of generated events that pass.

        Each generated event adds its weight if it passes and 0 if not: the mean of these and its
        standard error. Where all weights are one it is a proportion.
        """
        n, found = self.generated, self.skims[skim]
        if found.weight_squared == found.passing:
            return Measured.proportion(found.passing, n)
        mean = found.weight / n
        return Measured(mean, math.sqrt(found.weight_squared / n - mean**2) / math.sqrt(n))


@config_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Receipt:
    """What stands beside a shard's events once they are whole: whose they are, and how many."""

    config_sha256: str
    counts: Counts
    worker_seconds: float


@config_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Summary:
    """A finished production, as ``summary.json`` holds it.

    Parameters
    ----------
    config_sha256
        Fingerprint of the configuration.
    filter_sha256
        Of the filter's file, if there was one.
    versions
        Of Python and the libraries.
    counts
        Of all events.
    retention
        Share of generated events that pass each skim.
    worker_seconds
        Time that workers spent on them.
    """

    config_sha256: str
    filter_sha256: str | None
    versions: dict[str, str]
    counts: Counts
    retention: dict[str, Measured]
    worker_seconds: float

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        write_atomically(path, TypeAdapter(Summary).dump_json(self, indent=2).decode() + "\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what :meth:`write` wrote."""
        return TypeAdapter(cls).validate_json(path.read_bytes())


# -- one shard ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shard:
    """Some whole blocks of the generator and the two files that they become.

    Parameters
    ----------
    config
        The production that it belongs to.
    folder
        Where the shards stand; every worker sees it under this path.
    number
        Counted from 0.
    """

    config: ProduceConfig
    folder: Path
    number: int

    @property
    def filter_file(self) -> Path:
        """The filter of the production, if it has one."""
        return self.folder / "filter.onnx"

    @property
    def events_file(self) -> Path:
        """The events that were kept."""
        return self.folder / f"{self.number:06d}.parquet"

    @property
    def receipt_file(self) -> Path:
        """Written after the events: when it is there, the shard is whole."""
        return self.folder / f"{self.number:06d}.json"

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Number of each block of the generator, and how many of its events are asked for."""
        first = self.number * self.config.shard_events
        last = min(first + self.config.shard_events, self.config.events)
        for begin in range(first, last, BLOCK_EVENTS):
            yield begin // BLOCK_EVENTS, min(BLOCK_EVENTS, last - begin)

    def finished(self) -> Receipt | None:
        """The receipt of a shard that is whole and of this production, else ``None``."""
        try:
            receipt = TypeAdapter(Receipt).validate_json(self.receipt_file.read_bytes())
            with open_parquet(self.events_file) as file:
                whole = file.metadata.num_rows == receipt.counts.written
        except (OSError, ValidationError, InputError):
            return None
        same = receipt.config_sha256 == configuration.sha256(self.config)
        return receipt if whole and same else None


def shards(config: ProduceConfig, folder: Path) -> list[Shard]:
    """All shards of a production in ``folder``, in the order of their events."""
    return [Shard(config, folder, number) for number in range(-(-config.events // config.shard_events))]


_pythia_and_kernels = threading.Lock()
"""A worker with several threads makes one shard at a time: Pythia is one object per process."""


def make_shard(shard: Shard) -> Receipt:
    """Make a shard's events and write them; a shard that is whole is left alone.

    Events, labels, weights and files depend on the shard alone: numbers of events count through the
    whole production, so they are those of a run that knows no shards.

    Raises
    ------
    InputError
        If the worker does not see the folder of the production.
    """
    with _pythia_and_kernels:
        done = shard.finished()
        if done is not None:
            return done
        if not shard.folder.is_dir():
            raise InputError(f"a worker sees no folder {shard.folder}", "one that every worker sees")
        start = time.perf_counter()
        event_filter = EventFilter.load(shard.filter_file) if shard.config.filter.model else None
        made = [_make_block(shard.config, block, size, event_filter) for block, size in shard.blocks()]
        with EventWriter(shard.events_file) as writer:
            writer.write(Events.concatenate([events for events, _ in made]))
        receipt = Receipt(
            configuration.sha256(shard.config),
            reduce(add, (counts for _, counts in made)),
            round(time.perf_counter() - start, 3),
        )
        write_atomically(shard.receipt_file, TypeAdapter(Receipt).dump_json(receipt, indent=2).decode())
        return receipt


def _make_block(
    config: ProduceConfig, block: int, size: int, event_filter: EventFilter | None
) -> tuple[Events, Counts]:
    """The events of a block that are kept, with labels and weights, and what became of the others."""
    events = generate_block(config.sample, config.seed, block, size)
    numbers = block * BLOCK_EVENTS + np.arange(size)
    events = events.with_columns(event_number=numbers)
    outside = 0
    if event_filter is not None:
        events, outside = _filter_events(events, numbers, config, event_filter)
        numbers = events.columns["event_number"]
    simulated = len(events)
    labels = run_skims(events, config.skims, seed=config.seed, event_numbers=numbers)
    columns = {f"label_{name}": labels[name] for name in config.skims}
    events = events.with_columns(**columns, label=labels[config.skims[0]])
    weights = {name: events.columns.get(WEIGHT + name, np.ones(simulated)) for name in config.skims}
    passing = {name: labels[name] & (weights[name] > 0) for name in config.skims}
    if config.keep == "passing":
        events = events[np.logical_or.reduce(list(passing.values()))]
    skims = {name: _count(weights[name][passing[name]]) for name in config.skims}
    return events, Counts(size, simulated, len(events), outside, skims)


def _filter_events(
    events: Events, numbers: NDArray[np.int64], config: ProduceConfig, event_filter: EventFilter
) -> tuple[Events, int]:
    """The events that some skim wants, with a weight for each skim, and how many the filter did not know."""
    settings = config.filter.settings(config.seed)
    if event_filter.card.event_types:
        settings = replace(settings, sample=config.sample)
    decision = event_filter.decide(events, settings, event_numbers=numbers)
    chosen = [event_filter.skims.index(name) for name in config.skims]
    weights, theirs = decision.weights[:, chosen], names_of_skims(config.skims, _named(config))
    columns = in_both_names({WEIGHT + name: weights[:, i] for i, name in enumerate(config.skims)}, theirs)
    if config.filter.debug:
        columns |= predictions(decision.scores[:, chosen], theirs)
    events = events.with_columns(**columns, weight=weights[:, 0])
    return events[weights.max(axis=1) > 0], int(decision.strange.outside.sum())


def _named(config: ProduceConfig) -> dict[str, str]:
    """What basf2 calls those of the skims that have another name there."""
    return {skim: name for skim, name in config.filter.skim_names.items() if skim in config.skims}


def _count(weights: NDArray[np.float64]) -> SkimCounts:
    return SkimCounts(len(weights), float(weights.sum()), float((weights**2).sum()))


# -- all shards --------------------------------------------------------------------------------------


def make_shards(config: ProduceConfig, folder: Path, client: Any) -> None:
    """Make all shards that are not yet there.

    Parameters
    ----------
    config
        The production.
    folder
        Where the shards stand.
    client
        Of Dask, see :func:`hepsets.deploy.scale_out.connect`.
    """
    todo = {_key(shard): shard for shard in shards(config, folder) if shard.finished() is None}
    with progress_bar(f"producing {config.sample} events", config.events) as advance:
        advance(config.events - sum(size for shard in todo.values() for _, size in shard.blocks()))
        for receipt in scale_out.run_tasks(client, make_shard, todo):
            advance(receipt.counts.generated)


def _key(shard: Shard) -> str:
    """Name of a shard on the scheduler: two runs in one folder would wait for the same task."""
    where = f"{configuration.sha256(shard.config)} {shard.folder}"
    return f"shard-{hashlib.sha256(where.encode()).hexdigest()[:16]}-{shard.number}"


def merge(config: ProduceConfig, folder: Path, out: Path) -> Summary:
    """Write the events of all shards to one file, in the order in which one process would.

    Raises
    ------
    InputError
        If a shard is missing.
    """
    provenance = {
        "hepsets.sample": config.sample,
        "hepsets.seed": str(config.seed),
        "hepsets.skims": ",".join(config.skims),
        "hepsets.version": versions()["hepsets"],
    }
    receipts = []
    with EventWriter(out, metadata=provenance) as writer:
        for shard in shards(config, folder):
            receipt = shard.finished()
            if receipt is None:
                raise InputError(f"shard {shard.events_file} is not whole", "all shards", "run again")
            receipts.append(receipt)
            with open_parquet(shard.events_file) as file:
                writer.write_table(file.read())
    counts = reduce(add, (receipt.counts for receipt in receipts))
    return Summary(
        configuration.sha256(config),
        _fingerprint(config.filter.model),
        versions(),
        counts,
        {name: counts.retention(name) for name in config.skims},
        round(sum(receipt.worker_seconds for receipt in receipts), 3),
    )


def _fingerprint(model: Path | None) -> str | None:
    return None if model is None else checksum_of_file(filter_file(model))


def produce(
    config: ProduceConfig,
    folder: Path,
    *,
    scheduler: str = "local",
    workers: int = 1,
    tell: Callable[[str], None] = log.info,
) -> Summary:
    """Produce a sample; a run that was killed goes on where it was, a finished one is left alone.

    Parameters
    ----------
    config
        What to produce.
    folder
        Where ``config.toml``, ``events.parquet`` and ``summary.json`` shall stand; every worker must
        see it under the same path.
    scheduler, workers
        See :func:`hepsets.deploy.scale_out.connect`.
    tell
        Gets the address of Dask's dashboard, and that a filter would save nothing.

    Raises
    ------
    InputError
        For unknown names, a scheduler that cannot be used, a folder that holds something else or in
        which another run is at work.
    """
    check_config(config)
    scale_out.check_scheduler(scheduler)
    if config.filter.model is not None:
        settings = config.filter.settings(config.seed)
        in_vain = EventFilter.load(config.filter.model).saves_nothing(settings, config.skims)
        if in_vain:
            tell(f"warning: {in_vain}")
    folder = folder.absolute()
    _check_folder(folder, config)
    made = folder / "shards"
    if not (folder / "summary.json").is_file():
        with scale_out.connect(scheduler, workers, made) as client, _only_run(folder, made):
            _check_folder(folder, config)
            write_atomically(folder / "config.toml", configuration.to_toml(config))
            tell(f"dashboard: {client.dashboard_link}")
            _bring_filter(config, made)
            make_shards(config, made, client)
            merge(config, made, folder / "events.parquet").write(folder / "summary.json")
    shutil.rmtree(made, ignore_errors=True)
    summary = Summary.read(folder / "summary.json")
    if summary.filter_sha256 != _fingerprint(config.filter.model):
        raise _another_filter(config, folder)
    return summary


def _bring_filter(config: ProduceConfig, shard_folder: Path) -> None:
    """Put the filter where all workers see it, once for the whole production."""
    if config.filter.model is None:
        return
    copy = shard_folder / "filter.onnx"
    if not copy.exists():
        with whole_file(copy) as partial:
            shutil.copyfile(filter_file(config.filter.model), partial)
    if _fingerprint(copy) != _fingerprint(config.filter.model):
        raise _another_filter(config, shard_folder.parent)


def _another_filter(config: ProduceConfig, folder: Path) -> InputError:
    return InputError(
        f"{config.filter.model} is not the filter that {folder} was begun with",
        "the same file",
        "choose another --out or delete the folder",
    )


def _check_folder(folder: Path, config: ProduceConfig) -> None:
    saved = folder / "config.toml"
    if saved.is_file():
        if saved.read_text(encoding="utf-8") != configuration.to_toml(config):
            raise InputError(
                f"{folder} holds the production of another configuration",
                f"the configuration in {saved}",
                "choose another --out or delete the folder",
            )
    elif folder.exists() and not (folder.is_dir() and all(_is_ours(item.name) for item in folder.iterdir())):
        raise InputError(f"{folder} is there and holds no production", "a new folder", "choose another --out")


def _is_ours(name: str) -> bool:
    """Whether a run that was killed before it wrote ``config.toml`` may have left this."""
    return name == "shards" or name.endswith(".partial")


@contextmanager
def _only_run(folder: Path, shard_folder: Path) -> Iterator[None]:
    """Hold the folder against other runs, and remove what killed ones left half written."""
    shard_folder.mkdir(parents=True, exist_ok=True)
    with only_process(shard_folder):
        for leftover in folder.glob(".*.partial"):
            leftover.unlink()
        yield
