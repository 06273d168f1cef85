"""What pre-training reached: hidden particles against baselines, retrieval against chance, vectors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from hepsets.learn.layers.set_encoder import Encoded
from hepsets.learn.particle_sets.particle_encoder import FARTHEST
from hepsets.learn.pretraining.corpus import CorpusBatch, CorpusData
from hepsets.learn.pretraining.masked import Predictor, assigned
from hepsets.learn.pretraining.objective import PretrainingNetwork
from hepsets.learn.seeded import seeded
from hepsets.learn.training.trainable import in_evaluation
from hepsets.represent.particle_sets.data import PackedSet


@dataclass(frozen=True)
class FeatureError:
    """How far off predictions of hidden particles are, in units of the feature's standard deviation.

    Parameters
    ----------
    error, baseline_error
        Mean absolute error of the network, and of the better of both baselines; of identities the share that
        is wrong.
    mean_error, neighbour_error
        Of the mean over the corpus (of the most frequent identity), and of particles of the event that looks
        most alike without the hidden ones. All of these are assigned to hidden particles as the network's
        predictions are.
    """

    error: float
    baseline_error: float
    mean_error: float
    neighbour_error: float


@dataclass(frozen=True)
class Retrieval:
    """How often the nearest vector is that of the partner, among so many candidates, beside chance.

    ``alignment`` is the mean squared distance of partners, ``uniformity`` ln ⟨exp(−2 d²)⟩ of all pairs of
    vectors (Wang and Isola, arXiv:2005.10242, equations 4 and 5): smaller is better for both.
    """

    top1: float
    chance: float
    candidates: float
    alignment: float
    uniformity: float


def reconstruction(
    network: PretrainingNetwork, data: CorpusData, reference: CorpusData, *, batch: int = 256
) -> dict[str, FeatureError]:
    """Errors of hidden reconstructed particles by ``set.feature`` and ``set.identity``.

    Parameters
    ----------
    network
        Trained to predict hidden particles.
    data
        Events that it has not seen.
    reference
        Training events, which baselines are made of.
    batch
        Events at once.
    """
    assert network.masked is not None, "an objective with hidden particles"
    finder = _Neighbours(network, reference)
    rows: dict[str, list[NDArray[np.float64]]] = {}
    with in_evaluation(network), _repeatable():
        for part in data.batches(batch):
            shown, _ = network.objective.hide(part)
            seen, _ = network.encoded(shown)
            like = finder.nearest(shown.batch)
            for which, hidden in enumerate(shown.hidden):
                predictor = network.masked.predictors[which]
                assert isinstance(predictor, Predictor)
                made = (
                    network.masked.predicted(seen, which),
                    finder.mean(which, hidden),
                    finder.members(which, hidden, like),
                )
                _compare(rows, network, which, hidden, made)
    found = {}
    for name, parts in rows.items():
        own, mean, neighbour = np.concatenate(parts, axis=1).mean(axis=1).tolist()
        found[name] = FeatureError(own, min(mean, neighbour), mean, neighbour)
    return found


def retrieval(network: PretrainingNetwork, data: CorpusData, *, batch: int = 256) -> dict[str, Retrieval]:
    """Of reconstructed ``particles`` and ``events``: how often the nearest generated one is the right one.

    Parameters
    ----------
    network
        Trained to bring partners together.
    data
        Events that it has not seen.
    batch
        Events among which partners are looked for; whole batches alone count.
    """
    assert network.contrastive is not None, "a contrastive objective"
    found: dict[str, list[tuple[float, ...]]] = {"particles": [], "events": []}
    with in_evaluation(network), _repeatable():
        for part in data.batches(min(batch, len(data))):
            if part.n_events < min(batch, len(data)):
                continue
            seen, tree = both(network, part)
            pairs = {
                "particles": network.contrastive.of_particles(seen, tree, part),
                "events": network.contrastive.of_events(seen, tree),
            }
            for name, (one, other) in pairs.items():
                found[name].append(_retrieved(one, other))
    return {name: Retrieval(*np.mean(rows, axis=0).tolist()) for name, rows in found.items()}


def both(network: PretrainingNetwork, batch: CorpusBatch) -> tuple[Encoded, Encoded]:
    """A batch encoded with nothing hidden: what was seen, and what was generated."""
    return network.trunk.reconstructed(batch.sets), network.trunk.generated(batch.generated)


def _retrieved(one: Tensor, other: Tensor) -> tuple[float, ...]:
    n = len(one)
    right = (one @ other.T).argmax(1) == torch.arange(n, device=one.device)
    distance2 = torch.pdist(torch.cat([one, other])) ** 2
    alignment = ((one - other) ** 2).sum(1).mean()
    uniformity = torch.log(torch.exp(-2 * distance2).mean())
    return float(right.float().mean()), 1 / n, n, float(alignment), float(uniformity)


def _compare(
    rows: dict[str, list[NDArray[np.float64]]],
    network: PretrainingNetwork,
    which: int,
    hidden: PackedSet,
    made: tuple[tuple[Tensor, Tensor], ...],
) -> None:
    """Add the errors of several predictions of the hidden members of one set."""
    if not hidden.n_particles:
        return
    assert network.masked is not None
    predictor = network.masked.predictors[which]
    assert isinstance(predictor, Predictor)
    scaled = network.trunk.scalers[which](hidden.features)
    wanted, identity = predictor.wanted(hidden, scaled)
    numbers, wrong = [], []
    for values, identities in made:
        order = assigned(values, identities, wanted, identity, hidden.offsets)
        numbers.append((values - wanted[order]).abs())
        wrong.append(identities.argmax(1) != identity[order])
    name = network.trunk.config.sets[which].name
    for at, feature in enumerate(predictor.names):
        errors = torch.stack([one[:, at] for one in numbers])
        rows.setdefault(f"{name}.{feature}", []).append(errors.double().numpy())
    if predictor.species:
        rows.setdefault(f"{name}.identity", []).append(torch.stack(wrong).double().numpy())


class _Neighbours:
    """Training events, found again by what they look like as a whole, and what they hold on average."""

    def __init__(self, network: PretrainingNetwork, reference: CorpusData) -> None:
        assert network.masked is not None
        self.network, self.reference = network, reference
        raw = self._summary(reference.sets)
        self.centre, self.spread = raw.mean(0), raw.std(0).clamp(min=1e-6)
        self.known = (raw - self.centre) / self.spread
        self.scaled = network.trunk.scaled(reference.sets)
        self.wanted = []
        for predictor, one, scaled in zip(
            network.masked.predictors, reference.sets, self.scaled, strict=True
        ):
            assert isinstance(predictor, Predictor)
            self.wanted.append(predictor.wanted(one, scaled))

    @staticmethod
    def _summary(sets: tuple[PackedSet, ...]) -> Tensor:
        """Multiplicity and summed features of each set, shape ``(n_events, n)``."""
        parts = [one.sum(one.features) for one in sets]
        counts = [one.multiplicity[:, None].float() for one in sets]
        return torch.cat([*parts, *counts], dim=1)

    def nearest(self, batch: CorpusBatch) -> Tensor:
        """The training event that looks most like each event without its hidden particles."""
        return torch.cdist((self._summary(batch.sets) - self.centre) / self.spread, self.known).argmin(1)

    def mean(self, which: int, hidden: PackedSet) -> tuple[Tensor, Tensor]:
        """The mean of all members, and the frequencies of identities, for each hidden one."""
        numbers, identity = self.wanted[which]
        n = hidden.n_particles
        assert self.network.masked is not None
        predictor = self.network.masked.predictors[which]
        assert isinstance(predictor, Predictor)
        counts = torch.bincount(identity, minlength=predictor.identities) + 1.0
        return numbers.mean(0).expand(n, -1), torch.log(counts / counts.sum()).expand(n, -1)

    def members(self, which: int, hidden: PackedSet, like: Tensor) -> tuple[Tensor, Tensor]:
        """Members of the nearest events, taken at random; the mean where these have too few."""
        numbers, identities = (one.clone() for one in self.mean(which, hidden))
        wanted, identity = self.wanted[which]
        offsets = self.reference.sets[which].offsets
        counts = offsets.diff()[like]
        event = hidden.event_of_particle
        place = torch.arange(hidden.n_particles) - hidden.offsets[:-1][event]
        there = place < counts[event]
        begin = offsets[:-1][like][event]
        source = (begin + (place + _turns(hidden)) % counts[event].clamp(min=1))[there]
        numbers[there] = wanted[source]
        one_hot = functional.one_hot(identity[source], identities.shape[1]).float()
        identities[there] = torch.log(0.9 * one_hot + 0.1 * torch.exp(identities[there]))
        return numbers.clamp(-FARTHEST, FARTHEST), identities


def _turns(hidden: PackedSet) -> Tensor:
    """One random number for all members of an event, so that none is taken twice."""
    return torch.randint(1000, (hidden.n_events,))[hidden.event_of_particle]


@contextmanager
def _repeatable() -> Iterator[None]:
    """The same particles hidden each time, nothing to be trained."""
    with seeded(0), torch.inference_mode():
        yield


def embeddings(
    network: PretrainingNetwork, data: CorpusData, *, batch: int = 256
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors of reconstructed and of generated events, float32, shape ``(n_events, units)`` each."""
    seen, tree = [], []
    with in_evaluation(network), torch.inference_mode():
        for part in data.batches(batch):
            one, other = both(network, part)
            seen.append(one.events)
            tree.append(other.events)
    return torch.cat(seen).numpy(), torch.cat(tree).numpy()
