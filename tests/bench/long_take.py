"""A motion as long as one likes, made by rule: it talks, blinks, smiles and turns, and never repeats exactly."""

from __future__ import annotations

import numpy as np
from gioconda.motion.motion import Motion
from gioconda.pose import rotation_matrix

CHANNELS = (
    "jawOpen",
    "eyeBlinkLeft",
    "eyeBlinkRight",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthPucker",
    "browInnerUp",
)


def long_take(frames: int, fps: float = 25.0) -> Motion:
    """ARKit channels and head rotation (±10° yaw, ±5° pitch), frames from 1; the first frame is neutral."""
    seconds = np.arange(frames) / fps
    jaw = 0.5 * np.abs(np.sin(seconds * 7.0)) * (np.sin(seconds * 0.9) > -0.3)
    blink = np.clip(1 - np.abs((seconds % 3.1) - 1.5) / 0.12, 0, 1)
    smile = 0.4 * (1 - np.cos(seconds * 0.7))
    pucker = 0.3 * (1 - np.cos(seconds * 1.3)) * jaw
    brow = 0.3 * (1 - np.cos(seconds * 1.1))
    channels = np.stack([jaw, blink, blink, smile, smile, pucker, brow], 1)
    turns = [rotation_matrix(10 * np.sin(0.8 * t), 5 * np.sin(1.7 * t), 3 * np.sin(0.5 * t)) for t in seconds]
    return Motion(
        fps=fps,
        frames=np.arange(1, frames + 1, dtype=np.int32),
        channels=channels.astype(np.float32),
        channel_names=CHANNELS,
        rotation=np.stack(turns),
        neutral=0,
        provenance={"kind": "benchmark"},
    )
