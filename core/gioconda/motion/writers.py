"""A motion as other programs read it: Live Link Face's CSV, and ARKit channels by name as JSON.

Landmarks become channels first (`channels.py`). Frames without a face are left out of the CSV, where the timecode shows
the gap, and are null in the JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ..errors import MotionError
from ..landmarks import ARKIT
from .channels import to_channels
from .motion import Motion
from .readers.arkit import HEAD_ANGLES, head_angles

Float = npt.NDArray[np.float64]
CODED = 60.0  # frames that a timecode counts in a second where the rate is no whole number
_EYE = ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")
# Live Link Face's columns in its own order, by which some programs go
COLUMNS = (
    *(f"Eye{part}{side}" for side in ("Left", "Right") for part in _EYE),
    *("JawForward", "JawRight", "JawLeft", "JawOpen", "MouthClose", "MouthFunnel", "MouthPucker"),
    *("MouthRight", "MouthLeft", "MouthSmileLeft", "MouthSmileRight", "MouthFrownLeft", "MouthFrownRight"),
    *("MouthDimpleLeft", "MouthDimpleRight", "MouthStretchLeft", "MouthStretchRight", "MouthRollLower"),
    *("MouthRollUpper", "MouthShrugLower", "MouthShrugUpper", "MouthPressLeft", "MouthPressRight"),
    *("MouthLowerDownLeft", "MouthLowerDownRight", "MouthUpperUpLeft", "MouthUpperUpRight"),
    *("BrowDownLeft", "BrowDownRight", "BrowInnerUp", "BrowOuterUpLeft", "BrowOuterUpRight"),
    *("CheekPuff", "CheekSquintLeft", "CheekSquintRight", "NoseSneerLeft", "NoseSneerRight", "TongueOut"),
)
EYES = tuple(f"{side}Eye{angle}" for side in ("Left", "Right") for angle in ("Yaw", "Pitch", "Roll"))
LOOK = np.radians(35.0)  # how far an eye turns where an eyeLook channel is 1


def live_link_csv(motion: Motion) -> str:
    """A motion as Live Link Face writes it: 52 channels, 9 angles in radians, a timecode from its first frame's number.

    Raises: MotionError: no frame has a face.
    """
    channels, angles = _channels_and_angles(motion)
    order = [ARKIT.index(name[0].lower() + name[1:]) for name in COLUMNS]
    values = np.concatenate([channels[:, order], angles, _eye_angles(channels)], 1)
    lines = [",".join(("Timecode", "BlendShapeCount", *COLUMNS, *HEAD_ANGLES, *EYES))]
    whole = abs(motion.fps - round(motion.fps)) < 1e-6
    base = motion.fps if whole else CODED
    for number, row in zip(motion.frames, values, strict=True):
        if np.isfinite(row[0]):
            written = ",".join(f"{value:.7f}" for value in row)
            lines.append(f"{_timecode((int(number) - min(int(motion.frames[0]), 0)) / motion.fps, base)},61,{written}")
    return "\n".join(lines) + "\n"


def arkit_json(motion: Motion) -> str:
    """A motion as JSON, a line for each frame: {"fps", "frames": [{"frame", "blendshapes": {…}, "head": {…}}, …]}.

    Raises: MotionError: no frame has a face.
    """
    channels, angles = _channels_and_angles(motion)
    lines = []
    for number, values, head in zip(motion.frames, channels, angles, strict=True):
        frame: dict[str, object] = {"frame": int(number), "blendshapes": None}
        if np.isfinite(values[0]):
            frame["blendshapes"] = _named(ARKIT, values)
            if motion.rotation is not None or motion.landmarks is not None:
                frame["head"] = _named(HEAD_ANGLES, head)
        lines.append("  " + json.dumps(frame))
    return f'{{\n "fps": {motion.fps!r},\n "frames": [\n' + ",\n".join(lines) + "\n ]\n}\n"


def _named(names: Iterable[str], values: Float) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in zip(names, values, strict=True)}


def _channels_and_angles(motion: Motion) -> tuple[Float, Float]:
    """(F, 52) channels and (F, 3) head angles in radians; NaN where there is no face."""
    channels, rotation = to_channels(motion)
    lost = np.isnan(channels).all(1)
    if lost.all():
        raise MotionError("the motion has no usable frame: there is nothing to write")
    angles = np.zeros((len(motion), 3)) if rotation is None else head_angles(rotation)
    channels = np.nan_to_num(channels)
    channels[lost] = np.nan
    return channels, np.nan_to_num(angles)


def _eye_angles(channels: Float) -> Float:
    """Yaw, pitch and roll of the left and the right eye, (F, 6) radians, as the eyeLook channels have them."""
    look = {name: channels[:, ARKIT.index(name)] for name in ARKIT if name.startswith("eyeLook")}
    turn = []
    for side, sign in (("Left", 1), ("Right", -1)):
        yaw = sign * (look[f"eyeLookOut{side}"] - look[f"eyeLookIn{side}"])
        turn += [yaw, look[f"eyeLookDown{side}"] - look[f"eyeLookUp{side}"], np.zeros(len(channels))]
    angles: Float = LOOK * np.stack(turn, 1)
    return angles


def _timecode(seconds: float, base: float) -> str:
    """hh:mm:ss:ff.sub with `base` frames in a second."""
    thousandths = round(seconds * base * 1000)
    whole, rest = divmod(thousandths, round(base * 1000))
    frame, sub = divmod(rest, 1000)
    return f"{whole // 3600 % 24:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}:{frame:02d}.{sub:03d}"
