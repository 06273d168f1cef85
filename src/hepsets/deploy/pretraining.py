"""From a configuration to a trunk: the corpus is made, the trunk trained on it as a stream, and kept."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as config_dataclass

from hepsets.core import config as configuration
from hepsets.core.errors import InputError
from hepsets.core.pdg import PdgMap
from hepsets.core.progress import progress_bar
from hepsets.core.run import versions
from hepsets.deploy.corpus import CorpusConfig, make_corpus
from hepsets.learn.pretraining.corpus import CorpusData, CorpusStream, Shard
from hepsets.learn.pretraining.encoder import Trunk, TrunkConfig
from hepsets.learn.pretraining.objective import ObjectiveConfig, PretrainingNetwork, pretrain
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import FitResult
from hepsets.represent.particle_sets.features import SetSpec

SCALED_EVENTS = 5000
"""Scales and ids are taken from so many events at most."""


@config_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class PretrainConfig:
    """What ``hepsets pretrain`` does.

    Parameters
    ----------
    corpus
        The events; the last ``validation_shards`` shards validate.
    validation_shards
        Shards that are not trained on.
    trunk
        Inputs and sizes.
    objective
        What it is trained for.
    fit
        How; an epoch, after which the checkpoint is written, is a part of a pass.
    window
        Shards in memory at once.
    """

    corpus: CorpusConfig = Field(default_factory=CorpusConfig)
    validation_shards: int = Field(default=1, ge=1)
    trunk: TrunkConfig = Field(default_factory=TrunkConfig)
    objective: ObjectiveConfig = ObjectiveConfig(masked=1.0, supervised=1.0)
    fit: FitConfig = FitConfig(
        epochs=40, epoch_examples=25_000, learning_rate=1e-3, schedule="cosine", weight_decay=1e-3
    )
    window: int = Field(default=4, ge=1)


@dataclass(frozen=True, eq=False)
class Pretrained:
    """A trunk with what it was trained by.

    Parameters
    ----------
    network
        The trunk, and what its objectives have behind it.
    result
        The training.
    validation
        Events that were not trained on.
    seconds
        That the training took, the corpus not counted.
    """

    network: PretrainingNetwork
    result: FitResult
    validation: CorpusData
    seconds: float

    @property
    def trunk(self) -> Trunk:
        """The trunk."""
        return self.network.trunk


def pretrain_trunk(
    config: PretrainConfig, folder: Path, *, scheduler: str | None = None, workers: int = 1
) -> Pretrained:
    """Make a corpus and train a trunk on it; a run that was killed goes on where it was.

    Parameters
    ----------
    config
        What to do.
    folder
        Where ``corpus/`` and the checkpoint stand, and in the end ``trunk.safetensors``.
    scheduler, workers
        Of the corpus, see :func:`hepsets.deploy.corpus.make_corpus`.

    Raises
    ------
    InputError
        For a configuration that cannot be, or a folder that another one was begun in.
    """
    shards = make_corpus(config.corpus, folder / "corpus", scheduler=scheduler, workers=workers)
    if len(shards) <= config.validation_shards:
        raise InputError(
            f"{len(shards)} shards, {config.validation_shards} of them for validation",
            "at least one to train on",
            "make shard_events smaller, or events more",
        )
    trained = train_on(shards, config, folder / "checkpoint")
    trained.trunk.save(folder / "trunk.safetensors")
    return trained


def train_on(shards: list[Shard], config: PretrainConfig, checkpoint: Path | None = None) -> Pretrained:
    """Train a trunk on shards, the last of which validate; its card says how.

    Parameters
    ----------
    shards
        Of a corpus.
    config
        What to do.
    checkpoint
        Where the state is kept.
    """
    training, held = shards[: -config.validation_shards], shards[-config.validation_shards :]
    seen, generated = training[0].read()
    seen, generated = seen[:SCALED_EVENTS], generated[:SCALED_EVENTS]
    trunk = Trunk(config.trunk, PdgMap.fit(generated.particles["pdg"]))
    prepare = partial(_prepared, sets=config.trunk.sets, pdg_map=trunk.pdg_map)
    first = CorpusData.of(seen, generated, config.trunk.sets, trunk.pdg_map)
    trunk.fit_scales(first.sets, first.generated.slice(0, len(first)))
    stream = CorpusStream(training, prepare, window=config.window)
    validation = CorpusData.concatenate([prepare(shard) for shard in held])
    begin = time.process_time()
    with progress_bar(f"pre-training ({config.objective.name})", 1.0) as advance:
        network, result = pretrain(
            trunk,
            stream,
            validation,
            config.objective,
            config.fit,
            samples=len(config.corpus.shares),
            progress=_telling(advance),
            checkpoint=checkpoint,
        )
    seconds = time.process_time() - begin
    trunk.card = _card(config, result, len(stream), seconds, trunk.n_parameters)
    return Pretrained(network, result, validation, seconds)


def _prepared(shard: Shard, *, sets: tuple[SetSpec, ...], pdg_map: PdgMap) -> CorpusData:
    return CorpusData.of(*shard.read(), sets, pdg_map)


def _telling(advance: Callable[[float], None]) -> Callable[[int, int], None]:
    told = 0.0

    def tell(done: int, total: int) -> None:
        nonlocal told
        advance(done / total - told)
        told = done / total

    return tell


def _card(
    config: PretrainConfig, result: FitResult, events: int, seconds: float, weights: int
) -> dict[str, Any]:
    """What is to be known of a trunk."""
    losses = [record.validation_loss for record in result.history]
    return {
        "objective": dataclasses.asdict(config.objective),
        "samples": list(config.corpus.shares),
        "skims": list(config.corpus.skims),
        "detector_shift": config.corpus.shift,
        "corpus_events": events,
        "corpus_seed": config.corpus.seed,
        "events_trained": round(sum(r.train_seconds for r in result.history) * result.train_events_per_s),
        "events_per_s": round(result.train_events_per_s, 1),
        "cpu_seconds": round(seconds, 1),
        "weights": weights,
        "validation_loss": {"first": losses[0], "best": float(np.min(losses))},
        "torch_threads": torch.get_num_threads(),
        "config_sha256": configuration.sha256(config),
        "versions": versions(),
    }
