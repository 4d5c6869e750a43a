"""Which reader a table or a JSON file is for, told by its column names and keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import MotionError
from ..motion import Motion
from . import arkit, points
from .bvh import read_bvh as read_bvh
from .text import parse_table

KINDS = (
    "Live Link Face or any table with ARKit channel names, OpenFace or Py-Feat landmarks (x_0 … y_67), "
    "or named points (nose_tip_x, nose_tip_y, …)"
)


def read_csv(text: str, path: Path) -> Motion:
    """A table of any kind we know, told apart by its column names.

    Raises:
        MotionError: broken, or of no kind we know; names the line.
    """
    table = parse_table(text, path)
    for read in (points.read_mesh, points.read_sixty_eight, arkit.read_table, points.read_named_table):
        motion = read(table)
        if motion is not None:
            return motion
    shown = ", ".join(table.names[:6]) + (" …" if len(table.names) > 6 else "")
    raise MotionError(f"{path}, line 1: these columns are unknown to us ({shown}); we read {KINDS}")


def read_json(data: Any, path: Path) -> Motion:
    """Parsed JSON of any kind we know: Audio2Face, ARKit channels, named points.

    Raises:
        MotionError: broken, or of no kind we know; names the entry.
    """
    if isinstance(data, list):
        data = {"frames": data}
    if not isinstance(data, dict):
        raise MotionError(f"{path} holds a single value, not a motion")
    for read in (arkit.read_audio2face, points.read_named_json, arkit.read_json):
        motion = read(data, path)
        if motion is not None:
            return motion
    shown = ", ".join(sorted(str(k)[:30] for k in data)[:6])
    raise MotionError(f"{path}: no ARKit channels, Audio2Face weights or named points found (its keys: {shown})")
