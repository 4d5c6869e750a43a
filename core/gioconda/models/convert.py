"""One TensorFlow Lite network → the bytes of one ONNX network. Deterministic: the same input gives the same bytes."""

from __future__ import annotations

from ..errors import ModelError
from .attention import assemble_landmarks
from .onnx_graph import OnnxGraph
from .operators import OPERATORS, Conversion
from .registry import Model
from .tflite_graph import Graph, read_graph


def convert(content: bytes, model: Model) -> bytes:
    """The bytes of a .tflite file → the bytes of the .onnx file that `model` describes.

    The input is renamed "image", (N, H, W, 3) float32. Outputs get the names and the order of the registry; a model of
    the task "landmarks" gets its branches put together into "landmarks" and "score".

    Raises:
        ModelError: the network uses an operator this converter does not know.
    """
    source = read_graph(content, name=model.source)
    target = OnnxGraph()
    conversion = Conversion(source, target)
    height, width = source.tensors[source.inputs[0]].shape[1:3]
    conversion.set_plain(source.inputs[0], target.input("image", ("N", height, width, 3)))
    for operator in source.operators:
        if operator.kind not in OPERATORS:
            raise ModelError(f"{model.source} uses {operator.kind}, which this converter does not know.")
        OPERATORS[operator.kind](conversion, operator)
    if model.task == "landmarks":
        values = dict(zip(("landmarks", "score"), assemble_landmarks(conversion, source), strict=True))
    else:
        values = _named_outputs(conversion, source, model)
    for name, shape in model.outputs.items():
        target.output(values[name], name, shape)
    return target.serialise(model.name, f"Converted from {model.source} of MediaPipe, {model.licence}.")


def _named_outputs(conversion: Conversion, source: Graph, model: Model) -> dict[str, str]:
    """The source's outputs under the registry's names, told apart by their last axis."""
    by_size = {source.tensors[index].shape[-1]: index for index in source.outputs}
    return {name: conversion.plain(by_size[int(shape[-1])]) for name, shape in model.outputs.items()}
