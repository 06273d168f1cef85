"""The trunk: one encoder for what a detector saw of an event and for what was generated, with its card."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Self

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from hepsets.core.pdg import PdgMap
from hepsets.formats.tensor_header import TRUNK
from hepsets.learn.decay_trees.tree_encoder import TreeInputs
from hepsets.learn.files import read_tensors, refusing_damage, write_tensors
from hepsets.learn.layers.set_encoder import Encoded, SetEncoder
from hepsets.learn.particle_sets.particle_encoder import WHOLE_EVENT, MemberInputs
from hepsets.learn.seeded import seeded
from hepsets.represent.decay_trees.batch import PackedBatch
from hepsets.represent.decay_trees.features import FeatureSpec
from hepsets.represent.particle_sets.data import PackedSet
from hepsets.represent.particle_sets.features import SetSpec
from hepsets.represent.particle_sets.joined import JoinedSets
from hepsets.represent.scaler import Scaler


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TrunkConfig:
    """Inputs and sizes of a trunk.

    Parameters
    ----------
    units
        Width of each particle's and of each event's vector; the weights are some 8 ``units``² ``layers``.
    layers, attention_heads
        Encoder layers, and heads of each, which divide ``units``.
    embedding
        Width of the PDG embedding.
    sets
        What it sees of reconstructed events.
    seed
        Seed of the initial weights.
    """

    units: int = Field(default=64, ge=1)
    layers: int = Field(default=3, ge=1)
    attention_heads: int = Field(default=4, ge=1)
    embedding: int = Field(default=16, ge=1)
    sets: tuple[SetSpec, ...] = WHOLE_EVENT
    seed: int = Field(default=0, ge=0)


class Trunk(nn.Module):
    """One encoder for reconstructed and for generated particles: inputs of their own, the same layers.

    Parameters
    ----------
    config
        Inputs and sizes.
    pdg_map
        Tokens of PDG ids.
    card
        What is to be known of it: corpus, objective, how long it was trained; what JSON can hold.
    """

    def __init__(self, config: TrunkConfig, pdg_map: PdgMap, card: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.config, self.pdg_map, self.card = config, pdg_map, card or {}
        self.features = FeatureSpec()
        widths = [len(spec.features) for spec in config.sets]
        self.scalers = nn.ModuleList(Scaler(width) for width in widths)
        self.tree_scaler = Scaler(len(self.features))
        with seeded(config.seed):
            self.inputs = MemberInputs(widths, config.units)
            self.tree_inputs = TreeInputs(len(self.features), len(pdg_map), config.embedding, config.units)
            self.encoder = SetEncoder(config.units, config.layers, config.attention_heads)

    @property
    def n_parameters(self) -> int:
        """Number of weights."""
        return sum(parameter.numel() for parameter in self.parameters())

    def fit_scales(self, sets: tuple[PackedSet, ...], generated: PackedBatch) -> None:
        """Take means and scales from training particles."""
        for scaler, one in zip(self.scalers, sets, strict=True):
            assert isinstance(scaler, Scaler)
            if one.n_particles:
                scaler.fit(one.features)
        if generated.n_particles:
            self.tree_scaler.fit(generated.features)

    def scaled(self, sets: tuple[PackedSet, ...]) -> list[Tensor]:
        """Scaled features of the members of each set, ``(n_members, n_features)`` each."""
        return [scaler(one.features) for scaler, one in zip(self.scalers, sets, strict=True)]

    def reconstructed(self, sets: tuple[PackedSet, ...], *more: tuple[PackedSet, Tensor]) -> Encoded:
        """Encode what was seen.

        Parameters
        ----------
        sets
            The sets of the configuration.
        more
            Further members of the events, embedded already, ``(n_members, units)`` each.

        Returns
        -------
        Encoded
            Its owner is a :class:`~hepsets.represent.particle_sets.joined.JoinedSets` of all sets in order.
        """
        joined = JoinedSets([*sets, *(one for one, _ in more)])
        members = [*self.inputs(self.scaled(sets)), *(embedded for _, embedded in more)]
        encoded: Encoded = self.encoder(joined.join(members), joined)
        return encoded

    def generated(self, batch: PackedBatch) -> Encoded:
        """Encode generated events; the features of ``batch`` are unscaled."""
        encoded: Encoded = self.encoder(self.tree_inputs(self.tree_scaler(batch.features), batch), batch)
        return encoded

    def save(self, path: str | Path, **card: Any) -> None:
        """Write it with its card, ``card`` added, to one file, whole or not at all. Nothing in it is code."""
        header = {
            "format": TRUNK,
            "config": dataclasses.asdict(self.config),
            "pdg_ids": self.pdg_map.ids,
            "card": {**self.card, **card},
        }
        write_tensors(path, header, self.state_dict())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote, on the CPU, in evaluation mode.

        Raises
        ------
        InputError
            If the file is missing, damaged or no trunk.
        """
        record, tensors = read_tensors(path, TRUNK)
        with refusing_damage(path):
            config = TypeAdapter(TrunkConfig).validate_python(record["config"])
            ids = TypeAdapter(tuple[int, ...]).validate_python(record["pdg_ids"])
            trunk = cls(config, PdgMap(ids), dict(record["card"]))
            trunk.load_state_dict(tensors)
        return trunk.eval()
