"""What the networks see of finished frames, cropped on the device: the twin of `neural.features.frame_views`.

A crop is averaged down by two matrix products, of rows and of columns, and then sampled linearly where it lies: as
`resample.warp_affine` does it. The matrices, geometry and numbers come from the processor (`crops`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..engine.network_channels import COLOURS, GEOMETRY, NUMBERS, VIEWS, Geometry
from ..imaging import resample
from ..neural.crops import Sizes
from ..neural.features import AROUND
from .encoding import encode
from .graph import FLOAT, INT32, INT64, Graph, Value
from .shading import Canvas


@dataclass(frozen=True)
class NetworkInputs:
    """What the network sees of a batch.

    Attributes:
        tensors: its inputs, by name.
        mask: (frames, 1, head, head), where corrections may happen.
        gain: (1,), from linear light to the screen's range.
    """

    tensors: dict[str, Value]
    mask: Value
    gain: Value


def network_inputs(g: Graph, canvas: Canvas, sizes: Sizes, embedding: int) -> NetworkInputs:
    """All crops of a batch, from the inputs of `crops`. embedding: how long the person's is."""
    gain = g.input("gain", FLOAT, (1,))
    head, mouth, left, right = (
        _crop(g, canvas, name, size)
        for name, size in zip(VIEWS, (sizes.head, sizes.mouth, sizes.eye, sizes.eye), strict=True)
    )
    colours, alpha = _colours(g, head, gain, g.input("plate", FLOAT, (1, 3, sizes.head, sizes.head)))
    revealed = g.input("still_matte", FLOAT, (1, 1, sizes.head, sizes.head)) * (1.0 - alpha)
    half = sizes.head // 2
    disoccluded = revealed.part(0, sizes.head, axis=2, step=2).part(0, sizes.head, axis=3, step=2)
    geometry, k = g.input("head_geometry", FLOAT, ("frames", GEOMETRY, half, half)), int(Geometry.DISOCCLUDED)
    parts = (geometry.part(0, k, axis=1), disoccluded, geometry.part(k + 1, GEOMETRY, axis=1))
    lips, _ = _colours(g, mouth, gain, g.input("mouth_still", FLOAT, (1, 3, sizes.mouth, sizes.mouth)))
    eyes = [
        _colours(g, eye, gain, g.input(f"{name}_still", FLOAT, (1, 3, sizes.eye, sizes.eye)))[0]
        for name, eye in (("left", left), ("right", right))
    ]
    pairs = g.concat(*(eye.reshape(-1, 1, COLOURS, sizes.eye, sizes.eye) for eye in eyes), axis=1)
    tensors = {
        "head_colours": colours,
        "head_geometry": g.concat(*parts, axis=1),
        "mouth_colours": lips,
        "mouth_geometry": g.input("mouth_geometry", FLOAT, ("frames", GEOMETRY, sizes.mouth // 2, sizes.mouth // 2)),
        "eyes_colours": pairs.reshape(-1, COLOURS, sizes.eye, sizes.eye),
        "eyes_geometry": g.input("eyes_geometry", FLOAT, ("eyes", GEOMETRY, sizes.eye // 2, sizes.eye // 2)),
        "numbers": (numbers := g.input("numbers", FLOAT, ("frames", NUMBERS))),
        "eyes_numbers": g.input("eyes_numbers", FLOAT, ("eyes", NUMBERS)),
        "code": _repeated(g, g.input("code", FLOAT, (1, embedding)), numbers),
    }
    return NetworkInputs(tensors, _mask(g, alpha, disoccluded, sizes.head), gain)


def _repeated(g: Graph, embedding: Value, like: Value) -> Value:
    """One row for each of another's rows."""
    return embedding + like.part(0, 1, axis=1) * 0.0


def _crop(g: Graph, canvas: Canvas, name: str, size: int) -> Value:
    """Red, green, blue and matte of a crop, (frames, 4, size, size), linear light.

    The inputs: NAME_rows (frames, h) and NAME_columns (frames, w), which pixels hold it; NAME_down (·, h', h) and
    NAME_across (·, w', w), how they are averaged; NAME_into (frames, 6) and NAME_limit (frames, 2), where its own
    pixels lie in the average, -1..1, and how far that is known; · is 1 or as many as there are frames.
    """
    rows, columns = (g.input(f"{name}_{axis}", INT32, ("frames", f"{name}_{axis}")) for axis in ("rows", "columns"))
    down, across = (
        g.input(f"{name}_{way}", FLOAT, (f"{name}_each", f"{name}_small_{way}", f"{name}_{axis}"))
        for way, axis in (("down", "rows"), ("across", "columns"))
    )
    pixel = rows.reshape(0, -1, 1) + columns.reshape(0, 1, -1)
    part = g.concat(canvas.combined.rows(pixel).part(0, 3, axis=3), canvas.matte.rows(pixel), axis=3)
    lines = g.op("MatMul", down, part.reshape(0, 0, -1)).reshape(0, 0, -1, 4).transpose(0, 2, 1, 3)
    small = g.op("MatMul", across, lines.reshape(0, 0, -1)).reshape(0, 0, -1, 4).transpose(0, 3, 2, 1)
    return g.op("GridSample", small, _grid(g, name, size), mode="bilinear", padding_mode="border", align_corners=0)


def _grid(g: Graph, name: str, size: int) -> Value:
    into, limit = g.input(f"{name}_into", FLOAT, ("frames", 6)), g.input(f"{name}_limit", FLOAT, ("frames", 2))
    centres = np.arange(size) + 0.5
    x, y = g.constant(centres.reshape(1, 1, -1), FLOAT), g.constant(centres.reshape(1, -1, 1), FLOAT)
    axes = []
    for k in range(2):
        a, b, c = (into.part(3 * k + i, 3 * k + i + 1, axis=1).reshape(-1, 1, 1) for i in range(3))
        far = limit.part(k, k + 1, axis=1).reshape(-1, 1, 1)
        axes.append((a * x + b * y + c).minimum(far).reshape(0, 0, 0, 1))
    return g.concat(*axes, axis=3)


def _colours(g: Graph, crop: Value, gain: Value, behind: Value) -> tuple[Value, Value]:
    """The COLOURS channels of a crop, and its matte (frames, 1, size, size)."""
    alpha = crop.part(3, 4, axis=1)
    rgb = encode(g, crop.part(0, 3, axis=1) * gain)
    return g.concat(rgb, behind + alpha * 0.0, alpha, axis=1), alpha


def _mask(g: Graph, alpha: Value, disoccluded: Value, size: int) -> Value:
    """As `features.correction_mask`: a disc's maximum row by row, then a mean."""
    revealed = g.op(
        "Resize",
        disoccluded,
        Value(g, "", FLOAT),
        g.constant([1, 1, 2, 2], FLOAT),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    person = (alpha + revealed).clip(0.0, 1.0)
    radius = round(AROUND * size)
    edged, grown = _edged(g, person, radius), None
    for away, half in enumerate(_disc(radius)):
        # two rows of the disc at a time, as far above the middle as below
        if away:
            most = g.op("MaxPool", edged, kernel_shape=[2, 2 * half + 1], dilations=[2 * away, 1])
        else:
            most = g.op("MaxPool", edged, kernel_shape=[1, 2 * half + 1])
        most = most.part(radius - away, radius - away + size, axis=2)
        most = most.part(radius - half, radius - half + size, axis=3)
        grown = most if grown is None else grown.maximum(most)
    assert grown is not None
    mean = radius // 2
    return g.op("AveragePool", _edged(g, grown, mean), kernel_shape=[2 * mean + 1, 2 * mean + 1])


def _edged(g: Graph, value: Value, k: int) -> Value:
    return g.op("Pad", value, g.constant([0, 0, k, k, 0, 0, k, k], INT64), mode="edge")


def _disc(radius: int) -> list[int]:
    """Half the width of each row of the disc that `resample.dilate` uses, from its middle row on."""
    point = np.zeros((2 * radius + 3,) * 2, np.float32)
    point[radius + 1, radius + 1] = 1
    widths = (resample.dilate(point, radius) > 0).sum(1)
    return [int(width) // 2 for width in widths[radius + 1 :] if width]
