"""The registry: every model by its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch

from hepsets.core.errors import InputError
from hepsets.core.pdg import PdgMap
from hepsets.learn.decay_trees.decay_gcn import DecayGCN, GCNStack, parse_family
from hepsets.learn.decay_trees.decay_sweep import DecaySweep
from hepsets.learn.decay_trees.deep_sets import DeepSets
from hepsets.learn.decay_trees.flat_mlp import FlatMLP
from hepsets.learn.decay_trees.model import EventModel, EventNetwork, ModelConfig, features_of
from hepsets.learn.decay_trees.transformer import Transformer
from hepsets.represent.decay_trees.features import RAW_COLUMNS, Coordinates


@dataclass(frozen=True)
class Recipe:
    """How a model is built.

    Parameters
    ----------
    network
        Makes the network from a complete configuration and the number of PDG tokens.
    coordinates, inputs, units, embedding, dropout, graph_layers
        What the model takes where the configuration leaves it open.
    takes_event_types, takes_new_heads
        Whether it can be told the type of an event, and be given heads when it is trained already.
    """

    network: Callable[[ModelConfig, int], EventNetwork]
    coordinates: Coordinates = "cartesian"
    inputs: Literal["scaled", "raw"] = "scaled"
    units: int = 32
    embedding: int | None = None
    dropout: float | None = None
    graph_layers: int | None = None
    takes_event_types: bool = False
    takes_new_heads: bool = False

    def complete(self, config: ModelConfig) -> ModelConfig:
        """``config`` with the model's own choices where it leaves them open."""
        own = {
            name: getattr(self, name)
            for name in ("coordinates", "inputs", "units", "embedding", "dropout", "graph_layers")
        }
        return dataclasses.replace(
            config, **{name: value for name, value in own.items() if getattr(config, name) is None}
        )


def _deep_sets(*, embedding: bool, graph: bool) -> Callable[[ModelConfig, int], EventNetwork]:
    def network(config: ModelConfig, n_tokens: int) -> EventNetwork:
        return DeepSets(
            len(features_of(config)),
            config.units or 0,
            n_tokens=n_tokens,
            embedding=(config.embedding or 0) if embedding else 0,
            graph=graph,
            graph_last=config.graph_last,
            heads=config.heads,
        )

    return network


def _decay_gcn(layers: int, graph_layers: tuple[int, ...]) -> Callable[[ModelConfig, int], EventNetwork]:
    def network(config: ModelConfig, n_tokens: int) -> EventNetwork:  # noqa: ARG001 (sees no PDG id)
        return DecayGCN(
            len(features_of(config)),
            config.units or 0,
            layers=layers,
            graph_layers=graph_layers,
            heads=config.heads,
        )

    return network


def _gcn_stack(config: ModelConfig, n_tokens: int) -> EventNetwork:
    return GCNStack(
        len(features_of(config)),
        config.units or 0,
        n_tokens=n_tokens,
        embedding=config.embedding or 0,
        graph_layers=config.graph_layers or 0,
        dropout=config.dropout or 0.0,
        heads=config.heads,
    )


def _transformer(config: ModelConfig, n_tokens: int) -> EventNetwork:
    return Transformer(
        len(features_of(config)),
        config.units or 0,
        n_tokens=n_tokens,
        embedding=config.embedding or 0,
        dropout=config.dropout or 0.0,
        heads=config.heads,
    )


def _flat_mlp(*, mask: bool) -> Callable[[ModelConfig, int], EventNetwork]:
    def network(config: ModelConfig, n_tokens: int) -> EventNetwork:  # noqa: ARG001 (sees no PDG id)
        names = features_of(config).names
        return FlatMLP(
            len(names),
            config.units or 0,
            slots=config.max_particles,
            mask=mask,
            order_by=names.index("energy") if "energy" in names else None,
            heads=config.heads,
        )

    return network


def _decay_sweep(config: ModelConfig, n_tokens: int) -> EventNetwork:
    if features_of(config).names != RAW_COLUMNS:
        raise InputError(
            f"features {list(features_of(config).names)} for decay_sweep",
            f"all of {list(RAW_COLUMNS)}, which it makes its own features from",
            "leave coordinates and drop as they are",
        )
    return DecaySweep(
        config.units or 0,
        n_tokens=n_tokens,
        embedding=config.embedding or 0,
        rounds=config.graph_layers or 0,
        dropout=config.dropout or 0.0,
        heads=config.heads,
        event_types=len(config.event_types),
        new_heads=config.new_heads,
    )


MODELS: Mapping[str, Recipe] = {
    "deep_sets": Recipe(_deep_sets(embedding=False, graph=False)),
    "deep_sets_pdg": Recipe(_deep_sets(embedding=True, graph=False), embedding=8),
    "deep_sets_gcn": Recipe(_deep_sets(embedding=False, graph=True)),
    "deep_sets_gcn_pdg": Recipe(_deep_sets(embedding=True, graph=True), embedding=8, inputs="raw"),
    "deep_sets_gcn_pdg_normalized": Recipe(_deep_sets(embedding=True, graph=True), embedding=8),
    "transformer": Recipe(_transformer, embedding=6, dropout=0.17),
    "gcn_stack": Recipe(_gcn_stack, coordinates="cylindrical", embedding=25, dropout=0.179, graph_layers=3),
    "decay_sweep": Recipe(
        _decay_sweep,
        units=64,
        embedding=24,
        dropout=0.1,
        graph_layers=1,
        takes_event_types=True,
        takes_new_heads=True,
    ),
    "flat_mlp": Recipe(_flat_mlp(mask=False)),
    "flat_mlp_mask": Recipe(_flat_mlp(mask=True)),
}
"""Recipes by model name. A new model is a network in a file of its own and an entry here; the
contract test then runs over it."""

MODEL_NAMES: tuple[str, ...] = tuple(MODELS)
"""Names of all models besides the family ``DS_{layers}_GCN_{indices}``."""


def recipe(name: str) -> Recipe:
    """The recipe of a model or family member.

    Raises
    ------
    InputError
        If there is no such model.
    """
    if name in MODELS:
        return MODELS[name]
    family = parse_family(name)
    if family is None:
        raise InputError(
            f"no model {name!r}", f"one of {', '.join(MODEL_NAMES)}, or DS_{{layers}}_GCN_{{indices}}"
        )
    return Recipe(_decay_gcn(*family))


def build_model(name: str, pdg_map: PdgMap, config: ModelConfig | None = None) -> EventModel:
    """A fresh model, its weights drawn with ``config.seed``.

    Parameters
    ----------
    name
        One of :data:`MODEL_NAMES`, or a family member such as ``"DS_6_GCN_135"``.
    pdg_map
        Tokens of PDG ids.
    config
        Sizes and inputs; the published ones by default.

    Raises
    ------
    InputError
        If there is no such model, the features do not exist, or it takes no event types or new heads.
    """
    chosen = recipe(name)
    complete = chosen.complete(config or ModelConfig())
    if complete.event_types and not chosen.takes_event_types:
        raise InputError(f"event types for {name}", "a model that can be told: decay_sweep")
    if complete.new_heads and (not chosen.takes_new_heads or complete.new_heads >= complete.heads):
        raise InputError(
            f"{complete.new_heads} new of {complete.heads} heads for {name}",
            "heads besides the new ones, of decay_sweep",
        )
    with torch.random.fork_rng(devices=[]):  # weights are drawn on the CPU
        torch.manual_seed(complete.seed)
        network = chosen.network(complete, len(pdg_map))
    return EventModel(name, complete, pdg_map, network)
