"""The mouth's inner loops: light through the lips, and the model drawn with the portrait's own texture. See mouth.c."""

from __future__ import annotations

import ctypes
from functools import partial
from typing import NamedTuple

import numpy as np

from ... import native
from ...arrays import Float, Float32, Int


class Surface(NamedTuple):
    """The model in one frame, ready to be drawn.

    Attributes:
        position: (V, 3) float32, pixels of the picture drawn.
        triangles: (T, 3) int32; what turns its back is not drawn.
        layer: (T,) int32, which of `textures` a triangle shows.
        values: (V, 7) float32: where in the textures (x, y, pixels), how much of them shows 0..1, their gain, and the
            colour beneath them.
        textures: (3, h + 2 PAD, w + 2 PAD, 4) float32, linear RGB and how much of it is known, 0..1. The last one is
            laid over all layers: so much as `whole` says where it shows that surface, at least so much as `rest` says.
        whole, rest: 0..1.
    """

    position: Float32
    triangles: Int
    layer: Int
    values: Float32
    textures: Float32
    whole: np.float32
    rest: np.float32


class _Surface(ctypes.Structure):
    """`Surface` as the kernel takes it."""

    _fields_ = [
        ("position", ctypes.c_void_p),
        ("triangles", ctypes.c_void_p),
        ("layer", ctypes.c_void_p),
        ("values", ctypes.c_void_p),
        ("textures", ctypes.c_void_p),
        ("texture_height", ctypes.c_int64),
        ("texture_width", ctypes.c_int64),
        ("whole", ctypes.c_float),
        ("rest", ctypes.c_float),
    ]


_SIZE = ctypes.c_int64
_FLOAT, _DOUBLE, _INT = native.Array.of(np.float32), native.Array.of(np.float64), native.Array.of(np.int32)
_light_through = native.kernel("mouth_light_through", _DOUBLE, _DOUBLE, _SIZE, _DOUBLE, _DOUBLE, _SIZE, _DOUBLE)
_find_nearest = native.kernel("mouth_find_nearest", _FLOAT, _INT, _SIZE, _SIZE, _INT, _FLOAT, _SIZE, _SIZE, _SIZE)
_mark_seen = native.kernel("mouth_mark_seen", _INT, _SIZE, _INT, native.Array.of(np.uint8))
_draw = native.kernel(
    "mouth_draw", ctypes.POINTER(_Surface), _FLOAT, _SIZE, _SIZE, _FLOAT, _INT, _FLOAT, _FLOAT, _SIZE, _SIZE
)


def light_through(points: Float, normals: Float, centres: Float, areas: Float, out: Float) -> None:
    """What share of the outside light reaches each point through an opening.

    Form factor of disks: Wallace, Elmquist, Haines, "A ray tracing algorithm for progressive radiosity", 1989.

    Args:
        points, normals: (V, 3) head space; centres: (P, 3), areas: (P,) of the opening's patches.
        out: (V,) float64.
    """
    _light_through(points, normals, len(points), centres, areas, len(areas), out)


def find_nearest(position: Float32, triangles: Int, samples: int, nearest: Int, depth: Float32) -> None:
    """Which triangle is nearest at each sample of a picture.

    Args:
        samples: per pixel along each axis.
        nearest: (h · samples, w · samples) int32, out, -1 where there is none; depth: the same in float32, out.
    """
    height, width = nearest.shape
    fill = partial(_find_nearest, position, triangles, len(triangles), samples, nearest, depth, width)
    native.in_bands(fill, 0, height, least=64)


def seen_vertices(nearest: Int, triangles: Int, count: int) -> Int:
    """The indices, ascending, of those of `count` vertices that belong to a triangle that `find_nearest` found."""
    seen = np.zeros(count, np.uint8)
    _mark_seen(nearest, nearest.size, triangles, seen)
    return np.asarray(np.flatnonzero(seen), np.int32)


def draw(
    surface: Surface, coverage: Float32, samples: int, dark: Float32, nearest: Int, model: Float32, own: Float32
) -> None:
    """Draw a `Surface` where it shows, each pixel the mean of its samples; each triangle in a pixel is shaded once.

    Args:
        coverage: (h, w) float32: where it is 0 nothing is drawn.
        samples: per pixel along each axis, at most 3.
        dark: (3,) float32, what is seen where there is no surface.
        nearest: from `find_nearest`.
        model: (h, w, 3) float32, out, the model's own colours.
        own: (h, w, 4) float32, out, the textures over it, premultiplied.
    """
    height, width = coverage.shape
    texture_height, texture_width = surface.textures.shape[1:3]
    given = _Surface(
        native.address(surface.position, np.float32),
        native.address(surface.triangles, np.int32),
        native.address(surface.layer, np.int32),
        native.address(surface.values, np.float32),
        native.address(surface.textures, np.float32),
        texture_height,
        texture_width,
        surface.whole,
        surface.rest,
    )
    rows = partial(_draw, given, coverage, width, samples, dark, nearest, model, own)
    native.in_bands(rows, 0, height, least=16)
