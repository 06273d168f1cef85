"""What was seen and what it came from end up close: particle by particle, event by event, class by class."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hepsets.learn.layers.mlp import mlp
from hepsets.learn.layers.set_encoder import Encoded
from hepsets.learn.pretraining.corpus import CorpusBatch
from hepsets.represent.particle_sets.joined import JoinedSets
from hepsets.select.variables.decay_class import N_CLASSES, NO_PAIR

LATENT = 32
"""Width of the space in which things are compared."""


class Contrastive(nn.Module):
    """InfoNCE of pairs (van den Oord et al., arXiv:1807.03748, equation 4) in both directions, and the
    supervised contrastive loss of decay classes (Khosla et al., arXiv:2004.11362, equation 2).

    Parameters
    ----------
    units
        Width of the encoder's vectors.
    temperature
        Of all similarities.
    pairs
        Most pairs of particles of a batch that are compared with each other: of whole events, since those of
        the same event are the hardest to tell apart.
    """

    def __init__(self, units: int, temperature: float = 0.1, pairs: int = 768) -> None:
        super().__init__()
        self.temperature, self.pairs = temperature, pairs
        self.seen_particle, self.true_particle, self.seen_event, self.true_event = (
            nn.Sequential(mlp(units, [units]), nn.Linear(units, LATENT)) for _ in range(4)
        )

    def of_particles(self, seen: Encoded, tree: Encoded, batch: CorpusBatch) -> tuple[Tensor, Tensor]:
        """Unit vectors of reconstructed particles and of their origins, shape ``(n_pairs, LATENT)`` each.

        Of several that came from the same, one is taken.
        """
        owner = seen.owner
        assert isinstance(owner, JoinedSets)
        vectors = torch.cat([owner.part(seen.particles, which) for which in range(len(batch.sets))])
        link = torch.cat(batch.links)
        # event by event, and of those with one origin the last: positions in the tree rise with the events
        last = torch.full((batch.generated.n_particles,), -1, device=link.device)
        there = torch.nonzero(link >= 0)[:, 0]
        last[link[there]] = there
        origin = torch.nonzero(last >= 0)[:, 0][: self.pairs]
        return (
            functional.normalize(self.seen_particle(vectors[last[origin]]), dim=1),
            functional.normalize(self.true_particle(tree.particles[origin]), dim=1),
        )

    def of_events(self, seen: Encoded, tree: Encoded) -> tuple[Tensor, Tensor]:
        """Unit vectors of reconstructed and of generated events, shape ``(n_events, LATENT)`` each."""
        return (
            functional.normalize(self.seen_event(seen.events), dim=1),
            functional.normalize(self.true_event(tree.events), dim=1),
        )

    def forward(self, seen: Encoded, tree: Encoded, batch: CorpusBatch) -> Tensor:
        """The mean of the three losses."""
        one, other = self.of_events(seen, tree)
        particles = pair_loss(*self.of_particles(seen, tree, batch), self.temperature)
        classes = class_loss(one, classes_of(batch.labels), self.temperature)
        return (particles + pair_loss(one, other, self.temperature) + classes) / 3


def classes_of(labels: Tensor) -> Tensor:
    """Decay class of each event; of those without a pair of B, their sample; int64, shape ``(n_events,)``."""
    return torch.where(labels[:, 1] == NO_PAIR, N_CLASSES + labels[:, 0], labels[:, 1])


def pair_loss(one: Tensor, other: Tensor, temperature: float) -> Tensor:
    """InfoNCE of pairs that stand in the same row of both, averaged over both directions.

    Parameters
    ----------
    one, other
        Unit vectors, shape ``(n, width)``.
    temperature
        Of their similarities.
    """
    logits = one @ other.T / temperature
    own = torch.arange(len(one), device=one.device)
    if not len(one):
        return logits.sum()
    return (functional.cross_entropy(logits, own) + functional.cross_entropy(logits.T, own)) / 2


def class_loss(vectors: Tensor, classes: Tensor, temperature: float) -> Tensor:
    """The supervised contrastive loss of unit vectors of shape ``(n, width)``, of classes ``(n,)``.

    Those that are alone in their class pull nothing and are left out.
    """
    logits = vectors @ vectors.T / temperature
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    logs = functional.log_softmax(logits.masked_fill(itself, -torch.inf), dim=1).masked_fill(itself, 0.0)
    alike = (classes[:, None] == classes) & ~itself
    count = alike.sum(1)
    each = -(logs * alike).sum(1) / count.clamp(min=1)
    return each.sum() / (count > 0).sum().clamp(min=1)
