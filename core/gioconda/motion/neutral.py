"""Which frame of a motion is the neutral one: the frame that leaves the portrait as it is.

The first frame wins when it is nearly as neutral as the best, so that a recording starts at the portrait itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import landmarks
from ..errors import MotionError
from ..landmarks import ARKIT
from .head_motion import HeadTrack
from .regions import LIDS, openness

Float = npt.NDArray[np.float64]
FRONTAL = 25.0  # degrees of turn that count as much as a mouth half open
FIRST_FRAME_MARGIN = 0.25  # cost above the best at which the first frame still wins
SPEAKING = 0.1  # how much further open its mouth may be than the best one's, gap by width: more, and somebody speaks
EXPRESSIVE = 0.5  # a channel above this is an expression, not a face's habit


def choose_neutral(
    asked: int | None, count: int, most_neutral: Callable[[], int | None], notes: dict[str, Any]
) -> int | None:
    """The index asked for, or the most neutral frame; noted. None: no frame is neutral, only channels of zero are.

    Raises:
        MotionError: there is no such index.
    """
    if asked is not None and not -count <= asked < count:
        raise MotionError(f"there is no neutral frame {asked}: the motion has {count} frames, counted from 0")
    index = asked % count if asked is not None else most_neutral()
    notes["neutral"] = "rest" if index is None else index
    if asked is not None:
        notes["neutral_why"] = "as asked for"
    else:
        notes["neutral_why"] = "the first is as calm as any" if index == 0 else "the calmest of all"
    return index


def most_neutral_face(face: npt.NDArray[np.floating], track: HeadTrack) -> int:
    """The frame, of (F, 478, 3) in head space, with the mouth shut, the eyes open and the head frontal."""
    eyes = np.minimum(*(openness(face, side) for side in LIDS))
    forward = np.degrees(np.arccos(np.clip(track.rotation[:, 2, 2], -1, 1)))
    mouth = mouth_openness(face)
    cost = mouth.copy()
    cost += 2.0 * np.maximum(np.percentile(eyes, 75) - eyes, 0) / max(float(np.percentile(eyes, 75)), 0.05)
    cost += 0.5 * forward / FRONTAL
    first = _first_or_best(cost)
    return first if mouth[first] <= mouth[cost.argmin()] + SPEAKING else int(cost.argmin())


def mouth_openness(face: npt.NDArray[np.floating]) -> Float:
    """The gap between the lips of faces (…, 478, 3) by the mouth's width, (…,); about 0 when shut."""
    width = np.linalg.norm(face[..., landmarks.MOUTH_LEFT, :] - face[..., landmarks.MOUTH_RIGHT, :], axis=-1)
    gap = np.linalg.norm(face[..., landmarks.LIP_TOP, :] - face[..., landmarks.LIP_BOTTOM, :], axis=-1)
    result: Float = gap / np.maximum(width, 1e-6)
    return result


def most_neutral_channels(channels: npt.NDArray[np.floating]) -> int | None:
    """The frame, of (F, 52), with the least expression; None if even that one has an expression."""
    looks = np.array([name.startswith("eyeLook") for name in ARKIT])
    weight = np.where(looks, 0.3, 1.0)
    cost = np.abs(channels) @ weight
    best = _first_or_best(cost)
    return best if np.abs(channels[best] * weight).max() <= EXPRESSIVE else None


def _first_or_best(cost: Float) -> int:
    return 0 if cost[0] <= cost.min() + FIRST_FRAME_MARGIN else int(cost.argmin())
