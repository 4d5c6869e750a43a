"""VMC's packets (OSC), UDP port 39539: VSeeFace, Warudo, Virtual Motion Capture, Waidayo and many more.

`/VMC/Ext/Blend/Val` (name, value) sets a blend shape, `/VMC/Ext/Blend/Apply` ends the frame, `/VMC/Ext/Bone/Pos`
(name, position x y z, quaternion x y z w) turns Head, Neck and eyes, `/VMC/Ext/T` is the sender's clock. Blend shapes
are Apple's (“perfect sync”) or VRM's few. OSC itself is read by python-osc.

A bone's quaternion is Unity's: x to the avatar's right, y up, z out of its face. Picture axes are the negatives of all
three, so that the rotation's matrix is the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ...motion.readers.arkit import channel_name
from ...motion.writers import LOOK
from ..sample import PacketError, Sample, checked_channels, checked_rotation

Float = npt.NDArray[np.float64]

# VRM's expressions, of versions 0 and 1, as Apple's channels.
_SMILE = {"mouthSmileLeft": 0.7, "mouthSmileRight": 0.7}
_AA = {"jawOpen": 0.6}
_IH = {"jawOpen": 0.1, "mouthStretchLeft": 0.4, "mouthStretchRight": 0.4}
_OU = {"jawOpen": 0.15, "mouthPucker": 0.6}
_EE = {"jawOpen": 0.25, "mouthStretchLeft": 0.3, "mouthStretchRight": 0.3}
_OH = {"jawOpen": 0.35, "mouthFunnel": 0.6}
_BOTH = {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}
_ANGRY = {"browDownLeft": 0.8, "browDownRight": 0.8}
_SAD = {"mouthFrownLeft": 0.5, "mouthFrownRight": 0.5, "browInnerUp": 0.6}
_SURPRISED = {"browInnerUp": 0.6, "eyeWideLeft": 0.6, "eyeWideRight": 0.6}
EXPRESSIONS: dict[str, dict[str, float]] = {
    **{name: _AA for name in ("a", "aa")},
    **{name: _IH for name in ("i", "ih")},
    **{name: _OU for name in ("u", "ou")},
    **{name: _EE for name in ("e", "ee")},
    **{name: _OH for name in ("o", "oh")},
    **{name: {"eyeBlinkLeft": 1.0} for name in ("blink_l", "blinkleft")},
    **{name: {"eyeBlinkRight": 1.0} for name in ("blink_r", "blinkright")},
    **{name: _SMILE for name in ("joy", "fun", "happy", "relaxed")},
    **{name: _SAD for name in ("sorrow", "sad")},
    **{"blink": _BOTH, "angry": _ANGRY, "surprised": _SURPRISED},
}
MOST_NAMES = 500  # blend shapes of an avatar that are kept


class VmcParser:
    """Keeps what was set until a frame ends: a frame comes in several packets, and of some only changes."""

    def __init__(self) -> None:
        self._shapes: dict[str, float] = {}
        self._bones: dict[str, Float] = {}
        self._clock: float | None = None

    def parse(self, data: bytes, received: float) -> Sample | None:
        """One packet; None: it ends no frame. Raises: PacketError."""
        from pythonosc.osc_packet import OscPacket

        try:
            messages = [(one.message.address, one.message.params) for one in OscPacket(data).messages]
        except Exception as error:  # of python-osc: ParseError, and whatever else strange bytes make it raise
            raise PacketError(f"no OSC ({type(error).__name__})") from None
        ends = False
        for address, values in messages:
            ends |= self._take(address, values)
        return self._sample(received) if ends and (self._shapes or self._bones) else None

    def _take(self, address: str, values: Any) -> bool:
        """Note one message; whether it ends a frame. Raises: PacketError."""
        try:
            if address == "/VMC/Ext/Blend/Val":
                if len(self._shapes) < MOST_NAMES or str(values[0]) in self._shapes:
                    self._shapes[str(values[0])[:80]] = float(values[1])
            elif address == "/VMC/Ext/Bone/Pos" and values[0] in ("Head", "Neck", "LeftEye", "RightEye"):
                self._bones[values[0]] = _matrix(values[4:8])
            elif address == "/VMC/Ext/T":
                self._clock = float(values[0])
        except (IndexError, TypeError, ValueError, OverflowError):
            raise PacketError(f"{address[:40]} without what belongs to it") from None
        return address == "/VMC/Ext/Blend/Apply"

    def _sample(self, received: float) -> Sample:
        named: dict[str, float] = {}
        for written, value in self._shapes.items():
            apples = channel_name(written)
            for name, part in ({apples: 1.0} if apples else EXPRESSIONS.get(written.lower(), {})).items():
                named[name] = named.get(name, 0.0) + part * value
        if not any(name.startswith("eyeLook") for name in named):
            for side in ("Left", "Right"):
                if f"{side}Eye" in self._bones:
                    named |= _look(self._bones[f"{side}Eye"], side)
        head = self._bones.get("Neck", np.eye(3)) @ self._bones.get("Head", np.eye(3))
        return Sample(received, checked_channels(named or {"jawOpen": 0.0}), checked_rotation(head), order=self._clock)


def _matrix(quaternion: Iterable[Any]) -> Float:
    """Quaternion x, y, z, w → (3, 3). Raises: ValueError."""
    x, y, z, w = (float(part) for part in quaternion)
    length = np.sqrt(x * x + y * y + z * z + w * w)
    if not 0.5 < length < 2:  # also where it is not a number
        raise ValueError("a quaternion of another length than 1")
    x, y, z, w = (part / length for part in (x, y, z, w))
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def _look(eye: Float, side: str) -> dict[str, float]:
    """An eye's rotation as eyeLook channels."""
    right, up = float(np.arctan2(eye[0, 2], eye[2, 2]) / LOOK), float(np.arcsin(np.clip(eye[1, 2], -1, 1)) / LOOK)
    out = right if side == "Right" else -right
    amounts = {"Out": out, "In": -out, "Up": up, "Down": -up}
    return {f"eyeLook{way}{side}": max(amount, 0.0) for way, amount in amounts.items()}
