"""Apple's 52 face channels from Live Link Face, from any table or JSON that names them, and from Audio2Face.

Angles (Live Link Face): radians about the face's own axes, which are x to the person's left, y up, z out of the
face, right handed. So a positive HeadYaw turns the nose to the person's left, a positive HeadPitch looks down, a
positive HeadRoll tips the head to the person's right shoulder. The eyes' angles follow the same rule, which
recordings confirm: EyePitch is +35° · EyeLookDown. Recordings made with the phone on its side are known to have
other signs; nothing in the file tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import MotionError
from ...landmarks import ARKIT
from ...pose import rotation_about
from ..motion import Motion
from .text import MAX_CELLS, Table, number
from .timing import Timing, from_columns, from_json, from_timecodes, recording

Float = npt.NDArray[np.float64]
LIMIT = 2.0  # channel values beyond ±2 mean nothing and would tear a face apart
PERCENT = 4.0  # values above this are percentages


def _spellings() -> dict[str, str]:
    """Every spelling we accept, lower case without separators → Apple's name."""
    table = {}
    for name in ARKIT:
        table[name.lower()] = name
        for side in ("Left", "Right"):
            if name.endswith(side):
                table[name.removesuffix(side).lower() + side[0].lower()] = name
    return table


_SPELLINGS = _spellings()


def channel_name(written: str) -> str | None:
    """Apple's name for a channel as someone wrote it: `EyeBlinkLeft`, `eyeBlink_L`, `eye blink left` …"""
    return _SPELLINGS.get(re.sub(r"[^a-z0-9]", "", written[:200].rsplit(".", 1)[-1].rsplit(":", 1)[-1].lower()))


def read_table(table: Table) -> Motion | None:
    """A table with at least one ARKit column, else None. Timecode, frame, timestamp and head angles are used."""
    columns = _columns(table.names)
    if not columns:
        return None
    timecode = table.index("timecode")
    source = "Live Link Face" if timecode is not None else "ARKit table"
    timing = from_columns(table) if timecode is None else from_timecodes(table, timecode)
    rotation = None
    head = [table.index(n) for n in ("HeadYaw", "HeadPitch", "HeadRoll")]
    if all(c is not None for c in head):
        angles = table.numbers([c for c in head if c is not None])
        if np.nan_to_num(angles).any():
            rotation = head_rotation(angles)
    return _motion(table.path, source, timing, table.numbers(list(columns.values())), tuple(columns), rotation)


def _columns(names: Iterable[object]) -> dict[str, int]:
    """Apple's name → which of the names means it, the first, in the order of `ARKIT`."""
    found: dict[str | None, int] = {}
    for i, written in enumerate(names):
        found.setdefault(channel_name(str(written)), i)
    return {name: found[name] for name in ARKIT if name in found}


def read_audio2face(data: dict[str, Any], path: Path) -> Motion | None:
    """NVIDIA Audio2Face's export: `facsNames`, `weightMat` (frames × names), `exportFps`; else None."""
    if "weightMat" not in data or "facsNames" not in data:
        return None
    weights = _matrix(data["weightMat"], path, "weightMat")
    return _named(data["facsNames"], weights, data.get("exportFps"), None, path, "Audio2Face")


def read_json(data: dict[str, Any], path: Path) -> Motion | None:
    """ARKit channels as JSON, else None. Three layouts:

    `{"fps", "names": [...], "weights": [[...], ...]}` · `{"fps", "channels": {name: [...]}}` ·
    `{"fps", "frames": [{name: value, ...} or {"frame": n, "blendshapes": {...}}, ...]}`
    """
    fps = next((data[k] for k in ("fps", "FPS", "frameRate", "frame_rate", "exportFps") if k in data), None)
    names = next(
        (data[k] for k in ("names", "blendShapeNames", "channel_names", "blendshapes_names") if k in data), None
    )
    weights = next((data[k] for k in ("weights", "blendShapeWeights", "values") if k in data), None)
    if isinstance(names, list) and isinstance(weights, list):
        return _named(names, _matrix(weights, path, "weights"), fps, None, path, "ARKit JSON")
    for key in ("channels", "blendShapes", "blendshapes", "curves"):
        curves = data.get(key)
        if isinstance(curves, dict) and curves and all(isinstance(v, list) for v in curves.values()):
            known = {n: v for n, v in curves.items() if channel_name(str(n))}
            if not known:
                return None
            return _named(list(known), _matrix(list(known.values()), path, key).T, fps, None, path, "ARKit JSON")
    frames = data.get("frames")
    if isinstance(frames, list) and frames and all(isinstance(f, dict) for f in frames):
        return _from_frames(frames, fps, path)
    return None


def head_rotation(angles: Float) -> Float:
    """(F, 3) yaw, pitch, roll, radians, as the app writes them → (F, 3, 3) about picture axes (y down, z away).

    The order is roll first, then pitch, then yaw. NaN rows stay NaN.
    """
    yaw, pitch, roll = angles.T
    result: Float = rotation_about(1, -yaw) @ rotation_about(0, pitch) @ rotation_about(2, -roll)
    return result


def _from_frames(frames: list[dict[str, Any]], fps: object, path: Path) -> Motion | None:
    """One object per frame; a channel that a frame leaves out is 0 there, a frame of null is missing."""
    index: dict[str, int] = {}
    cells: list[dict[str, Any]] = []
    for frame in frames:
        inner = next((frame[k] for k in ("blendshapes", "blendShapes", "channels", "weights") if k in frame), frame)
        cells.append(inner if isinstance(inner, dict) else {})
        for written in cells[-1]:
            name = channel_name(str(written))
            if name is not None:
                index.setdefault(name, len(index))
    if not index:
        return None
    values = np.zeros((len(frames), len(index)))
    for i, cell in enumerate(cells):
        for written, value in cell.items():
            name = channel_name(str(written))
            if name is not None:
                values[i, index[name]] = number(value, path, f"frame entry {i + 1}, {written[:40]!r}")
    numbers = None
    if all("frame" in f for f in frames):
        numbers = np.array([number(f["frame"], path, f"frame entry {i + 1}, 'frame'") for i, f in enumerate(frames)])
    return _named(list(index), values, fps, numbers, path, "ARKit JSON")


def _named(names: object, weights: Float, fps: object, numbers: Float | None, path: Path, source: str) -> Motion:
    if not isinstance(names, list) or len(names) != weights.shape[1]:
        count = len(names) if isinstance(names, list) else "no"
        raise MotionError(f"{path}: {count} channel names for {weights.shape[1]} values per frame")
    columns = _columns(names)
    if not columns:
        raise MotionError(f"{path}: none of its channel names is an ARKit channel (jawOpen, eyeBlinkLeft, …)")
    timing = from_json(fps, numbers, len(weights), path)
    return _motion(path, source, timing, weights[:, list(columns.values())], tuple(columns))


def _motion(
    path: Path, source: str, timing: Timing, values: Float, names: tuple[str, ...], rotation: Float | None = None
) -> Motion:
    provenance: dict[str, Any] = {"source": source, "channels": len(names)}
    if not np.isfinite(values).any():
        raise MotionError(f"{path}: all of its channel values are missing")
    if np.nanmax(np.abs(values)) > PERCENT:
        values = values / 100
        provenance["percent"] = True
    values = np.clip(values, -LIMIT, LIMIT).astype(np.float32)
    return recording(path, timing, provenance, channels=values, channel_names=names, rotation=rotation)


def _matrix(rows: object, path: Path, what: str) -> Float:
    """A list of equally long lists of numbers → (rows, columns) float64; null is NaN."""
    if not isinstance(rows, list) or not rows or not all(isinstance(r, list) for r in rows):
        raise MotionError(f"{path}: {what!r} must be a list of lists of numbers")
    width = len(rows[0])
    if width * len(rows) > MAX_CELLS:
        raise MotionError(f"{path}: {what!r} is too large")
    result = np.empty((len(rows), width))
    for i, row in enumerate(rows):
        if len(row) != width:
            raise MotionError(f"{path}: entry {i + 1} of {what!r} has {len(row)} numbers where the first has {width}")
        try:
            result[i] = row
        except (TypeError, ValueError, OverflowError):
            result[i] = [number(v, path, f"entry {i + 1} of {what!r}") for v in row]
    if np.isinf(result).any():
        raise MotionError(f"{path}: entry {int(np.argwhere(np.isinf(result))[0, 0]) + 1} of {what!r} is infinite")
    return result
