"""The kernel that draws a closing lid over an eye's patch. See lid.c."""

from __future__ import annotations

import ctypes
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .. import native
from ..arrays import Float32


class LidShape(NamedTuple):
    """Where a lid is drawn and how much of it; columns and heights as in `LidCurves`, pixels of the patch.

    Attributes:
        table: (COLUMNS, 13) float32: the upper lid and the line it closes on; brow, fold, line and pouch in the frame,
            the same in the portrait; how long lashes are, 0..1; how strong the line is, 0..1; how high the lid
            is between edge and fold in the portrait.
        first, step: of the columns, eye widths.
        corner, along, up: (2,) float32, and width: of the eye in the frame.
        crop_corner, crop_along, crop_up: (2,), crop_width: of the eye in the texture.
        closed, shut, lashed: 0..1, how much of the lid is painted; of it over the slit between the lids; of the lashes.
        raised, hanging: how long the lashes are seen above and below the lid's edge, 1 as in the portrait; upward: 0..1
            what shows of those above.
        reach: height of the table of lashes, eye widths; line: half the closing line's thickness, eye widths.
        drawn: see `Lid`.
    """

    table: Float32
    first: np.float32
    step: np.float32
    corner: Float32
    along: Float32
    up: Float32
    width: np.float32
    crop_corner: Float32
    crop_along: Float32
    crop_up: Float32
    crop_width: np.float32
    closed: np.float32
    shut: np.float32
    lashed: np.float32
    raised: np.float32
    hanging: np.float32
    upward: np.float32
    reach: np.float32
    line: np.float32
    drawn: np.float32


class _LidShape(ctypes.Structure):
    """`LidShape` as the kernel takes it."""

    _fields_ = [
        ("table", ctypes.c_void_p),
        ("columns", ctypes.c_int64),
        *((name, ctypes.c_float) for name in ("first", "step")),
        *((name, ctypes.c_float * 2) for name in ("corner", "along", "up")),
        ("width", ctypes.c_float),
        *((name, ctypes.c_float * 2) for name in ("crop_corner", "crop_along", "crop_up")),
        ("crop_width", ctypes.c_float),
        *((name, ctypes.c_float) for name in ("closed", "shut", "lashed", "raised", "hanging", "upward")),
        *((name, ctypes.c_float) for name in ("reach", "line", "drawn")),
    ]

    @classmethod
    def of(cls, shape: LidShape) -> _LidShape:
        values: dict[str, Any] = shape._asdict()
        table = values.pop("table")
        plain = {name: tuple(map(float, v)) if np.ndim(v) else float(v) for name, v in values.items()}
        return cls(table=native.address(table, np.float32), columns=len(table), **plain)


_SIZE, _FLOAT = ctypes.c_int64, native.Array.of(np.float32)
_draw = native.kernel(
    "lid_draw",
    *(_FLOAT, _SIZE, _SIZE),
    *(_FLOAT, _SIZE, _FLOAT),
    ctypes.POINTER(_LidShape),
    *(_FLOAT, _FLOAT, _SIZE),
    *(_SIZE, _SIZE),
)


def draw_lid(
    skin: Float32, lashes: Float32, lash: Float32, shape: LidShape, colour: Float32, coverage: Float32
) -> None:
    """Composite a lid over an eye's patch: its colour (h, w, 4) and coverage (h, w), float32, changed in place.

    skin, lashes, lash: of the `Lid`; shape: `LidShape`.
    """
    height, width = coverage.shape
    crop_height, crop_width = skin.shape[:2]
    given, lashes = _LidShape.of(shape), np.ascontiguousarray(lashes)
    rows = partial(_draw, skin, crop_height, crop_width, lashes, lashes.shape[1], lash, given, colour, coverage, width)
    native.in_bands(rows, 0, height, least=16)
