"""A plain MLP on a fixed number of particle slots, as a baseline for networks on sets."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from hepsets.core.kernel import kernel
from hepsets.learn.decay_trees.model import EventNetwork, ModelConfig, features_of
from hepsets.learn.decay_trees.recipe import EventRecipe
from hepsets.represent.decay_trees.batch import PackedBatch
from hepsets.represent.decay_trees.graph import runs_kernels


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class FlatMLPConfig(ModelConfig):
    """Options of the flat MLPs.

    Parameters
    ----------
    max_particles
        Slots; of larger events they see the most energetic particles.
    """

    max_particles: int = Field(default=100, ge=1)


def _rising(keys: Tensor) -> Tensor:
    """Where to find the keys in rising order; equal ones keep their order."""
    if torch.compiler.is_exporting():  # sorting becomes ONNX's TopK, which is always stable
        return torch.argsort(keys)
    return torch.argsort(keys, stable=True)


class FlatMLP(EventNetwork):
    """Linear + ReLU, Linear + ReLU, Linear on the features of an event's particles side by side.

    Slots are filled in an order that only the particles decide, so that the score does not depend
    on how a file lists them: by falling energy, and among equal energies by a fixed mixture of
    the features. Empty slots hold zeros, particles beyond the last slot are left out.

    Parameters
    ----------
    n_features
        Features per particle.
    units
        Width of the hidden layers.
    slots
        Particles per event that fit in.
    mask
        Also take one input per slot that says whether it is filled.
    order_by
        Which feature orders the particles, ``None`` for the mixture alone.
    heads
        Logits per event.
    """

    mixture: Tensor

    def __init__(
        self,
        n_features: int,
        units: int,
        *,
        slots: int,
        mask: bool,
        order_by: int | None,
        heads: int = 1,
    ) -> None:
        super().__init__()
        self.slots = slots
        self.mask = mask
        self.order_by = order_by
        # incommensurate weights: only equal particles have equal mixtures
        weights = torch.tensor([math.sqrt(2 + i * (i + 3)) for i in range(n_features)], dtype=torch.float64)
        self.register_buffer("mixture", weights, persistent=False)
        self.mlp = nn.Sequential(
            nn.Linear(slots * (n_features + mask), units),
            nn.ReLU(),
            nn.Linear(units, units),
            nn.ReLU(),
            nn.Linear(units, heads),
        )

    def forward(self, features: Tensor, batch: PackedBatch) -> Tensor:
        """Logits, shape ``(n_events, heads)``."""
        exact = self.mixture.dtype == torch.float64
        if runs_kernels(features) and exact and not features.requires_grad:
            table = torch.zeros(batch.n_events, self.slots, features.shape[1] + self.mask)
            place = -1 if self.order_by is None else self.order_by
            _fill(features.numpy(), batch.offsets.numpy(), self.mixture.numpy(), place, table.numpy())
        else:
            table = self._filled(features, batch)
        result: Tensor = self.mlp(table.reshape(batch.n_events, self.slots * (features.shape[1] + self.mask)))
        return result

    def _filled(self, features: Tensor, batch: PackedBatch) -> Tensor:
        """All slots of all events, shape ``(n_events · slots, n)``, by operations of PyTorch."""
        order = _rising((features.double() * self.mixture).sum(1))
        if self.order_by is not None:
            falling = -features[:, self.order_by]
            order = order[_rising(falling[order])]
        order = order[_rising(batch.event_of_particle[order])]
        # the order is grouped by event, so the n-th particle in it belongs to the n-th one's event
        event = batch.event_of_particle
        rank = torch.arange(batch.n_particles, device=event.device) - batch.offsets[event]
        beyond = torch.full_like(rank, batch.n_events * self.slots)
        slot = torch.where(rank < self.slots, event * self.slots + rank, beyond)
        values = features[order]
        if self.mask:
            values = torch.cat([values, torch.ones_like(values[:, :1])], dim=1)
        table = values.new_zeros(batch.n_events * self.slots + 1, values.shape[1])
        return table.index_copy(0, slot, values)[:-1]


@kernel
def _fill(
    features: NDArray[np.float32],
    offsets: NDArray[np.int64],
    mixture: NDArray[np.float64],
    order_by: int,
    table: NDArray[np.float32],
) -> None:
    """Write to the slots, ``(n_events, slots, n)``, the features in their order, and 1 behind them if asked.

    Each particle is compared with those before it in turn, which for some forty is faster than other ways.
    """
    slots, n = table.shape[1], features.shape[1]
    longest = 0
    for event in range(len(table)):
        longest = max(longest, offsets[event + 1] - offsets[event])
    order, mixed = np.empty(longest, np.int64), np.empty(longest, np.float64)
    first = np.zeros(longest, np.float32)
    for event in range(len(table)):
        begin = offsets[event]
        length = offsets[event + 1] - begin
        for i in range(length):
            own = 0.0
            for k in range(n):
                own += np.float64(features[begin + i, k]) * mixture[k]
            mixed[i] = own
            if order_by >= 0:
                first[i] = -features[begin + i, order_by]
            at = i
            while at > 0:
                other = order[at - 1]
                if not (
                    _below(first[i], first[other])
                    or (not _below(first[other], first[i]) and _below(own, mixed[other]))
                ):
                    break
                order[at] = other
                at -= 1
            order[at] = i
        for slot in range(min(length, slots)):
            for k in range(n):
                table[event, slot, k] = features[begin + order[slot], k]
            if table.shape[2] > n:
                table[event, slot, n] = np.float32(1)


@kernel
def _below(a: float, b: float) -> bool:
    """Whether a comes before b in rising order, what is no number (and not itself) last, as in PyTorch."""
    return a < b or (b != b and a == a)


def _network(config: FlatMLPConfig, n_tokens: int, *, mask: bool) -> FlatMLP:  # noqa: ARG001 (sees no PDG id)
    names = features_of(config).names
    return FlatMLP(
        len(names),
        config.units,
        slots=config.max_particles,
        mask=mask,
        order_by=names.index("energy") if "energy" in names else None,
        heads=config.heads,
    )


RECIPES = (
    EventRecipe(name="flat_mlp", config=FlatMLPConfig(), network=partial(_network, mask=False)),
    EventRecipe(name="flat_mlp_mask", config=FlatMLPConfig(), network=partial(_network, mask=True)),
)
