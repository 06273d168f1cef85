"""Models of images as ONNX graphs: pixels in, probabilities of classes out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from torch import nn

from hepsets.core.errors import InputError
from hepsets.core.images import Images
from hepsets.deploy.onnx.runtime import open_session, scores_in_batches
from hepsets.deploy.onnx.trace import traced, write_graph
from hepsets.learn.images.model import IMAGES_TOGETHER, ImageModel

_EXPECTED = "a file that export_image_onnx wrote"


def export_image_onnx(model: ImageModel, path: str | Path) -> None:
    """Write a model of images as one ONNX file, whole or not at all.

    The graph is that of the plain layers of :meth:`hepsets.learn.images.model.ImageModel.export`, with the
    scale of the pixels. Its input ``pixels`` is float32 of shape ``(n_images, channels, height, width)``, the
    sizes being those of the metadata ``shape``; its output ``score``, float32 of shape
    ``(n_images, n_classes)``, holds the probability of each class.

    Parameters
    ----------
    model
        A trained model; it is left as found.
    path
        Where the file shall stand.
    """
    graph = traced(
        nn.Sequential(*model.export().cpu(), nn.Softmax(dim=1)),
        (torch.rand(2, *model.shape),),
        ("pixels",),
        ({0: torch.export.Dim("n_images", min=1)},),
    )
    record = {"model": model.name, "output": "probability of each class", "shape": json.dumps(model.shape)}
    write_graph(graph, record | {"classes": json.dumps(model.classes)}, path)


class OnnxImageModel:
    """An exported model of images on ONNX Runtime.

    Parameters
    ----------
    path
        A file that :func:`export_image_onnx` wrote.
    threads
        Threads of one call; 0 leaves the choice to ONNX Runtime.

    Raises
    ------
    InputError
        If the file is no such model, or not self-contained.
    """

    def __init__(self, path: str | Path, *, threads: int = 0) -> None:
        self.path = Path(path)
        self._session, metadata = open_session(self.path, threads=threads)
        try:
            self.shape = TypeAdapter(tuple[int, int, int]).validate_json(metadata["shape"])
            self.classes = TypeAdapter(int).validate_json(metadata["classes"])
        except (KeyError, ValidationError) as error:
            raise InputError(f"{path} does not name its images", _EXPECTED) from error

    def probabilities(self, images: Images) -> NDArray[np.float32]:
        """Probability of each class, float32, shape ``(n_images, n_classes)``.

        Raises
        ------
        InputError
            For images of another shape than those of the training.
        """
        if images.shape != self.shape:
            raise InputError(f"images of shape {images.shape} for {self.path}", f"{self.shape}")
        begins = range(0, len(images), IMAGES_TOGETHER)
        batches = ({"pixels": images.pixels[begin : begin + IMAGES_TOGETHER]} for begin in begins)
        return scores_in_batches(self._session, batches, self.path, _EXPECTED, width=(self.classes,))
