"""Writes ONNX graphs that read like numpy. Knows no pictures.

g = Graph()
x = g.input("x", FLOAT, ("n", 4))
g.output("y", (x * 2.0 + 1.0).maximum(0.0))
model = g.model()
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..arrays import Array

FLOAT, HALF, BOOL = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BOOL
INT32, INT64 = TensorProto.INT32, TensorProto.INT64
OPSET, IR = 17, 8
_NUMPY = {FLOAT: np.float32, HALF: np.float16, INT32: np.int32, INT64: np.int64, BOOL: np.bool_}


def _operator(op: str, *, kind: int | None = None, swapped: bool = False) -> Callable[[Value, Value | float], Value]:
    """A method of `Value` that is one node: of itself and another value or number, of the same kind unless told."""

    def method(self: Value, other: Value | float) -> Value:
        second = other if isinstance(other, Value) else self.graph.constant(other, self.kind)
        pair = (second, self) if swapped else (self, second)
        return self.graph.op(op, *pair, kind=self.kind if kind is None else kind)

    return method


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor of a graph, by name; `kind` is its element type."""

    graph: Graph
    name: str
    kind: int

    __add__ = _operator("Add")
    __sub__ = _operator("Sub")
    __rsub__ = _operator("Sub", swapped=True)
    __mul__ = __rmul__ = _operator("Mul")
    __truediv__ = _operator("Div")
    __lt__ = _operator("Less", kind=BOOL)
    __gt__ = _operator("Greater", kind=BOOL)
    __and__ = _operator("And")
    __or__ = _operator("Or")
    minimum = _operator("Min")
    maximum = _operator("Max")

    def __mod__(self, other: Value) -> Value:
        """The remainder of whole numbers that are not negative: by arithmetic, as WebGPU has no Mod."""
        return self - (self / other) * other

    def __abs__(self) -> Value:
        return self.graph.op("Abs", self)

    def clip(self, low: Value | float, high: Value | float) -> Value:
        return self.maximum(low).minimum(high)

    def cast(self, kind: int) -> Value:
        return self if kind == self.kind else self.graph.op("Cast", self, kind=kind, to=kind)

    def reshape(self, *shape: int) -> Value:
        """Any one side may be -1; 0 keeps a side."""
        return self.graph.op("Reshape", self, self.graph.constant(np.array(shape), INT64))

    def transpose(self, *axes: int) -> Value:
        return self.graph.op("Transpose", self, perm=list(axes))

    def expand(self, shape: Value) -> Value:
        return self.graph.op("Expand", self, shape)

    def rows(self, index: Value) -> Value:
        """The rows that `index`, int32 or int64, picks."""
        return self.graph.op("Gather", self, index, axis=0)

    def channels(self, which: slice) -> Value:
        """Of (N, channels, …)."""
        return self.part(which.start, which.stop, axis=1)

    def part(self, start: int, stop: int, *, axis: int, step: int = 1) -> Value:
        """A slice along one axis."""
        of = (self.graph.constant(np.array([k]), INT64) for k in (start, stop, axis, step))
        return self.graph.op("Slice", self, *of)


class Graph:
    """A graph being written. Its values are made by `input`, `constant` and what is done with them."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}
        self._count = 0

    def input(self, name: str, kind: int, shape: Sequence[int | str]) -> Value:
        """A tensor from outside; sides given as words may have any length."""
        self.inputs.append(helper.make_tensor_value_info(name, kind, list(shape)))
        return Value(self, name, kind)

    def output(self, name: str, value: Value, shape: Sequence[int | str]) -> None:
        self.nodes.append(helper.make_node("Identity", [value.name], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, value.kind, list(shape)))

    def constant(self, value: npt.ArrayLike, kind: int) -> Value:
        array: Array = np.asarray(value, _NUMPY[kind])
        name = f"constant_{kind}_{array.shape}_{array.tobytes().hex() if array.size <= 16 else len(self.initializers)}"
        if name not in self.initializers:
            self.initializers[name] = numpy_helper.from_array(array, name)
        return Value(self, name, kind)

    def op(self, name: str, *inputs: Value, kind: int | None = None, **attributes: Any) -> Value:
        """One node with one output; of its first input's kind unless told."""
        self._count += 1
        out = f"v{self._count}"
        self.nodes.append(helper.make_node(name, [value.name for value in inputs], [out], **attributes))
        return Value(self, out, inputs[0].kind if kind is None else kind)

    def where(self, condition: Value, then: Value | float, otherwise: Value | float) -> Value:
        kind = next(value.kind for value in (then, otherwise) if isinstance(value, Value))
        both = [v if isinstance(v, Value) else self.constant(v, kind) for v in (then, otherwise)]
        return self.op("Where", condition, *both, kind=kind)

    def concat(self, *values: Value, axis: int) -> Value:
        return self.op("Concat", *values, axis=axis)

    def scatter(self, into: Value, index: Value, values: Value) -> Value:
        """`into` with the rows `index`, (n,) int32, replaced by `values`, (n, …). A row named twice: by the same."""
        return self.op("ScatterND", into, index.reshape(-1, 1).cast(INT64), values)

    def include(self, model: onnx.ModelProto, inputs: dict[str, Value], *, prefix: str) -> dict[str, Value]:
        """Another model's nodes, its inputs taken from `inputs`. Returns its outputs by name.

        The names of its tensors get `prefix`. Raises: ValueError, where it was written for a newer opset.
        """
        version = max(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
        if version > OPSET:
            raise ValueError(f"opset {version} is newer than {OPSET}")
        if version < OPSET:
            model = onnx.version_converter.convert_version(model, OPSET)
        named = {name: value.name for name, value in inputs.items()}
        for tensor in model.graph.initializer:
            if tensor.name not in named:
                copy = onnx.TensorProto()
                copy.CopyFrom(tensor)
                copy.name = named[tensor.name] = prefix + tensor.name
                self.initializers[copy.name] = copy
        for node in model.graph.node:
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            self._count += 1
            copy.name = f"{prefix}{self._count}"  # writers may leave names out, or use them twice
            for names in (copy.input, copy.output):
                for k, name in enumerate(names):
                    names[k] = named.setdefault(name, prefix + name) if name else ""
            self.nodes.append(copy)
        return {out.name: Value(self, named[out.name], FLOAT) for out in model.graph.output}

    def model(self) -> bytes:
        """The graph as an ONNX file's bytes, checked."""
        graph = helper.make_graph(self.nodes, "frame", self.inputs, self.outputs, list(self.initializers.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="gioconda")
        model.ir_version = IR
        onnx.checker.check_model(model)
        made: bytes = model.SerializeToString()
        return made
