"""Frame numbers and frame rates out of what files say about time; missing frames become rows of NaN."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...errors import MotionError
from ..motion import ARRAYS, Motion
from .text import MAX_ROWS, Table, number

DEFAULT_FPS = 30.0
USUAL = 60.0
RATES = (24.0, 25.0, 30.0, 48.0, 50.0, 60.0, 90.0, 120.0)
_TIMECODE = re.compile(r"^\s*(\d{1,2}):(\d{1,2}):(\d{1,2})[:;](\d{1,3})(?:\.(\d{1,9}))?\s*$", re.ASCII)
Float = npt.NDArray[np.float64]


class Timing(NamedTuple):
    """Frames per second, whether the file says so, and a frame number for every row."""

    fps: float
    known: bool
    numbers: npt.NDArray[np.int64]


def from_timecodes(table: Table, column: int) -> Timing:
    """`hh:mm:ss:ff.sub` per row; the first frame is 0.

    The timecode counts at the smallest usual rate above the largest `ff` (a recording within one second: at 60);
    the rows come as often as the median step between them says.

    Raises:
        MotionError: a cell is no timecode, or time runs backwards; names the line.
    """
    seconds, frames = np.empty(len(table), np.int64), np.empty(len(table))
    for i, row in enumerate(table.rows):
        match = _TIMECODE.match(row[column])
        if match is None:
            raise MotionError(
                f"{table.path}, line {table.lines[i]}: {row[column][:40]!r} is not a timecode hh:mm:ss:ff"
            )
        h, m, s, f = (int(g) for g in match.groups()[:4])
        seconds[i] = (h * 60 + m) * 60 + s
        frames[i] = f + float(f"0.{match[5]}" if match[5] else 0)
    seconds += 86400 * np.concatenate([[0], np.cumsum(np.diff(seconds) < -43200)])  # midnight
    coded = next((r for r in RATES if r > frames.max()), float(np.ceil(frames.max() + 1)))
    if seconds[0] == seconds[-1]:
        coded = max(coded, USUAL)
    count = (seconds - seconds[0]) * coded + frames
    count -= count[0]
    step = float(np.median(np.diff(count))) if len(count) > 1 else 1.0
    fps = coded / step if step > 0 else coded
    fps = next((r for r in RATES if abs(r - fps) <= 0.02 * r), fps)
    time = count / coded
    back = np.flatnonzero(np.diff(time) < 0)
    if len(back):
        raise MotionError(f"{table.path}, line {table.lines[int(back[0]) + 1]}: the timecode runs backwards")
    return Timing(fps, True, _rising(np.round(time * fps).astype(np.int64)))


def from_columns(table: Table) -> Timing:
    """As the columns `frame`, `timestamp` and `fps` say, those that are there."""
    frame, rate = table.index("frame", "frame_number"), table.index("fps")
    stamp = table.index("timestamp", "time", "seconds")
    numbers = np.arange(len(table), dtype=np.int64)
    if frame is not None:
        read = table.numbers([frame])[:, 0]
        numbers = _rising(whole_numbers(read, table.path, table.lines))
    if rate is not None:
        return Timing(float(table.numbers([rate])[0, 0]), True, numbers)
    if stamp is not None and len(table) > 1:
        fps = _rate(table.numbers([stamp])[:, 0], numbers)
        if fps is not None:
            return Timing(fps, True, numbers)
    return Timing(DEFAULT_FPS, False, numbers)


def from_json(fps: object, numbers: Float | None, count: int, path: Path) -> Timing:
    """As a JSON file says: its rate, and its frames' numbers where it has them. Raises: MotionError."""
    rate = DEFAULT_FPS if fps is None else number(fps, path, "the frames per second")
    frames = np.arange(count, dtype=np.int64) if numbers is None else whole_numbers(numbers, path)
    return Timing(rate, fps is not None, frames)


def recording(path: Path, timing: Timing, provenance: dict[str, Any], **values: Any) -> Motion:
    """A motion with a row of NaN for every frame that is missing, and notes of what was not known.

    Raises:
        MotionError: a frame occurs twice, or the numbers are scattered too widely to be a recording.
    """
    provenance = {**provenance, "file": path.name} | ({} if timing.known else {"fps_assumed": timing.fps})
    arrays = {name: value for name, value in values.items() if name in ARRAYS and value is not None}
    frames, filled = _filled(path, timing.numbers, arrays)
    values |= filled
    seen = filled["landmarks" if "landmarks" in filled else "channels"]
    missing = int(np.isnan(seen).reshape(len(frames), -1).all(1).sum())
    if missing:
        provenance["missing_frames"] = missing
    return Motion.of_file(path, fps=timing.fps, frames=frames, provenance=provenance, **values)


def whole_numbers(values: Float, path: Path, lines: list[int] | None = None) -> npt.NDArray[np.int64]:
    """Numbers that must be whole, finite and of a sane size. Raises: MotionError: names the line or the entry."""
    bad = ~np.isfinite(values) | (np.abs(np.nan_to_num(values)) > 2**31 - 2)
    bad |= np.nan_to_num(values) != np.round(np.nan_to_num(values))
    if bad.any():
        i = int(np.flatnonzero(bad)[0])
        where = f"line {lines[i]}" if lines else f"entry {i + 1}"
        raise MotionError(f"{path}, {where}: the frame number must be a whole number")
    return values.astype(np.int64)


def _filled(
    path: Path, numbers: npt.NDArray[np.int64], arrays: dict[str, Any]
) -> tuple[npt.NDArray[np.int64], dict[str, Any]]:
    """Rows sorted by frame number, with rows of NaN for missing ones: frame numbers and arrays."""
    order = np.argsort(numbers, kind="stable")
    numbers = numbers[order]
    twice = np.flatnonzero(np.diff(numbers) == 0)
    if len(twice):
        raise MotionError(f"{path}: frame {numbers[twice[0]]} occurs twice")
    span = int(numbers[-1] - numbers[0]) + 1
    if span > min(MAX_ROWS, 1000 + 50 * len(numbers)):
        raise MotionError(
            f"{path}: {len(numbers)} frames are scattered over frame numbers {numbers[0]} to {numbers[-1]}"
        )
    result = {}
    for name, array in arrays.items():
        result[name] = np.full((span, *array.shape[1:]), np.nan, array.dtype)
        result[name][numbers - numbers[0]] = array[order]
    return numbers[0] + np.arange(span), result


def _rate(stamps: Float, numbers: npt.NDArray[np.int64]) -> float | None:
    """Frames per second from time stamps in seconds, if they make sense; milliseconds are recognised."""
    if not np.isfinite(stamps).all() or (np.diff(stamps) <= 0).any():
        return None
    fps = float((numbers[-1] - numbers[0]) / (stamps[-1] - stamps[0]))
    if fps < 1:  # milliseconds
        fps *= 1000
    nearest = min(RATES, key=lambda r: abs(r - fps))
    if abs(nearest - fps) < 0.02 * nearest:
        fps = nearest
    return fps if 1 <= fps <= 240 else None


def _rising(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Row numbers instead, where frame numbers repeat or fall."""
    return numbers if (np.diff(numbers) > 0).all() else np.arange(len(numbers), dtype=np.int64)
