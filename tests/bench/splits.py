"""What a frame's face does, from its landmarks, and the frames that are judged apart by it.

Openings and lifts are told by distances between landmarks in units of the outer eye corners' distance, put on the scale
of MediaPipe's blendshape scores (0..1) by least squares over every fifth frame of the eighteen shared clips. Each clip
predicted from the others: jawOpen r = 0.90, browInnerUp 0.89, the mean of mouthSmileLeft and Right 0.84.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gioconda import landmarks as lm

from .metrics import Points, interocular, mean

Row = Mapping[str, Any]

NOSE_BASE = 2
LIDS = {"right": (159, 145, 33, 133), "left": (386, 374, 263, 362)}  # upper, lower, outer, inner
SHUT, HALF = 0.3, 0.7  # of what an eye is open in the portrait
WIDE_JAW, OPEN_MOUTH, SMILING, RAISED = 0.3, 0.012, 0.4, 0.4
TURNED, FAR_TURNED = 10.0, 20.0  # degrees


def jaw_opening(landmarks: Points) -> float:
    """How far the jaw is open, about 0..1, from (478, 3) pixels: the lower lip leaves the nose more than the chin."""
    gap, chin, lip = (_apart(landmarks, *pair) for pair in ((13, 14), (lm.CHIN, NOSE_BASE), (14, lm.CHIN)))
    return 2.81 * chin - 3.7 * lip - 1.14 * gap - 0.26


def smile(landmarks: Points) -> float:
    """How much the mouth smiles, about 0..1: how wide it is, and how high its corners are."""
    up = landmarks[lm.FOREHEAD] - landmarks[lm.CHIN]
    corners, middle = landmarks[[lm.MOUTH_RIGHT, lm.MOUTH_LEFT]], landmarks[[lm.LIP_TOP, lm.LIP_BOTTOM]]
    lift = float((corners.mean(0) - middle.mean(0)) @ up / np.linalg.norm(up)) / interocular(landmarks)
    return 1.75 * _apart(landmarks, lm.MOUTH_RIGHT, lm.MOUTH_LEFT) + 4.78 * lift - 0.8


def raised_brows(landmarks: Points) -> float:
    """How far the brows' inner ends are raised, about 0..1."""
    return 8.44 * (_apart(landmarks, 107, 133) + _apart(landmarks, 336, 362)) / 2 - 2.63


def openness(landmarks: Points) -> dict[str, float]:
    """How far each eye is open, of its width."""
    points = landmarks[:, :2]
    wide = {side: max(float(np.linalg.norm(points[a] - points[b])), 1e-6) for side, (_, _, a, b) in LIDS.items()}
    return {side: float(np.linalg.norm(points[up] - points[low])) / wide[side] for side, (up, low, *_) in LIDS.items()}


def _apart(landmarks: Points, a: int, b: int) -> float:
    """The distance of two landmarks in units of the eye corners'."""
    return float(np.linalg.norm(landmarks[a] - landmarks[b])) / interocular(landmarks)


def mouth_area(landmarks: Points) -> float:
    """The area between the lips, in squares of the eye corners' distance."""
    x, y = (landmarks[list(lm.LIPS_INNER), :2] / interocular(landmarks)).T
    return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)


def described(landmarks: Points, portrait: Points, turned: tuple[float, float, float]) -> dict[str, float]:
    """What is told of a frame in its row.

    Args:
        landmarks, portrait: (478, 3) pixels, of the frame and of the portrait.
        turned: yaw, pitch, roll between them, degrees.
    """
    still = openness(portrait)
    eyes = {f"open_{side}": open_ / max(still[side], 1e-6) for side, open_ in openness(landmarks).items()}
    return {
        "yaw": turned[0],
        "turn": max(abs(turned[0]), abs(turned[1])),
        "jaw": jaw_opening(landmarks),
        "smile": smile(landmarks),
        "brows": raised_brows(landmarks),
        "portrait_mouth": mouth_area(portrait),
        **eyes,
    }


@dataclass(frozen=True)
class Split:
    """Frames (or single eyes) that are judged apart, and by which figures of their rows."""

    name: str
    holds: Callable[[Row], bool]
    keys: tuple[str, ...]


def _eyes(name: str, low: float, high: float) -> tuple[Split, ...]:
    """One split of left and right eyes, each by its own opening."""

    def between(side: str) -> Callable[[Row], bool]:
        return lambda row: low <= row[f"open_{side}"] < high

    return tuple(Split(name, between(side), (f"psnr_eye_{side}",)) for side in LIDS)


_TURN = ("psnr", "psnr_face", "psnr_person")
SPLITS: tuple[Split, ...] = (
    Split("all frames", lambda row: True, ("psnr", "psnr_face", "psnr_mouth", "psnr_eyes", "psnr_person", "akd")),
    Split("jaw open", lambda row: row["jaw"] > WIDE_JAW, ("psnr_mouth",)),
    Split("portrait's mouth open", lambda row: row["portrait_mouth"] > OPEN_MOUTH, ("psnr_mouth",)),
    Split("portrait's mouth shut", lambda row: row["portrait_mouth"] <= OPEN_MOUTH, ("psnr_mouth",)),
    *_eyes("eyes shut", -1, SHUT),
    *_eyes("eyes half shut", SHUT, HALF),
    *_eyes("eyes open", HALF, np.inf),
    Split("smiling", lambda row: row["smile"] > SMILING, ("psnr_face", "psnr_mouth")),
    Split("brows raised", lambda row: row["brows"] > RAISED, ("psnr_face",)),
    Split("turned < 10°", lambda row: row["turn"] < TURNED, _TURN),
    Split("turned 10–20°", lambda row: TURNED <= row["turn"] < FAR_TURNED, _TURN),
)
FIGURES = {
    "psnr": "whole, dB",
    "psnr_face": "face",
    "psnr_mouth": "mouth",
    "psnr_eyes": "eyes",
    "psnr_eye_right": "eye",
    "psnr_eye_left": "eye",
    "psnr_person": "person outside the face",
    "akd": "AKD, %",
}


def summary(rows: Sequence[Row]) -> dict[tuple[str, str], tuple[int, dict[str, float]]]:
    """(split, figure) → in how many frames or eyes it was measured, and each engine's mean.

    Rows are those of frames and engines, with `described` among them; older ones, without, are in no split.
    """
    told = [row for row in rows if "jaw" in row]
    found: dict[tuple[str, str], dict[str, list[dict[str, float]]]] = {}
    for split in SPLITS:
        for row in filter(split.holds, told):
            for key in split.keys:
                if isinstance(row.get(key), float):
                    engines = found.setdefault((split.name, FIGURES[key]), {})
                    engines.setdefault(row["engine"], []).append({"value": row[key]})
    return {
        what: (max(map(len, engines.values())), {name: mean(each, "value") for name, each in engines.items()})
        for what, engines in found.items()
    }
