"""LivePortrait's four networks in miniature: the same names and shapes, random weights, made in a moment.

The generator samples its features in five dimensions, as the real one does, and paints as much as the keypoints moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OUTPUTS = {"pitch": 66, "yaw": 66, "roll": 66, "t": 3, "exp": 63, "scale": 1, "kp": 63}
GENERATOR = ("feature_3d", (1, 32, 16, 64, 64)), ("kp_driving", (1, 21, 3)), ("kp_source", (1, 21, 3))

Shapes = Sequence[tuple[str, Sequence[int]]]


def write_nets(folder: Path, *, seed: int = 0, seen: int = 256) -> Path:
    """All four in a folder. seen: pixels of the pictures that the first two look at."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    _appearance(folder / "appearance_feature_extractor.onnx", random, seen)
    _motion(folder / "motion_extractor.onnx", random, seen)
    _stitching(folder / "stitching.onnx", random)
    _generator(folder / "warping_spade.onnx", random)
    return folder


def write_net(
    path: Path, nodes: list[onnx.NodeProto], inputs: Shapes, outputs: Shapes, constants: dict[str, np.ndarray]
) -> None:
    sides = ([helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in side] for side in (inputs, outputs))
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", *sides, tensors)
    domains = {"": 20, **{node.domain: 1 for node in nodes if node.domain}}
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(*each) for each in domains.items()])
    model.ir_version = 9
    path.write_bytes(model.SerializeToString())


def _appearance(path: Path, random: np.random.Generator, seen: int) -> None:
    """Colours at 64², spread over 512 channels that stand for 32 × 16."""
    step = seen // 64
    write_net(
        path,
        [
            helper.make_node("AveragePool", ["img"], ["small"], kernel_shape=[step, step], strides=[step, step]),
            helper.make_node("Conv", ["small", "weight"], ["flat"]),
            helper.make_node("Reshape", ["flat", "shape"], ["output"]),
        ],
        [("img", (1, 3, seen, seen))],
        [("output", (1, 32, 16, 64, 64))],
        {
            "weight": random.normal(0, 1, (512, 3, 1, 1)).astype(np.float32),
            "shape": np.array([1, 32, 16, 64, 64], np.int64),
        },
    )


def _motion(path: Path, random: np.random.Generator, seen: int) -> None:
    """Everything a linear function of the colours at 8²; the angles near 0, the scale near 1."""
    step = seen // 8
    nodes = [
        helper.make_node("AveragePool", ["img"], ["small"], kernel_shape=[step, step], strides=[step, step]),
        helper.make_node("Flatten", ["small"], ["flat"]),
    ]
    constants = {}
    for name, count in OUTPUTS.items():
        bias = np.zeros(count)
        if count == 66:  # a peak in the middle bins: near 0°
            bias = -np.abs(np.arange(66) - 32.5)
        elif name == "scale":
            bias += 1.2
        elif name == "kp":
            bias = random.normal(0, 0.3, count)
        constants |= {f"{name}_w": random.normal(0, 0.08, (192, count)).astype(np.float32)}
        constants |= {f"{name}_b": np.asarray(bias, np.float32)}
        nodes.append(helper.make_node("Gemm", ["flat", f"{name}_w", f"{name}_b"], [name]))
    shapes = [(name, (1, count)) for name, count in OUTPUTS.items()]
    write_net(path, nodes, [("img", (1, 3, seen, seen))], shapes, constants)


def _stitching(path: Path, random: np.random.Generator) -> None:
    write_net(
        path,
        [helper.make_node("MatMul", ["input", "weight"], ["output"])],
        [("input", (1, 126))],
        [("output", (1, 65))],
        {"weight": random.normal(0, 0.01, (126, 65)).astype(np.float32)},
    )


def _generator(path: Path, random: np.random.Generator) -> None:
    """Features sampled where the keypoints' mean shift says, brought to three channels and to 512²."""
    middles = (2 * np.arange(64) + 1) / 64 - 1
    y, x = np.meshgrid(middles, middles, indexing="ij")
    grid = np.stack([x, y, np.zeros_like(x)], axis=-1)[None, None]
    write_net(
        path,
        [
            helper.make_node("Sub", ["kp_driving", "kp_source"], ["shifts"]),
            helper.make_node("ReduceMean", ["shifts", "points"], ["shift"], keepdims=1),
            helper.make_node("Reshape", ["shift", "one_place"], ["there"]),
            helper.make_node("Sub", ["grid", "there"], ["where"]),
            helper.make_node("GridSample", ["feature_3d", "where"], ["seen"], mode="linear", padding_mode="border"),
            helper.make_node("Squeeze", ["seen", "depth"], ["flat"]),
            helper.make_node("Conv", ["flat", "weight"], ["colours"]),
            helper.make_node("Sigmoid", ["colours"], ["shown"]),
            helper.make_node("Resize", ["shown", "", "scales"], ["out"], mode="linear"),
        ],
        GENERATOR,
        [("out", (1, 3, 512, 512))],
        {
            "points": np.array([1], np.int64),
            "one_place": np.array([1, 1, 1, 1, 3], np.int64),
            "grid": grid.astype(np.float32),
            "depth": np.array([2], np.int64),
            "weight": random.normal(0, 0.2, (3, 32, 1, 1)).astype(np.float32),
            "scales": np.array([1, 1, 8, 8], np.float32),
        },
    )
