"""One TensorFlow Lite network → the bytes of one ONNX network. Deterministic: the same input gives the same bytes."""

from __future__ import annotations

from typing import Any

from gioconda.errors import ModelError

from .attention import assemble_landmarks
from .onnx_graph import OnnxGraph
from .operators import OPERATORS, Conversion
from .tflite_graph import Graph, read_graph


def convert(content: bytes, entry: dict[str, Any]) -> bytes:
    """The bytes of a .tflite file → the bytes of the .onnx file that an entry of models.yaml describes.

    The input is renamed "image", (N, H, W, C) float32. Outputs get the names and the order of the entry; a network of
    the task "landmarks" gets its branches put together into "landmarks" and "score".

    Raises:
        ModelError: the network uses an operator this converter does not know.
    """
    source = read_graph(content, name=entry["source"])
    target = OnnxGraph()
    conversion = Conversion(source, target)
    conversion.set_plain(source.inputs[0], target.input("image", ("N", *source.tensors[source.inputs[0]].shape[1:])))
    for operator in source.operators:
        if operator.kind not in OPERATORS:
            raise ModelError(f"{entry['source']} uses {operator.kind}, which this converter does not know.")
        OPERATORS[operator.kind](conversion, operator)
    if entry["task"] == "landmarks":
        values = dict(zip(("landmarks", "score"), assemble_landmarks(conversion, source), strict=True))
    else:
        values = _named_outputs(conversion, source, entry["outputs"])
    for name, shape in entry["outputs"].items():
        target.output(values[name], name, shape)
    return target.serialise(entry["name"], f"Converted from {entry['source']} of MediaPipe, {entry['licence']}.")


def _named_outputs(conversion: Conversion, source: Graph, outputs: dict[str, list[int | str]]) -> dict[str, str]:
    """The source's outputs under the names of models.yaml, told apart by their last axis."""
    by_size = {source.tensors[index].shape[-1]: index for index in source.outputs}
    return {name: conversion.plain(by_size[int(shape[-1])]) for name, shape in outputs.items()}
