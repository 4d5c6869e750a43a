"""OpenSeeFace's packets, UDP port 11573: a webcam tracker with 66 points and two pupils.

Little-endian, 1785 bytes for each face, several faces one after the other: f64 time, i32 id, f32 width and height,
2 × f32 open eyes, u8 whether the fit succeeded, f32 its error, 4 × f32 quaternion, 3 × f32 angles, 3 × f32 position,
68 × f32 confidence, 68 × (f32 x, f32 y) pixels, 70 × 3 × f32, 14 × f32. The 66 points are the usual 68 without the
inner corners of the mouth.
"""

from __future__ import annotations

import struct

import numpy as np

from ...landmarks import COUNT, IBUG68, IRIS_LEFT, IRIS_RIGHT
from ..sample import PacketError, Sample, checked_points

SIZE = 1785
_SUCCESS = 28  # where that byte is
_POINTS = _SUCCESS + 1 + 4 * (1 + 4 + 3 + 3 + 68)
MOST_FACES = 4
POINTS = (*IBUG68[:60], *IBUG68[61:64], *IBUG68[65:68], IRIS_RIGHT[0], IRIS_LEFT[0])


class OpenSeeFaceParser:
    """Follows the face it saw first, as long as that is there."""

    def __init__(self) -> None:
        self._face: int | None = None

    def parse(self, data: bytes, received: float) -> Sample | None:
        """One packet; None: no face was fitted. Raises: PacketError."""
        if not data or len(data) % SIZE or len(data) > MOST_FACES * SIZE:
            raise PacketError(f"{len(data)} bytes, which is no multiple of {SIZE}")
        faces = [data[at : at + SIZE] for at in range(0, len(data), SIZE)]
        heads = [struct.unpack_from("<di", face) for face in faces]
        wanted = next((i for i, (_, face) in enumerate(heads) if face == self._face), 0)
        seconds, self._face = heads[wanted]
        if not faces[wanted][_SUCCESS]:
            return None
        measured = np.array(struct.unpack_from(f"<{2 * len(POINTS)}f", faces[wanted], _POINTS)).reshape(-1, 2)
        if not np.isfinite(measured).all() or not np.isfinite(seconds):
            raise PacketError("points that are no numbers")
        points = np.full((COUNT, 3), np.nan)
        points[list(POINTS), :2] = measured
        return Sample(received, points=checked_points(points), order=seconds)
