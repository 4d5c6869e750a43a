"""Apple's 52 face channels from Live Link Face, from any table or JSON that names them, and from NVIDIA Audio2Face.

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
from .text import MAX_CELLS, Table, is_number, number
from .timing import Timing, from_columns, from_json, from_timecodes, recording

Float = npt.NDArray[np.float64]
HEAD_ANGLES = ("HeadYaw", "HeadPitch", "HeadRoll")
LIMIT = 2.0  # channel values beyond ±2 mean nothing and would tear a face apart
STRONG = 0.05  # part of its frames in which a channel exceeds 1, so that it is exaggerated and not spoilt
PERCENT = 10.0  # no channel is that strong …
IN_PERCENT = 0.25  # … but in percent, in this part of the frames that show anything


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
    if timecode is not None and is_number(table.rows[0][timecode]):  # Audio2Face-3D writes seconds there
        source, timecode = "Audio2Face-3D", None
    timing = from_columns(table) if timecode is None else from_timecodes(table, timecode)
    rotation = None
    head = [table.index(name) for name in HEAD_ANGLES]
    if all(c is not None for c in head):
        angles = table.numbers([c for c in head if c is not None])
        if np.nan_to_num(angles).any():
            rotation = head_rotation(angles)
    values = table.numbers(list(columns.values()))
    return channel_motion(table.path, source, timing, values, tuple(columns), rotation, table.lines)


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


def read_live_link_json(data: dict[str, Any], path: Path) -> Motion | None:
    """Live Link JSON as Audio2Face writes it, else None: {"0": {SUBJECT: {"Facial": {"Names", "Weights"}}}, "1": …}.

    Head angles are radians, as in Live Link Face.
    """
    entries = data.get("frames") if isinstance(data.get("frames"), list) else None
    numbers: Float | None = None
    if entries is None and data and all(re.fullmatch(r"\d{1,9}", str(key)) for key in data):
        keys = sorted(data, key=int)
        entries, numbers = [data[key] for key in keys], np.array([float(key) for key in keys])
    if not entries or not all(isinstance(entry, dict) for entry in entries):
        return None
    faces = [next((_facial(subject) for subject in entry.values() if _facial(subject)), None) for entry in entries]
    names = next((face["Names"] for face in faces if face), None)
    if not isinstance(names, list):
        return None
    empty = [None] * len(names)
    for i, face in enumerate(faces):
        if face and face["Names"] != names:
            raise MotionError(f"{path}: entry {i + 1} names other channels than the first one")
    weights = _matrix([face["Weights"] if face else empty for face in faces], path, "Weights")
    columns = _columns(names)
    if not columns or len(names) != weights.shape[1]:
        raise MotionError(
            f"{path}: its {len(names)} names do not fit its {weights.shape[1]} weights, or are no channels"
        )
    head = [names.index(name) for name in HEAD_ANGLES if name in names]
    rotation = head_rotation(weights[:, head]) if len(head) == 3 and np.nan_to_num(weights[:, head]).any() else None
    timing = from_json(data.get("fps"), numbers, len(weights), path)
    values = weights[:, list(columns.values())]
    return channel_motion(path, "Live Link JSON", timing, values, tuple(columns), rotation)


def _facial(subject: object) -> dict[str, Any] | None:
    facial = subject.get("Facial") if isinstance(subject, dict) else None
    return facial if isinstance(facial, dict) and {"Names", "Weights"} <= set(facial) else None


def read_json(data: dict[str, Any], path: Path) -> Motion | None:
    """ARKit channels as JSON, else None. Three layouts:

    `{"fps", "names": [...], "weights": [[...], ...]}` · `{"fps", "channels": {name: [...]}}` ·
    `{"fps", "frames": [{name: value, ...} or {"frame": n, "blendshapes": {...}, "head": {...}}, ...]}`, the head as
    `HeadYaw`, `HeadPitch`, `HeadRoll` in radians.
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


def head_angles(rotation: Float) -> Float:
    """(F, 3, 3) about picture axes → (F, 3) yaw, pitch, roll, radians: the inverse of `head_rotation`."""
    yaw = -np.arctan2(rotation[:, 0, 2], rotation[:, 2, 2])
    pitch = -np.arcsin(np.clip(rotation[:, 1, 2], -1, 1))
    return np.stack([yaw, pitch, -np.arctan2(rotation[:, 1, 0], rotation[:, 1, 1])], 1)


def _from_frames(frames: list[dict[str, Any]], fps: object, path: Path) -> Motion | None:
    """One object per frame; a channel that a frame leaves out is 0 there, a frame of null is missing."""
    index: dict[str, int] = {}
    cells: list[dict[str, Any] | None] = []
    for frame in frames:
        inner = next((frame[k] for k in ("blendshapes", "blendShapes", "channels", "weights") if k in frame), frame)
        cells.append(None if inner is None else inner if isinstance(inner, dict) else {})
        for written in cells[-1] or ():
            name = channel_name(str(written))
            if name is not None:
                index.setdefault(name, len(index))
    if not index:
        return None
    values = np.zeros((len(frames), len(index)))
    for i, cell in enumerate(cells):
        values[i] = np.nan if cell is None else 0
        for written, value in (cell or {}).items():
            name = channel_name(str(written))
            if name is not None:
                values[i, index[name]] = number(value, path, f"frame entry {i + 1}, {written[:40]!r}")
    numbers = None
    if all("frame" in f for f in frames):
        numbers = np.array([number(f["frame"], path, f"frame entry {i + 1}, 'frame'") for i, f in enumerate(frames)])
    return _named(list(index), values, fps, numbers, path, "ARKit JSON", _head_of(frames, path))


def _head_of(frames: list[dict[str, Any]], path: Path) -> Float | None:
    """The head's rotations, (F, 3, 3), where the frames have a "head"."""
    if not any(isinstance(frame.get("head"), dict) for frame in frames):
        return None
    angles = np.full((len(frames), 3), np.nan)
    for i, frame in enumerate(frames):
        head = frame.get("head")
        if isinstance(head, dict):
            where = f"frame entry {i + 1}, 'head'"
            angles[i] = [number(head.get(name, 0.0), path, where) for name in HEAD_ANGLES]
    return head_rotation(angles)


def _named(
    names: object,
    weights: Float,
    fps: object,
    numbers: Float | None,
    path: Path,
    source: str,
    rotation: Float | None = None,
) -> Motion:
    if not isinstance(names, list) or len(names) != weights.shape[1]:
        count = len(names) if isinstance(names, list) else "no"
        raise MotionError(f"{path}: {count} channel names for {weights.shape[1]} values per frame")
    columns = _columns(names)
    if not columns:
        raise MotionError(f"{path}: none of its channel names is an ARKit channel (jawOpen, eyeBlinkLeft, …)")
    timing = from_json(fps, numbers, len(weights), path)
    return channel_motion(path, source, timing, weights[:, list(columns.values())], tuple(columns), rotation)


def channel_motion(
    path: Path,
    source: str,
    timing: Timing,
    values: Float,
    names: tuple[str, ...],
    rotation: Float | None = None,
    lines: list[int] | None = None,
    *,
    percent: bool | None = None,
) -> Motion:
    """A motion of channels (rows, C) and head rotations (rows, 3, 3); `lines`: where the rows stand in the file.

    `percent`: whether the values are percentages; None: as their body says, and that is noted. Outliers are clamped.

    Raises: MotionError.
    """
    provenance: dict[str, Any] = {"source": source, "channels": len(names)}
    notes = []
    if not np.isfinite(values).any():
        raise MotionError(f"{path}: all of its channel values are missing")
    assumed = percent is None and _in_percent(values)
    if percent or assumed:
        values = values / 100
        provenance["percent"] = True
    if assumed:
        notes.append("Its values are taken for percent: 100 is a channel's full strength.")
    stated = values
    values, beyond = _clamped(values)
    if len(beyond):
        row, column = (int(i) for i in beyond[0])
        where = f"line {lines[row]}" if lines else f"frame entry {row + 1}"
        more = "" if len(beyond) == 1 else f", the first of {len(beyond)} values far outside 0 to 1"
        notes.append(
            f"In {where} {names[column]} is {stated[row, column]:.3g}{more}: clamped to {values[row, column]:g}."
        )
    if notes:
        provenance["notes"] = notes
    channels = values.astype(np.float32)
    return recording(path, timing, provenance, channels=channels, channel_names=names, rotation=rotation)


def _in_percent(values: Float) -> bool:
    """Whether channels are percentages: in many of the frames that show anything, one is stronger than any can be."""
    strongest = np.nan_to_num(np.abs(values)).max(1)
    moving = strongest[strongest > 0]
    return bool(len(moving) and (moving > PERCENT).mean() >= IN_PERCENT)


def _clamped(values: Float) -> tuple[Float, npt.NDArray[np.intp]]:
    """Values beyond ±LIMIT clamped, to ±1 in channels that are no stronger otherwise; and where, (n, 2)."""
    strong = (np.nan_to_num(np.abs(values)) > 1).mean(0) >= STRONG
    most = np.where(strong, LIMIT, 1.0)
    outside = np.nan_to_num(np.abs(values)) > LIMIT
    return np.where(outside, np.clip(values, -most, most), values), np.argwhere(outside)


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
