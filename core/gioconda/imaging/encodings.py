"""What a picture's values mean where the file says it: ICC matrix profiles, EXR chromaticities, CICP codes, film log.

An `Encoding` is three curves and a matrix into scene-linear Rec.709, evaluated here: OpenImageIO applies no ICC
profile, one of this kind needs no more than that, and Pillow, which could, does not ship with the add-on.

Sources: ICC.1:2022; ITU-T H.273 (codes), BT.2100 (PQ and HLG), BT.2408 (where their white is); Lindbloom, "Chromatic
Adaptation" (Bradford); Kodak, "Conversion of 10-bit Log Film Data To 8-bit Linear", 1995.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import Array, Float32, Floating
from . import srgb
from .exr_zip import REC709

Float = npt.NDArray[np.float64]
Curve = Callable[[Float], Floating]

D50 = (0.34567, 0.35850)
D65 = REC709[6:]
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
PQ_WHITE = 203.0  # cd/m²: diffuse white in PQ
HLG_WHITE = 0.75  # the HLG signal of diffuse white
PRIMARIES = {  # by their code in H.273: red, green, blue, white
    1: ("Rec.709", REC709),
    5: ("Rec.601 (625 lines)", (0.64, 0.33, 0.29, 0.60, 0.15, 0.06, *D65)),
    6: ("Rec.601 (525 lines)", (0.63, 0.34, 0.31, 0.595, 0.155, 0.07, *D65)),
    9: ("Rec.2020", (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *D65)),
    11: ("DCI-P3", (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351)),
    12: ("Display P3", (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *D65)),
}
_KNOWN = {  # what chromaticities in an EXR's header are called
    "ACES2065-1 (AP0)": (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.0770, 0.32168, 0.33767),
    "ACEScg (AP1)": (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767),
    "CIE XYZ": (1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1 / 3, 1 / 3),
    **{name: primaries for name, primaries in PRIMARIES.values()},
}
_ROWS = 256  # converted at a time


def _linear(value: Float) -> Float:
    return value


@dataclass(frozen=True)
class Encoding:
    """Stored values, whole numbers as 0 to 1, → scene-linear Rec.709: each channel's curve, then the matrix."""

    name: str  # of the space, for people
    curves: tuple[Curve, Curve, Curve] = (_linear, _linear, _linear)
    matrix: Float = field(default_factory=lambda: np.eye(3))  # (3, 3)

    @property
    def is_linear(self) -> bool:
        """Whether the values are light as they are, so that multiplying by alpha makes no difference."""
        return all(curve is _linear for curve in self.curves)

    @property
    def is_srgb(self) -> bool:
        """Whether it is sRGB, to what 8 bits can show."""
        values = np.linspace(0, 1, 256)
        same = all(np.abs(srgb.encode(curve(values)) - values).max() < 0.5 / 255 for curve in self.curves)
        return same and self.is_srgb_primaries

    @property
    def is_srgb_primaries(self) -> bool:
        """Whether its primaries are those of sRGB and Rec.709."""
        return bool(np.abs(self.matrix - np.eye(3)).max() < 0.002)

    def without_curves(self) -> Encoding:
        """The same primaries, for values that are linear light already."""
        return Encoding(self.name, matrix=self.matrix)

    def to_linear(self, values: Array) -> Float32:
        """(H, W, 3) in the file's type, straight → (H, W, 3) float32."""
        result = np.empty(values.shape, np.float32)
        whole = values.dtype.kind == "u"
        tables = [self._table(curve, values.dtype) if whole else None for curve in self.curves]
        for y in range(0, len(values), _ROWS):
            band = values[y : y + _ROWS]
            light = [
                curve(band[..., i].astype(np.float64)) if (table := tables[i]) is None else table[band[..., i]]
                for i, curve in enumerate(self.curves)
            ]
            result[y : y + _ROWS] = np.stack(light, -1) @ self.matrix.T
        return result

    @staticmethod
    def _table(curve: Curve, dtype: np.dtype[Any]) -> Floating:
        count = np.iinfo(dtype).max + 1
        return curve(np.arange(count) / (count - 1))


# Primaries ------------------------------------------------------------------------------------------------------------


def to_rec709(primaries: tuple[float, ...]) -> Float | None:
    """(3, 3) from linear light in primaries (x and y of red, green, blue and white) to linear Rec.709; the white is
    adapted to D65 by Bradford. None where they span no colours."""
    source, target = _to_xyz(primaries), _to_xyz(REC709)
    if source is None or target is None:
        return None
    matrix: Float = np.linalg.inv(target) @ adaptation(_xyz(primaries[6:]), _xyz(D65)) @ source
    return matrix if np.isfinite(matrix).all() and np.abs(matrix).max() < 1e3 else None


def _to_xyz(primaries: tuple[float, ...]) -> Float | None:
    values = np.array(primaries, np.float64)
    if values.shape != (8,) or not np.isfinite(values).all() or np.abs(values).max() > 10 or values[7] <= 0.01:
        return None
    x, y = values[0:6:2], values[1:6:2]
    columns = np.stack([x, y, 1 - x - y])
    if abs(np.linalg.det(columns)) < 1e-4:
        return None
    return columns * np.linalg.solve(columns, _xyz(primaries[6:]))


def _xyz(white: tuple[float, ...]) -> Float:
    return np.array([white[0] / white[1], 1.0, (1 - white[0] - white[1]) / white[1]])


def adaptation(white: Float, to: Float) -> Float:
    """(3, 3) XYZ under one white → under another, by Bradford's cones."""
    cones = (BRADFORD @ to) / (BRADFORD @ white)
    matrix: Float = np.linalg.inv(BRADFORD) @ (cones[:, None] * BRADFORD)
    return matrix


def of_chromaticities(values: tuple[float, ...]) -> Encoding | None:
    """Linear light in the primaries that an EXR's header states, 8 numbers; None where they are of no use."""
    matrix = to_rec709(values)
    if matrix is None:
        return None
    near = (name for name, known in _KNOWN.items() if np.abs(np.subtract(values, known)).max() < 2e-3)
    return Encoding(next(near, "other primaries"), matrix=matrix)


# CICP and film log ----------------------------------------------------------------------------------------------------


def of_cicp(primaries: int, transfer: int) -> Encoding | None:
    """The space of codes as in H.273 (PNG, AVIF, video); None of codes we do not know. Unspecified (2): sRGB's."""
    curve = {1: srgb.decode, 2: srgb.decode, 4: _power(2.2), 5: _power(2.8), 6: srgb.decode, 8: _linear}.get(transfer)
    curve = curve or {13: srgb.decode, 14: srgb.decode, 15: srgb.decode, 16: pq, 18: hlg}.get(transfer)
    name, values = PRIMARIES.get(1 if primaries == 2 else primaries, ("", ()))
    matrix = to_rec709(tuple(values)) if values else None
    if curve is None or matrix is None:
        return None
    name += {16: " PQ", 18: " HLG"}.get(transfer, "")
    return Encoding(name, (curve, curve, curve), matrix)


def pq(value: Float) -> Float:
    """PQ (SMPTE ST 2084) → linear light, 1 is diffuse white."""
    power = np.clip(value, 0, 1) ** (1 / 78.84375)
    light = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
    result: Float = 10_000 / PQ_WHITE * light ** (1 / 0.1593017578125)
    return result


def hlg(value: Float) -> Float:
    """HLG (ARIB STD-B67) → scene light, 1 is diffuse white."""
    light, white = (_hlg_scene(np.asarray(one, np.float64)) for one in (np.clip(value, 0, 1), HLG_WHITE))
    result: Float = light / white
    return result


def _hlg_scene(signal: Float) -> Float:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    result: Float = np.where(signal <= 0.5, signal**2 / 3, (np.exp((np.maximum(signal, 0.5) - c) / a) + b) / 12)
    return result


def film_log(value: Float) -> Float:
    """Cineon log, 0 to 1 → linear light: 685 of 1023 is white, 95 black, 0.002 density a step, gamma 0.6."""
    light = 10 ** ((np.clip(value, 0, 1) * 1023 - 685) * 0.002 / 0.6)
    black = 10 ** ((95 - 685) * 0.002 / 0.6)
    result: Float = (light - black) / (1 - black)
    return result


FILM_LOG = Encoding("Cineon log", (film_log, film_log, film_log))


def _power(gamma: float) -> Curve:
    def curve(value: Float) -> Float:
        result: Float = np.maximum(value, 0) ** gamma
        return result

    return curve


# ICC ------------------------------------------------------------------------------------------------------------------


def of_icc(profile: bytes, name: str) -> Encoding | None:
    """What a matrix or grey profile says; None of one with tables (printers, some cameras and scanners) or damaged."""
    try:
        tags = _tags(profile)
        if profile[16:20] == b"GRAY":
            curve = _curve(tags[b"kTRC"])
            return Encoding(name, (curve, curve, curve))
        if profile[16:20] != b"RGB " or profile[20:24] != b"XYZ " or b"A2B0" in tags:
            return None
        columns = np.stack([_xyz_of(tags[tag]) for tag in (b"rXYZ", b"gXYZ", b"bXYZ")], 1)
        curves = (_curve(tags[b"rTRC"]), _curve(tags[b"gTRC"]), _curve(tags[b"bTRC"]))
    except (KeyError, struct.error, ValueError, IndexError):
        return None
    target = _to_xyz(REC709)
    if target is None or not np.isfinite(columns).all():
        return None
    return Encoding(name, curves, np.linalg.inv(target) @ adaptation(_xyz(D50), _xyz(D65)) @ columns)


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    if count > 1000:
        raise ValueError("more tags than a profile has")
    found = {}
    for i in range(count):
        tag, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * i)
        found[tag] = profile[offset : offset + size]
    return found


def _xyz_of(tag: bytes) -> Float:
    if tag[:4] != b"XYZ ":
        raise ValueError("no XYZ")
    return np.array(struct.unpack_from(">3i", tag, 8)) / 65536


def _curve(tag: bytes) -> Curve:
    """A curve of type curv (gamma or samples) or para (ICC.1:2022, 10.6 and 10.18)."""
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return _linear
        samples = np.frombuffer(tag, ">u2", count, 12)
        if count == 1:
            return _power(float(samples[0]) / 256)
        return lambda value: np.interp(value, np.linspace(0, 1, count), samples / 65535)
    if tag[:4] != b"para":
        raise ValueError("no curve")
    (kind,) = struct.unpack_from(">H", tag, 8)
    numbers = np.array(struct.unpack_from(f">{(1, 3, 4, 5, 7)[kind]}i", tag, 12)) / 65536
    g, a, b, c, d, e, f = np.pad(numbers, (0, 7 - len(numbers))).tolist()
    if kind == 0:
        return _power(float(g))
    if a == 0:
        raise ValueError("no curve")
    if kind == 1:
        c, d, e, f = 0.0, -b / a, 0.0, 0.0
    elif kind == 2:
        c, d, e, f = 0.0, -b / a, c, c
    return lambda value: np.where(value >= d, np.maximum(a * value + b, 0) ** g + e, c * value + f)
