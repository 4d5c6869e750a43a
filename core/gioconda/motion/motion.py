"""A face motion: landmarks or ARKit channels per frame, the head's pose, and where it came from.

`load_motion` reads our own `.npz` and `.json` and hands every other file to `readers/`. Standard library and numpy
only; it knows nothing of portraits.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import MotionError, OutputError
from ..files import whole_file, write_text
from ..landmarks import ARKIT, COUNT
from .readers.archive import read_arrays
from .readers.text import parse_json, read_text

FORMAT, VERSION = "gioconda-motion", 1
MAX_FPS = 1000.0
MAX_FRAMES = 1_000_000
# JSON is for people: coordinates to a thousandth of a pixel, everything else to a millionth.
_ARRAYS = ("frames", "landmarks", "channels", "rotation", "translation", "scale", "confidence")
DIGITS = {"landmarks": 3, "channels": 5, "confidence": 4}

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
        channels_add: beside landmarks, the channels come on top of them; else both tell the same, and landmarks count.
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
        """Bring arrays to their types and check everything.

        Raises:
            MotionError: one sentence saying what cannot be.
        """
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

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def duration(self) -> float:
        """Seconds from the first frame's start to the last frame's end."""
        return float(self.frames[-1] - self.frames[0] + 1) / self.fps

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
        changes: dict[str, Any] = {
            f.name: getattr(self, f.name)[keep]
            for f in fields(self)
            if f.name in ("frames", "landmarks", "channels", "rotation", "translation", "scale", "confidence")
            and getattr(self, f.name) is not None
        }
        neutral = self.neutral
        if neutral is not None:
            neutral = int(keep[:neutral].sum()) if keep[neutral] else None
        return replace(self, neutral=neutral, **changes)

    def channel_matrix(self) -> Float32:
        """The channels in the order of `landmarks.ARKIT`, (F, 52) float32; channels that the source lacks are 0."""
        result = np.zeros((len(self), len(ARKIT)), np.float32)
        if self.channels is not None:
            result[:, [ARKIT.index(n) for n in self.channel_names]] = self.channels
        return result


def load_motion(path: str | Path) -> Motion:
    """Read a motion file of any kind we know: `.npz`, `.json`, `.csv` or `.bvh`, told apart by what is inside.

    Raises:
        MotionError: the file is missing, broken or of no kind we know; names the line where there is one.
    """
    from .readers import dispatch  # the readers build `Motion`s, so they are imported only now

    path = Path(path)
    kind = path.suffix.lower()
    if not path.is_file():
        raise MotionError(f"there is no motion file {path}")
    if kind == ".npz":
        return _load_npz(path)
    if kind == ".json":
        data = parse_json(path)
        if isinstance(data, dict) and data.get("format") == FORMAT:
            return _from_plain(data, path)
        return dispatch.read_json(data, path)
    if kind in (".csv", ".txt", ".tsv"):
        return dispatch.read_csv(read_text(path), path)
    if kind == ".bvh":
        return dispatch.read_bvh(read_text(path), path)
    raise MotionError(f"{path} is not a motion file we read: use .npz, .json, .csv or .bvh, or track a video first")


def save_motion(motion: Motion, path: str | Path) -> None:
    """Write `.npz` (exact, small) or `.json` (readable, one line per frame); the file appears whole or not at all.

    Raises:
        OutputError: the file cannot be written, or the extension is neither.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind == ".npz":
        arrays: dict[str, Any] = {k: v for k, v in _arrays(motion).items() if v is not None}
        arrays["head"] = np.array(json.dumps(_plain_head(motion)))
        with whole_file(path, make_folder=False) as part, part.open("wb") as file:
            np.savez_compressed(file, **arrays)
    elif kind == ".json":
        write_text(path, _to_json(motion), make_folder=False)
    else:
        raise OutputError(f"cannot save a motion as {path}: use .npz or .json")


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


def _arrays(motion: Motion) -> dict[str, npt.NDArray[Any] | None]:
    return {name: getattr(motion, name) for name in _ARRAYS}


def _plain_head(motion: Motion) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "fps": motion.fps,
        "size": list(motion.size) if motion.size else None,
        "neutral": motion.neutral,
        "channel_names": list(motion.channel_names),
        **({"channels_add": True} if motion.channels_add else {}),
        "provenance": motion.provenance,
    }


def to_plain(motion: Motion) -> dict[str, Any]:
    """A motion as what JSON can hold, as in our `.json` files: for a few frames that travel in a message."""
    return {**_plain_head(motion), "frames": list(_plain_frames(motion))}


def from_plain(data: Mapping[str, Any], source: str = "the motion") -> Motion:
    """The motion that `to_plain` took apart. Raises: MotionError, naming the `source`."""
    if data.get("format") != FORMAT:
        raise MotionError(f"{source} is not a motion we saved")
    return _from_plain(dict(data), Path(source))


def _to_json(motion: Motion) -> str:
    head = json.dumps(_plain_head(motion), indent=1)[:-2]
    lines = ["  " + json.dumps(frame, separators=(",", ":")) for frame in _plain_frames(motion)]
    return head + ',\n "frames": [\n' + ",\n".join(lines) + "\n ]\n}\n"


def _plain_frames(motion: Motion) -> Iterator[dict[str, Any]]:
    arrays = {k: v for k, v in _arrays(motion).items() if v is not None and k != "frames"}
    for i, number in enumerate(motion.frames):
        frame: dict[str, Any] = {"frame": int(number)}
        for name, array in arrays.items():
            value = np.asarray(array[i], np.float64).round(DIGITS.get(name, 6))
            frame[name] = _nulls(value.tolist())
        yield frame


def _nulls(value: Any) -> Any:
    """NaN has no place in JSON: null stands for missing."""
    if isinstance(value, list):
        return [_nulls(v) for v in value]
    return None if value != value else value


def _from_plain(data: dict[str, Any], path: Path) -> Motion:
    """Our own JSON, parsed, to a Motion."""
    frames = data.get("frames")
    if not isinstance(frames, list) or not frames:
        raise MotionError(f"{path} has no frames")
    arrays: dict[str, list[Any]] = {}
    for i, frame in enumerate(frames):
        if not isinstance(frame, dict) or "frame" not in frame or (i and set(frame) != {"frame", *arrays}):
            raise MotionError(f"{path}: entry {i + 1} of its frames is not like the first one")
        for name, value in frame.items():
            if name != "frame":
                arrays.setdefault(name, []).append(value)
    unknown = set(arrays) - {"landmarks", "channels", "rotation", "translation", "scale", "confidence"}
    if unknown:
        raise MotionError(f"{path}: its frames hold {sorted(unknown)[0]!r}, which is unknown to us")
    return _build(data, {"frames": [f["frame"] for f in frames], **arrays}, path)


def _load_npz(path: Path) -> Motion:
    arrays = read_arrays(path, ("head", *_ARRAYS))
    try:
        head = json.loads(str(arrays.pop("head")))
    except (ValueError, KeyError, RecursionError) as error:
        raise MotionError(f"{path} is not a motion we saved, or it is damaged ({error})") from None
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise MotionError(f"{path} is not a motion we saved")
    return _build(head, arrays, path)


def _build(head: dict[str, Any], arrays: dict[str, Any], path: Path) -> Motion:
    if head.get("version") != VERSION:
        raise MotionError(f"{path} is a motion of version {head.get('version')}; this program reads version {VERSION}")
    size, neutral, provenance = head.get("size"), head.get("neutral"), head.get("provenance")
    try:
        return Motion(
            fps=head.get("fps"),  # type: ignore[arg-type]
            size=None if size is None else (int(size[0]), int(size[1])),
            channel_names=tuple(str(n) for n in head.get("channel_names") or ()),
            channels_add=bool(head.get("channels_add")),
            neutral=None if neutral is None else int(neutral),
            provenance=provenance if isinstance(provenance, dict) else {},
            **arrays,
        )
    except MotionError as error:
        raise MotionError(f"{path}: {error}") from None
    except (TypeError, ValueError, IndexError, KeyError, OverflowError) as error:
        raise MotionError(f"{path} is not a whole motion ({error})") from None
