"""The trunks of a run: the corpus, weights chosen on development events, pre-training, what it reached."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hepsets.analyses.pretraining.config import Config
from hepsets.analyses.pretraining.samples import Sample, read_sample
from hepsets.analyses.pretraining.tasks import LABEL, TASKS, Table, hashes_of
from hepsets.core.events import iter_parquet
from hepsets.core.kept import keep, read_kept
from hepsets.core.parallel import computing_seconds
from hepsets.core.purpose import Purpose, demand
from hepsets.core.run import log
from hepsets.deploy.corpus import GENERIC, make_corpus
from hepsets.deploy.pretraining import PretrainConfig, Pretrained, train_on
from hepsets.learn.pretraining.corpus import GENERATED, CorpusData, Shard
from hepsets.learn.pretraining.encoder import Trunk
from hepsets.learn.pretraining.objective import ObjectiveConfig, objective_of
from hepsets.learn.pretraining.tuning import generated_model, head_inputs, seen_model
from hepsets.learn.pretraining.verdict import FeatureError, Retrieval, embeddings, reconstruction, retrieval
from hepsets.learn.training.side_by_side import side_by_side

KINDS: Mapping[str, tuple[str, ...]] = {
    "B B̄": ("mixed", "charged"),
    "u, d, s": ("uubar", "ddbar", "ssbar"),
    "c c̄": ("ccbar",),
    "τ τ": ("taupair",),
}
"""Kinds of events in the maps, and their samples."""

MAPPED = 1000
"""Validation events of a corpus that are drawn in a map, and training events that baselines are made of."""


@dataclass(frozen=True, eq=False)
class LatentMap:
    """Vectors of reconstructed events in the plane in which they are spread the most.

    Parameters
    ----------
    points
        Float32, shape ``(n_events, 2)``: first two principal components, in units of the first one's standard
        deviation.
    kind
        Which of :data:`KINDS` each is, −1 for none; int64, shape ``(n_events,)``.
    explained
        Share of the variance that both hold.
    """

    points: NDArray[np.float32]
    kind: NDArray[np.int64]
    explained: float


@dataclass(frozen=True, eq=False)
class TrunkFacts:
    """A trunk, what it cost, and what it reached on validation events of the corpus.

    Parameters
    ----------
    pretraining
        What it was pre-trained for.
    objective
        With the weights that were chosen.
    pilots
        Of each weight that was tried the mean log loss [nat] of linear classifiers on development events.
    seconds
        Computing time: pilots and training.
    events
        That it was trained on, each as often as it was shown.
    parameters
        Its weights.
    losses
        Validation losses by epoch.
    masked
        Errors of hidden particles, if it predicts them.
    retrieval
        Of ``particles`` and ``events``, if it brings them together.
    latent
        A map.
    """

    pretraining: str
    objective: ObjectiveConfig
    pilots: dict[float, float]
    seconds: float
    events: int
    parameters: int
    losses: tuple[float, ...]
    masked: dict[str, FeatureError]
    retrieval: dict[str, Retrieval]
    latent: LatentMap


@dataclass(frozen=True, eq=False)
class Corpus:
    """The corpus of a run.

    Parameters
    ----------
    shards
        Where its events are.
    hashes
        Of all events, int64, shape ``(n_events,)``.
    seconds
        Computing time that it took.
    """

    shards: tuple[Shard, ...]
    hashes: NDArray[np.int64]
    seconds: float


@dataclass(frozen=True)
class _Cost:
    seconds: float


def get_corpus(config: Config, folder: Path, *, workers: int = 1) -> Corpus:
    """Make the shards that are not there yet, and know all their events."""
    place, stem = folder / "corpus", folder / "corpus_cost"
    begin = computing_seconds()
    shards = make_corpus(config.pretrain.corpus, place, workers=workers)
    if not stem.with_suffix(".json").exists():
        keep(stem, _Cost(computing_seconds() - begin))
    hashes = [
        hashes_of(events)
        for shard in shards
        for events in iter_parquet(shard.stem.with_name(shard.stem.name + GENERATED))
    ]
    return Corpus(tuple(shards), np.concatenate(hashes), read_kept(stem, _Cost).seconds)


def trunk_file(folder: Path, pretraining: str) -> Path:
    """Where the trunk of a pre-training stands."""
    return folder / f"{pretraining}.safetensors"


@dataclass(frozen=True)
class TrunkJob:
    """A trunk to be trained, and where it is kept.

    Parameters
    ----------
    config
        The run's.
    pretraining
        What for.
    shards
        Of the corpus.
    events, folder
        Folders of labelled events, of which development events choose weights, and of trunks.
    """

    config: Config
    pretraining: str
    shards: tuple[Shard, ...]
    events: Path
    folder: Path

    @property
    def stem(self) -> Path:
        """Path of what is kept, without ending."""
        return self.folder / self.pretraining

    @property
    def checkpoint(self) -> Path:
        """State of the training."""
        return self.folder / f"{self.pretraining}.checkpoint"


def get_trunks(
    config: Config, corpus: Corpus, events: Path, folder: Path, *, workers: int = 1
) -> tuple[TrunkFacts, ...]:
    """Pre-train the trunks that are not in the folder yet; a training that was killed goes on.

    Parameters
    ----------
    config
        The run's.
    corpus
        The events.
    events, folder
        Folders of labelled events, and of trunks.
    workers
        Processes, a trunk each at a time; trunks do not depend on their number.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [TrunkJob(config, pretraining, corpus.shards, events, folder) for pretraining in config.models]
    todo = [job for job in jobs if not job.stem.with_suffix(".json").exists()]
    todo.sort(key=lambda job: -len(weighted(job.pretraining, config.weights)))  # with pilots: the longest
    done = side_by_side(make_trunk, todo, workers=workers, device=config.pretrain.fit.device)
    for job, _ in zip(todo, done, strict=True):
        facts = read_kept(job.stem, TrunkFacts)
        for weight, loss in facts.pilots.items():
            log.info("%s with weight %g: log loss %.4f of linear classifiers", job.pretraining, weight, loss)
        log.info("%s: %d events, %.0f s of computing", job.pretraining, facts.events, facts.seconds)
    return tuple(read_kept(job.stem, TrunkFacts) for job in jobs)


def make_trunk(job: TrunkJob) -> None:
    """Choose the weights of a trunk's objective, pre-train it, and keep it with what it reached."""
    begin = time.process_time()
    config, shards, pilots = job.config, list(job.shards), {}
    candidates = weighted(job.pretraining, config.weights)
    if len(candidates) > 1:
        samples = {task: read_sample(task, job.events) for task in config.tasks}
        for weight, objective in candidates.items():
            done = train_on(shards, _settings(config, objective, config.pilot_share))
            pilots[weight] = linear_loss(done.trunk, samples, max(config.labels.counts))
    chosen = min(pilots, key=lambda weight: pilots[weight]) if pilots else next(iter(candidates))
    objective = candidates[chosen]
    done = train_on(shards, _settings(config, objective, 1.0), job.checkpoint)
    seconds = time.process_time() - begin
    done.trunk.save(trunk_file(job.folder, job.pretraining))
    keep(job.stem, _judged(job.pretraining, objective, pilots, seconds, done, _reference(done, shards[0])))
    job.checkpoint.unlink(missing_ok=True)


# -- inside ------------------------------------------------------------------------------------------


def weighted(pretraining: str, weights: tuple[float, ...]) -> dict[float, ObjectiveConfig]:
    """The objectives of a pre-training, by the weight of its second part; one alone has the weight 1."""
    parts = pretraining.split("+")
    if len(parts) == 1:
        return {1.0: objective_of(pretraining)}
    return {weight: objective_of(pretraining, **{parts[1]: weight}) for weight in weights}


def _settings(config: Config, objective: ObjectiveConfig, share: float) -> PretrainConfig:
    """How a trunk is trained, for a share of its epochs; initial weights and order are those of the run."""
    of = config.pretrain
    fit = dataclasses.replace(of.fit, epochs=max(1, round(share * of.fit.epochs)), seed=config.seed)
    trunk = dataclasses.replace(of.trunk, seed=config.seed)
    return dataclasses.replace(of, objective=objective, fit=fit, trunk=trunk)


def linear_loss(trunk: Trunk, samples: Mapping[str, Sample], labels: int) -> float:
    """Mean over tasks of the log loss [nat] on development events of a linear classifier on the trunk.

    Parameters
    ----------
    trunk
        As pre-trained.
    samples
        By task.
    labels
        So many of the first draw are trained with.
    """
    losses = []
    for task, sample in samples.items():
        demand(sample.development.purpose, Purpose.VALIDATION, "a weight is chosen")
        few = sample.pool[sample.draw(labels, 0)]
        inputs = [vectors(trunk, task, table) for table in (few, sample.development)]
        classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=200))
        classifier.fit(inputs[0], few.columns[LABEL])
        said = classifier.predict_proba(inputs[1])[:, 1]
        losses.append(log_loss(sample.development.columns[LABEL], said))
    return float(np.mean(losses))


def vectors(trunk: Trunk, task: str, table: Table) -> NDArray[np.float32]:
    """What a head on the trunk would see of the events of a task, float32, shape ``(n_events, width)``."""
    make = seen_model if TASKS[task].side == "seen" else generated_model
    model: Any = make(trunk, "head")
    return head_inputs(model, model.prepare(table)).inputs.numpy()


def _reference(done: Pretrained, shard: Shard) -> CorpusData:
    """Training events of the corpus, for baselines."""
    seen, generated = shard.read()
    trunk = done.trunk
    return CorpusData.of(seen[:MAPPED], generated[:MAPPED], trunk.config.sets, trunk.pdg_map)


def _judged(
    pretraining: str,
    objective: ObjectiveConfig,
    pilots: dict[float, float],
    seconds: float,
    done: Pretrained,
    reference: CorpusData,
) -> TrunkFacts:
    network = done.network
    held = done.validation.select(torch.arange(min(MAPPED, len(done.validation))))
    masked = {} if network.masked is None else reconstruction(network, held, reference)
    found = {} if network.contrastive is None else retrieval(network, held)
    card = done.trunk.card
    return TrunkFacts(
        pretraining,
        objective,
        pilots,
        seconds,
        int(card["events_trained"]),
        int(card["weights"]),
        tuple(record.validation_loss for record in done.result.history),
        masked,
        found,
        latent_map(embeddings(network, held)[0], held.labels[:, 0].numpy(), tuple(card["samples"])),
    )


def latent_map(
    events: NDArray[np.float32], sample: NDArray[np.int64], samples: tuple[str, ...] = GENERIC
) -> LatentMap:
    """Vectors of events in the plane of their first two principal components.

    Parameters
    ----------
    events
        Shape ``(n_events, units)``.
    sample
        Number of each one's sample, shape ``(n_events,)``.
    samples
        Their names.
    """
    centred = events.astype(np.float64) - events.mean(0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    points = centred @ axes[:2].T / max(sizes[0] / np.sqrt(len(events)), 1e-12)
    kinds = {name: place for place, of_kind in enumerate(KINDS.values()) for name in of_kind}
    kind_of = np.array([kinds.get(name, -1) for name in samples])
    variance = sizes**2
    return LatentMap(
        points.astype(np.float32), kind_of[sample], float(variance[:2].sum() / max(variance.sum(), 1e-12))
    )
