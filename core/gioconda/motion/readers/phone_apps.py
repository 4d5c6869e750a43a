"""Two phone apps' text files, line by line: Face Cap's recordings, and iFacialMocap's datagrams as they were sent.

Head angles of both are degrees with signs opposite to Live Link Face's, x pitch, y yaw, z roll: so importers for both
take them (Faceit for Blender). The eyes' angles say what the eyeLook channels say, and are not read.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...errors import MotionError
from ..motion import Motion
from .arkit import channel_motion, channel_name, head_rotation
from .text import MAX_ROWS, parse_table
from .timing import Timing, from_columns

Float = npt.NDArray[np.float64]
# after "k": milliseconds, the head's position and angles, the left and the right eye's angles; then the channels
FACE_CAP = ("timestamp_ms", "x", "y", "z", "pitch", "yaw", "roll", "left_x", "left_y", "right_x", "right_y")
SENT = 60.0  # datagrams that iFacialMocap sends in a second
_SHAPE = re.compile(r"([A-Za-z]\w*)[-&](-?[\d.]+)")
_HEAD = re.compile(r"=?head#([-\d.eE]+),([-\d.eE]+),([-\d.eE]+)")


def read_face_cap(text: str, path: Path) -> Motion | None:
    """Face Cap's .txt, else None: lines `info,…`, `bs,NAME,…`, and `k,…` for every frame.

    Raises: MotionError: names the line.
    """
    lines = text.splitlines()
    head = next((i for i, line in enumerate(lines) if line.startswith("bs,")), None)
    if head is None or head > 20 or not any(line.startswith("k,") for line in lines[head + 1 : head + 20]):
        return None
    shapes = [name.strip() for name in lines[head].split(",")[1:] if name.strip()]
    kept = [line if line.startswith("k,") else "" for line in lines[head + 1 :]]
    table = parse_table("\n" * head + ",".join(["k", *FACE_CAP, *shapes]) + "\n" + "\n".join(kept), path)
    names = {name: i for i, written in reversed([*enumerate(shapes)]) if (name := channel_name(written))}
    if not names:
        raise MotionError(f"{path}, line {head + 1}: none of its names is an ARKit channel")
    values = table.numbers([1 + len(FACE_CAP) + i for i in names.values()])
    angles = table.numbers([1 + FACE_CAP.index(name) for name in ("pitch", "yaw", "roll")])
    rotation = degrees_rotation(angles) if np.nan_to_num(angles).any() else None
    motion = channel_motion(path, "Face Cap", from_columns(table), values, tuple(names), rotation, table.lines)
    return motion.noted(*table.notes)


def read_ifacialmocap(text: str, path: Path) -> Motion | None:
    """iFacialMocap's datagrams, one a line, else None: `jawOpen-12|eyeBlink_L-0|…|=head#p,y,r,…|rightEye#…`, percent.

    Raises: MotionError: names the line.
    """
    if "head#" not in text[:20_000] or "|" not in text[:20_000]:
        return None
    rows: list[dict[str, float]] = []
    angles: list[tuple[float, ...]] = []
    lines: list[int] = []
    for i, line in enumerate(text.splitlines()):
        shapes, head = datagram(line)
        if not shapes:
            continue
        if len(rows) >= MAX_ROWS:
            raise MotionError(f"{path}, line {i + 1}: too long; {MAX_ROWS} rows are the most we read")
        angles.append(head or (np.nan,) * 3)
        rows.append(shapes)
        lines.append(i + 1)
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    if not names:
        return None
    values = np.array([[row.get(name, np.nan) for name in names] for row in rows])
    turned = np.array(angles)
    rotation = degrees_rotation(turned) if np.nan_to_num(turned).any() else None
    timing = Timing(SENT, False, np.arange(len(rows), dtype=np.int64))
    return channel_motion(path, "iFacialMocap", timing, values, names, rotation, lines, percent=True)


def datagram(line: str) -> tuple[dict[str, float], tuple[float, ...] | None]:
    """One datagram of iFacialMocap: channels by Apple's names, percent, and the head's pitch, yaw, roll, degrees."""
    shapes = {name: float(v) for w, v in _SHAPE.findall(line) if (name := channel_name(w)) and _is_float(v)}
    found = _HEAD.search(line)
    whole = found is not None and all(_is_float(part) for part in found.groups())
    return shapes, tuple(float(part) for part in found.groups()) if found and whole else None


def degrees_rotation(angles: Float) -> Float:
    """Pitch, yaw, roll (F, 3), degrees, as both apps have them → (F, 3, 3) about picture axes."""
    return head_rotation(-np.radians(angles[:, [1, 0, 2]]))


def _is_float(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
