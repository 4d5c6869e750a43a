"""Packets as the apps send them, written from the protocols' stated layouts with nothing of the readers' own."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

# Unreal's EARFaceBlendShape, in its order.
UNREAL = (
    *("eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeSquintLeft"),
    *("eyeWideLeft", "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight"),
    *("eyeSquintRight", "eyeWideRight", "jawForward", "jawLeft", "jawRight", "jawOpen", "mouthClose"),
    *("mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight", "mouthSmileLeft", "mouthSmileRight"),
    *("mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft"),
    *("mouthStretchRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *("mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft"),
    *("mouthUpperUpRight", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft"),
    *("browOuterUpRight", "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight"),
    "tongueOut",
)
Channels = Mapping[str, float]


def livelink(channels: Channels, frame: int = 0, *, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> bytes:
    """Live Link Face, angles in radians, 60 frames a second."""
    values = [channels.get(name, 0.0) for name in UNREAL] + [yaw, pitch, roll] + [0.0] * 6
    name = b"iPhone"
    head = struct.pack("<I", 6) + b"$00000000-0000-0000-0000-000000000000" + struct.pack(">i", len(name)) + name
    return head + struct.pack(">ifii", frame, 0.0, 60, 1) + bytes([61]) + struct.pack(">61f", *values)


def ifacialmocap(channels: Channels, *, yaw: float = 0.0, sign: str = "-") -> bytes:
    """iFacialMocap, angles in degrees."""
    short = {name: name.replace("Left", "_L").replace("Right", "_R") for name in UNREAL}
    shapes = "|".join(f"{short[name]}{sign}{round(100 * channels.get(name, 0.0))}" for name in UNREAL)
    return f"{shapes}|=head#0.0,{yaw:.4f},0.0,0.01,-0.02,-0.3|rightEye#0,0,0|leftEye#0,0,0|".encode()


def vtube_studio(channels: Channels, frame: int = 0, *, yaw: float = 0.0) -> bytes:
    """VTube Studio's app."""
    shapes = [{"k": name[0].upper() + name[1:], "v": channels.get(name, 0.0)} for name in UNREAL]
    told = {"Timestamp": frame * 1000 // 60, "Hotkey": -1, "FaceFound": True}
    return json.dumps({**told, "Rotation": {"x": 0.0, "y": yaw, "z": 0.0}, "BlendShapes": shapes}).encode()


def _osc_text(text: str) -> bytes:
    data = text.encode() + b"\0"
    return data + b"\0" * (-len(data) % 4)


def osc(address: str, *values: str | float | int) -> bytes:
    """One OSC message."""
    kinds = {str: "s", float: "f", int: "i"}
    data = _osc_text(address) + _osc_text("," + "".join(kinds[type(value)] for value in values))
    for value in values:
        data += _osc_text(value) if isinstance(value, str) else struct.pack(f">{kinds[type(value)]}", value)
    return data


def bundle(*messages: bytes) -> bytes:
    """An OSC bundle to be taken at once."""
    return b"#bundle\0" + struct.pack(">Q", 1) + b"".join(struct.pack(">i", len(one)) + one for one in messages)


def vmc(channels: Channels, frame: int = 0, *, yaw: float = 0.0) -> list[bytes]:
    """A frame of VMC, as two bundles; the head turned to the avatar's right by radians."""
    half = yaw / 2
    head = ("Head", 0.0, 1.4, 0.0, 0.0, math.sin(half), 0.0, math.cos(half))
    values = [osc("/VMC/Ext/Blend/Val", name, float(channels.get(name, 0.0))) for name in UNREAL]
    first = bundle(osc("/VMC/Ext/OK", 1), osc("/VMC/Ext/T", frame / 60), osc("/VMC/Ext/Bone/Pos", *head), *values[:12])
    return [first, bundle(*values[12:], osc("/VMC/Ext/Blend/Apply"))]


def openseeface(points: npt.NDArray[np.floating], frame: int = 0, *, face: int = 0, success: bool = True) -> bytes:
    """OpenSeeFace: points (68, 2), pixels: 66 landmarks and two pupils."""
    data = struct.pack("<di", frame / 60, face) + struct.pack("<4f", 640, 480, 1.0, 1.0) + bytes([int(success)])
    data += struct.pack("<f", 10.0) + struct.pack("<10f", *[0.0] * 10) + struct.pack("<68f", *[1.0] * 68)
    return (
        data
        + struct.pack("<136f", *np.ravel(points))
        + struct.pack("<210f", *[0.0] * 210)
        + struct.pack("<14f", *[0.0] * 14)
    )
