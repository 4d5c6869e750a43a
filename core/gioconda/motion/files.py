"""Motions on disk and as plain data: our own `.npz` and `.json` read and written, every other file by `readers`; what
other programs read is written by `writers`.

Standard library and numpy only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import MotionError, OutputError
from ..files import whole_file, write_text
from .motion import ARRAYS, Motion
from .readers import arkit, phone_apps, points
from .readers.action_units import read_action_units
from .readers.archive import read_arrays
from .readers.bvh import read_bvh
from .readers.text import parse_json, parse_table, read_text
from .writers import arkit_json, live_link_csv

FORMAT, VERSION = "gioconda-motion", 1
TABLES = (".csv", ".txt", ".tsv")
VIDEOS = (
    *(".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mpg", ".mpeg", ".mxf", ".wmv", ".gif", ".ts", ".mts", ".m2ts"),
    *(".3gp", ".3g2", ".ogv", ".flv", ".f4v", ".m2v", ".vob", ".avif"),
)
SOUNDS = (".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".wma")
# JSON is for people: coordinates to a thousandth of a pixel, what is not named here to a millionth.
DIGITS = {"landmarks": 3, "channels": 5, "confidence": 4}
KINDS = (
    "Live Link Face or any table with ARKit channel names, Audio2Face-3D, Face Cap, iFacialMocap, OpenFace or Py-Feat "
    "landmarks (x_0 … y_67) or action units (AU01_r …), or named points (nose_tip_x, nose_tip_y, …)"
)
LIVE_LINK, ARKIT_JSON = ".csv", ".arkit.json"  # what other programs read
WRITTEN = (".npz", ".json", LIVE_LINK, ARKIT_JSON)
PICKLES = (".pkl", ".pickle")


def is_video(path: str | Path) -> bool:
    """Whether a file is a video, by its name: its face is tracked, which `load_motion` does not do."""
    return Path(path).suffix.lower() in VIDEOS


def is_sound(path: str | Path) -> bool:
    """Whether a file is a recording, by its name: the room `voice` makes a motion of it."""
    return Path(path).suffix.lower() in SOUNDS


def load_motion(path: str | Path, face: int | str | None = None) -> Motion:
    """Read a motion file of any kind we know: `.npz`, `.json`, `.csv` or `.bvh`, told apart by what is inside.

    `face`: of a table with several persons, the one: 1 is the leftmost; else who is there longest.

    Raises:
        MotionError: the file is missing, broken or of no kind we know; names the line where there is one.
    """
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
        return _read_json(data, path)
    if kind in TABLES:
        return _read_table(read_text(path), path, face)
    if kind == ".bvh":
        return read_bvh(read_text(path), path)
    if is_sound(path):
        raise MotionError(
            f"{path} is sound, not a motion: make one of it with gioconda track, or give a .csv or .json of a program "
            "such as NVIDIA Audio2Face-3D, or a video of the speaker"
        )
    if kind in PICKLES:
        raise MotionError(
            f"{path} is a Python pickle, such as LivePortrait's motion template: opening one runs whatever code is in "
            "it, so it is never read; give the driving video it was made from, or its motion as .npz, .json or .csv"
        )
    raise MotionError(
        f"{path} is not a motion file we read: use .npz, .json, .csv or .bvh, or a video ({', '.join(VIDEOS[:5])} …)"
    )


def _read_table(text: str, path: Path, face: int | str | None) -> Motion:
    """A table of any kind we know, told apart by its lines or column names.

    Raises:
        MotionError: broken, or of no kind we know; names the line.
    """
    motion = phone_apps.read_face_cap(text, path) or phone_apps.read_ifacialmocap(text, path)
    if motion is not None:
        return motion
    table = parse_table(text, path)
    motion = (
        points.read_mesh(table, face)
        or points.read_sixty_eight(table, face)
        or arkit.read_table(table)
        or points.read_named_table(table, face)
        or read_action_units(table, face)
    )
    if motion is not None:
        return motion.noted(*table.notes)
    shown = ", ".join(table.names[:6]) + (" …" if len(table.names) > 6 else "")
    raise MotionError(f"{path}, line 1: these columns are unknown to us ({shown}); we read {KINDS}")


def _read_json(data: Any, path: Path) -> Motion:
    """Parsed JSON of any kind we know: Audio2Face, ARKit channels, named points.

    Raises:
        MotionError: broken, or of no kind we know; names the entry.
    """
    if isinstance(data, list):
        data = {"frames": data}
    if not isinstance(data, dict):
        raise MotionError(f"{path} holds a single value, not a motion")
    for read in (arkit.read_audio2face, arkit.read_live_link_json, points.read_named_json, arkit.read_json):
        motion = read(data, path)
        if motion is not None:
            return motion
    shown = ", ".join(sorted(str(k)[:30] for k in data)[:6])
    raise MotionError(f"{path}: no ARKit channels, Audio2Face weights or named points found (its keys: {shown})")


def save_motion(motion: Motion, path: str | Path) -> None:
    """Write `.npz` (exact, small) or `.json` (readable, one line per frame); for other programs `.csv` (Live Link Face)
    or `.arkit.json` (ARKit channels by name). The file appears whole or not at all.

    Raises:
        OutputError: the file cannot be written, or the extension is none of these.
        MotionError: for other programs, and the motion has no usable frame.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind == ".npz":
        arrays: dict[str, Any] = {**motion.arrays(), "head": np.array(json.dumps(_plain_head(motion)))}
        with whole_file(path, make_folder=False) as part, part.open("wb") as file:
            np.savez_compressed(file, **arrays)
    elif kind == LIVE_LINK:
        write_text(path, live_link_csv(motion), make_folder=False)
    elif path.name.lower().endswith(ARKIT_JSON):
        write_text(path, arkit_json(motion), make_folder=False)
    elif kind == ".json":
        write_text(path, _to_json(motion), make_folder=False)
    else:
        raise OutputError(f"cannot save a motion as {path}: use {', '.join(WRITTEN[:-1])} or {WRITTEN[-1]}")


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
    arrays = {name: array for name, array in motion.arrays().items() if name != "frames"}
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
    unknown = set(arrays) - set(ARRAYS)
    if unknown:
        raise MotionError(f"{path}: its frames hold {sorted(unknown)[0]!r}, which is unknown to us")
    return _build(data, {"frames": [f["frame"] for f in frames], **arrays}, path)


def _load_npz(path: Path) -> Motion:
    arrays = read_arrays(path, ("head", *ARRAYS))
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
        return Motion.of_file(
            path,
            fps=head.get("fps"),
            size=None if size is None else (int(size[0]), int(size[1])),
            channel_names=tuple(str(n) for n in head.get("channel_names") or ()),
            channels_add=bool(head.get("channels_add")),
            neutral=None if neutral is None else int(neutral),
            provenance=provenance if isinstance(provenance, dict) else {},
            **arrays,
        )
    except (TypeError, ValueError, IndexError, KeyError, OverflowError) as error:
        raise MotionError(f"{path} is not a whole motion ({error})") from None
