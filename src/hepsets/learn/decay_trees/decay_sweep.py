"""Our own model: sweeps up and down whole decay chains, then sums over the event."""

from __future__ import annotations

import math
from typing import cast

import torch
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn import functional

from hepsets.core.errors import InputError
from hepsets.learn.decay_trees.model import EventNetwork, ModelConfig, features_of
from hepsets.learn.decay_trees.recipe import EventRecipe
from hepsets.learn.decay_trees.sweep_scoring import SHARE
from hepsets.learn.decay_trees.sweep_trunk import sum_of_particles
from hepsets.learn.layers.dropout import Dropout
from hepsets.learn.layers.embedding import PdgEmbedding
from hepsets.learn.layers.folding import linear_of_both, linear_of_norm
from hepsets.represent.decay_trees.batch import PackedBatch
from hepsets.represent.decay_trees.features import RAW_COLUMNS
from hepsets.represent.decay_trees.sweeps import DecaySweeps
from hepsets.simulate.belle2 import BELLE2

COS_ACCEPTANCE = tuple(
    math.cos(math.radians(edge)) for edge in (BELLE2.tracker.theta_max, BELLE2.tracker.theta_min)
)
"""Belle II's tracking acceptance."""

KINEMATICS = 17
"""Columns of :func:`kinematics`."""

TYPE_EMBEDDING = 8
"""Width of the embedding of event types."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class DecaySweepConfig(ModelConfig):
    """Options of ``decay_sweep``.

    Parameters
    ----------
    units
        Width of the hidden layers.
    embedding
        Width of the PDG embedding.
    dropout
        Dropout probability.
    graph_layers
        Number of rounds.
    new_heads
        How many of the heads, the last ones, were added to the trained network of the others, see
        :mod:`hepsets.learn.decay_trees.new_head`.
    event_types
        Names of the types of events, such as generated samples, that the model is told; the event
        column ``event_type`` counts them from 1.
    unknown_type_probability
        Probability that an event hides its type in training.
    """

    units: int = Field(default=64, ge=1)
    embedding: int = Field(default=24, ge=1)
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    graph_layers: int = Field(default=1, ge=1)
    new_heads: int = Field(default=0, ge=0)
    event_types: tuple[str, ...] = ()
    unknown_type_probability: float = Field(default=0.2, ge=0.0, lt=1.0)


def kinematics(particles: Tensor, is_daughter: Tensor, n_daughters: Tensor) -> Tensor:
    """What decides whether a detector sees a particle, from its columns.

    Parameters
    ----------
    particles
        Shape ``(n_particles, 8)``: prod_time [ns], x, y, z [cm], energy, px, py, pz [GeV], laboratory.
    is_daughter, n_daughters
        Shape ``(n_particles,)``.

    Returns
    -------
    Tensor
        Shape ``(n_particles, 17)``, of order one: logarithms of energy, momentum (both in the
        centre of mass) and transverse momentum (laboratory), a turn-on of the latter near 0.1 GeV,
        the centre-of-mass momentum, cos θ in the laboratory and its being in the acceptance, the
        production radius, z and time on logarithmic scales, and the place in the tree.
    """
    time, x, y, z, energy, px, py, pz = particles.unbind(1)
    bx, bz = BELLE2.beams.velocity
    beta2 = bx * bx + bz * bz
    gamma = 1 / math.sqrt(1 - beta2)
    along = bx * px + bz * pz
    shift = (gamma - 1) / beta2 * along - gamma * energy
    px_cm, pz_cm = px + shift * bx, pz + shift * bz
    energy_cm = gamma * (energy - along)
    momentum_cm = torch.sqrt(px_cm**2 + py**2 + pz_cm**2)
    pt = torch.sqrt(px**2 + py**2)
    cos_theta = pz / (torch.sqrt(pt**2 + pz**2) + 1e-6)
    accepted = (cos_theta > COS_ACCEPTANCE[0]) & (cos_theta < COS_ACCEPTANCE[1])
    final = (n_daughters == 0).to(energy.dtype)
    return torch.stack(
        [
            0.5 * torch.log(energy_cm.clamp(min=1e-3)) + 0.5,
            0.5 * torch.log(momentum_cm.clamp(min=1e-3)) + 0.5,
            0.7 * torch.log(pt.clamp(min=1e-3)) + 1,
            torch.exp(-10 * pt),
            energy_cm,
            px_cm,
            py,
            pz_cm,
            cos_theta,
            accepted.to(energy.dtype),
            accepted * final,
            0.5 * torch.asinh(100 * torch.sqrt(x**2 + y**2)),
            0.5 * torch.asinh(20 * z),
            0.3 * torch.asinh(200 * time),
            1 - is_daughter,
            torch.log1p(n_daughters),
            final,
        ]
    ).T.contiguous()


class DecaySweep(EventNetwork):
    """Rounds of sweeps over the decay trees, and a sum over all particles.

    In each round every particle learns the sum of what its descendants say (what it decayed into,
    down to the final state) and the sum of what its ancestors say (what it is part of). One round
    so carries information through the whole tree, where a graph convolution moves it by one
    generation. Sums keep multiplicities, which means lose.

    Parameters
    ----------
    units
        Width of the hidden layers.
    n_tokens, embedding
        Rows and width of the PDG embedding.
    rounds
        Number of rounds.
    dropout
        Dropout probability.
    heads
        Logits per event.
    event_types
        Number of known types of events; each has an embedding that joins the sum over particles.
    new_heads
        How many of the heads, the last ones, are linear in the sum over particles, so that they can
        be added to a trained network; see :mod:`hepsets.learn.decay_trees.new_head`.
    """

    scored_together = 2048  # of which one at a time is in the cache

    def __init__(
        self,
        units: int,
        *,
        n_tokens: int,
        embedding: int,
        rounds: int = 1,
        dropout: float = 0.1,
        heads: int = 1,
        event_types: int = 0,
        new_heads: int = 0,
    ) -> None:
        super().__init__()
        self.embedding = PdgEmbedding(n_tokens, embedding)
        nn.init.normal_(self.embedding.weight, std=0.3)
        self.norm = nn.BatchNorm1d(KINEMATICS)
        self.inputs = nn.Linear(KINEMATICS + embedding, units)
        self.rounds = nn.ModuleList(SweepRound(units, dropout) for _ in range(rounds))
        self.pool = nn.Linear(units, 2 * units)
        self.event_type = nn.Embedding(event_types + 1, TYPE_EMBEDDING) if event_types else None
        self.width = 2 * units + (TYPE_EMBEDDING if event_types else 0)
        self.head = nn.Sequential(
            nn.Linear(self.width, 2 * units),
            nn.BatchNorm1d(2 * units),
            nn.ReLU(),
            Dropout(dropout),
            nn.Linear(2 * units, units),
            nn.ReLU(),
            nn.Linear(units, heads - new_heads),
        )
        # one by one: a product with one more column may round the other columns differently
        self.new_heads = nn.ModuleList(nn.Linear(self.width, 1) for _ in range(new_heads))

    def forward(self, features: Tensor, batch: PackedBatch) -> Tensor:  # noqa: ARG002 (makes its own)
        """Logits, shape ``(n_events, heads)``; the batch's features must be all raw columns."""
        pooled = self.pooled(batch)
        logits = cast("Tensor", self.head(pooled))
        return torch.cat([logits, *(head(pooled) for head in self.new_heads)], dim=1)

    def pooled(self, batch: PackedBatch) -> Tensor:
        """What the trunk makes of each event, shape ``(n_events, width)``."""
        summed = sum_of_particles(self, batch)
        if summed is None:
            summed = batch.sum(functional.relu(self.pool(self._particles(batch))))
        pooled = summed / 40  # an event has about forty particles: this keeps the sum of order one
        if self.event_type is not None:
            types = batch.event_types
            if types is None:
                types = torch.zeros(batch.n_events, dtype=torch.int64, device=pooled.device)
            pooled = torch.cat([pooled, self.event_type(types)], dim=1)
        return pooled

    def _particles(self, batch: PackedBatch) -> Tensor:
        """Particles after all rounds, shape ``(n_particles, units)``."""
        graph = batch.graph
        known = kinematics(batch.features, graph.is_daughter, graph.n_daughters)
        if self.training:
            x = self.inputs(torch.cat([self.norm(known), self.embedding(batch.tokens)], dim=1))
        else:
            of_known, of_token = self.inputs.weight[:, :KINEMATICS], self.inputs.weight[:, KINEMATICS:]
            weight, bias = linear_of_norm(of_known, self.inputs.bias, self.norm)
            x = linear_of_both(known, weight, batch.tokens, self.embedding, of_token, bias)
        x = functional.relu(x)
        sweeps = DecaySweeps(batch.mothers)
        for each in self.rounds:
            x = each(x, sweeps)
        return cast("Tensor", x)


class SweepRound(nn.Module):
    """x + f(own + sum over descendants + sum over ancestors), shapes ``(n_particles, units)``."""

    def __init__(self, units: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(units)
        self.messages = nn.Linear(units, 3 * units)
        self.output = nn.Linear(units, units)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, sweeps: DecaySweeps) -> Tensor:
        """Particles after one round, shape ``(n_particles, units)`` as before."""
        if self.training:
            own, up, down = self.messages(self.norm(x)).chunk(3, dim=1)
        else:
            weight, bias = linear_of_norm(self.messages.weight, self.messages.bias, self.norm)
            own, up, down = map(functional.linear, (x, x, x), weight.chunk(3), bias.chunk(3))
        of_descendants, of_ancestors = sweeps.both(up, down)
        seen = own + SHARE * (of_descendants + of_ancestors)
        return cast("Tensor", x + self.dropout(self.output(functional.relu(seen))))


assert RAW_COLUMNS == ("prod_time", "x", "y", "z", "energy", "px", "py", "pz")  # as kinematics unpacks


def _network(config: DecaySweepConfig, n_tokens: int) -> DecaySweep:
    if features_of(config).names != RAW_COLUMNS:
        raise InputError(
            f"features {list(features_of(config).names)} for decay_sweep",
            f"all of {list(RAW_COLUMNS)}, which it makes its own features from",
            "leave coordinates and drop as they are",
        )
    if config.new_heads >= config.heads:
        raise InputError(f"{config.new_heads} new of {config.heads} heads", "heads besides the new ones")
    return DecaySweep(
        config.units,
        n_tokens=n_tokens,
        embedding=config.embedding,
        rounds=config.graph_layers,
        dropout=config.dropout,
        heads=config.heads,
        event_types=len(config.event_types),
        new_heads=config.new_heads,
    )


RECIPES = (EventRecipe(name="decay_sweep", config=DecaySweepConfig(), network=_network),)
