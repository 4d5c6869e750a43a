"""Applies a network's corrections to a frame's rows at the picture's own size: apply.c. Knows no networks.

Colours are moved, toned and painted in encoded values (`neural.encoding`), which are looked up in tables; whatever the
tables do not hold (below 0, above 1) goes the exact way. Pixels without a correction keep their value to the last bit.
"""

from __future__ import annotations

import ctypes
from functools import partial
from typing import NamedTuple

import numpy as np

from .. import native
from ..arrays import Float32, Int
from ..imaging import srgb
from .kernels import Layers

STEPS = 4096  # of the tables
# What is too little to be applied, and where corrections fade: declared in apply.c.
NOTHING, STILL, EDGE, RIM = (native.constant(f"APPLY_{name}") for name in ("NOTHING", "STILL", "EDGE", "RIM"))


class Curve(NamedTuple):
    """sRGB's curve of the square of 0..1, and its inverse of 0..1, each (STEPS + 2,) float32."""

    encode: Float32
    decode: Float32


class Rows(NamedTuple):
    """Finished rows of a frame: all that are corrected, and as many above and below as the flows reach.

    Attributes:
        combined: (rows, W, 4) float32, premultiplied; matte: (rows, W) float32.
        top: the first row's number; height: the picture's.
    """

    combined: Float32
    matte: Float32
    top: int
    height: int


class CropOutputs(NamedTuple):
    """What the networks answered for a frame's crops.

    Attributes:
        crops: (4, 2, 3) float32, picture pixels → 0..1 within the crops of head, mouth, left and right eye.
        fades: (4,) float32: 1 where the head's corrections must fade at the left, top, right, bottom.
        mask: (size, size) float32, 0..1, within the head's crop: how much may be corrected.
        head, mouth: (1, size, size, CORRECTION) float32: flow 2 in sides of the crop, tone 7, paint 3; eyes: (2, …).
    """

    crops: Float32
    fades: Float32
    mask: Float32
    head: Float32
    mouth: Float32
    eyes: Float32


_T = np.arange(STEPS + 2) / STEPS
CURVE = Curve(srgb.encode(_T * _T).astype(np.float32), srgb.decode(_T).astype(np.float32))


class _Rows(ctypes.Structure):
    """`Rows` as the kernel takes it."""

    _fields_ = [
        ("combined", ctypes.c_void_p),
        ("matte", ctypes.c_void_p),
        ("width", ctypes.c_int64),
        ("top", ctypes.c_int64),
        ("height", ctypes.c_int64),
    ]


class _Behind(ctypes.Structure):
    """What lies behind the person, of `kernels.Layers`."""

    _fields_ = [("source", ctypes.c_void_p), ("plate", ctypes.c_void_p), ("window", ctypes.c_void_p)]


class _CropOutputs(ctypes.Structure):
    """`CropOutputs` as the kernel takes it, the eyes one by one."""

    _fields_ = [
        ("crops", ctypes.c_void_p),
        ("fades", ctypes.c_void_p),
        ("mask", ctypes.c_void_p),
        ("parts", ctypes.c_void_p * 4),
        ("mask_height", ctypes.c_int64),
        ("mask_width", ctypes.c_int64),
        ("sides", ctypes.c_int64 * 4),
    ]


_SIZE, _FLOAT, _INT = ctypes.c_int64, native.Array.of(np.float32), native.Array.of(np.int32)
_apply_corrections = native.kernel(
    "apply_corrections",
    *(ctypes.POINTER(_Rows), ctypes.POINTER(_Behind), ctypes.POINTER(_CropOutputs)),
    *(_FLOAT, _FLOAT, ctypes.c_float, _INT, _SIZE),
    *(_FLOAT, _FLOAT, _FLOAT, _SIZE, _SIZE),
)
_warp_pass = native.kernel("warp_pass", _FLOAT, _SIZE, _SIZE, _SIZE, _SIZE, _FLOAT, _SIZE, _FLOAT, _FLOAT, _SIZE, _SIZE)


def apply_corrections(
    rows: Rows,
    layers: Layers,
    outputs: CropOutputs,
    curve: Curve,
    gain: float | np.float32,
    box: Int,
    row0: int,
    combined: Float32,
    matte: Float32,
    flow: Float32,
) -> None:
    """Corrections of head, mouth and eyes, blended where they overlap, then applied at once: one resampling.

    Args:
        rows, layers, outputs, curve: `Rows`, `kernels.Layers`, `CropOutputs`, `Curve`.
        gain: linear light to the screen's range.
        box: (4,) int32, x0, y0, x1, y1: what of the picture is corrected.
        row0: the number of the first row to correct.
        combined: (n, W, 4) and matte: (n, W) float32, out: hold what `rows` does there.
        flow: (n, W, 2) float32, out, 0 before: from how far right and down each pixel comes; may be empty: not wanted.
    """

    def of(array: Float32) -> int:
        return native.address(array, np.float32)

    parts = (outputs.head[0], outputs.mouth[0], outputs.eyes[0], outputs.eyes[1])
    drawn = _Rows(of(rows.combined), of(rows.matte), rows.combined.shape[1], rows.top, rows.height)
    behind = _Behind(of(layers.source), of(layers.plate), native.address(layers.window, np.int32))
    answers = _CropOutputs(
        of(outputs.crops),
        of(outputs.fades),
        of(outputs.mask),
        (ctypes.c_void_p * 4)(*map(of, parts)),
        *outputs.mask.shape,
        (ctypes.c_int64 * 4)(*(part.shape[0] for part in parts)),
    )
    moves = flow if len(flow) else None
    share = partial(
        _apply_corrections, drawn, behind, answers, curve.encode, curve.decode, gain, box, row0, combined, matte, moves
    )
    native.in_bands(share, max(int(box[1]), row0), min(int(box[3]), row0 + len(combined)))


def warp_pass(values: Float32, top: int, height: int, flow: Float32, row0: int, scale: Float32, out: Float32) -> None:
    """What a pass says, taken from where each colour is taken from: linearly within a surface, else the nearest.

    Args:
        values: (rows, W, K) float32, rows of a pass from `top` on, as far as the flow reaches; height: of the picture.
        flow: (n, W, 2) float32, of `apply_corrections`, from the row `row0` on.
        scale: (K,) float32: how much of each channel is a step of one pixel; neighbours more than JUMP steps apart lie
            on different surfaces. 0: never.
        out: (n, W, K) float32: holds what `values` does there.
    """
    width, count = values.shape[1:]
    share = partial(_warp_pass, values, width, count, top, height, flow, row0, scale, out)
    native.in_bands(share, 0, len(flow))
