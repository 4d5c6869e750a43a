"""Weights inside an ONNX file, read and changed where they lie: without the package `onnx`, which artists do not have.

An ONNX file is a protobuf message; its weights are the raw bytes of the graph's initialisers. Changing those bytes
gives a file that every provider of ONNX Runtime loads like the first. (`SessionOptions.add_initializer` would leave
them on the CPU, whatever the device.)

Source: https://protobuf.dev/programming-guides/encoding, and onnx.proto for the numbers of the fields.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import ModelError

MODEL_GRAPH, GRAPH_NODE, GRAPH_INITIALISER, NODE_INPUT, NODE_OUTPUT, NODE_KIND = 7, 1, 5, 1, 2, 4
TENSOR_DIMS, TENSOR_TYPE, TENSOR_NAME, TENSOR_RAW = 1, 2, 8, 9
FLOAT: np.dtype[Any] = np.dtype("<f4")
DTYPES: dict[int, np.dtype[Any]] = {1: FLOAT, 7: np.dtype("<i8"), 10: np.dtype("<f2")}  # those that networks store
VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5

Span = tuple[int, int]
Weights = npt.NDArray[np.floating[Any]]


class Tensor(NamedTuple):
    """Weights of a file: `span` is where their bytes are; `shared`: an Identity node gives them a second name."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    span: Span
    shared: bool = False

    def read(self, content: bytes | bytearray) -> npt.NDArray[Any]:
        return np.frombuffer(content[slice(*self.span)], self.dtype).reshape(self.shape).copy()


def weights_in(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Every weight by name. Of several equal ones (all zeros, say) a file keeps one: it has each name here.

    Raises:
        ModelError: the file is missing or no ONNX.
    """
    content = _read(path)
    return {name: tensor.read(content) for name, tensor in _tensors(path, content).items()}


def changeable(path: Path) -> dict[str, tuple[int, ...]]:
    """Name → shape of the weights that `changed` can change: float32, and not shared with others of the same values.

    Raises:
        ModelError: the file is missing or no ONNX.
    """
    return {name: tensor.shape for name, tensor in _changeable(path, _read(path)).items()}


def changed(path: Path, changes: Mapping[str, Weights]) -> bytes:
    """The file's content with `changes`, by name, added to its weights.

    Raises:
        ModelError: the file is missing or no ONNX, or a change does not fit it.
    """
    content = bytearray(_read(path))
    tensors = _changeable(path, content)
    for name, change in changes.items():
        if name not in tensors or tensors[name].shape != change.shape:
            raise ModelError(f"{path} has no weights “{name}” {change.shape}: the changes are for another model.")
        new = tensors[name].read(content) + change.astype(np.float32)
        content[slice(*tensors[name].span)] = new.astype(FLOAT).tobytes()
    return bytes(content)


def _changeable(path: Path, content: bytes | bytearray) -> dict[str, Tensor]:
    tensors = _tensors(path, content).items()
    return {name: tensor for name, tensor in tensors if tensor.dtype == FLOAT and not tensor.shared}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"The model {path} cannot be read: {error}.") from error


def _tensors(path: Path, content: bytes | bytearray) -> dict[str, Tensor]:
    """Name → weights. Raises: ModelError: the content is no ONNX."""
    found: dict[str, Tensor] = {}
    try:
        for graph in _fields(content, (0, len(content)), MODEL_GRAPH):
            for tensor in _fields(content, graph, GRAPH_INITIALISER):
                found |= _tensor(content, tensor)
            for node in _fields(content, graph, GRAPH_NODE):
                kind, taken, made = (
                    [content[slice(*span)].decode() for span in _fields(content, node, field)]
                    for field in (NODE_KIND, NODE_INPUT, NODE_OUTPUT)
                )
                if kind == ["Identity"] and taken[0] in found:
                    found[taken[0]] = found[made[0]] = found[taken[0]]._replace(shared=True)
    except (IndexError, UnicodeDecodeError) as error:
        raise ModelError(f"The model {path} is no ONNX file: run `gioconda models verify`.") from error
    return found


def _tensor(content: bytes | bytearray, message: Span) -> dict[str, Tensor]:
    """A tensor by its name; empty where it is of other numbers than DTYPES, or does not store them as raw bytes."""
    shape, kind, name, raw = [], 0, "", (0, 0)
    for field, wire, span in _walk(content, message):
        if field == TENSOR_DIMS and wire == VARINT:
            shape.append(_varint(content, span[0])[0])
        elif field == TENSOR_TYPE:
            kind = _varint(content, span[0])[0]
        elif field == TENSOR_NAME:
            name = content[slice(*span)].decode()
        elif field == TENSOR_RAW:
            raw = span
    if kind not in DTYPES or not raw[1] - raw[0] == DTYPES[kind].itemsize * math.prod(shape) > 0:
        return {}
    return {name: Tensor(tuple(shape), DTYPES[kind], raw)}


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
