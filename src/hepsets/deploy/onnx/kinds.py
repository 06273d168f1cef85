"""A trained network of any kind as an ONNX graph."""

from __future__ import annotations

from pathlib import Path

from hepsets.core.errors import InputError
from hepsets.deploy.onnx.decay_trees import export_onnx
from hepsets.deploy.onnx.images import export_image_onnx
from hepsets.deploy.onnx.particle_sets import export_set_onnx
from hepsets.deploy.onnx.vertexed_events import export_vertexed_onnx
from hepsets.deploy.onnx.whole_events import export_whole_event_onnx
from hepsets.learn.decay_trees.model import EventModel
from hepsets.learn.images.model import ImageModel
from hepsets.learn.particle_sets.model import SetModel
from hepsets.learn.vertexed_events.model import VertexedModel
from hepsets.learn.whole_events.model import WholeEventModel


def export_network(model: object, path: str | Path) -> None:
    """Write a trained network as one ONNX file, whole or not at all.

    Parameters
    ----------
    model
        Of decay trees, particle sets, whole events, events with vertices, or images.
    path
        Where the file shall stand; its inputs and outputs are those of the kind's own export.

    Raises
    ------
    InputError
        For a model that is no such network.
    """
    if isinstance(model, EventModel):
        export_onnx(model, path)
    elif isinstance(model, SetModel):
        export_set_onnx(model, path)
    elif isinstance(model, WholeEventModel):
        export_whole_event_onnx(model, path)
    elif isinstance(model, VertexedModel):
        export_vertexed_onnx(model, path)
    elif isinstance(model, ImageModel):
        export_image_onnx(model, path)
    else:
        raise InputError(f"a {type(model).__name__} to export", "a network that was trained")
