"""Weights inside an ONNX file, found and changed where they lie: without the package `onnx`, which artists do not have.

An ONNX file is a protobuf message; its weights are the raw bytes of the graph's initialisers. Changing those bytes
gives a file that every provider of ONNX Runtime loads like the first. (`SessionOptions.add_initializer` would leave
them on the CPU, whatever the device.)

Source: https://protobuf.dev/programming-guides/encoding, and onnx.proto for the numbers of the fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ModelError

MODEL_GRAPH, GRAPH_NODE, GRAPH_INITIALISER, NODE_INPUT, NODE_KIND = 7, 1, 5, 1, 4
TENSOR_DIMS, TENSOR_TYPE, TENSOR_NAME, TENSOR_RAW = 1, 2, 8, 9
FLOAT = 1
VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5

Span = tuple[int, int]
Weights = npt.NDArray[np.floating[Any]]


def changeable(path: Path) -> dict[str, tuple[int, ...]]:
    """Name → shape of the weights that `changed` can change: float32, and not lent to others of the same values.

    Raises:
        ModelError: the file is missing or no ONNX.
    """
    return {name: shape for name, (shape, _) in _spans(path, _read(path)).items()}


def changed(path: Path, changes: Mapping[str, Weights]) -> bytes:
    """The file's content with `changes`, by name, added to its weights.

    Raises:
        ModelError: the file is missing or no ONNX, or a change does not fit it.
    """
    content = bytearray(_read(path))
    spans = _spans(path, content)
    for name, change in changes.items():
        if name not in spans or spans[name][0] != change.shape:
            raise ModelError(f"{path} has no weights “{name}” {change.shape}: the changes are for another model.")
        start, end = spans[name][1]
        known = np.frombuffer(content[start:end], "<f4").reshape(change.shape)
        content[start:end] = (known + change.astype(np.float32)).astype("<f4").tobytes()
    return bytes(content)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"The model {path} cannot be read: {error}.") from error


def _spans(path: Path, content: bytes | bytearray) -> dict[str, tuple[tuple[int, ...], Span]]:
    """Name → shape and where the bytes are."""
    found, lent = {}, set()
    try:
        for graph in _fields(content, (0, len(content)), MODEL_GRAPH):
            for tensor in _fields(content, graph, GRAPH_INITIALISER):
                weights = _weights(content, tensor)
                if weights is not None:
                    found[weights[0]] = weights[1:]
            for node in _fields(content, graph, GRAPH_NODE):
                kind = [bytes(content[slice(*span)]) for span in _fields(content, node, NODE_KIND)]
                if kind == [b"Identity"]:
                    lent |= {content[slice(*span)].decode() for span in _fields(content, node, NODE_INPUT)}
    except (IndexError, UnicodeDecodeError) as error:
        raise ModelError(f"The model {path} is no ONNX file: run `gioconda models`.") from error
    return {name: weights for name, weights in found.items() if name not in lent}


def _weights(content: bytes | bytearray, tensor: Span) -> tuple[str, tuple[int, ...], Span] | None:
    """Name, shape and bytes of a tensor; None where it is not of float32 as raw bytes."""
    shape, kind, name, raw = [], 0, "", (0, 0)
    for field, wire, span in _walk(content, tensor):
        if field == TENSOR_DIMS and wire == VARINT:
            shape.append(_varint(content, span[0])[0])
        elif field == TENSOR_TYPE:
            kind = _varint(content, span[0])[0]
        elif field == TENSOR_NAME:
            name = content[slice(*span)].decode()
        elif field == TENSOR_RAW:
            raw = span
    whole = kind == FLOAT and raw[1] - raw[0] == 4 * int(np.prod(shape, dtype=np.int64)) > 0
    return (name, tuple(shape), raw) if whole else None


def _fields(content: bytes | bytearray, message: Span, number: int) -> list[Span]:
    """Where the contents of a message's fields of that number are."""
    return [span for field, wire, span in _walk(content, message) if field == number and wire == BYTES]


def _walk(content: bytes | bytearray, message: Span) -> Iterator[tuple[int, int, Span]]:
    """Number, wire type and place of every field of a message. Raises: IndexError."""
    at, end = message
    while at < end:
        key, at = _varint(content, at)
        wire = key & 7
        if wire == BYTES:
            length, at = _varint(content, at)
        elif wire == VARINT:
            length = _varint(content, at)[1] - at
        elif wire in (EIGHT, FOUR):
            length = 8 if wire == EIGHT else 4
        else:
            raise IndexError(at)
        if at + length > end:
            raise IndexError(at)
        yield key >> 3, wire, (at, at + length)
        at += length


def _varint(content: bytes | bytearray, at: int) -> tuple[int, int]:
    """A number and the place after it. Raises: IndexError."""
    value = 0
    for shift in range(0, 70, 7):
        value |= (content[at] & 127) << shift
        at += 1
        if not content[at - 1] & 128:
            return value, at
    raise IndexError(at)
