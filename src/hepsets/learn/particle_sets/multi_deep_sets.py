"""MultiDeepSets: a network per particle for each of several sets, pooling, a network per event."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.learn.layers.mlp import mlp
from hepsets.learn.particle_sets.model import SetModelConfig, SetNetwork
from hepsets.learn.particle_sets.recipe import SetRecipe
from hepsets.represent.particle_sets.data import SetBatch
from hepsets.represent.particle_sets.features import ALL_PARTICLES, FIVE_SETS, FIVE_SETS_PUBLISHED
from hepsets.select.variables.continuum import VARIABLES
from hepsets.select.variables.own_frames import OWN_VARIABLES

Fusion = Literal["before", "after"]
Pooling = Literal["mean", "sum", "sum_mean"]

TYPICAL_MULTIPLICITY = 10.0
"""Sums are given in units of this many particles, so that they are of the size of means."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class MultiDeepSetsConfig(SetModelConfig):
    """Options of the models that are :class:`MultiDeepSets`.

    Parameters
    ----------
    fusion
        Whether the sets are joined ``"before"`` or ``"after"`` pooling.
    pooling
        What is taken over the members of a set.
    """

    fusion: Fusion = "after"
    pooling: Pooling = "sum_mean"


class MultiDeepSets(SetNetwork):
    r"""Deep Sets (Zaheer et al., arXiv:1703.06114) on any number of sets with features of their own.

    Each set k has an MLP :math:`\phi_k` that acts on its members. With fusion ``"after"`` pooling,
    each set is pooled on its own and the results stand side by side,

    .. math:: z = \rho\big(\mathrm{pool}_{i \in S_1} \phi_1(x_i), \mathrm{pool}_{i \in S_2}
              \phi_2(x_i), \ldots, e\big),

    and with ``"before"`` the :math:`\phi_k` map into one common space where the members of all sets
    are pooled together, :math:`z = \rho(\mathrm{pool}_{i \in \cup_k S_k} \phi_{k(i)}(x_i), e)`. Numbers
    e of the event as a whole join after pooling. Without sets it is an MLP on them alone.

    Parameters
    ----------
    n_features
        Features of each set.
    units
        Width of the hidden layers; the first one of :math:`\rho` has twice that.
    layers
        Hidden layers of each :math:`\phi_k`, and of :math:`\rho`.
    fusion
        ``"before"`` or ``"after"`` pooling.
    pooling
        ``"mean"``, ``"sum"`` (in units of :data:`TYPICAL_MULTIPLICITY`) or ``"sum_mean"``, both
        side by side: means know shapes, sums know multiplicities.
    n_event_features
        Numbers per event.
    dropout
        Dropout probability between the layers of :math:`\rho`.

    Raises
    ------
    InputError
        If there are neither sets nor event features.
    """

    def __init__(
        self,
        n_features: Sequence[int],
        units: int,
        *,
        layers: int = 2,
        fusion: Fusion = "after",
        pooling: Pooling = "sum_mean",
        n_event_features: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not n_features and not n_event_features:
            raise InputError("neither sets nor event features", "at least one of them")
        self.fusion = fusion
        self.pooling = pooling
        self.per_particle = nn.ModuleList(mlp(width, [units] * layers) for width in n_features)
        pools = min(len(n_features), 1) if fusion == "before" else len(n_features)
        width = pools * units * (2 if pooling == "sum_mean" else 1) + n_event_features
        self.per_event = event_mlp(width, units, layers, dropout)

    def forward(self, features: tuple[Tensor, ...], event_features: Tensor, batch: SetBatch) -> Tensor:
        """Logits, shape ``(n_events, 1)``."""
        members = [network(x) for network, x in zip(self.per_particle, features, strict=True)]
        pooled = self._pooled(members, batch)
        result: Tensor = self.per_event(torch.cat([*pooled, event_features], dim=1))
        return result

    def _pooled(self, members: list[Tensor], batch: SetBatch) -> list[Tensor]:
        sums = [one.sum(x) for one, x in zip(batch.sets, members, strict=True)]
        counts = [one.multiplicity for one in batch.sets]
        if self.fusion == "before" and sums:
            sums, counts = [torch.stack(sums).sum(0)], [torch.stack(counts).sum(0)]
        return [pool(total, count, self.pooling) for total, count in zip(sums, counts, strict=True)]


def pool(total: Tensor, count: Tensor, pooling: Pooling) -> Tensor:
    """What is taken of a set, from the sum over its members and their number; zeros if it is empty.

    From ``(n_events, width)`` and ``(n_events,)`` to ``(n_events, width)``, twice as wide for ``"sum_mean"``.
    """
    parts = []
    if pooling in ("mean", "sum_mean"):
        parts.append(total / count.clamp(min=1).to(total.dtype)[:, None])
    if pooling in ("sum", "sum_mean"):
        parts.append(total / TYPICAL_MULTIPLICITY)
    return torch.cat(parts, dim=1)


def event_mlp(n_in: int, units: int, layers: int, dropout: float) -> nn.Sequential:
    """Hidden layers of width 2 · ``units``, then ``units``, with dropout after each, and one output."""
    stages: list[nn.Module] = []
    for width in [2 * units, *[units] * (layers - 1)]:
        stages += [nn.Linear(n_in, width), nn.ReLU(), nn.Dropout(dropout)]
        n_in = width
    return nn.Sequential(*stages, nn.Linear(n_in, 1))


def _network(config: MultiDeepSetsConfig) -> MultiDeepSets:
    return MultiDeepSets(
        [len(spec.features) for spec in config.sets],
        config.units,
        layers=config.layers,
        fusion=config.fusion,
        pooling=config.pooling,
        n_event_features=len(config.event_features),
        dropout=config.dropout,
    )


_ON_SETS = MultiDeepSetsConfig(symmetries=True)
"""What the models with several sets share."""

_CONFIGS = {
    "fixed_mlp": MultiDeepSetsConfig(event_features=VARIABLES),
    "deep_sets": dataclasses.replace(_ON_SETS, sets=ALL_PARTICLES),
    "multi_deep_sets": dataclasses.replace(_ON_SETS, sets=FIVE_SETS),
    "multi_deep_sets_cm": dataclasses.replace(_ON_SETS, sets=FIVE_SETS_PUBLISHED),
    "combined": dataclasses.replace(_ON_SETS, sets=FIVE_SETS, event_features=OWN_VARIABLES),
}
"""All see candidate and rest of event in their own frames, where Mbc cannot be learnt, but ``fixed_mlp``,
whose thirty variables alone do not tell it, and ``multi_deep_sets_cm``, the published inputs, which do."""

RECIPES = tuple(SetRecipe(name=name, config=config, network=_network) for name, config in _CONFIGS.items())
