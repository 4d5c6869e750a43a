"""Contact sheets of a re-enacted clip, for people to look at: targets above outputs, then eyes and mouths close up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from gioconda.landmarks import EYE_OUTER_LEFT, EYE_OUTER_RIGHT, LIP_BOTTOM, LIP_TOP

from .metrics import Bytes, Points, interocular

COLUMNS = 8
THUMB_PX = 256
GAP_PX = 8
EYES = (EYE_OUTER_RIGHT, EYE_OUTER_LEFT)
MOUTH = (LIP_TOP, LIP_BOTTOM)


def columns(count: int) -> list[int]:
    """Which of `count` frames a sheet shows: up to eight, evenly spread."""
    return sorted({round(i) for i in np.linspace(0, count - 1, COLUMNS)}) if count else []


def write_sheet(path: Path, targets: Sequence[Bytes], outputs: Sequence[Bytes], landmarks: Sequence[Points]) -> None:
    """Rows: target, output; eyes of both; mouth of both. One column a frame.

    Args:
        targets, outputs: (H, W, 3) uint8 sRGB each, as many as columns.
        landmarks: (478, 3) pixels of each target.
    """
    rows = [np.hstack([_thumb(picture) for picture in pictures]) for pictures in (targets, outputs)]
    for centre in (EYES, MOUTH):
        rows.append(np.zeros((GAP_PX, rows[0].shape[1], 3), np.uint8))
        for pictures in (targets, outputs):
            close = [_close_up(p, points, centre) for p, points in zip(pictures, landmarks, strict=True)]
            rows.append(np.hstack(close))
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), np.vstack(rows)[..., ::-1]):
        raise OSError(f"cannot write {path}")


def _thumb(picture: Bytes) -> Bytes:
    return cv2.resize(picture, (THUMB_PX, THUMB_PX), interpolation=cv2.INTER_AREA)


def _close_up(picture: Bytes, landmarks: Points, centre: Sequence[int]) -> Bytes:
    """Twice as wide as high, 1.7 inter-ocular distances across."""
    width = int(interocular(landmarks) * 1.7)
    corner = landmarks[list(centre), :2].mean(0).astype(int) - [width // 2, width // 4]
    x = np.clip(np.arange(width) + corner[0], 0, picture.shape[1] - 1)
    y = np.clip(np.arange(width // 2) + corner[1], 0, picture.shape[0] - 1)
    return cv2.resize(picture[y][:, x], (THUMB_PX, THUMB_PX // 2), interpolation=cv2.INTER_CUBIC)
