"""Particle Transformer: attention among particles that knows of each pair, read out by class attention."""

from __future__ import annotations

import math

import torch
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.learn.vertexed_events.model import VertexedModelConfig, VertexedNetwork
from hepsets.learn.vertexed_events.padded import Padded
from hepsets.learn.vertexed_events.recipe import VertexedRecipe
from hepsets.represent.vertexed_events.constituents import VECTOR
from hepsets.represent.vertexed_events.data import VertexedBatch
from hepsets.represent.vertexed_events.inputs import (
    CONSTITUENT_INPUTS,
    PARTICLE_STRUCTURE,
    InputSpec,
    proper_inputs,
)
from hepsets.represent.vertexed_events.kinematics import BEAM_ENERGY, DIRECTION, LEAST

PAIR_FEATURES = ("ln_delta", "ln_kt", "ln_z", "ln_mass_squared")
"""Of a pair of particles, logarithms: the angle Δ [rad] between them, k_T = min(p) Δ [GeV], z = min(p)/(p_a
+ p_b)
and m² [GeV²] of both without masses. They are those of arXiv:2202.03772 (equation 3) as e⁺e⁻ collisions want
them: angles and momenta in place of rapidities, azimuths and transverse momenta."""

LEAST_ANGLE = 1e-3
"""Smaller angles count as 1 mrad."""

EMPTY = -1e4
"""Logit of the attention to an empty place."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ParticleTransformerConfig(VertexedModelConfig):
    """Options of :class:`ParticleTransformer`.

    Parameters
    ----------
    attention_heads
        Heads of each attention; ``units`` is a multiple of it.
    blocks, class_blocks
        Layers of attention among particles, and of the class token to all of them.
    pair_units
        Width of the network on the features of pairs.
    cap
        Most particles that it sees: those of the largest momenta, tracks before others; of a jet's
        constituents those of the largest energies.
    """

    layers: int = Field(default=1, ge=1)
    attention_heads: int = Field(default=4, ge=1)
    blocks: int = Field(default=3, ge=1)
    class_blocks: int = Field(default=1, ge=1)
    pair_units: int = Field(default=16, ge=1)
    cap: int = Field(default=32, ge=1)


class ParticleTransformer(VertexedNetwork):
    r"""Particle Transformer (Qu, Li, Qian, arXiv:2202.03772), small.

    Attention among particles is :math:`\mathrm{softmax}(Q K^T / \sqrt{d} + U)\, V`, where U is made of
    :data:`PAIR_FEATURES`, once for all layers. A class token attends to all particles in the end.

    Parameters
    ----------
    spec
        The features that it sees, with the directions of particles.
    config
        Its options.
    """

    def __init__(self, spec: InputSpec, config: ParticleTransformerConfig) -> None:
        super().__init__()
        if config.units % config.attention_heads:
            raise InputError(
                f"{config.units} units for {config.attention_heads} attention heads", "a multiple of them"
            )
        units, self.heads, self.cap = config.units, config.attention_heads, config.cap
        self.of_constituents = config.style == "constituents"
        of_pairs = VECTOR if self.of_constituents else (*DIRECTION, "log_momentum")
        self.shown = len(spec.particles) - len(VECTOR if self.of_constituents else PARTICLE_STRUCTURE)
        self.sort_by = ("pfcand_e",) if self.of_constituents else ("has_impact", "log_momentum")
        self.momenta = [spec.particles.index(name) for name in of_pairs]
        self.embed = nn.Sequential(
            nn.Linear(self.shown, 2 * units), nn.GELU(), nn.Linear(2 * units, units), nn.LayerNorm(units)
        )
        self.pairs = nn.Sequential(
            nn.Linear(len(PAIR_FEATURES), config.pair_units),
            nn.GELU(),
            nn.Linear(config.pair_units, config.attention_heads),
        )
        self.blocks = nn.ModuleList(_Block(units, self.heads, config.dropout) for _ in range(config.blocks))
        self.token = nn.Parameter(0.02 * torch.randn(units))
        self.class_blocks = nn.ModuleList(_Block(units, self.heads, 0.0) for _ in range(config.class_blocks))
        self.norm = nn.LayerNorm(units)
        self.per_event = nn.Sequential(
            nn.Linear(units + len(spec.events), units), nn.GELU(), nn.Linear(units, config.heads)
        )

    def forward(self, particles: Tensor, vertices: Tensor, events: Tensor, batch: VertexedBatch) -> Tensor:  # noqa: ARG002
        """Logits, shape ``(n_events, heads)``."""
        raw = batch.particles.features
        padded = Padded(batch.particles, self.cap)
        x = padded(self.embed(particles[:, : self.shown]))
        return self.attend(x, padded(raw[:, self.momenta]), padded.filled, events)

    def attend(self, x: Tensor, momenta: Tensor, filled: Tensor, events: Tensor) -> Tensor:
        """Logits, shape ``(n_events, heads)``, of particles side by side.

        Parameters
        ----------
        x
            Embedded particles, shape ``(n_events, n, units)``.
        momenta
            Their directions and ln p/E_beam, or the ``pfcand_*`` vectors of constituents, shape
            ``(n_events, n, 4)``.
        filled
            Which places hold one, shape ``(n_events, n)``.
        events
            Scaled features of events, shape ``(n_events, m)``.
        """
        if self.of_constituents:
            momenta = from_vectors(momenta)
        closed = torch.where(filled, 0.0, EMPTY)[:, None, None, :]
        bias = self.pairs(pair_features(momenta)).permute(0, 3, 1, 2) + closed
        for block in self.blocks:
            x = block(x, x, bias)
        token = self.token.expand(x.shape[0], 1, -1)
        # the token sees itself too, so that an event without particles has something to look at
        own = torch.cat([torch.zeros_like(closed[..., :1]), closed], dim=3)
        for block in self.class_blocks:
            token = block(token, torch.cat([token, x], dim=1), own)
        result: Tensor = self.per_event(torch.cat([self.norm(token[:, 0]), events], dim=1))
        return result


def from_vectors(vectors: Tensor) -> Tensor:
    """Directions and ln p/E_beam out of energy, momentum [GeV], polar angle and azimuth, shape ``(…, 4)``."""
    _, p, theta, phi = vectors.unbind(-1)
    across = torch.sin(theta)
    log_p = torch.log(p.clamp(min=LEAST) / BEAM_ENERGY)
    return torch.stack([across * torch.cos(phi), across * torch.sin(phi), torch.cos(theta), log_p], dim=-1)


def pair_features(particles: Tensor) -> Tensor:
    """:data:`PAIR_FEATURES` of all pairs.

    Parameters
    ----------
    particles
        Directions, and ln p/E_beam, shape ``(n_events, n, 4)``.

    Returns
    -------
    Tensor
        Shape ``(n_events, n, n, 4)``.
    """
    away = particles[:, :, None, :3] - particles[:, None, :, :3]
    delta = torch.log((away * away).sum(3).clamp(min=LEAST_ANGLE**2)) / 2  # the chord, 2 sin(θ/2)
    one, other = particles[:, :, None, 3], particles[:, None, :, 3]
    smaller, larger = torch.minimum(one, other), torch.maximum(one, other)
    share = smaller - larger - torch.log1p(torch.exp(smaller - larger))
    scale = math.log(BEAM_ENERGY)
    return torch.stack([delta, smaller + scale + delta, share, one + other + 2 * scale + 2 * delta], dim=3)


class _Block(nn.Module):
    """Attention and a network per particle, each on normalised inputs and added to what came."""

    def __init__(self, units: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(units)
        self.query = nn.Linear(units, units)
        self.key_value = nn.Linear(units, 2 * units)
        self.out = nn.Linear(units, units)
        self.feed = nn.Sequential(
            nn.LayerNorm(units),
            nn.Linear(units, 2 * units),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * units, units),
        )

    def forward(self, x: Tensor, source: Tensor, bias: Tensor) -> Tensor:
        """From ``x (n, q, units)`` that looks at ``source (n, k, units)`` to the shape of ``x``."""
        query = self._split(self.query(self.norm(x)))
        key, value = self.key_value(self.norm(source)).chunk(2, dim=2)
        logits = query @ self._split(key).transpose(2, 3) / query.shape[3] ** 0.5 + bias
        seen = torch.softmax(logits, dim=3) @ self._split(value)
        x = x + self.out(seen.transpose(1, 2).reshape(x.shape))
        result: Tensor = x + self.feed(x)
        return result

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)


def _inputs(config: VertexedModelConfig) -> InputSpec:
    if config.style == "published":
        raise InputError("published features for particle_transformer", "proper ones: pairs have angles")
    if config.style == "constituents":
        return CONSTITUENT_INPUTS
    return proper_inputs(config.identification, structure=True)


RECIPES = (
    VertexedRecipe(
        name="particle_transformer",
        config=ParticleTransformerConfig(),
        network=lambda config, spec: ParticleTransformer(spec, config),
        inputs=_inputs,
    ),
)
