"""What crops of a picture show: colours averaged down, and the mesh's geometry: crop.c. Knows no networks.

A picture goes by in bands of rows, from top to bottom, and is the same to the last bit at any height of the bands.
"""

from __future__ import annotations

import ctypes
from functools import partial

import numpy as np

from .. import native
from ..arrays import Float32, Int, UInt8
from .kernels import Mesh
from .mesh import EYE_HOLE, FACE, MOUTH_HOLE, OUTER
from .network_channels import Geometry

# the channels that are values of the vertices, in the order in which `describe` takes them; flow, depth and position on
# the head are held within a range
_VALUES = (
    *(Geometry.FLOW_X, Geometry.FLOW_Y, Geometry.DEPTH),
    *(Geometry.STRETCH, Geometry.FILL_WEIGHT, Geometry.VISIBLE),
    *(Geometry.HEAD_X, Geometry.HEAD_Y, Geometry.HEAD_Z),
)
_CHANNELS = np.array(_VALUES, np.int32)
_HELD = np.array([each < Geometry.STRETCH or each >= Geometry.HEAD_X for each in _VALUES], np.int32)
# Region → the channel that is 1 there; -1: what the portrait's maps say.
_SHOWS = np.full(1 + max(FACE, OUTER, MOUTH_HOLE, EYE_HOLE), -1, np.int32)
_SHOWS[[FACE, MOUTH_HOLE, EYE_HOLE]] = Geometry.SKIN, Geometry.MOUTH, Geometry.EYE

_SIZE, _FLOAT, _INT = ctypes.c_int64, native.Array.of(np.float32), native.Array.of(np.int32)
_average = native.kernel(
    "crop_average", *(_FLOAT, _FLOAT, _SIZE, _SIZE, _SIZE), *(_INT, _FLOAT, _SIZE, _SIZE), _SIZE, _SIZE
)
_sample = native.kernel(
    "crop_sample", *(_FLOAT, _SIZE, _SIZE), *(_FLOAT, ctypes.c_float, _FLOAT), *(_FLOAT, _SIZE), _SIZE, _SIZE
)
_describe = native.kernel(
    "crop_describe",
    *(_INT, _SIZE, _FLOAT, _FLOAT, _INT),
    *(native.Array.of(np.uint8), _INT, _FLOAT, _INT, _INT),
    *(_SIZE, _SIZE, _SIZE),
    *(_FLOAT, _SIZE, _SIZE, ctypes.c_float),
    *(_FLOAT, _SIZE, _SIZE, _SIZE),
)


def average(picture: Float32, matte: Float32, top: int, box: Int, sums: Float32) -> None:
    """Add what a band holds of them to the averages over the parts of a box.

    Args:
        picture: (rows, W, 4) float32; matte: (rows, W) float32; both begin at the row `top`.
        box: (4,) int32, x0, y0, x1, y1.
        sums: (h, w, 4) float32, red, green, blue and matte: 0 before the first band.
    """
    rows, width = matte.shape
    h, w = sums.shape[:2]
    y0, y1 = int(box[1]), int(box[3])
    down = (y1 - y0) / h
    # the rows of parts that the band reaches
    begin = max(0, int((max(top, y0) - y0) / down) - 1)
    end = min(h, int((min(top + rows, y1) - y0) / down) + 2)
    native.in_bands(partial(_average, picture, matte, rows, width, top, box, sums, h, w), begin, end)


def sample(sums: Float32, into: Float32, gain: float | np.float32, table: Float32, out: Float32) -> None:
    """Averages sampled linearly into a crop, edges repeated: encoded colours and the matte.

    Args:
        sums: (h, w, 4) float32 of `average`.
        into: (2, 3) float32, the crop's pixels → those of `sums`, corners at (0, 0).
        gain: linear light to the screen's range; table: `Curve.encode`.
        out: (4, size, size) float32.
    """
    h, w = sums.shape[:2]
    size = out.shape[1]
    native.in_bands(partial(_sample, sums, h, w, into, gain, table, out, size), 0, size, least=32)


def describe(
    triangle: Int, mesh: Mesh, region: UInt8, values: Float32, maps: Float32, scale: float | np.float32, out: Float32
) -> None:
    """The geometry of a crop, from which triangle is seen where.

    Args:
        triangle: (size, size) int32 of a `kernels.ZBuffer`.
        mesh: the `kernels.Mesh` that was drawn, in pixels of the crop; region: (T,) uint8.
        values: (N, 9) float32, per vertex what _VALUES says.
        maps: (h, w, 2) float32, the portrait's hair and body; scale: their pixels per portrait pixel.
        out: (channels, size, size) float32, see `Geometry`.
    """
    size, (high, wide) = len(triangle), maps.shape[:2]
    rows = partial(
        _describe,
        *(triangle, size, mesh.position, mesh.uv, mesh.triangles),
        *(region, _SHOWS, values, _CHANNELS, _HELD),
        *(int(Geometry.BACKGROUND), int(Geometry.HAIR), int(Geometry.BODY)),
        *(maps, high, wide, scale),
        *(out, len(out)),
    )
    native.in_bands(rows, 0, size, least=32)
