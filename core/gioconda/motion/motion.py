"""A face motion: landmarks or ARKit channels per frame, the head's pose, and where it came from.

Standard library and numpy only; it knows nothing of files (`files`) or portraits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import MotionError
from ..landmarks import ARKIT, COUNT
from .clock import blended

MAX_FPS = 1000.0
MAX_FRAMES = 1_000_000
ARRAYS = ("frames", "landmarks", "channels", "rotation", "translation", "scale", "confidence")  # fields of a Motion

CHUNK = 512  # frames that are computed at a time

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Motion:
    """What a face does, frame by frame. Missing values are NaN; retargeting fills them in.

    Attributes:
        fps: frames per second, 0 < fps ≤ 1000.
        frames: (F,) int32, ascending frame numbers.
        landmarks: (F, 478, 3) float32 pixels, picture space, or None. Points that a sparse source does not have are
            NaN in every frame; z may be NaN where only x and y are known.
        size: (width, height) of the picture the landmarks are in, or None if unknown.
        channels: (F, C) float32, 0 to 1 each, or None.
        channel_names: C names, Apple's spelling (`landmarks.ARKIT`).
        channels_add: beside landmarks, the channels come on top of them; else both say the same: landmarks are used.
        rotation: (F, 3, 3) float64, the head's rotation about picture axes, identity = frontal, or None.
        translation: (F, 3) float64, head-space units along picture axes, or None.
        scale: (F,) float64, relative size, or None.
        neutral: index (not frame number) of the neutral frame if the source says so.
        confidence: (F,) float32, 0 to 1, or None.
        provenance: where it came from, JSON-able.
    """

    fps: float
    frames: npt.NDArray[np.int32]
    landmarks: Float32 | None = None
    size: tuple[int, int] | None = None
    channels: Float32 | None = None
    channel_names: tuple[str, ...] = ()
    channels_add: bool = False
    rotation: Float64 | None = None
    translation: Float64 | None = None
    scale: Float64 | None = None
    neutral: int | None = None
    confidence: Float32 | None = None
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Bring arrays to their types and check everything. Raises: MotionError: one sentence saying what cannot be."""
        object.__setattr__(self, "fps", _checked_fps(self.fps))
        object.__setattr__(self, "frames", _checked_frames(self.frames))
        count = len(self.frames)
        for name, dtype, shape in (
            ("landmarks", np.float32, (count, COUNT, 3)),
            ("channels", np.float32, (count, len(self.channel_names))),
            ("rotation", np.float64, (count, 3, 3)),
            ("translation", np.float64, (count, 3)),
            ("scale", np.float64, (count,)),
            ("confidence", np.float32, (count,)),
        ):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _checked_array(name, value, dtype, shape))
        if self.landmarks is None and self.channels is None and self.rotation is None:
            raise MotionError("the motion holds neither landmarks nor channels nor a head rotation")
        unknown = [n for n in self.channel_names if n not in ARKIT]
        if unknown or len(set(self.channel_names)) != len(self.channel_names):
            raise MotionError(
                f"the motion's channel names are not distinct ARKit names: {unknown or self.channel_names}"
            )
        if self.neutral is not None and not 0 <= self.neutral < count:
            raise MotionError(f"the neutral frame has index {self.neutral}, but the motion has {count} frames")
        if self.size is not None and (len(self.size) != 2 or min(self.size) < 1):
            raise MotionError(f"the motion's picture size must be two positive whole numbers, not {self.size}")

    @classmethod
    def of_file(cls, path: Path, **values: Any) -> Motion:
        """The same as the constructor; what it raises names the file."""
        try:
            return cls(**values)
        except MotionError as error:
            raise MotionError(f"{path}: {error}") from None

    def __len__(self) -> int:
        return len(self.frames)

    def between(self, first: int, last: int) -> Motion:
        """The part whose frame numbers lie from `first` to `last`, both included.

        Raises:
            MotionError: there is no such frame.
        """
        keep = (self.frames >= first) & (self.frames <= last)
        if not keep.any():
            raise MotionError(
                f"the motion has no frame from {first} to {last}: it runs from {self.frames[0]} to {self.frames[-1]}"
            )
        neutral = self.neutral
        if neutral is not None:
            neutral = int(keep[:neutral].sum()) if keep[neutral] else None
        return replace(self, neutral=neutral, **{name: array[keep] for name, array in self.arrays().items()})

    def retimed(self, fps: float, start: int) -> Motion:
        """The same motion at another rate, linear between its frames, and numbered from `start`."""
        if abs(self.fps / fps - 1) < 1e-3:
            return replace(self, frames=self.frames + (start - int(self.frames[0])), fps=fps)
        seconds = (self.frames - self.frames[0]) / self.fps
        count = int(np.floor(seconds[-1] * fps + 1e-6)) + 1
        at = np.interp(np.arange(count) / fps, seconds, np.arange(len(seconds)))
        changes: dict[str, Any] = {"frames": np.arange(count) + start}
        changes |= {name: blended(name, value, at) for name, value in self.arrays().items() if name != "frames"}
        neutral = None if self.neutral is None else int(np.abs(at - self.neutral).argmin())
        return replace(self, fps=fps, neutral=neutral, **changes)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader found out and a user should know, sentences."""
        found = self.provenance.get("notes")
        return tuple(str(note) for note in found) if isinstance(found, list | tuple) else ()

    def noted(self, *notes: str) -> Motion:
        """The same motion with more `notes`."""
        return replace(self, provenance={**self.provenance, "notes": [*self.notes, *notes]}) if notes else self

    def arrays(self) -> dict[str, Any]:
        """Its arrays by name, those of `ARRAYS` that it has."""
        return {name: array for name in ARRAYS if (array := getattr(self, name)) is not None}

    def channel_matrix(self) -> Float32:
        """The channels in the order of `landmarks.ARKIT`, (F, 52) float32; channels that the source lacks are 0."""
        result = np.zeros((len(self), len(ARKIT)), np.float32)
        if self.channels is not None:
            result[:, [ARKIT.index(n) for n in self.channel_names]] = self.channels
        return result


def chunks(count: int) -> Iterator[slice]:
    """All of `count` frames in slices, so that a long motion needs little memory beside its own."""
    return (slice(first, min(first + CHUNK, count)) for first in range(0, count, CHUNK))


def _checked_fps(fps: object) -> float:
    try:
        value = float(fps)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise MotionError(f"the motion's frames per second must be a number, not {fps!r}") from None
    if not 0 < value <= MAX_FPS:
        raise MotionError(f"the motion's frames per second must be above 0 and at most {MAX_FPS:g}, not {value:g}")
    return value


def _checked_frames(frames: object) -> npt.NDArray[np.int32]:
    numbers = np.asarray(frames)
    if numbers.ndim != 1 or len(numbers) == 0:
        raise MotionError("the motion has no frames")
    if len(numbers) > MAX_FRAMES:
        raise MotionError(f"the motion has {len(numbers)} frames; {MAX_FRAMES} is the most")
    if (
        not np.issubdtype(numbers.dtype, np.number)
        or not np.isfinite(numbers).all()
        or (np.abs(numbers) > 2**31 - 2).any()
    ):
        raise MotionError("the motion's frame numbers must be whole numbers below two thousand million")
    whole = numbers.astype(np.int32)
    if (whole != numbers).any():
        raise MotionError("the motion's frame numbers must be whole numbers")
    down = np.flatnonzero(np.diff(whole.astype(np.int64)) <= 0)
    if len(down):
        k = int(down[0])
        raise MotionError(f"the motion's frame numbers must ascend, but {whole[k]} is followed by {whole[k + 1]}")
    return whole


def _checked_array(name: str, value: object, dtype: Any, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    try:
        array = np.asarray(value, dtype=dtype)
    except (TypeError, ValueError):
        raise MotionError(f"the motion's {name} are not an even table of numbers") from None
    if array.shape != shape:
        raise MotionError(f"the motion's {name} have the shape {array.shape} instead of {shape}")
    if np.isinf(array).any():
        raise MotionError(f"the motion's {name} hold infinite numbers")
    return array
