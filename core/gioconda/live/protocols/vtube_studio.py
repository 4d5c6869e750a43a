"""The packets of VTube Studio's app for iPhones: JSON, asked for at UDP port 21412 again and again.

{"Timestamp": ms, "FaceFound": true, "Rotation": {"x", "y", "z"}, "BlendShapes": [{"k": "JawOpen", "v": 0.1}, …]}; the
rotation is in degrees.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ...motion.readers.arkit import channel_name
from ...motion.readers.phone_apps import degrees_rotation
from ..sample import PacketError, Sample, checked_channels, checked_rotation

SECONDS = 5.0  # for which a request holds


def request(port: int) -> bytes:
    """What makes the phone send to `port` for a while."""
    wanted = {"messageType": "iOSTrackingDataRequest", "time": SECONDS, "sentBy": "Gioconda", "ports": [port]}
    return json.dumps(wanted).encode()


class VTubeStudioParser:
    """Stateless."""

    def parse(self, data: bytes, received: float) -> Sample | None:
        """One packet; None: the phone sees no face. Raises: PacketError."""
        try:
            told: Any = json.loads(data)
            if not told.get("FaceFound", True):
                return None
            named = {name: float(one["v"]) for one in told["BlendShapes"] if (name := channel_name(str(one["k"])))}
            turn = told.get("Rotation") or {}
            angles = np.array([[float(turn.get(axis, 0.0)) for axis in "xyz"]])
            stamp = told.get("Timestamp")
            order = float(stamp) / 1000 if isinstance(stamp, int | float) else None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
            raise PacketError(f"not what the app sends ({type(error).__name__})") from None
        if not np.isfinite(angles).all() or np.abs(angles).max() > 720:
            raise PacketError("head angles that no head has")
        return Sample(received, checked_channels(named), checked_rotation(degrees_rotation(angles)[0]), order=order)
