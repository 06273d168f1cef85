"""Attention among the particles of each event: end to end everywhere but within it, where rows are masked."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn
from torch.nn import functional

from hepsets.core.errors import InputError
from hepsets.learn.layers.dropout import Dropout
from hepsets.learn.layers.encoder_pass import encode_in_columns
from hepsets.represent.decay_trees.graph import runs_kernels
from hepsets.represent.sums import EventSums

_EVENTS_PER_BUCKET = 64


@dataclasses.dataclass(frozen=True)
class _Bucket:
    """Events of similar multiplicity, in rows of equal length.

    ``particle``: ``(n_events, length)``, which particle stands in each place; ``allowed``:
    ``(n_events, 1, 1, length)``, whether one stands there at all.
    """

    particle: Tensor
    allowed: Tensor


def _as_length(longest: Tensor) -> int:
    """The number in a tensor, which in an exported graph is not known yet."""
    length: int = longest.item()  # type: ignore[assignment]  # int() would ask for the number itself
    torch._check(length >= 2)  # type: ignore[no-untyped-call]  # so that no dimension can be taken for one that broadcasts
    return length


class AttentionPlan:
    """How the particles of a batch are laid out in rows for attention, and found again.

    Events are sorted by multiplicity and cut into buckets, so rows hold little padding, and
    padding is masked: it never changes a score.

    Parameters
    ----------
    batch
        The events.
    """

    def __init__(self, batch: EventSums) -> None:
        self.buckets: list[_Bucket] = []
        counts = batch.multiplicity
        if torch.compiler.is_exporting():  # one bucket: the number of events is not known
            order = torch.arange(batch.n_events, device=counts.device)
            parts: tuple[Tensor, ...] = (order,)
        else:
            parts = torch.split(torch.argsort(counts, stable=True), _EVENTS_PER_BUCKET)
        base = torch.zeros_like(counts)
        filled = 0
        # an exported graph may meet a batch without any particle: one more row is there for places of none
        last = batch.n_particles if torch.compiler.is_exporting() else batch.n_particles - 1
        two = counts.new_full((1,), 2)
        for events in parts:
            length = _as_length(torch.cat([counts[events], two]).max())
            place = torch.arange(length, device=counts.device)
            particle = batch.offsets[events][:, None] + place
            # an empty event may look at anything: none of its places is read out again
            allowed = place < counts[events].clamp(min=1)[:, None]
            self.buckets.append(_Bucket(particle.clamp(max=last), allowed[:, None, None, :]))
            rows = torch.arange(events.shape[0], device=counts.device)
            base = base.index_copy(0, events, filled + rows * length)
            filled += events.shape[0] * length
        event = batch.event_of_particle
        own = torch.arange(batch.n_particles, device=event.device)
        self.place_of_particle = base[event] + own - batch.offsets[event]

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attention of each particle to all of its own event.

        All shapes are ``(n_particles, heads, width)``.
        """
        if torch.compiler.is_exporting():
            query, key, value = (functional.pad(tensor, (0, 0, 0, 0, 0, 1)) for tensor in (query, key, value))
        rows = []
        for bucket in self.buckets:
            q, k, v = (
                tensor.index_select(0, bucket.particle.reshape(-1))
                .reshape(*bucket.particle.shape, *tensor.shape[1:])
                .transpose(1, 2)
                for tensor in (query, key, value)
            )
            mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=bucket.allowed)
            rows.append(mixed.transpose(1, 2).reshape(-1, *query.shape[1:]))
        return torch.cat(rows).index_select(0, self.place_of_particle)


def encode(layers: nn.ModuleList, particles: Tensor, owner: EventSums) -> Tensor:
    """What encoder layers, one after the other, make of the particles of each event.

    Parameters
    ----------
    layers
        Of :class:`EncoderLayer`, all of one width.
    particles
        Shape ``(n_particles, width)``, and so what is returned.
    owner
        Which particles belong to which event.
    """
    if owner.n_particles == 0 and not torch.compiler.is_exporting():
        return particles
    if runs_kernels(particles):
        return encode_in_columns([*layers], particles, owner.offsets)
    plan = AttentionPlan(owner)
    for layer in layers:
        particles = layer(particles, plan)
    return particles


class EncoderLayer(nn.Module):
    """Self-attention and a two-layer feed-forward network, each with dropout, residual and norm.

    Vaswani et al., arXiv:1706.03762, section 3.1 (norm after the residual), without dropout of
    attention weights.

    Parameters
    ----------
    width
        Width of a particle's representation.
    heads
        Attention heads; they divide ``width``.
    feed_forward
        Width of the hidden feed-forward layer.
    dropout
        Dropout probability.

    Raises
    ------
    InputError
        If the heads do not divide the width.
    """

    def __init__(self, width: int, heads: int, feed_forward: int, dropout: float) -> None:
        super().__init__()
        if width % heads:
            raise InputError(f"{width} units for {heads} attention heads", "a multiple of them")
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, feed_forward)
        self.down = nn.Linear(feed_forward, width)
        self.feed_forward_norm = nn.LayerNorm(width)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, plan: AttentionPlan) -> Tensor:
        """New representation of all particles, ``(n_particles, width)``."""
        parts = self.query_key_value(x).reshape(x.shape[0], 3, self.heads, -1).unbind(1)
        mixed = self.mix(plan.attend(*parts).reshape(x.shape))
        x = self.attention_norm(x + self.dropout(mixed))
        hidden = self.dropout(functional.relu(self.up(x)))
        result: Tensor = self.feed_forward_norm(x + self.dropout(self.down(hidden)))
        return result
