"""Read a TensorFlow Lite file into a plain graph: tensors, constants as float32 arrays, operators with their options.

Constants stored in half precision (DEQUANTIZE) or as sparse blocks (DENSIFY) are unfolded here, exactly, so that what
is left is the computation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite
from flatbuffers import flexbuffers  # type: ignore[import-untyped]
from gioconda.errors import ModelError

Array = npt.NDArray[Any]
Level = int | tuple[Array, Array]  # of sparse storage: its size when it is dense, else its row segments and indices

_TYPES = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
}
_KINDS = {value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)}
_ACTIVATIONS = {0: "NONE", 1: "RELU", 3: "RELU6"}

# MediaPipe writes flexbuffers, except for these operators, which write a bare C struct.
_C_STRUCTS = {"Convolution2DTransposeBias", "MaxPoolingWithArgmax2D", "MaxUnpooling2D"}
# Which fields of which options table an operator's meaning depends on.
_OPTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "CONV_2D": (
        "Conv2DOptions",
        ("Padding", "StrideH", "StrideW", "DilationHFactor", "DilationWFactor", "FusedActivationFunction"),
    ),
    "DEPTHWISE_CONV_2D": (
        "DepthwiseConv2DOptions",
        ("Padding", "StrideH", "StrideW", "DilationHFactor", "DilationWFactor", "FusedActivationFunction"),
    ),
    "MAX_POOL_2D": (
        "Pool2DOptions",
        ("Padding", "StrideH", "StrideW", "FilterHeight", "FilterWidth", "FusedActivationFunction"),
    ),
    "AVERAGE_POOL_2D": (
        "Pool2DOptions",
        ("Padding", "StrideH", "StrideW", "FilterHeight", "FilterWidth", "FusedActivationFunction"),
    ),
    "ADD": ("AddOptions", ("FusedActivationFunction",)),
    "MUL": ("MulOptions", ("FusedActivationFunction",)),
    "CONCATENATION": ("ConcatenationOptions", ("Axis", "FusedActivationFunction")),
    "RESIZE_BILINEAR": ("ResizeBilinearOptions", ("AlignCorners", "HalfPixelCenters")),
    "DEPTH_TO_SPACE": ("DepthToSpaceOptions", ("BlockSize",)),
    "STRIDED_SLICE": (
        "StridedSliceOptions",
        ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask"),
    ),
    "MEAN": ("ReducerOptions", ("KeepDims",)),
}


@dataclass(frozen=True)
class Tensor:
    """One value of the graph. `data` is its content when it is a constant, else None. Pictures are (N, H, W, C)."""

    name: str
    shape: tuple[int, ...]
    data: Array | None


@dataclass(frozen=True)
class Operator:
    """One step: `kind` is TensorFlow Lite's name, or the custom code; inputs and outputs index the graph's tensors."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Any]


@dataclass(frozen=True)
class Graph:
    """A network: operators in the order they run."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_graph(content: bytes, *, name: str) -> Graph:
    """A .tflite file's bytes → its graph. `name` is for error messages.

    Raises:
        ModelError: the bytes are no TensorFlow Lite network.
    """
    if content[4:8] != b"TFL3":
        raise ModelError(f"{name} is not a TensorFlow Lite network: download it again with `gioconda models`.")
    model = tflite.Model.GetRootAsModel(content, 0)
    subgraph = model.Subgraphs(0)
    tensors = [_tensor(model, subgraph.Tensors(i)) for i in range(subgraph.TensorsLength())]
    operators = []
    for index in range(subgraph.OperatorsLength()):
        operator = _operator(model, subgraph.Operators(index))
        if operator.kind in ("DEQUANTIZE", "DENSIFY"):
            source = tensors[operator.inputs[0]]
            if source.data is None:
                raise ModelError(f"{name} holds a quantised computation, which this converter does not know.")
            target = tensors[operator.outputs[0]]
            data = source.data.astype(np.float32) if operator.kind == "DEQUANTIZE" else source.data
            tensors[operator.outputs[0]] = Tensor(target.name, target.shape, data)
        else:
            operators.append(operator)
    inputs = tuple(int(i) for i in subgraph.InputsAsNumpy())
    return Graph(tuple(tensors), tuple(operators), inputs, tuple(int(i) for i in subgraph.OutputsAsNumpy()))


def _tensor(model: Any, tensor: Any) -> Tensor:
    shape = tuple(int(n) for n in tensor.ShapeAsNumpy()) if tensor.ShapeLength() else ()
    buffer = model.Buffers(tensor.Buffer())
    data = None
    if buffer.DataLength():
        values = np.frombuffer(buffer.DataAsNumpy().tobytes(), _TYPES[tensor.Type()])
        sparsity = tensor.Sparsity()
        data = values.reshape(shape) if sparsity is None else _dense(values, shape, sparsity)
    return Tensor(tensor.Name().decode(), shape, data)


def _operator(model: Any, operator: Any) -> Operator:
    code = model.OperatorCodes(operator.OpcodeIndex())
    kind = _KINDS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
    options: dict[str, Any] = {}
    if kind == "CUSTOM":
        kind = code.CustomCode().decode()
        raw = operator.CustomOptionsAsNumpy().tobytes() if operator.CustomOptionsLength() else b""
        options = {"raw": raw} if kind in _C_STRUCTS or not raw else flexbuffers.Loads(raw)
    elif kind in _OPTIONS and operator.BuiltinOptions() is not None:
        table, fields = _OPTIONS[kind]
        parsed = getattr(tflite, table)()
        parsed.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
        options = {field: getattr(parsed, field)() for field in fields}
    if "FusedActivationFunction" in options:
        options["FusedActivationFunction"] = _ACTIVATIONS[options["FusedActivationFunction"]]
    inputs = tuple(int(i) for i in operator.InputsAsNumpy())
    return Operator(kind, inputs, tuple(int(i) for i in operator.OutputsAsNumpy()), options)


def _dense(values: Array, shape: tuple[int, ...], sparsity: Any) -> Array:
    """TensorFlow Lite's block-sparse storage → the full array.

    The storage is a tree: one level per dimension in `TraversalOrder`, the blocks' inner dimensions last; a level is
    either dense (every index) or compressed rows (`ArraySegments`, `ArrayIndices`). Source: the comments of
    TensorFlow's schema.fbs.
    """
    order = [int(d) for d in sparsity.TraversalOrderAsNumpy()]
    blocked = [int(d) for d in sparsity.BlockMapAsNumpy()] if sparsity.BlockMapLength() else []
    levels = [_level(sparsity.DimMetadata(i)) for i in range(sparsity.DimMetadataLength())]
    inner = [levels[order.index(len(shape) + b)] for b in range(len(blocked))]
    block = [level if isinstance(level, int) else 1 for level in inner]  # the schema has them dense always
    positions = _leaves(levels)
    full = np.zeros((len(positions), len(shape)), np.int64)
    for level, dimension in enumerate(order):
        if dimension < len(shape):
            scale = block[blocked.index(dimension)] if dimension in blocked else 1
            full[:, dimension] += positions[:, level] * scale
        else:
            full[:, blocked[dimension - len(shape)]] += positions[:, level]
    dense = np.zeros(shape, values.dtype)
    dense[tuple(full.T)] = values[: len(full)]
    return dense


def _leaves(levels: list[Level]) -> npt.NDArray[np.int64]:
    """(leaves, levels) int64: the index chosen at each level on the way to each stored value, in storage order."""
    positions = np.zeros((1, 0), np.int64)
    parents = np.zeros(1, np.int64)
    for level in levels:
        if isinstance(level, int):
            chosen = np.tile(np.arange(level), len(positions))
            positions = np.column_stack([np.repeat(positions, level, 0), chosen])
            parents = np.repeat(parents, level) * level + chosen
        else:
            segments, indices = level
            counts = segments[parents + 1] - segments[parents]
            within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
            parents = np.repeat(segments[parents], counts) + within
            positions = np.column_stack([np.repeat(positions, counts, 0), indices[parents]])
    return positions


def _level(metadata: Any) -> Level:
    if metadata.Format() == tflite.DimensionType.DENSE:
        return int(metadata.DenseSize())
    segments = _index_vector(metadata.ArraySegmentsType(), metadata.ArraySegments())
    return segments, _index_vector(metadata.ArrayIndicesType(), metadata.ArrayIndices())


def _index_vector(kind: int, table: Any) -> Array:
    names = {1: "Int32Vector", 2: "Uint16Vector", 3: "Uint8Vector"}
    vector = getattr(tflite, names[kind])()
    vector.Init(table.Bytes, table.Pos)
    values: Array = vector.ValuesAsNumpy().astype(np.int64)
    return values
