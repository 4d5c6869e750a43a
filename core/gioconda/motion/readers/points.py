"""Landmarks from tables and JSON: the 478-point mesh, the 68 points of OpenFace and Py-Feat, and named rig points.

Points a file does not have stay NaN in every frame; retargeting fits the rest of the face to those that are there.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import MotionError
from ...landmarks import COUNT, IBUG68, NAMED
from ..motion import Motion
from .persons import Face, choose_person
from .text import MAX_ROWS, Table, number
from .timing import Timing, from_columns, from_json, recording

Float = npt.NDArray[np.float64]
FAR = 1e6  # pixels: no picture is larger
_AXIS = re.compile(r"^(?P<point>.+?)[ _.\-]?(?P<axis>[xyz])$", re.IGNORECASE)


def read_mesh(table: Table, face: Face = None) -> Motion | None:
    """478 (or 468) points as `mesh_x_0 …` (Py-Feat) or `x_0 … x_477`; z in picture widths of the face box is scaled."""
    for prefix in ("mesh_", ""):
        count = next((n for n in (478, 468) if table.index(f"{prefix}x_{n - 1}") is not None), None)
        if count is not None:
            columns = _columns(table, [(f"{prefix}{a}_{i}") for a in "xyz" for i in range(count)], required=2 * count)
            values = table.numbers([c for c in columns if c is not None])
            points = np.full((len(table), COUNT, 3), np.nan)
            width = table.index("FaceRectWidth")
            for axis in range(values.shape[1] // count):
                part = values[:, axis * count : (axis + 1) * count]
                if axis == 2 and prefix and width is not None and np.nanmax(np.abs(part)) < 5:
                    part = part * table.numbers([width])
                points[:, :count, axis] = part
            return _motion(table, points, "478-point mesh table", face)
    return None


def read_sixty_eight(table: Table, face: Face = None) -> Motion | None:
    """`x_0 … x_67, y_0 … y_67` in pixels: OpenFace (with confidence, success) or Py-Feat; else None."""
    if table.index("x_0") is None or table.index("y_67") is None:
        return None
    columns = _columns(table, [f"{a}_{i}" for a in "xy" for i in range(68)], required=136)
    values = table.numbers([c for c in columns if c is not None])
    points = np.full((len(table), COUNT, 3), np.nan)
    points[:, list(IBUG68), 0], points[:, list(IBUG68), 1] = values[:, :68], values[:, 68:]
    source = "OpenFace table" if table.index("success", "confidence") is not None else "68-landmark table"
    return _motion(table, points, source, face)


def read_named_table(table: Table, face: Face = None) -> Motion | None:
    """Columns `<point>_x`, `<point>_y` and perhaps `<point>_z`; a point is a name of `landmarks.NAMED` or an index."""
    found: dict[int, dict[str, int]] = {}
    for column, written in enumerate(table.names):
        match = _AXIS.match(written[:100])
        point = point_index(match["point"]) if match else None
        if match and point is not None:
            found.setdefault(point, {}).setdefault(match["axis"].lower(), column)
    whole = {p: axes for p, axes in found.items() if {"x", "y"} <= set(axes)}
    if not whole:
        return None
    points = np.full((len(table), COUNT, 3), np.nan)
    for point, axes in whole.items():
        for axis, column in axes.items():
            points[:, point, "xyz".index(axis)] = table.numbers([column])[:, 0]
    return _motion(table, points, "named points table", face)


def read_named_json(data: dict[str, Any], path: Path) -> Motion | None:
    """`{"fps", "size", "points": {name: [[x, y(, z)], …]}}` or `{"frames": [{"frame", "points": {name: […]}}]}`."""
    numbers: Float | None = None
    frames = data.get("frames")
    if isinstance(data.get("points"), dict):
        rows = data["points"]
        lengths = {len(v) for v in rows.values() if isinstance(v, list)}
        if len(lengths) != 1 or not all(isinstance(v, list) for v in rows.values()):
            raise MotionError(f"{path}: every point must have a list of positions, one for each frame")
        count = lengths.pop()
        cells = ((str(n), i, at) for n, positions in rows.items() for i, at in enumerate(positions))
        if isinstance(frames, list) and len(frames) == count:
            numbers = np.array([number(f, path, f"entry {i + 1} of 'frames'") for i, f in enumerate(frames)])
    elif isinstance(frames, list) and frames and all(isinstance(f, dict) and "points" in f for f in frames):
        count = len(frames)
        cells = ((str(n), i, p) for i, f in enumerate(frames) for n, p in (f["points"] or {}).items())
        if all("frame" in f for f in frames):
            numbers = np.array([number(f["frame"], path, f"frame entry {i + 1}") for i, f in enumerate(frames)])
    else:
        return None
    if not 0 < count <= MAX_ROWS // 10:
        raise MotionError(f"{path} has {count} frames; {MAX_ROWS // 10} is the most we read as JSON")
    points = np.full((count, COUNT, 3), np.nan)
    for name, i, position in cells:
        point = point_index(name)
        if point is None:
            raise MotionError(
                f"{path}: {name[:40]!r} is not a point we know; use names like nose_tip or an index 0 to 477"
            )
        if position is not None:
            if not isinstance(position, list) or len(position) not in (2, 3):
                raise MotionError(f"{path}, frame entry {i + 1}, {name[:40]!r}: a position must be [x, y] or [x, y, z]")
            where = f"frame entry {i + 1}, {name[:40]!r}"
            points[i, point, : len(position)] = [number(value, path, where) for value in position]
    timing = from_json(data.get("fps"), numbers, count, path)
    return _build(path, points, "named points JSON", timing, _size(data.get("size"), path))


def point_index(written: str) -> int | None:
    """The landmark a name stands for: `nose_tip`, `Nose Tip`, `p4`, `point_4`, `4`; None if unknown."""
    name = re.sub(r"[^a-z0-9]+", "_", written.strip().lower()).strip("_")
    if name in NAMED:
        return NAMED[name]
    match = re.fullmatch(r"(?:p|point|lm|landmark)?_?(\d{1,3})", name, re.ASCII)
    return int(match[1]) if match and int(match[1]) < COUNT else None


def _columns(table: Table, names: list[str], required: int) -> list[int | None]:
    """The columns' indices; the first `required` must be there.

    Case decides: OpenFace has x_0 in pixels and X_0 in millimetres.
    """
    index = {n: i for i, n in reversed(list(enumerate(table.names)))}
    found = [index.get(n) for n in names]
    for name, column in zip(names[:required], found[:required], strict=True):
        if column is None:
            raise MotionError(f"{table.path}, line 1: there is no column {name!r} beside its neighbours")
    return found if all(c is not None for c in found) else found[:required]


def _motion(table: Table, points: Float, source: str, face: Face) -> Motion:
    """A Motion from a table's points and its columns about time, success and faces."""
    success, confidence = table.index("success"), table.index("confidence", "FaceScore")
    if success is not None:
        points[table.numbers([success])[:, 0] == 0] = np.nan
    seen: npt.NDArray[np.bool_] = np.isfinite(points[..., 0] + points[..., 1])
    low, high = (np.where(seen[..., None], points[..., :2], fill) for fill in (np.inf, -np.inf))
    low, high = low.min(1), high.max(1)
    low[~seen.any(1)] = high[~seen.any(1)] = np.nan
    rows, notes = choose_person(table, (low + high) / 2, (high - low).max(1), face)
    table, points = table.rows_of(rows), points[rows]
    certainty = table.numbers([confidence])[:, 0].astype(np.float32) if confidence is not None else None
    size = None
    width, height = table.index("FrameWidth"), table.index("FrameHeight")
    if width is not None and height is not None:
        first = table.numbers([width, height])[0]
        if np.isfinite(first).all() and (first >= 1).all() and (first < FAR).all():
            size = (int(first[0]), int(first[1]))
    return _build(table.path, points, source, from_columns(table), size, certainty).noted(*notes)


def _build(
    path: Path,
    points: Float,
    source: str,
    timing: Timing,
    size: tuple[int, int] | None,
    confidence: npt.NDArray[np.float32] | None = None,
) -> Motion:
    if not np.isfinite(points).any():
        raise MotionError(f"{path}: no frame has a face")
    if np.nanmax(np.abs(points)) > FAR:
        raise MotionError(f"{path}: a point lies {np.nanmax(np.abs(points)):.3g} pixels away; that is no picture")
    landmarks = points.astype(np.float32)
    return recording(path, timing, {"source": source}, landmarks=landmarks, confidence=confidence, size=size)


def _size(value: object, path: Path) -> tuple[int, int] | None:
    if value is None:
        return None
    if isinstance(value, list) and len(value) == 2 and all(isinstance(v, int) and 0 < v < FAR for v in value):
        return (value[0], value[1])
    raise MotionError(f"{path}: 'size' must be [width, height] in whole pixels")
