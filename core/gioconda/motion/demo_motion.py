"""The demo's own motion: four seconds of talking, looking around, blinking, smiling and head turns, made by rule.

Animated as an animator would: eyes lead and the head follows, blinks cover gaze shifts, the two sides of the face are
never quite in time, nothing starts or stops at once. It starts and ends exactly neutral.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..landmarks import ARKIT
from ..pose import rotation_matrix
from .motion import Motion

Float = npt.NDArray[np.float64]
SECONDS, FPS = 4.0, 24.0

# What the mouth does, (start, rise, hold, fall) in seconds and how far each channel goes: roughly "well, hello there".
VISEMES = (
    (0.74, 0.13, 0.02, 0.13, {"mouthPucker": 0.50, "mouthFunnel": 0.25, "jawOpen": 0.05}),
    (0.90, 0.09, 0.05, 0.12, {"jawOpen": 0.28, "mouthLowerDown": 0.22, "mouthStretch": 0.15, "mouthUpperUp": 0.10}),
    (1.06, 0.07, 0.04, 0.10, {"jawOpen": 0.12, "mouthShrugUpper": 0.10, "mouthRollLower": 0.05}),
    (1.22, 0.08, 0.04, 0.10, {"jawOpen": 0.24, "mouthLowerDown": 0.18, "mouthStretch": 0.12}),
    (1.36, 0.07, 0.03, 0.10, {"jawOpen": 0.13, "mouthUpperUp": 0.08}),
    (1.46, 0.12, 0.09, 0.14, {"jawOpen": 0.30, "mouthFunnel": 0.42, "mouthPucker": 0.20}),
    (1.72, 0.07, 0.03, 0.08, {"mouthPress": 0.30, "mouthRollLower": 0.15}),
    (1.82, 0.09, 0.06, 0.12, {"jawOpen": 0.26, "mouthLowerDown": 0.22, "mouthUpperUp": 0.16, "mouthStretch": 0.10}),
    (2.00, 0.09, 0.05, 0.16, {"jawOpen": 0.15, "mouthFunnel": 0.15}),
)
# Expressions under and after the words.
EXPRESSIONS = (
    (0.30, 0.25, 0.50, 0.50, {"browInnerUp": 0.18, "browOuterUp": 0.12}),
    (1.45, 0.16, 0.18, 0.35, {"browInnerUp": 0.45, "browOuterUp": 0.40, "eyeWide": 0.18}),
    (2.12, 0.42, 0.72, 0.55, {"mouthSmile": 0.62, "mouthDimple": 0.20, "cheekSquint": 0.40, "eyeSquint": 0.28}),
    (2.35, 0.30, 0.40, 0.45, {"mouthUpperUp": 0.16, "jawOpen": 0.06, "mouthLowerDown": 0.08}),
    (2.60, 0.25, 0.30, 0.40, {"browOuterUp": 0.15}),
)
BLINKS = (0.30, 1.17, 2.22, 3.34)  # when lids start to fall
CLOSING, SHUT, OPENING = 0.085, 0.03, 0.17
# Where the eyes go, (time, yaw, pitch) in degrees against the head, reached in SACCADE seconds; + is left and up.
GAZE = ((0.28, 15, 2), (0.62, 5, 1), (1.15, -9, 0), (1.42, 0, 0), (2.62, -12, 4), (3.05, 0, 0))
SACCADE = 0.06
# Where the head goes, (start, duration, yaw, pitch, roll) in degrees; each move starts where the one before ended.
HEAD = (
    (0.36, 0.50, 9.0, 1.5, -1.5),
    (1.20, 0.45, -4.0, -3.0, 1.0),
    (1.62, 0.30, -3.0, 2.0, 1.5),
    (2.15, 0.60, -6.0, 2.5, 4.5),
    (3.10, 0.75, 0.0, 0.0, 0.0),
)
# How much later the person's right side follows, in seconds, and how much weaker it is.
LAG, WEAKER = 0.02, 0.93
YAW_RANGE, UP_RANGE, DOWN_RANGE = 34.0, 25.0, 35.0  # degrees of an eye-look channel at 1


def make_demo_motion(fps: float = FPS) -> Motion:
    """The motion at any frame rate: channels and head rotation, frames from 1, the first and last of them neutral."""
    count = round(SECONDS * fps) + 1
    time = np.arange(count) / fps
    channels = {name: np.zeros(count) for name in ARKIT}
    for start, rise, hold, fall, goals in (*VISEMES, *EXPRESSIONS):
        for name, goal in goals.items():
            _add(channels, name, goal, time, (start, rise, hold, fall))
    for start in BLINKS:
        _add(channels, "eyeBlink", 1.0, time, (start, CLOSING, SHUT, OPENING))
    _look(channels, time)
    values = np.clip(np.stack([channels[n] for n in ARKIT], 1), 0, 1)
    rotation = _head(time)
    values[[0, -1]], rotation[[0, -1]] = 0, np.eye(3)
    return Motion(
        fps=fps,
        frames=np.arange(1, count + 1, dtype=np.int32),
        channels=values.astype(np.float32),
        channel_names=ARKIT,
        rotation=rotation,
        neutral=0,
        provenance={"source": "procedural take", "made_by": "gioconda"},
    )


def _add(channels: dict[str, Float], name: str, goal: float, time: Float, when: tuple[float, ...]) -> None:
    """Let a channel (both sides if it has sides, the right one a little later and weaker) rise, hold and fall."""
    if name in channels:
        channels[name] = np.maximum(channels[name], goal * _pulse(time, *when))
        return
    blink = name == "eyeBlink"
    for side, late, strength in (("Left", 0.0, 1.0), ("Right", LAG / 2 if blink else LAG, 1.0 if blink else WEAKER)):
        pulse = goal * strength * _pulse(time - late, *when)
        channels[name + side] = np.maximum(channels[name + side], pulse)


def _look(channels: dict[str, Float], time: Float) -> None:
    """Saccades between the points of `GAZE`, as look channels of both eyes."""
    yaw, pitch = np.zeros_like(time), np.zeros_like(time)
    at = (0.0, 0.0)
    for start, to_yaw, to_pitch in GAZE:
        moved = _ease((time - start) / SACCADE)
        yaw += (to_yaw - at[0]) * moved
        pitch += (to_pitch - at[1]) * moved
        at = (to_yaw, to_pitch)
    for side, outwards in (("Left", 1), ("Right", -1)):
        channels[f"eyeLookOut{side}"] = np.maximum(outwards * yaw, 0) / YAW_RANGE
        channels[f"eyeLookIn{side}"] = np.maximum(-outwards * yaw, 0) / YAW_RANGE
        channels[f"eyeLookUp{side}"] = np.maximum(pitch, 0) / UP_RANGE
        channels[f"eyeLookDown{side}"] = np.maximum(-pitch, 0) / DOWN_RANGE


def _head(time: Float) -> Float:
    """Head rotation (F, 3, 3): eased moves, a slow sway between them, and a nod on the stressed word."""
    angles = np.zeros((len(time), 3))
    at = np.zeros(3)
    for start, duration, *goal in HEAD:
        for axis, late in enumerate((0.0, 0.04, 0.08)):  # roll comes last
            angles[:, axis] += (goal[axis] - at[axis]) * _ease((time - start - late) / (duration - late))
        at = np.array(goal)
    swaying = _pulse(time, 0.2, 0.6, 2.2, 0.9)[:, None]
    sway = [np.sin(2 * np.pi * (f * time + p)) for f, p in ((0.7, 0.1), (0.9, 0.4), (0.5, 0.8))]
    angles += swaying * np.stack(sway, 1) * [0.5, 0.4, 0.35]
    angles[:, 1] -= 2.5 * _pulse(time, 1.44, 0.14, 0.04, 0.30)
    return np.stack([rotation_matrix(*a) for a in angles])


def _pulse(time: Float, start: float, rise: float, hold: float, fall: float) -> Float:
    """0, eased up to 1, held, eased back to 0."""
    return _ease((time - start) / rise) * (1 - _ease((time - start - rise - hold) / fall))


def _ease(x: Float) -> Float:
    """The minimum-jerk step from 0 to 1. Source: Flash and Hogan, 1985."""
    x = np.clip(x, 0, 1)
    result: Float = x**3 * (10 - 15 * x + 6 * x**2)
    return result
