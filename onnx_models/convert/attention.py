"""The face network's own operators in standard ONNX: how it looks again at lips and eyes.

The network first finds all 468 points roughly. For the lips and for each eye, a *transform matrix* places a small
upright square around that feature's rough points (`Landmarks2TransformMatrix`), the early feature map is *sampled* in
that square (`TransformTensorBilinear`), a branch of convolutions finds the feature's points in it, and the same matrix
*carries* them back (`TransformLandmarks`). What they compute was learned from MediaPipe 0.10
(mediapipe/util/tflite/operations, version 2 of each).
"""

from __future__ import annotations

import numpy as np

from .onnx_graph import OnnxGraph
from .operators import OPERATORS, Conversion
from .tflite_graph import Graph, Operator

EYE_CONTOUR = 16  # the first so many points of an eye branch outline the opening


def landmarks_to_matrix(conversion: Conversion, operator: Operator) -> None:
    """Points (N, P, 3) → (N, 4, 4): from the cells of the sampled square to the coordinates of the points.

    matrix = shift(centre) · rotate(−r) · scale(margin · extent / cells) · shift(−cells / 2), where r turns the line
    between two given points onto the target angle, and centre and extent are those of the points' bounding box turned
    by r.
    """
    graph, options = conversion.target, operator.options
    points = conversion.plain(operator.inputs[0])
    cosine, sine = _rotation(graph, points, options)
    chosen = graph.node("Gather", points, graph.constant(list(options["subset_idxs"])), axis=1)
    x, y = (_column(graph, chosen, axis) for axis in (0, 1))
    turned_x = graph.node("Sub", graph.node("Mul", cosine, x), graph.node("Mul", sine, y))
    turned_y = graph.node("Add", graph.node("Mul", sine, x), graph.node("Mul", cosine, y))
    middle_x, extent_x = _middle_and_extent(graph, turned_x)
    middle_y, extent_y = _middle_and_extent(graph, turned_y)
    centre_x = graph.node("Add", graph.node("Mul", cosine, middle_x), graph.node("Mul", sine, middle_y))
    centre_y = graph.node("Sub", graph.node("Mul", cosine, middle_y), graph.node("Mul", sine, middle_x))
    width, height = options["output_width"], options["output_height"]
    scale_x = graph.node("Mul", extent_x, graph.constant(options["scale_x"] / width))
    scale_y = graph.node("Mul", extent_y, graph.constant(options["scale_y"] / height))

    xx, xy = graph.node("Mul", cosine, scale_x), graph.node("Mul", sine, scale_y)
    yx, yy = graph.node("Neg", graph.node("Mul", sine, scale_x)), graph.node("Mul", cosine, scale_y)
    half_w, half_h = graph.constant(width / 2), graph.constant(height / 2)
    back_x = graph.node("Add", graph.node("Mul", xx, half_w), graph.node("Mul", xy, half_h))
    back_y = graph.node("Add", graph.node("Mul", yx, half_w), graph.node("Mul", yy, half_h))
    shift_x, shift_y = graph.node("Sub", centre_x, back_x), graph.node("Sub", centre_y, back_y)

    six = graph.node("Concat", xx, xy, shift_x, yx, yy, shift_y, axis=1)  # (N, 6)
    places, rest = np.zeros((6, 16), np.float32), np.zeros(16, np.float32)
    places[range(6), (0, 1, 3, 4, 5, 7)] = 1
    rest[[10, 15]] = 1
    flat = graph.node("Add", graph.node("MatMul", six, graph.constant(places)), graph.constant(rest))
    conversion.set_plain(operator.outputs[0], graph.node("Reshape", flat, graph.constant([0, 4, 4])))


def _rotation(graph: OnnxGraph, points: str, options: dict[str, float]) -> tuple[str, str]:
    """Cosine and sine, (N, 1) each, of (target angle − angle of the line between the two given points)."""
    left, right = (
        graph.node("Gather", points, graph.constant([int(options[key])]), axis=1)
        for key in ("left_rotation_idx", "right_rotation_idx")
    )
    line = graph.node("Sub", right, left)
    dx, dy = _column(graph, line, 0), _column(graph, line, 1)
    length = graph.node("Sqrt", graph.node("Add", graph.node("Mul", dx, dx), graph.node("Mul", dy, dy)))
    cosine, sine = graph.node("Div", dx, length), graph.node("Div", dy, length)
    target = options["target_rotation_radians"]
    cos_target, sin_target = graph.constant(float(np.cos(target))), graph.constant(float(np.sin(target)))
    return (
        graph.node("Add", graph.node("Mul", cosine, cos_target), graph.node("Mul", sine, sin_target)),
        graph.node("Sub", graph.node("Mul", cosine, sin_target), graph.node("Mul", sine, cos_target)),
    )


def _column(graph: OnnxGraph, points: str, axis: int) -> str:
    """(N, P, K) → (N, P): one coordinate of every point."""
    return graph.node("Gather", points, graph.constant(np.array(axis)), axis=2)


def _middle_and_extent(graph: OnnxGraph, values: str) -> tuple[str, str]:
    """(N, P) → middle and extent of the values' range, (N, 1) each."""
    high = graph.node("ReduceMax", values, axes=[1], keepdims=1)
    low = graph.node("ReduceMin", values, axes=[1], keepdims=1)
    return graph.node("Mul", graph.node("Add", low, high), graph.constant(0.5)), graph.node("Sub", high, low)


def sample_features(conversion: Conversion, operator: Operator) -> None:
    """Feature map (N, H, W, C) and matrix (N, 4, 4) → the map sampled bilinearly at the matrix's cells; nothing outside
    it is 0.
    """
    graph = conversion.target
    features, matrix = operator.inputs
    _, height, width, _ = conversion.shape(features)
    rows, columns = operator.options["output_height"], operator.options["output_width"]
    y, x = np.mgrid[:rows, :columns].reshape(2, -1).astype(np.float32) + np.float32(0.5)
    cells = np.stack([x, y, np.zeros_like(x), np.ones_like(x)])  # (4, cells)
    picked = graph.node("Gather", conversion.plain(matrix), graph.constant([0, 1]), axis=1)
    at = graph.node("Sub", graph.node("MatMul", picked, graph.constant(cells)), graph.constant(0.5))  # (N, 2, cells)
    last = np.array([[width - 1], [height - 1]], np.float32)
    inside = _between(graph, at, graph.constant(last))
    unit = graph.node("Sub", graph.node("Mul", at, graph.constant(2 / last)), graph.constant(1.0))
    by_cell = graph.node("Transpose", unit, perm=[0, 2, 1])
    grid = graph.node("Reshape", by_cell, graph.constant([0, rows, columns, 2]))
    sampled = graph.node(
        "GridSample", conversion.planes(features), grid, mode="bilinear", padding_mode="zeros", align_corners=1
    )
    mask = graph.node("Reshape", inside, graph.constant([0, 1, rows, columns]))
    conversion.set_planes(operator.outputs[0], graph.node("Mul", sampled, mask))


def _between(graph: OnnxGraph, at: str, last: str) -> str:
    """Coordinates (N, 2, P) → (N, 1, P): 1 where both lie in [0, last], else 0."""
    low = graph.node("GreaterOrEqual", at, graph.constant(0.0))
    inside = graph.node("Cast", graph.node("And", low, graph.node("LessOrEqual", at, last)), to=1)
    return graph.node("ReduceMin", inside, axes=[1], keepdims=1)


def carry_points(conversion: Conversion, operator: Operator) -> None:
    """Points (N, P, 2) in cells and matrix (N, 4, 4) → points (N, P, 2) in the matrix's coordinates."""
    graph = conversion.target
    points, matrix = map(conversion.plain, operator.inputs)
    rows = graph.node("Gather", matrix, graph.constant([0, 1]), axis=1)
    linear = graph.node("Transpose", graph.node("Gather", rows, graph.constant([0, 1]), axis=2), perm=[0, 2, 1])
    shift = graph.node("Transpose", graph.node("Gather", rows, graph.constant([3]), axis=2), perm=[0, 2, 1])
    conversion.set_plain(operator.outputs[0], graph.node("Add", graph.node("MatMul", points, linear), shift))


def assemble_landmarks(conversion: Conversion, graph: Graph) -> tuple[str, str]:
    """Put the branches' answers together → the values "landmarks" (N, 478, 3) and "score" (N, 1).

    Lips and eyes replace x and y of the rough points and keep their z; an iris has the mean z of its eye's opening. The
    branches' points are those their matrices were measured on, in the same order.
    """
    target = conversion.target
    mesh, *branches, flag = graph.outputs  # lips, left eye, right eye, left iris, right iris
    lips, left_eye, right_eye = (
        list(o.options["subset_idxs"]) for o in graph.operators if o.kind == "Landmarks2TransformMatrix"
    )
    rough = target.node("Reshape", conversion.plain(mesh), target.constant([0, 468, 3]))
    found = [target.node("Slice", rough, *(target.constant([n]) for n in (0, 2, 2)))]
    found += [target.node("Reshape", conversion.plain(b), target.constant([0, -1, 2])) for b in branches]
    order = np.arange(478)
    start = 468
    for places in (lips, left_eye, right_eye, list(range(468, 473)), list(range(473, 478))):
        order[places] = start + np.arange(len(places))
        start += len(places)
    xy = target.node("Gather", target.node("Concat", *found, axis=1), target.constant(order), axis=1)

    z = target.node("Slice", rough, *(target.constant([n]) for n in (2, 3, 2)))
    depths = [z]
    for eye in (left_eye, right_eye):
        opening = target.node("Gather", z, target.constant(eye[:EYE_CONTOUR]), axis=1)
        depths += [target.node("ReduceMean", opening, axes=[1], keepdims=1)] * 5
    landmarks = target.node("Concat", xy, target.node("Concat", *depths, axis=1), axis=2)
    score = target.node("Reshape", target.node("Sigmoid", conversion.plain(flag)), target.constant([0, 1]))
    return landmarks, score


OPERATORS.update(
    {
        "Landmarks2TransformMatrix": landmarks_to_matrix,
        "TransformTensorBilinear": sample_features,
        "TransformLandmarks": carry_points,
    }
)
