"""Live Link Face's packets (Epic), UDP port 11111.

Little-endian u32 version 6; 37 bytes of device id; big-endian from here on: i32 length of a name, the name, i32 frame,
f32 sub-frame, i32 rate, i32 its denominator; u8 61, then 61 f32: 52 channels and nine angles in radians. A packet
without a face ends after the rate.

Read with `struct` and not with PyLiveLinkFace 0.1: that library believes any length and version a packet states, makes
a timecode of the wall clock for each one, and states no licence.
"""

from __future__ import annotations

import struct

import numpy as np

from ...landmarks import ARKIT
from ...motion.readers.arkit import head_rotation
from ..sample import PacketError, Sample, checked_channels, checked_rotation

VERSION, DEVICE, VALUES = 6, 37, 61
LONGEST_NAME = 256
# Unreal's order (EARFaceBlendShape). The app's own CSV files have left and right of jaw and mouth the other way round.
_SWAPPED = {"jawLeft": "jawRight", "jawRight": "jawLeft", "mouthLeft": "mouthRight", "mouthRight": "mouthLeft"}
ORDER = tuple(_SWAPPED.get(name, name) for name in ARKIT)


class LiveLinkParser:
    """Stateless; a class for the sake of the other protocols."""

    def parse(self, data: bytes, received: float) -> Sample | None:
        """One packet; None: the phone sees no face. Raises: PacketError."""
        try:
            (version,) = struct.unpack_from("<I", data)
            (length,) = struct.unpack_from(">i", data, 4 + DEVICE)
            if version != VERSION:
                raise PacketError(f"version {version} instead of {VERSION}")
            if not 0 <= length <= LONGEST_NAME:
                raise PacketError("a name of impossible length")
            at = 8 + DEVICE + length
            frame, part, rate, denominator = struct.unpack_from(">ifii", data, at)
            at += 16
            if len(data) == at or data[at] == 0:
                return None
            if data[at] != VALUES or len(data) != at + 1 + 4 * VALUES:
                raise PacketError("not 61 values")
            values = np.array(struct.unpack_from(f">{VALUES}f", data, at + 1))
        except struct.error:
            raise PacketError("cut off") from None
        if not np.isfinite(values).all() or np.abs(values[52:55]).max() > 2 * np.pi:
            raise PacketError("values that are no face")
        order = (frame + part) * denominator / rate if rate > 0 and denominator > 0 and np.isfinite(part) else None
        channels = checked_channels(dict(zip(ORDER, values[:52].tolist(), strict=True)))
        return Sample(received, channels, checked_rotation(head_rotation(values[None, 52:55])[0]), order=order)
