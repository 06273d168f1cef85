"""Charge votes: each track votes for the sign of its charge, weighted by all that is around it."""

from __future__ import annotations

import torch
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn import functional

from hepsets.learn.layers.mlp import mlp
from hepsets.learn.particle_sets.learned_moments import PAIR_FEATURES, AllPairs, pair_features
from hepsets.learn.particle_sets.pair_messages import compiled_messages
from hepsets.learn.whole_events.model import WholeEventConfig, WholeEventNetwork, WholeEventRecipe
from hepsets.represent.decay_trees.graph import runs_kernels
from hepsets.represent.particle_sets.data import PackedSet
from hepsets.represent.whole_events.features import EVEN, FEATURES


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ChargeVotesConfig(WholeEventConfig):
    """Options of :class:`ChargeVotes`.

    Parameters
    ----------
    rounds
        How often particles hear of each other; 0: each votes alone.
    """

    rounds: int = Field(default=2, ge=0)


class ChargeVotes(WholeEventNetwork):
    r"""A sum over tracks of charge times vote; no vote knows the sign of a charge.

    .. math:: h_i = \phi(x_i), \quad
              h_i \leftarrow h_i + \psi\Big(h_i, \frac{1}{n} \sum_j
              \mathrm{ReLU}(A h_i + B h_j + C p_{ij} + a)\Big), \quad
              z = \sum_i q_i\, v(h_i),

    with :math:`x_i` the features of :data:`~hepsets.represent.whole_events.features.EVEN` and :math:`p_{ij}`
    those of :data:`~hepsets.learn.particle_sets.learned_moments.PAIR_FEATURES`, in which charges stand only
    as products: angle, mass, whether the two have the same charge.

    So an exchange of particles and antiparticles turns the sign of the logit and nothing else: a B⁰ and a
    B̄⁰ are tagged alike by construction, in one pass and with half of the training events. Nothing is lost:
    any function with this symmetry, written as :math:`q_i (q_i f)`, is a vote of one track that knows how
    the charges of all others relate to its own. An event without tracks has the logit 0.

    Parameters
    ----------
    config
        Its options.
    """

    def __init__(self, config: ChargeVotesConfig) -> None:
        super().__init__()
        units, messages = config.units, (config.units + 1) // 2
        self.per_particle = mlp(len(EVEN), [units] * config.layers)
        self.rounds = nn.ModuleList(_Round(units, messages) for _ in range(config.rounds))
        self.vote = nn.Sequential(
            *mlp(units, [units] * (config.layers - 1)),
            nn.Dropout(config.dropout),
            nn.Linear(units, 1),
        )

    def forward(self, even: Tensor, structure: Tensor, particles: PackedSet) -> Tensor:
        """Logits, shape ``(n_events, 1)``."""
        return particles.sum(self.votes(even, structure, particles))

    def votes(self, even: Tensor, structure: Tensor, particles: PackedSet) -> Tensor:
        """Charge times vote of each particle, shape ``(n_particles, 1)``; arguments as of :meth:`forward`."""
        charge = structure[:, :1]
        of_pairs = torch.cat(
            [
                structure[:, 1:],
                particles.features[:, [FEATURES.index("log_momentum")]],
                torch.zeros_like(charge),
                charge,
                charge,
                particles.features[:, [FEATURES.index("log_z0")]],
            ],
            dim=1,
        )
        h = self.per_particle(even)
        for one in self.rounds:
            h = h + one(h, of_pairs, particles)
        result: Tensor = charge * self.vote(h)
        return result


class _Round(nn.Module):
    """What a particle learns of all others of its event."""

    def __init__(self, units: int, messages: int) -> None:
        super().__init__()
        self.first = nn.Linear(units, messages)
        self.second = nn.Linear(units, messages, bias=False)
        self.pair = nn.Linear(len(PAIR_FEATURES), messages, bias=False)
        self.update = nn.Sequential(*mlp(units + messages, [units]), nn.Linear(units, units))

    def forward(self, h: Tensor, of_pairs: Tensor, particles: PackedSet) -> Tensor:
        """From ``h (n_particles, units)`` to what is added to it."""
        result: Tensor = self.update(torch.cat([h, self._messages(h, of_pairs, particles)], dim=1))
        return result

    def _messages(self, h: Tensor, of_pairs: Tensor, particles: PackedSet) -> Tensor:
        first, second = self.first(h), self.second(h)
        if runs_kernels(h):
            return compiled_messages(of_pairs, first, second, self.pair.weight, particles.offsets)
        pairs = AllPairs(particles)
        each = functional.relu(
            first.index_select(0, pairs.first)
            + second.index_select(0, pairs.second)
            + self.pair(pair_features(of_pairs, pairs))
        )
        return pairs.mean_over_second(each)


RECIPES = (WholeEventRecipe(name="charge_votes", config=ChargeVotesConfig(), network=ChargeVotes),)
