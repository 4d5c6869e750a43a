"""TensorFlow Lite's own operators in ONNX. One function per operator; `OPERATORS` is the list.

TensorFlow Lite keeps pictures as (N, H, W, C), ONNX computes on (N, C, H, W). A `Conversion` remembers for every value
which of the two it holds and transposes where an operator needs the other, so that a chain of convolutions has no
transposes at all. The batch size N is left free: nothing here writes a 1 where N belongs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gioconda.errors import ModelError

from .onnx_graph import OnnxGraph
from .tflite_graph import Array, Graph, Operator

_SAME = 0  # TensorFlow's padding: SAME puts the odd pixel at the end, VALID pads nothing


class Conversion:
    """A TensorFlow Lite graph on its way to ONNX.

    Attributes:
        source: what is converted.
        target: what it becomes.
        place: tensor of places that a pooling found → ONNX value (N, 4, C, H, W), 1 at the place of each maximum.
    """

    def __init__(self, source: Graph, target: OnnxGraph) -> None:
        self.source = source
        self.target = target
        self.place: dict[int, str] = {}
        self._planes: dict[int, str] = {}  # tensor → ONNX value as (N, C, H, W), 4-D tensors only
        self._plain: dict[int, str] = {}  # tensor → ONNX value in TensorFlow Lite's own order

    def shape(self, tensor: int) -> tuple[int, ...]:
        """The tensor's shape in TensorFlow Lite's order, N = 1."""
        return self.source.tensors[tensor].shape

    def data(self, tensor: int) -> Array:
        """The content of a tensor that must be a constant."""
        data = self.source.tensors[tensor].data
        if data is None:
            raise ModelError(
                f"{self.source.tensors[tensor].name} should be a constant: this network cannot be converted."
            )
        return data

    def is_constant(self, tensor: int) -> bool:
        return self.source.tensors[tensor].data is not None

    def planes(self, tensor: int) -> str:
        """The value as (N, C, H, W)."""
        if tensor not in self._planes:
            self._planes[tensor] = self.target.node("Transpose", self._plain[tensor], perm=[0, 3, 1, 2])
        return self._planes[tensor]

    def plain(self, tensor: int) -> str:
        """The value in TensorFlow Lite's own order of axes."""
        if tensor not in self._plain:
            self._plain[tensor] = self.target.node("Transpose", self._planes[tensor], perm=[0, 2, 3, 1])
        return self._plain[tensor]

    def set_planes(self, tensor: int, value: str) -> None:
        self._planes[tensor] = value

    def set_plain(self, tensor: int, value: str) -> None:
        self._plain[tensor] = value

    def activated(self, value: str, operator: Operator) -> str:
        """`value` after the activation fused into the operator."""
        activation = operator.options["FusedActivationFunction"]
        if activation == "RELU":
            return self.target.node("Relu", value)
        if activation == "RELU6":
            return self.target.node("Clip", value, self.target.constant(0.0), self.target.constant(6.0))
        return value


def _pads(in_size: tuple[int, int], kernel: tuple[int, int], operator: Operator) -> list[int]:
    """TensorFlow's padding as ONNX pads [top, left, bottom, right]."""
    if operator.options["Padding"] != _SAME:
        return [0, 0, 0, 0]
    begin, end = [], []
    names = (("StrideH", "DilationHFactor"), ("StrideW", "DilationWFactor"))
    for size, taps, (stride_name, dilation_name) in zip(in_size, kernel, names, strict=True):
        stride, dilation = operator.options[stride_name], operator.options.get(dilation_name, 1)
        total = max((-(-size // stride) - 1) * stride + (taps - 1) * dilation + 1 - size, 0)
        begin.append(total // 2)
        end.append(total - total // 2)
    return begin + end


def _convolution(conversion: Conversion, operator: Operator) -> None:
    """CONV_2D and DEPTHWISE_CONV_2D. Weights are (out, h, w, in), or (1, h, w, channels) when depthwise."""
    source, weight_index = operator.inputs[:2]
    depthwise = operator.kind == "DEPTHWISE_CONV_2D"
    weights = conversion.data(weight_index).transpose((3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
    _, height, width, channels = conversion.shape(source)
    kernel = (weights.shape[2], weights.shape[3])
    inputs = [conversion.planes(source), conversion.target.constant(weights)]
    if len(operator.inputs) > 2:
        inputs.append(conversion.target.constant(conversion.data(operator.inputs[2])))
    value = conversion.target.node(
        "Conv",
        *inputs,
        kernel_shape=list(kernel),
        strides=[operator.options["StrideH"], operator.options["StrideW"]],
        dilations=[operator.options["DilationHFactor"], operator.options["DilationWFactor"]],
        pads=_pads((height, width), kernel, operator),
        group=channels if depthwise else 1,
    )
    conversion.set_planes(operator.outputs[0], conversion.activated(value, operator))


def _pool(conversion: Conversion, operator: Operator) -> None:
    source = operator.inputs[0]
    _, height, width, _ = conversion.shape(source)
    kernel = (operator.options["FilterHeight"], operator.options["FilterWidth"])
    kind = "MaxPool" if operator.kind == "MAX_POOL_2D" else "AveragePool"
    if kind == "AveragePool" and kernel == (height, width):
        value = conversion.target.node("GlobalAveragePool", conversion.planes(source))
    else:
        value = conversion.target.node(
            kind,
            conversion.planes(source),
            kernel_shape=list(kernel),
            strides=[operator.options["StrideH"], operator.options["StrideW"]],
            pads=_pads((height, width), kernel, operator),
        )
    conversion.set_planes(operator.outputs[0], conversion.activated(value, operator))


def _pad(conversion: Conversion, operator: Operator) -> None:
    amounts = conversion.data(operator.inputs[1])[[0, 3, 1, 2]]
    pads = conversion.target.constant([int(n) for n in amounts.T.ravel()])
    conversion.set_planes(
        operator.outputs[0], conversion.target.node("Pad", conversion.planes(operator.inputs[0]), pads)
    )


def _prelu(conversion: Conversion, operator: Operator) -> None:
    slope = conversion.target.constant(conversion.data(operator.inputs[1]).reshape(-1, 1, 1))
    conversion.set_planes(
        operator.outputs[0], conversion.target.node("PRelu", conversion.planes(operator.inputs[0]), slope)
    )


def _unary(kind: str) -> Callable[[Conversion, Operator], None]:
    def convert(conversion: Conversion, operator: Operator) -> None:
        conversion.set_planes(operator.outputs[0], conversion.target.node(kind, conversion.planes(operator.inputs[0])))

    return convert


def _binary(kind: str) -> Callable[[Conversion, Operator], None]:
    """ADD and MUL of two pictures, or of anything with a constant."""

    def convert(conversion: Conversion, operator: Operator) -> None:
        left, right = operator.inputs
        pictures = len(conversion.shape(left)) == 4 and not conversion.is_constant(right)
        other = conversion.planes(right) if pictures else conversion.target.constant(conversion.data(right))
        first = conversion.planes(left) if pictures else conversion.plain(left)
        value = conversion.activated(conversion.target.node(kind, first, other), operator)
        (conversion.set_planes if pictures else conversion.set_plain)(operator.outputs[0], value)

    return convert


def _concatenation(conversion: Conversion, operator: Operator) -> None:
    value = conversion.target.node(
        "Concat", *map(conversion.plain, operator.inputs), axis=int(operator.options["Axis"])
    )
    conversion.set_plain(operator.outputs[0], conversion.activated(value, operator))


def _reshape(conversion: Conversion, operator: Operator) -> None:
    shape = conversion.target.constant([0, *conversion.shape(operator.outputs[0])[1:]])  # 0: N as it comes
    conversion.set_plain(
        operator.outputs[0], conversion.target.node("Reshape", conversion.plain(operator.inputs[0]), shape)
    )


def _resize(conversion: Conversion, operator: Operator) -> None:
    source, target = operator.inputs[0], operator.outputs[0]
    (_, height, width, _), (_, new_height, new_width, _) = conversion.shape(source), conversion.shape(target)
    mode = "half_pixel" if operator.options["HalfPixelCenters"] else "asymmetric"
    mode = "align_corners" if operator.options["AlignCorners"] else mode
    scales = conversion.target.constant(np.array([1, 1, new_height / height, new_width / width], np.float32))
    value = conversion.target.node(
        "Resize", conversion.planes(source), "", scales, mode="linear", coordinate_transformation_mode=mode
    )
    conversion.set_planes(target, value)


def _depth_to_space(conversion: Conversion, operator: Operator) -> None:
    value = conversion.target.node(
        "DepthToSpace", conversion.planes(operator.inputs[0]), blocksize=int(operator.options["BlockSize"]), mode="DCR"
    )
    conversion.set_planes(operator.outputs[0], value)


def _mean(conversion: Conversion, operator: Operator) -> None:
    """MEAN over a picture's height and width."""
    axes = sorted(int(a) for a in conversion.data(operator.inputs[1]).ravel())
    if axes != [1, 2] or not operator.options["KeepDims"]:
        raise ModelError(f"MEAN over axes {axes} is not known to this converter.")
    _unary("GlobalAveragePool")(conversion, operator)


def _strided_slice(conversion: Conversion, operator: Operator) -> None:
    if any(operator.options.values()):
        raise ModelError("STRIDED_SLICE with masks is not known to this converter.")
    begin, end, steps = (conversion.data(i) for i in operator.inputs[1:4])
    axes = list(range(1, len(begin)))  # never along N
    bounds = [conversion.target.constant([int(n) for n in values[1:]]) for values in (begin, end)]
    rest = [conversion.target.constant(axes), conversion.target.constant([int(n) for n in steps[1:]])]
    value = conversion.target.node("Slice", conversion.plain(operator.inputs[0]), *bounds, *rest)
    conversion.set_plain(operator.outputs[0], value)


def _transposed_convolution(conversion: Conversion, operator: Operator) -> None:
    """MediaPipe's Convolution2DTransposeBias: the options are the bytes of a C struct (padding, stride width, stride
    height).
    """
    padding, stride_w, stride_h = (int(n) for n in np.frombuffer(operator.options["raw"], "<i4"))
    weights = conversion.data(operator.inputs[1]).transpose(3, 0, 1, 2)  # (out, h, w, in) → (in, out, h, w)
    _, height, width, _ = conversion.shape(operator.inputs[0])
    total = [
        max(0, taps - (size - 1) % stride - 1) if padding == 1 else 0  # 1: SAME in this struct
        for taps, size, stride in zip(weights.shape[2:], (height, width), (stride_h, stride_w), strict=True)
    ]
    value = conversion.target.node(
        "ConvTranspose",
        conversion.planes(operator.inputs[0]),
        conversion.target.constant(weights),
        conversion.target.constant(conversion.data(operator.inputs[2])),
        kernel_shape=list(weights.shape[2:]),
        strides=[stride_h, stride_w],
        pads=[n // 2 for n in total] + [n - n // 2 for n in total],
    )
    conversion.set_planes(operator.outputs[0], value)


def _pool_with_places(conversion: Conversion, operator: Operator) -> None:
    """MediaPipe's MaxPoolingWithArgmax2D: the maximum of each 2 × 2 square, and where in it that was; the first of
    several equal ones in reading order.

    ONNX's own MaxPool with indices and MaxUnpool run on few providers and count through the whole batch; these run
    everywhere.
    """
    graph, source = conversion.target, operator.inputs[0]
    _check_2x2(operator)
    _, height, width, channels = conversion.shape(source)
    squares = graph.node("SpaceToDepth", conversion.planes(source), blocksize=2)  # four places, C each
    shape = graph.constant([0, 4, channels, height // 2, width // 2])
    by_place = graph.node("Reshape", squares, shape)
    first = graph.node("ArgMax", by_place, axis=1, keepdims=1, select_last_index=0)
    here = graph.node("Equal", first, graph.constant(np.arange(4).reshape(1, 4, 1, 1, 1)))
    conversion.place[operator.outputs[1]] = graph.node("Cast", here, to=1)
    pooled = graph.node("MaxPool", conversion.planes(source), kernel_shape=[2, 2], strides=[2, 2])
    conversion.set_planes(operator.outputs[0], pooled)


def _unpool(conversion: Conversion, operator: Operator) -> None:
    """MediaPipe's MaxUnpooling2D: each value goes where the maximum came from, 0 elsewhere."""
    graph, (source, places) = conversion.target, operator.inputs
    _check_2x2(operator)
    _, height, width, channels = conversion.shape(source)
    value = graph.node("Reshape", conversion.planes(source), graph.constant([0, 1, channels, height, width]))
    spread = graph.node("Mul", value, conversion.place[places])
    flat = graph.node("Reshape", spread, graph.constant([0, 4 * channels, height, width]))
    conversion.set_planes(operator.outputs[0], graph.node("DepthToSpace", flat, blocksize=2, mode="DCR"))


def _check_2x2(operator: Operator) -> None:
    """The options are the bytes of a C struct: padding, stride and filter as width, height each, …"""
    if np.frombuffer(operator.options["raw"], "<i4")[1:5].tolist() != [2, 2, 2, 2]:
        raise ModelError(f"{operator.kind} of other than 2 × 2 pixels is not known to this converter.")


OPERATORS: dict[str, Callable[[Conversion, Operator], Any]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "MAX_POOL_2D": _pool,
    "AVERAGE_POOL_2D": _pool,
    "PAD": _pad,
    "PRELU": _prelu,
    "RELU": _unary("Relu"),
    "LOGISTIC": _unary("Sigmoid"),
    "HARD_SWISH": _unary("HardSwish"),
    "ADD": _binary("Add"),
    "MUL": _binary("Mul"),
    "CONCATENATION": _concatenation,
    "RESHAPE": _reshape,
    "RESIZE_BILINEAR": _resize,
    "DEPTH_TO_SPACE": _depth_to_space,
    "MEAN": _mean,
    "STRIDED_SLICE": _strided_slice,
    "Convolution2DTransposeBias": _transposed_convolution,
    "MaxPoolingWithArgmax2D": _pool_with_places,
    "MaxUnpooling2D": _unpool,
}
