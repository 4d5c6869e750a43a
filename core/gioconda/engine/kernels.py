"""The engine's inner loops: which triangle is seen at a pixel, and what it looks like there. In native/planes.c,
raster.c and shade.c.

Everything works on a band of rows `[row0, row0 + rows)` of the picture: a frame of any size needs little memory.
Coordinates are picture coordinates: the first pixel's centre is (0.5, 0.5).
"""

from __future__ import annotations

import ctypes
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np

from .. import native
from ..arrays import Float, Float32, Floating, Int, UInt8

Number = TypeVar("Number", float, Float)

SUBSAMPLES = 4  # per pixel on an occlusion edge: a rotated grid

_BAND = 32  # rows a thread takes at a time

MISS = -1  # no triangle here: the plate shows
FAR = 1e30  # the depth where there is none
COPIED = np.float32(1e-4)  # of a pixel: a sample that lies as close to a pixel's centre is that pixel to the last bit
FILLED = np.float32(1e-3)  # fill weights below this are none
PAD = 2  # repeated pixels around a texture, so that sampling needs no test for its border


def planes(position: Floating, triangles: Int, values: Floating, *, steep: Floating | float = 4.0) -> Float32:
    """Vertex values as linear functions of the pixel within each triangle: value = p[0] + p[1] x + p[2] y.

    Colours are taken at a pixel's centre also where only a sample beside it lies in the triangle. So in triangles
    thinner than a pixel the slope is limited, or that centre would be far outside the triangle's own values.

    Args:
        position: (N, 2 or 3) float, picture pixels.
        triangles: (T, 3) int32.
        values: (N, K) float.
        steep: (K,) or one for all: a slope per pixel that is never limited.

    Returns:
        (T, K, 3) float32; constant for triangles without area.
    """
    place, given = np.ascontiguousarray(position, np.float64), np.ascontiguousarray(values, np.float64)
    channels = given.shape[1]
    limits = np.ascontiguousarray(np.broadcast_to(np.asarray(steep, np.float64), channels))
    out = np.empty((len(triangles), channels, 3), np.float32)
    _mesh_planes(place, place.shape[1], _triangles(triangles), len(triangles), given, channels, limits, out)
    return out


def vertex_stretch(position: Float, rest: Float, triangles: Int) -> Float:
    """How many portrait pixels each frame pixel covers along the most stretched direction, at most 1. (N,)

    The smallest singular value of the map from frame to portrait: 1 where nothing is enlarged, 0.5 where one pixel of
    the portrait is spread over two.

    position, rest: (N, 2 or 3) float64, a mesh in the frame and in the portrait, pixels; triangles: (T, 3) int32.
    """
    total, out = np.empty(len(position)), np.empty(len(position))
    here, there = np.ascontiguousarray(position), np.ascontiguousarray(rest)
    _mesh_stretch(here, there, *here.shape, _triangles(triangles), len(triangles), total, out)
    return out


def _triangles(triangles: Int) -> Int:
    return np.ascontiguousarray(triangles, np.int32)


class Mesh(NamedTuple):
    """A mesh in a pose, and the matte that cuts holes into its outer triangles.

    Attributes:
        position: (N, 3) float32, picture pixels.
        triangles: (T, 3) int32.
        cutout: (T,) uint8, 1 where the portrait's matte decides whether the triangle is there at all.
        uv: (N, 2) float32, where in the portrait a vertex takes its colour, pixels.
        alpha: (h, w) float32, the portrait's matte, small.
        alpha_scale: pixels of `alpha` per pixel of the portrait, float32.
    """

    position: Float32
    triangles: Int
    cutout: UInt8
    uv: Float32
    alpha: Float32
    alpha_scale: np.float32


class VertexMesh(NamedTuple):
    """position: (N, 3) float32, pixels; triangles: (T, 3) int32."""

    position: Float32
    triangles: Int


class ZBuffer(NamedTuple):
    """What is nearest at each pixel centre of a band.

    Attributes:
        triangle: (rows, W) int32, the nearest triangle or MISS.
        depth: (rows, W) float32, its z in pixels; FAR where there is none.
        row0: the band's first row in the picture.
    """

    triangle: Int
    depth: Float32
    row0: int


class Layers(NamedTuple):
    """The person and what lies behind, scene-linear and premultiplied.

    Attributes:
        texture: padded person, (h + 2 PAD, w + 2 PAD, 4) float32.
        window: (4,) int32: x0, y0, x1, y1 of the person's window in the picture.
        source: (H, W, 4) float32, the portrait: what lies behind outside the window.
        plate: (h, w, 4) float32, the portrait without the person, within the window.
    """

    texture: Float32
    window: Int
    source: Float32
    plate: Float32


class _Mesh(ctypes.Structure):
    """`Mesh` as kernels take it."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("position", "triangles", "cutout", "uv", "alpha")),
        *((name, ctypes.c_int64) for name in ("count", "alpha_height", "alpha_width")),
        ("alpha_scale", ctypes.c_float),
    ]


class _Layers(ctypes.Structure):
    """`Layers` as kernels take it."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("texture", "source", "plate", "window")),
        *((name, ctypes.c_int64) for name in ("texture_height", "texture_width")),
    ]


def _mesh(mesh: Mesh) -> _Mesh:
    floats = [np.ascontiguousarray(each, np.float32) for each in (mesh.position, mesh.uv, mesh.alpha)]
    triangles, cutout = np.ascontiguousarray(mesh.triangles, np.int32), np.ascontiguousarray(mesh.cutout, np.uint8)
    position, uv, alpha = (native.address(each, np.float32) for each in floats)
    made = _Mesh(
        position,
        native.address(triangles, np.int32),
        native.address(cutout, np.uint8),
        *(uv, alpha),
        len(triangles),
        *mesh.alpha.shape,
        mesh.alpha_scale,
    )
    made.kept = floats, triangles, cutout  # as long as their addresses
    return made


def _layers(layers: Layers) -> _Layers:
    floats = (native.address(each, np.float32) for each in (layers.texture, layers.source, layers.plate))
    return _Layers(*floats, native.address(layers.window, np.int32), *layers.texture.shape[:2])


_SIZE, _NUMBER = ctypes.c_int64, ctypes.c_float
_FLOAT, _INT, _BYTE = native.Array.of(np.float32), native.Array.of(np.int32), native.Array.of(np.uint8)
_A_MESH, _SOME_LAYERS, _ROWS = ctypes.POINTER(_Mesh), ctypes.POINTER(_Layers), (_SIZE, _SIZE)
_BAND_OF = (_INT, _SIZE, _SIZE)  # which triangle is seen, the band's width, its first row
_DOUBLE = native.Array.of(np.float64)
_mesh_planes = native.kernel("mesh_planes", _DOUBLE, _SIZE, _INT, _SIZE, _DOUBLE, _SIZE, _DOUBLE, _FLOAT)
_mesh_stretch = native.kernel("mesh_stretch", _DOUBLE, _DOUBLE, _SIZE, _SIZE, _INT, _SIZE, _DOUBLE, _DOUBLE)
_raster_fill = native.kernel("raster_fill", _A_MESH, _INT, _FLOAT, _SIZE, _SIZE, *_ROWS)
_raster_find_edges = native.kernel("raster_find_edges", _INT, _FLOAT, _SIZE, _SIZE, _NUMBER, _INT, _INT, *_ROWS)
_raster_list_edges = native.kernel("raster_list_edges", _INT, _INT, _SIZE, _SIZE, _INT)
_raster_fill_edges = native.kernel("raster_fill_edges", _A_MESH, _INT, _SIZE, _SIZE, _SIZE, _SIZE, _INT, _FLOAT)
_raster_list_filled = native.kernel(
    "raster_list_filled", _INT, _SIZE, _SIZE, _BYTE, _INT, _SIZE, _SIZE, _INT, _SIZE, result=_SIZE
)
_raster_colours = native.kernel("raster_colours", _FLOAT, _INT, _SIZE, _FLOAT, _FLOAT, _FLOAT, _SIZE, _SIZE)
_shade_rows = native.kernel("shade_rows", *_BAND_OF, _FLOAT, _SOME_LAYERS, _FLOAT, _FLOAT, *_ROWS)
_shade_multisampled = native.kernel(
    "shade_multisampled", _INT, _INT, _SIZE, _SIZE, _FLOAT, _FLOAT, _SOME_LAYERS, _FLOAT, _FLOAT, *_ROWS
)
_shade_stmap = native.kernel("shade_stmap", *_BAND_OF, _FLOAT, _FLOAT, _NUMBER, _NUMBER, _FLOAT, *_ROWS)
_shade_interpolate = native.kernel("shade_interpolate", *_BAND_OF, _FLOAT, _SIZE, _FLOAT, _SIZE, _FLOAT, *_ROWS)
_shade_maps = native.kernel(
    "shade_maps", *_BAND_OF, _FLOAT, _FLOAT, _SIZE, _SIZE, _SIZE, _NUMBER, _FLOAT, _FLOAT, *_ROWS
)
_shade_affine = native.kernel("shade_affine", _FLOAT, _SIZE, _SIZE, _FLOAT, _FLOAT, _SIZE, *_ROWS)


def rasterise_rows(mesh: Mesh, buffer: ZBuffer, first: int, last: int) -> None:
    """`rasterise` for the rows first … last - 1 of a band, by one thread: small bands are done before another wakes."""
    width = buffer.triangle.shape[1]
    _raster_fill(_mesh(mesh), buffer.triangle, buffer.depth, width, buffer.row0, first, last)


def rasterise(mesh: Mesh, buffer: ZBuffer) -> None:
    """Fill a z-buffer: which triangle of a `Mesh` is nearest at each pixel centre of a band."""
    rows, width = buffer.triangle.shape
    fill = partial(_raster_fill, _mesh(mesh), buffer.triangle, buffer.depth, width, buffer.row0)
    native.in_bands(fill, 0, rows, least=_BAND)


def nearest(position: Floating, triangles: Int, width: int, height: int) -> ZBuffer:
    """The z-buffer of a whole picture (height, width) in which nothing is cut out.

    position: (N, 3) pixels; triangles: (T, 3).
    """
    buffer = ZBuffer(np.empty((height, width), np.int32), np.empty((height, width), np.float32), 0)
    whole, nowhere = np.zeros(len(triangles), np.uint8), np.zeros((len(position), 2), np.float32)
    opaque = np.ones((1, 1), np.float32)
    rasterise(Mesh(position.astype(np.float32), triangles, whole, nowhere, opaque, np.float32(1)), buffer)
    return buffer


def find_edges(buffer: ZBuffer, jump: float | np.float32, edge_of: Int, in_row: Int) -> None:
    """Mark the pixels where one part of the person hides another: a jump in depth between neighbours.

    Args:
        jump: smallest jump, pixels of depth.
        edge_of: (rows, W) int32, out: 0 where there is an edge, else -1; `list_edges` numbers them.
        in_row: (rows,) int32, out: how many there are in each row.
    """
    rows, width = edge_of.shape
    find = partial(_raster_find_edges, buffer.triangle, buffer.depth, rows, width, jump, edge_of, in_row)
    native.in_bands(find, 0, rows, least=_BAND)


def list_edges(edge_of: Int, in_row: Int, edges: Int) -> None:
    """Number the marked pixels in `edge_of` and list them as (row, column) in `edges`."""
    _raster_list_edges(edge_of, in_row, *edge_of.shape, edges)


def rasterise_edges(mesh: Mesh, row0: int, edge_of: Int, triangle: Int, depth: Float32) -> None:
    """As `rasterise`, for SUBSAMPLES points within each listed edge pixel.

    Args:
        row0: the band's first row; edge_of: (rows, W) int32 from `find_edges`.
        triangle: (edges, SUBSAMPLES) int32, depth: (edges, SUBSAMPLES) float32, out.
    """
    _raster_fill_edges(_mesh(mesh), edge_of, *edge_of.shape, row0, len(triangle), triangle, depth)


def sample_affine(texture: Float32, affine: Float32, out: Float32) -> None:
    """Sample a padded texture into (h, w, 4) float32.

    affine: (2, 3) float32, from the centres of `out`'s pixels (first one at 0.5, 0.5) to the texture's unpadded pixels.
    """
    height, width = out.shape[:2]
    rows = partial(_shade_affine, texture, *texture.shape[:2], affine, out, width)
    native.in_bands(rows, 0, height, least=64)


def shade(buffer: ZBuffer, uv: Float32, layers: Layers, combined: Float32, matte: Float32) -> None:
    """Composite the person over the plate for a band of rows.

    Args:
        uv: (T, 2, 3) float32, planes (see `planes`) of the texture coordinates, pixels of the window.
        combined: (rows, W, 4) float32, premultiplied, and matte: (rows, W) float32, out.
    """
    rows, width = buffer.triangle.shape
    share = partial(_shade_rows, buffer.triangle, width, buffer.row0, uv, _layers(layers), combined, matte)
    native.in_bands(share, 0, rows)


def shade_multisampled(
    pixels: Int,
    samples: Int,
    row0: int,
    uv: Float32,
    fill: Float32,
    layers: Layers,
    combined: Float32,
    matte: Float32,
) -> None:
    """Shade the listed pixels anew: with several samples, and filled where the portrait shows nothing.

    Args:
        pixels: (count, 2) int32, row and column in the band, which begins at `row0`.
        samples: (count, SUBSAMPLES) int32, the triangle at each sample.
        fill: (T, 6, 3) float32, planes: the texture coordinates of what fills a triangle, its weight, and the gain on
            its red, green and blue; zero where nothing is filled.
        others: as `shade`.
    """
    width = matte.shape[1]
    share = partial(_shade_multisampled, pixels, samples, width, row0, uv, fill, _layers(layers), combined, matte)
    native.in_bands(share, 0, len(pixels), least=512)


def list_filled(buffer: ZBuffer, filled: UInt8, edge_of: Int, columns: tuple[int, int], pixels: Int) -> int:
    """List the pixels of triangles that are filled, unless they are edge pixels already. Returns how many.

    Args:
        filled: (T,) uint8.
        edge_of: (rows, W) int32 from `find_edges`, or empty.
        columns: the first column to look at, and the one after the last.
        pixels: (capacity, 2) int32, out.
    """
    rows, width = buffer.triangle.shape
    edges = edge_of if edge_of.size else None
    count: int = _raster_list_filled(buffer.triangle, rows, width, filled, edges, *columns, pixels, len(pixels))
    return count


def stmap(buffer: ZBuffer, uv: Float32, matte: Float32, size: tuple[int, int], out: Float32) -> None:
    """Where in the portrait each pixel's colour was taken from: u to the right, v up, both 0..1, and 1.

    Args:
        uv: (T, 2, 3) float32, planes of the picture coordinates, pixels.
        matte: (rows, W) float32: where it is 0 the plate shows, which stands still.
        size: the portrait's width and height.
        out: (rows, W, 3) float32.
    """
    rows, width = buffer.triangle.shape
    share = partial(_shade_stmap, buffer.triangle, width, buffer.row0, uv, matte, 1.0 / size[0], 1.0 / size[1], out)
    native.in_bands(share, 0, rows)


def interpolate(buffer: ZBuffer, values: Float32, matte: Float32, weigh: bool, out: Float32) -> None:
    """Values that are linear within each triangle, over a band; 0 where the plate shows.

    Args:
        values: (T, K, 3) float32, planes.
        matte: (rows, W) float32.
        weigh: multiply with the matte.
        out: (rows, W, K) float32.
    """
    rows, width = buffer.triangle.shape
    count = values.shape[1]
    share = partial(_shade_interpolate, buffer.triangle, width, buffer.row0, values, count, matte, int(weigh), out)
    native.in_bands(share, 0, rows)


def texture_passes(
    buffer: ZBuffer, uv: Float32, maps: Float32, scale: float | np.float32, matte: Float32, out: Float32
) -> None:
    """Sample small source-space maps (h, w, K) bilinearly through the uv of a band, times the matte, into (rows, W, K).

    uv: (T, 2, 3) float32, planes of the picture coordinates; scale: map pixels per picture pixel.
    """
    rows, width = buffer.triangle.shape
    share = partial(_shade_maps, buffer.triangle, width, buffer.row0, uv, maps, *maps.shape, scale, matte, out)
    native.in_bands(share, 0, rows)


def smoothstep(x: Number) -> Number:
    """0 below 0, 1 above 1, smooth between."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def rasterise_colours(mesh: VertexMesh, colours: Float32, image: Float32, depth: Float32) -> None:
    """Draw a small vertex-coloured mesh with a depth test.

    Args:
        mesh: a `VertexMesh`, its positions in pixels of `image`.
        colours: (N, 3) float32.
        image: (h, w, 3) float32, drawn into.
        depth: (h, w) float32, drawn into.
    """
    _raster_colours(mesh.position, mesh.triangles, len(mesh.triangles), colours, image, depth, *depth.shape)
