"""A network for a task that starts from a trunk: all of it is trained, or its head alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hepsets.learn.decay_trees.model import EventModel
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.decay_trees.tree_encoder import TreeEncoder, TreeEncoderConfig
from hepsets.learn.particle_sets.model import SetModel
from hepsets.learn.particle_sets.particle_encoder import ParticleEncoder, ParticleEncoderConfig, Tune
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.learn.pretraining.encoder import Trunk
from hepsets.learn.training.examples import Rows
from hepsets.learn.training.score import logits_of
from hepsets.learn.training.trainable import TrainingData
from hepsets.represent.scaler import Scaler


def seen_model(trunk: Trunk, tune: Tune | None = "all", *, seed: int = 0) -> SetModel:
    """A ``particle_encoder`` of the trunk's sizes, for tasks on reconstructed events.

    Parameters
    ----------
    trunk
        Where it starts.
    tune
        What is trained; ``None``: it has only the sizes of the trunk and starts from random weights.
    seed
        Of its head, or of all of it.
    """
    sizes = trunk.config
    config = ParticleEncoderConfig(
        sets=sizes.sets,
        units=sizes.units,
        layers=sizes.layers,
        attention_heads=sizes.attention_heads,
        seed=seed,
    )
    model = build_set_model("particle_encoder", config)
    if tune is not None:
        for own, scaler in zip(model.scalers, trunk.scalers, strict=True):
            assert isinstance(own, Scaler)
            own.load_state_dict(scaler.state_dict())
        assert isinstance(model.network, ParticleEncoder)
        model.network.inputs.load_state_dict(trunk.inputs.state_dict())
        model.network.encoder.load_state_dict(trunk.encoder.state_dict())
        _start(model, [model.network.inputs, model.network.encoder], tune)
    return model


def generated_model(trunk: Trunk, tune: Tune | None = "all", *, seed: int = 0, heads: int = 1) -> EventModel:
    """A ``tree_encoder`` of the trunk's sizes, for tasks on generated events; as :func:`seen_model`."""
    sizes = trunk.config
    config = TreeEncoderConfig(
        units=sizes.units,
        embedding=sizes.embedding,
        layers=sizes.layers,
        attention_heads=sizes.attention_heads,
        heads=heads,
        seed=seed,
    )
    model = build_model("tree_encoder", trunk.pdg_map, config)
    if tune is not None:
        assert isinstance(model.network, TreeEncoder)
        model.scaler.load_state_dict(trunk.tree_scaler.state_dict())
        model.network.inputs.load_state_dict(trunk.tree_inputs.state_dict())
        model.network.encoder.load_state_dict(trunk.encoder.state_dict())
        _start(model, [model.network.inputs, model.network.encoder], tune)
    return model


def _start(model: SetModel | EventModel, trunk: list[nn.Module], tune: Tune) -> None:
    model.started = True
    for part in trunk:
        part.requires_grad_(tune == "all")


def head_of(model: SetModel | EventModel) -> nn.Module:
    """The part of a network for a task that no trunk knows: from an event's vector to its logits."""
    head = model.network.head
    assert isinstance(head, nn.Module)
    return head


def head_inputs(model: SetModel | EventModel, data: TrainingData, *, batch: int = 256) -> Rows:
    """What the head sees of each event: to train it on these is to train it behind a trunk that stands still.

    Parameters
    ----------
    model
        Of :func:`seen_model` or :func:`generated_model`.
    data
        What the model prepared.
    batch
        Events at once.

    Returns
    -------
    Rows
        Float32, shape ``(n_events, width)``.
    """
    found: list[Tensor] = []
    hook = head_of(model).register_forward_pre_hook(lambda _, given: found.append(given[0]))
    try:
        logits_of(model, data, batch_events=batch)
    finally:
        hook.remove()
    return Rows(torch.cat(found).clone())
