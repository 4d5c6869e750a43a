"""Frame numbers and frame rates out of what files say about time; missing frames become rows of NaN."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...errors import MotionError
from ..clock import RATES, clock, resampled
from ..motion import ARRAYS, Motion
from .text import MAX_ROWS, Table, number

DEFAULT_FPS = 30.0
WITHIN_A_SECOND = 60.0  # what a timecode counts at least, where it never wraps
MILLISECONDS = 1000.0
BASES = (*RATES, MILLISECONDS)  # frames in a timecode's second
STAMPS = ("timestamp", "timecode", "time", "seconds", "timestamp_ms", "time_ms", "milliseconds")
_TIMECODE = re.compile(
    r"\s*(\d{1,2}):(\d{1,2}):(\d{1,2})(?:([:;])(\d{1,3})(?:[.,](\d{1,9}))?|[.,](\d{1,9}))\s*", re.ASCII
)
Float = npt.NDArray[np.float64]


class Timing(NamedTuple):
    """When a table's rows were taken.

    Attributes:
        fps: frames per second.
        known: whether the file says so.
        numbers: (n,) a frame number for every row.
        seconds: (n,) where the rate varies: when; the rows are to be resampled to `fps`.
        notes: sentences for the user.
    """

    fps: float
    known: bool
    numbers: npt.NDArray[np.int64]
    seconds: Float | None = None
    notes: tuple[str, ...] = ()


def from_timecodes(table: Table, column: int) -> Timing:
    """`hh:mm:ss:ff.sub` or `hh:mm:ss.decimals` per row; the first is frame 0. ff wraps at 12, 30, 60, 1000 …

    Drop-frame codes (`;` before ff, or two numbers missing at every minute) are counted as SMPTE ST 12-1 has it.

    Raises:
        MotionError: a cell is no timecode, or time runs backwards; names the line.
    """
    minutes, seconds, frames = (np.empty(len(table)) for _ in range(3))
    marked, decimal, digits = False, False, 0
    for i, row in enumerate(table.rows):
        match = _TIMECODE.fullmatch(row[column])
        if match is None:
            raise MotionError(
                f"{table.path}, line {table.lines[i]}: {row[column][:40]!r} is not a timecode hh:mm:ss:ff"
            )
        minutes[i] = int(match[1]) * 60 + int(match[2])
        seconds[i] = int(match[3])
        frames[i] = int(match[5] or 0) + float(f"0.{match[6] or match[7] or 0}")
        marked |= match[4] == ";"
        decimal |= match[4] is None
        digits = max(digits, len(match[5] or ""))
    minutes += 1440 * np.concatenate([[0], np.cumsum(np.diff(minutes) < -720)])  # midnight
    base, known = (1.0, True) if decimal else _base(minutes * 60 + seconds, frames, digits)
    time = minutes * 60 + seconds + frames / base
    if base in (30, 60) and (marked or _drops(minutes, seconds, frames, base)):
        dropped = base / 15 * (minutes - minutes // 10)
        time = (base * (minutes * 60 + seconds) + frames - dropped) / (base * 1000 / 1001)
    back = np.flatnonzero(np.diff(time) < 0)
    if len(back):
        raise MotionError(f"{table.path}, line {table.lines[int(back[0]) + 1]}: the timecode runs backwards")
    notes = () if known else (f"The timecode never reaches a full second: taken to count {base:g} frames in one.",)
    timing = _from_seconds(time)
    if timing is None:  # one row, or codes that repeat
        return Timing(base, known, np.arange(len(table), dtype=np.int64), notes=notes)
    return timing._replace(known=known, notes=(*notes, *timing.notes))


def _base(whole: Float, frames: Float, digits: int) -> tuple[float, bool]:
    """How many frames a timecode counts in a second, and whether it shows: it does where the frames field wraps."""
    step = np.diff(frames)[np.diff(whole) == 0]
    wraps = np.flatnonzero(np.diff(whole) == 1)
    if len(step) and len(wraps):
        typical = float(np.median(step))
        counted = float(np.median(frames[wraps] + typical - frames[wraps + 1]))
        base = next((b for b in BASES if abs(b - counted) <= 0.02 * b), float(round(counted)))
        if base > frames.max():
            return base, True
    if digits == 3:
        return MILLISECONDS, True
    base = next((b for b in BASES if b > frames.max()), float(np.ceil(frames.max() + 1)))
    return (base, True) if whole[0] != whole[-1] else (max(base, WITHIN_A_SECOND), False)


def _drops(minutes: Float, seconds: Float, frames: Float, base: float) -> bool:
    """Whether every minute but each tenth begins with the frame 2 (of 60: 4), straight after the last of the one
    before, although nothing marks the codes as drop-frame."""
    begins = np.flatnonzero((np.diff(minutes) == 1) & (minutes[1:] % 10 != 0)) + 1
    steps = np.diff(frames)[np.diff(seconds) == 0]
    if not len(begins) or not len(steps) or abs(np.median(steps) - 1) > 0.1:
        return False
    skips = (seconds[begins] == 0) & (np.floor(frames[begins]) == base / 15)
    return bool((skips & (seconds[begins - 1] == 59) & (np.floor(frames[begins - 1]) == base - 1)).all())


def from_columns(table: Table) -> Timing:
    """As the columns of frame number, time stamp and rate say, those that are there. The stamps decide."""
    frame, rate, stamp = table.index("frame", "frame_number"), table.index("fps"), table.index(*STAMPS)
    numbers = np.arange(len(table), dtype=np.int64)
    notes: tuple[str, ...] = ()
    if frame is not None:
        read = whole_numbers(table.numbers([frame])[:, 0], table.path, table.lines)
        numbers = _rising(read)
        if numbers is not read:
            notes = ("Its frame numbers do not ascend: its rows are counted instead.",)
    if rate is not None:
        return Timing(float(table.numbers([rate])[0, 0]), True, numbers, notes=notes)
    if stamp is not None and len(table) > 1:
        seconds = in_seconds(table.numbers([stamp])[:, 0])
        timing = None if seconds is None else _from_seconds(seconds, numbers)
        if timing is not None:
            return timing._replace(notes=(*notes, *timing.notes))
        notes = (*notes, f"Its column {table.names[stamp]!r} is no time that rises from row to row: not used.")
    return Timing(DEFAULT_FPS, False, numbers, notes=notes)


def in_seconds(stamps: Float) -> Float | None:
    """Stamps in seconds, milli-, micro- or nanoseconds, told apart by their steps; None: they count rows, or fall."""
    steps = np.diff(stamps)
    if not np.isfinite(stamps).all() or (steps <= 0).any() or (steps == 1).all():
        return None
    step = float(np.median(steps))
    unit = 1.0 if step <= 0.5 else next((unit for unit in (1e3, 1e6, 1e9) if step < 0.5 * unit), 1e9)
    seconds: Float = (stamps - stamps[0]) / unit
    return seconds


def _from_seconds(seconds: Float, numbers: npt.NDArray[np.int64] | None = None) -> Timing | None:
    """The timing of rows at `seconds`; their own frame `numbers` are kept where they agree with these."""
    found = clock(seconds, numbers)
    if found is None:
        return None
    start = 0 if numbers is None else int(numbers[0])
    if found.numbers is None:
        rates = f"{1 / np.diff(seconds).max():.3g} to {1 / np.diff(seconds).min():.3g}"
        note = f"The rate varies ({rates} frames per second): resampled to {found.fps:.6g} by the time stamps."
        return Timing(found.fps, True, start + np.arange(len(seconds)), seconds, (note,))
    return Timing(found.fps, True, start + found.numbers)


def from_json(fps: object, numbers: Float | None, count: int, path: Path) -> Timing:
    """As a JSON file says: its rate, and its frames' numbers where it has them. Raises: MotionError."""
    rate = DEFAULT_FPS if fps is None else number(fps, path, "the frames per second")
    frames = np.arange(count, dtype=np.int64) if numbers is None else whole_numbers(numbers, path)
    return Timing(rate, fps is not None, frames)


def recording(path: Path, timing: Timing, provenance: dict[str, Any], **values: Any) -> Motion:
    """A motion at a constant rate, with a row of NaN for every frame that is missing, and notes of what was not known.

    Raises:
        MotionError: a frame occurs twice, or the numbers are scattered too widely to be a recording.
    """
    notes = [*provenance.get("notes", ()), *timing.notes]
    provenance = {**provenance, "file": path.name}
    if not timing.known:
        provenance["fps_assumed"] = timing.fps
        notes.append(f"It does not say how many frames per second it has: {timing.fps:g} assumed (--fps changes it).")
    arrays = {name: value for name, value in values.items() if name in ARRAYS and value is not None}
    if timing.seconds is not None:
        _check_span(path, len(timing.seconds), float(timing.seconds[-1] - timing.seconds[0]) * timing.fps)
        filled = resampled(arrays, timing.seconds, timing.fps)
        frames = timing.numbers[0] + np.arange(len(next(iter(filled.values()))))
    else:
        frames, filled = _filled(path, timing.numbers, arrays)
    values |= filled
    seen = filled["landmarks" if "landmarks" in filled else "channels"]
    missing = int(np.isnan(seen).reshape(len(frames), -1).all(1).sum())
    if missing:
        provenance["missing_frames"] = missing
    if notes:
        provenance["notes"] = notes
    return Motion.of_file(path, fps=timing.fps, frames=frames, provenance=provenance, **values)


def _check_span(path: Path, count: int, span: float) -> None:
    if span > min(MAX_ROWS, 1000 + 50 * count):
        raise MotionError(f"{path}: {count} frames are scattered over {span:.0f}")


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


def _rising(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Row numbers instead, where frame numbers repeat or fall."""
    return numbers if (np.diff(numbers) > 0).all() else np.arange(len(numbers), dtype=np.int64)
