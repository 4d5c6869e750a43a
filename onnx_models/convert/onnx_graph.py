"""Collect nodes and weights and write them as an ONNX file whose bytes depend on nothing but the network.

The messages are filled in field by field instead of through `onnx.helper`, whose output changes between releases: the
same network must give the same bytes everywhere, for its hash is pinned in models.yaml.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

Array = npt.NDArray[Any]
Shape = tuple[int | str, ...]

OPSET = 17
IR_VERSION = 8
PRODUCER = "gioconda"

_TYPES = {np.dtype(np.float32): onnx.TensorProto.FLOAT, np.dtype(np.int64): onnx.TensorProto.INT64}


class OnnxGraph:
    """A network under construction. Values are known by name; `node` and `constant` return the new value's name."""

    def __init__(self) -> None:
        self._graph = onnx.GraphProto()
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._count = 0

    def node(self, kind: str, *inputs: str, **attributes: int | float | str | list[int]) -> str:
        """Append one operator with one output."""
        output = f"{kind.lower()}_{self._count}"
        self._count += 1
        proto = self._graph.node.add()
        proto.op_type = kind
        proto.name = output
        proto.input.extend(inputs)
        proto.output.append(output)
        for name in sorted(attributes):
            _fill_attribute(proto.attribute.add(), name, attributes[name])
        return output

    def constant(self, values: Array | list[int] | list[float] | float) -> str:
        """A weight, float32 or int64; equal constants are stored once."""
        array = np.asarray(values)
        array = np.ascontiguousarray(array, np.int64 if array.dtype.kind in "iu" else np.float32).reshape(array.shape)
        content = array.astype(array.dtype.newbyteorder("<")).tobytes()
        key = (array.dtype.str, array.shape, content)
        if key not in self._constants:
            name = f"weight_{len(self._constants)}"
            self._constants[key] = name
            proto = self._graph.initializer.add()
            proto.name = name
            proto.data_type = _TYPES[array.dtype]
            proto.dims.extend(array.shape)
            proto.raw_data = content
        return self._constants[key]

    def input(self, name: str, shape: Shape) -> str:
        """Declare an input of float32 numbers; a string in the shape is a size free to choose."""
        _fill_value(self._graph.input.add(), name, shape)
        return name

    def output(self, value: str, name: str, shape: Shape) -> None:
        """Declare `value` an output, under `name`."""
        proto = self._graph.node.add()
        proto.op_type = "Identity"
        proto.name = name
        proto.input.append(value)
        proto.output.append(name)
        _fill_value(self._graph.output.add(), name, shape)

    def serialise(self, name: str, description: str) -> bytes:
        """The finished network as the bytes of an .onnx file.

        Raises:
            onnx.checker.ValidationError: the graph is not valid ONNX: a bug in the conversion.
        """
        model = onnx.ModelProto()
        model.ir_version = IR_VERSION
        model.producer_name = PRODUCER
        model.doc_string = description
        model.graph.CopyFrom(self._graph)
        model.graph.name = name
        opset = model.opset_import.add()
        opset.domain = ""
        opset.version = OPSET
        onnx.checker.check_model(model, full_check=True)
        content: bytes = model.SerializeToString(deterministic=True)
        return content


def _fill_attribute(proto: Any, name: str, value: int | float | str | list[int]) -> None:
    proto.name = name
    if isinstance(value, int):
        proto.type, proto.i = onnx.AttributeProto.INT, value
    elif isinstance(value, float):
        proto.type, proto.f = onnx.AttributeProto.FLOAT, value
    elif isinstance(value, str):
        proto.type, proto.s = onnx.AttributeProto.STRING, value.encode()
    else:
        proto.type = onnx.AttributeProto.INTS
        proto.ints.extend(value)


def _fill_value(proto: Any, name: str, shape: Shape) -> None:
    proto.name = name
    proto.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    for size in shape:
        dimension = proto.type.tensor_type.shape.dim.add()
        if isinstance(size, str):
            dimension.dim_param = size
        else:
            dimension.dim_value = size
