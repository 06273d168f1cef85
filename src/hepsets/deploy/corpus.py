"""Make a corpus: generated events, what the detector saw of them, and labels; in shards, on any machines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as config_dataclass

from hepsets.core import config as configuration
from hepsets.core.errors import InputError
from hepsets.core.events import Events, write_parquet
from hepsets.core.parallel import map_in_order
from hepsets.core.particle_sets import ParticleSets, write_particle_sets
from hepsets.core.progress import progress_bar
from hepsets.core.run import write_atomically
from hepsets.deploy import scale_out
from hepsets.generate.samples import SAMPLES, generate_sample
from hepsets.learn.pretraining.corpus import GENERATED, LABELS, SEEN, Shard
from hepsets.select.candidates.combine import combine
from hepsets.select.skims.registry import SKIMS
from hepsets.select.variables.decay_class import decay_class
from hepsets.select.whole_events.particles import whole_events
from hepsets.simulate.belle2 import detector
from hepsets.simulate.detector import DetectorConfig, simulate

GENERIC = ("mixed", "charged", "uubar", "ddbar", "ssbar", "ccbar", "taupair")
"""Belle II's seven generic samples."""


@config_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class CorpusConfig:
    """Which events.

    Parameters
    ----------
    events
        How many of all samples together.
    shares
        How often each sample comes up, in any unit; their order numbers the samples in the labels.
    skims
        Skims whose verdicts are labels.
    shift
        A detector that differs from Belle II's, by its name in :data:`hepsets.simulate.belle2.SHIFTS`.
    shard_events
        Events of a shard, which one worker makes.
    seed
        Of generator and detector.
    """

    events: int = Field(default=500_000, ge=1)
    shares: Mapping[str, float] = Field(
        default_factory=lambda: {name: 2.0 if name in ("mixed", "charged") else 1.0 for name in GENERIC}
    )
    skims: tuple[str, ...] = ("hadronic_b0", "jpsi", "fast_charm")
    shift: str | None = None
    shard_events: int = Field(default=5000, ge=1)
    seed: int = Field(default=1, ge=0, lt=2**31)

    def sizes(self) -> dict[str, int]:
        """Events of each sample of a shard, but for the last shard."""
        total = sum(self.shares.values())
        ends = np.round(np.cumsum(list(self.shares.values())) / total * self.shard_events).astype(int)
        return dict(zip(self.shares, np.diff(ends, prepend=0).tolist(), strict=True))


def check_corpus(config: CorpusConfig) -> None:
    """Refuse what no type can.

    Raises
    ------
    InputError
        For unknown samples or skims, no share, or an unknown shift of the detector.
    """
    if not config.shares or not set(config.shares) <= set(SAMPLES) or min(config.shares.values()) <= 0:
        raise InputError(
            f"shares of {', '.join(config.shares) or 'nothing'}", f"some of {', '.join(SAMPLES)}"
        )
    for name in config.skims:
        SKIMS.find(name)
    detector(config.shift)


@dataclass(frozen=True)
class CorpusTask:
    """A shard to be made: its place in the corpus, and how many events it shall have."""

    config: CorpusConfig
    folder: Path
    number: int
    events: int

    @property
    def stem(self) -> Path:
        """Path of the shard's files without their ends."""
        return self.folder / f"{self.number:06d}"


def tasks(config: CorpusConfig, folder: Path) -> Iterator[CorpusTask]:
    """All shards of a corpus; the last one may be smaller."""
    for number, begin in enumerate(range(0, config.events, config.shard_events)):
        yield CorpusTask(config, folder, number, min(config.shard_events, config.events - begin))


def make_shard(task: CorpusTask) -> int:
    """Make a shard and write its files, each whole or not at all; one that is there is left alone.

    Events depend on the configuration and the shard's number alone.

    Returns
    -------
    int
        Its events.
    """
    try:
        return Shard.at(task.stem).events
    except InputError:
        seen, generated = make_events(task.config, task.number, task.events)
    write_parquet(generated, task.stem.with_name(task.stem.name + GENERATED))
    write_particle_sets(seen, task.stem.with_name(task.stem.name + SEEN))  # the last: shards are found by it
    return len(generated)


def make_events(config: CorpusConfig, number: int, events: int) -> tuple[ParticleSets, Events]:
    """What was seen, and what was generated with its labels, of one shard; samples are mixed.

    Parameters
    ----------
    config
        The corpus.
    number
        Of the shard: it seeds generator and detector.
    events
        So many events at most: the first ones of the shard.
    """
    seen, generated = [], []
    shifted = detector(config.shift)
    for kind, (sample, size) in enumerate(config.sizes().items()):
        if not size:
            continue
        seed = int(np.random.SeedSequence([config.seed, kind, number]).generate_state(1, np.uint64)[0] >> 1)
        made = Events.concatenate(list(generate_sample(sample, size, seed=seed)))
        some = Events(made.particles, made.offsets)
        parts = labelled(some, kind, config.skims, seed=seed, detector=shifted)
        seen.append(parts[0])
        generated.append(parts[1])
    order = np.random.default_rng([config.seed, number]).permutation(sum(map(len, generated)))[:events]
    return ParticleSets.concatenate(seen)[order], Events.concatenate(generated)[order]


def labelled(
    events: Events, kind: int, skims: tuple[str, ...], *, seed: int, detector: DetectorConfig
) -> tuple[ParticleSets, Events]:
    """What the detector saw of events of one sample, and these events with their labels.

    Parameters
    ----------
    events
        Generated events.
    kind
        Number of their sample.
    skims
        Skims whose verdicts are labels.
    seed, detector
        Of the simulation.
    """
    numbers = np.arange(len(events))
    seen = simulate(events, seed=seed, event_numbers=numbers, detector=detector)
    columns = [np.full(len(events), kind), decay_class(events)]
    if skims:
        lists = combine(seen, event_numbers=numbers)
        columns += [SKIMS.find(name)(lists, numbers).passes for name in skims]
    labels = np.column_stack(columns).astype(np.int64)
    return whole_events(seen), events.with_columns(**{LABELS: labels})


def make_corpus(
    config: CorpusConfig, folder: Path, *, scheduler: str | None = None, workers: int = 1
) -> list[Shard]:
    """Make all shards that are not there yet; memory does not grow with their number.

    Parameters
    ----------
    config
        The corpus.
    folder
        Where its shards and its ``corpus.toml`` stand; every worker must see it under the same path.
    scheduler
        Of Dask, see :func:`hepsets.deploy.scale_out.connect`; ``None``: processes of this machine.
    workers
        Processes or jobs.

    Raises
    ------
    InputError
        For a configuration that cannot be, a folder that holds another corpus, or as ``connect``.
    """
    check_corpus(config)
    folder = folder.absolute()
    saved, text = folder / "corpus.toml", configuration.to_toml(config)
    if saved.is_file() and saved.read_text(encoding="utf-8") != text:
        raise InputError(
            f"{folder} holds another corpus", f"the configuration in {saved}", "choose another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(saved, text)
    todo = list(tasks(config, folder))
    with progress_bar("making the corpus", config.events) as advance:
        if scheduler is None:
            for made in map_in_order(make_shard, todo, workers):
                advance(made)
        else:
            key = hashlib.sha256(f"{folder} {text}".encode()).hexdigest()[:16]
            with scale_out.connect(scheduler, workers, folder) as client:
                named = {f"corpus-{key}-{task.number}": task for task in todo}
                for made in scale_out.run_tasks(client, make_shard, named):
                    advance(made)
    return [Shard.at(task.stem) for task in todo]
