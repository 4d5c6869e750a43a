"""The head's volume between person and background: the inner loops. See `hull_frame`, and native/hull.c."""

from __future__ import annotations

import ctypes
from functools import partial
from typing import NamedTuple

import numpy as np

from .. import native
from ..arrays import Float32, Int
from .kernels import Layers, ZBuffer

LEAST, SOLID, SPAN = (native.constant(f"HULL_{name}") for name in ("LEAST", "SOLID", "SPAN"))


class Surface(NamedTuple):
    """The hull in a pose.

    Attributes:
        position: (N, 3) float32, pixels.
        triangles: (T, 3) int32, those that may be seen.
        values: (N, VALUES) float32: texture column and row in pixels; cosine towards the viewer; how much it is shown.
        texture: (h + 2 PAD, w + 2 PAD, 4) float32, scene-linear, premultiplied.
        gives_way: (h, w, 1) float32, 0..1: where the person's layer gives way to the hull, small.
        scale: pixels of `gives_way` per pixel of the portrait, float32.
    """

    position: Float32
    triangles: Int
    values: Float32
    texture: Float32
    gives_way: Float32
    scale: np.float32


class _Surface(ctypes.Structure):
    """`Surface` as the kernels take it."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("position", "triangles", "values", "texture")),
        *((name, ctypes.c_int64) for name in ("texture_height", "texture_width")),
        ("gives_way", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("map_height", "map_width")),
        ("scale", ctypes.c_float),
    ]

    @classmethod
    def of(cls, surface: Surface) -> _Surface:
        arrays = {name: native.address(getattr(surface, name), np.float32) for name in _ARRAYS}
        return cls(
            **arrays,
            triangles=native.address(surface.triangles, np.int32),
            texture_height=surface.texture.shape[0],
            texture_width=surface.texture.shape[1],
            map_height=surface.gives_way.shape[0],
            map_width=surface.gives_way.shape[1],
            scale=float(surface.scale),
        )


_ARRAYS = ("position", "values", "texture", "gives_way")
_SIZE, _REAL, _FLOAT, _INT = ctypes.c_int64, ctypes.c_float, native.Array.of(np.float32), native.Array.of(np.int32)
_BOX = (_INT, _SIZE, _SIZE, _SIZE, ctypes.POINTER(_Surface))  # seen, its width, x0, row0, surface
_ROWS = (_SIZE, _SIZE)
_sample = native.kernel("hull_sample", *_BOX, _INT, _SIZE, _FLOAT, _FLOAT, _FLOAT, *_ROWS)
_composite = native.kernel(
    "hull_composite",
    *(_FLOAT, _SIZE, _SIZE, _SIZE),
    *(_INT, _FLOAT, _FLOAT, _SIZE),
    *(_FLOAT, _FLOAT, _FLOAT),
    *_ROWS,
)
_values = native.kernel("hull_draw_values", *_BOX, _FLOAT, _SIZE, _FLOAT, _FLOAT, _SIZE, _FLOAT, *_ROWS)
_texture = native.kernel("hull_draw_texture", *_BOX, _FLOAT, _SIZE, _SIZE, _REAL, _REAL, _FLOAT, _SIZE, _FLOAT, *_ROWS)
_origin = native.kernel("hull_draw_origin", *_BOX, _FLOAT, _SIZE, _SIZE, _FLOAT, _FLOAT, _FLOAT, _SIZE, _FLOAT, *_ROWS)


def sample_hull(
    seen: ZBuffer,
    x0: int,
    surface: Surface,
    buffer: ZBuffer,
    uv: Float32,
    layer: Float32,
    matte: Float32 | None = None,
) -> None:
    """What the hull looks like, and how far the person gives way, over a band's box.

    Args:
        seen: `ZBuffer` of the hull, (rows, w), its first column being x0 of the picture.
        buffer, uv: the person's `ZBuffer` (rows, W) and planes of picture coordinates.
        layer: (rows, w, 6) float32, out: red, green, blue, alpha, premultiplied; how much it is there; giving way.
        matte: (rows, W) float32 of the person: where it hides all of the hull nothing is sampled.
    """
    person, box = buffer.triangle, _box(seen, x0, surface)
    native.in_bands(partial(_sample, *box, person, person.shape[1], uv, matte, layer), 0, len(layer))


def composite_hull(
    layer: Float32, x0: int, row0: int, layers: Layers, combined: Float32, matte: Float32, shown: Float32
) -> None:
    """Put the hull between person and background.

    Args:
        layer: (rows, w, 6) of `sample_hull`, its first column being x0 of the picture.
        row0: the first row in the picture; layers: `kernels.Layers`, for the background.
        combined, matte: (rows, W, 4) and (rows, W) float32: the person over the background; changed.
        shown: (rows, w) float32, out: how much of each pixel is the hull's.
    """
    behind = (layers.window, layers.plate, layers.source, matte.shape[1])
    call = partial(_composite, layer, layer.shape[1], x0, row0, *behind, combined, matte, shown)
    native.in_bands(call, 0, len(layer))


def draw_values(
    seen: ZBuffer, x0: int, surface: Surface, values: Float32, shown: Float32, matte: Float32, out: Float32
) -> None:
    """Write values of the hull, (N, K) float32 at its vertices, where more of a pixel is the hull's than not.

    shown: (rows, w) of `composite_hull`; matte: (rows, W); out: (rows, W, K) float32.
    """
    given = (np.ascontiguousarray(values), values.shape[1], shown, matte, matte.shape[1], out)
    native.in_bands(partial(_values, *_box(seen, x0, surface), *given), 0, len(shown))


def draw_texture(
    seen: ZBuffer, x0: int, surface: Surface, maps: Float32, scale: float, bias: float, shown: Float32, out: Float32
) -> None:
    """Add a map (h, w, 1) over the texture as much as the hull is shown: out += shown · (scale · map + bias).

    shown: (rows, w); out: (rows, W, 1) float32.
    """
    given = (maps, *maps.shape[:2], scale, bias, shown, out.shape[1], out)
    native.in_bands(partial(_texture, *_box(seen, x0, surface), *given), 0, len(shown))


def draw_origin(
    seen: ZBuffer,
    x0: int,
    surface: Surface,
    origin: Float32,
    size: Float32,
    shown: Float32,
    matte: Float32,
    out: Float32,
) -> None:
    """The UV pass where more of a pixel is the hull's than not: where in the portrait its texel comes from.

    origin: (h, w, 2) float32, pixels of the portrait, over the texture; size: the portrait's width and height.
    """
    given = (origin, *origin.shape[:2], size, shown, matte, matte.shape[1], out)
    native.in_bands(partial(_origin, *_box(seen, x0, surface), *given), 0, len(shown))


def _box(seen: ZBuffer, x0: int, surface: Surface) -> tuple[Int, int, int, int, _Surface]:
    """The first arguments of every kernel over the box in which the hull may be seen."""
    return seen.triangle, seen.triangle.shape[1], int(x0), int(seen.row0), _Surface.of(surface)
