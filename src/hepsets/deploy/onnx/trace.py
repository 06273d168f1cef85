"""PyTorch modules as ONNX graphs, and their files."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import helper
from torch import nn

from hepsets.core.whole_file import whole_file
from hepsets.deploy.onnx.seal import seal
from hepsets.learn.training.trainable import Trainable, in_evaluation

_OPSET = 18


@contextmanager
def on_cpu_in_evaluation(model: Trainable) -> Iterator[None]:
    """A model as it can be traced while the block runs, then as and where it was found."""
    device = model.device
    with in_evaluation(model):
        model.cpu()
        try:
            yield
        finally:
            model.to(device)


def traced(module: nn.Module, example: tuple[Any, ...], names: Sequence[str], sizes: Sequence[Any]) -> Any:
    """A module in evaluation mode as an ONNX model with one output, ``score``.

    Parameters
    ----------
    module
        From tensors, or tuples of them, to a tensor.
    example
        Inputs to trace it with.
    names
        What the inputs are called.
    sizes
        Which dimensions of each input are free, as :func:`torch.export.export` takes them.
    """
    # the exporter reports its progress and its guesses as warnings
    chatty = [logging.getLogger(name) for name in ("torch.onnx", "torch.fx", "onnx_ir", "onnxscript")]
    levels = [logger.level for logger in chatty]
    for logger in chatty:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module,
                example,
                input_names=list(names),
                output_names=("score",),
                opset_version=_OPSET,
                dynamic_shapes=tuple(sizes),
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    finally:
        for logger, level in zip(chatty, levels, strict=True):
            logger.setLevel(level)
    assert program is not None  # it is for the older exporter only
    graph = program.model_proto
    forget_origins(graph.graph)
    for function in graph.functions:
        forget_origins(function)
    return graph


def write_graph(graph: Any, properties: Mapping[str, str], path: str | Path) -> None:
    """Write an ONNX model with metadata properties, checked and sealed, whole or not at all."""
    helper.set_model_props(graph, dict(properties))
    onnx.checker.check_model(graph, full_check=True)
    with whole_file(path) as partial:
        partial.write_bytes(seal(graph.SerializeToString()))


def forget_origins(graph: onnx.GraphProto | onnx.FunctionProto) -> None:
    """Take out where each node came from: the exporter writes the stack of calls, with paths of the machine.

    Graphs within nodes, such as bodies of loops, are cleaned too.
    """
    for node in graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
        for attribute in node.attribute:
            if attribute.HasField("g"):  # to touch it would make one
                forget_origins(attribute.g)
            for inner in attribute.graphs:
                forget_origins(inner)
    graph.ClearField("metadata_props")
    for value in graph.value_info:
        value.ClearField("metadata_props")
