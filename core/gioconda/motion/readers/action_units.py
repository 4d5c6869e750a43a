"""Facial action units, head pose and gaze → ARKit channels: what OpenFace and Py-Feat write without landmarks.

An action unit says how strongly a muscle acts, on both sides alike. Names and muscles: Ekman, Friesen and Hager,
"Facial Action Coding System", 2002; OpenFace's columns: Baltrušaitis et al., "OpenFace 2.0", 2018.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from ...errors import MotionError
from ...landmarks import ARKIT
from ...pose import rotation_about
from ..motion import Motion
from .arkit import channel_motion
from .persons import Face, choose_person, frames_of
from .text import Table
from .timing import from_columns

Float = npt.NDArray[np.float64]
INTENSITY = 5.0  # OpenFace's strongest (AU12_r); Py-Feat's is 1 (AU12)
LOOK = np.radians(35.0)  # a channel of 1: how far an eye turns
# action unit → channels and how far they go when it is strongest; without a side: both
UNITS: dict[int, dict[str, float]] = {
    1: {"browInnerUp": 1},
    2: {"browOuterUp": 1},
    4: {"browDown": 1},
    5: {"eyeWide": 1},
    6: {"cheekSquint": 1},
    7: {"eyeSquint": 1},
    9: {"noseSneer": 1},
    10: {"mouthUpperUp": 1},
    12: {"mouthSmile": 1},
    14: {"mouthDimple": 1},
    15: {"mouthFrown": 1},
    17: {"mouthShrugLower": 1},
    20: {"mouthStretch": 1},
    23: {"mouthPress": 1},
    24: {"mouthPress": 0.7, "mouthRollLower": 0.3, "mouthRollUpper": 0.3},
    25: {"mouthLowerDown": 0.5, "mouthUpperUp": 0.25, "jawOpen": 0.1},
    26: {"jawOpen": 0.7},
    28: {"mouthRollLower": 1, "mouthRollUpper": 1},
    43: {"eyeBlink": 1},
    45: {"eyeBlink": 1},
}
_UNIT = re.compile(r"AU(\d{2})(_[rc])?", re.IGNORECASE)


def read_action_units(table: Table, face: Face = None) -> Motion | None:
    """Columns `AU01_r` … (OpenFace, 0 to 5) or `AU01` … (Py-Feat, 0 to 1), with pose and gaze where given; else None.

    Where a unit has no intensity its presence (`AU28_c`) counts. The eyes are taken to look straight ahead on average.

    Raises: MotionError.
    """
    units: dict[int, tuple[int, float]] = {}  # unit → its column, what its strongest value is
    for column, name in enumerate(table.names):
        match = _UNIT.fullmatch(name)
        if match and int(match[1]) in UNITS:
            kind = (match[2] or "").lower()
            if kind == "_r" or int(match[1]) not in units:
                units[int(match[1])] = (column, INTENSITY if kind == "_r" else 1.0)
    if not units:
        return None
    success = table.index("success")
    failed = np.zeros(len(table), bool) if success is None else table.numbers([success])[:, 0] == 0
    centres, sizes = _places(table)
    centres[failed] = np.nan
    rows, notes = choose_person(table, centres, sizes, face)
    table, failed = table.rows_of(rows), failed[rows]
    values: dict[str, Float] = {}
    for unit, (column, strongest) in units.items():
        strength = np.clip(table.numbers([column])[:, 0] / strongest, 0, 1)
        for channel, part in UNITS[unit].items():
            for name in (channel,) if channel in ARKIT else (f"{channel}Left", f"{channel}Right"):
                values[name] = values.get(name, 0) + part * strength
    rotation = _head(table)
    values |= _gaze(table, rotation)
    names = tuple(name for name in ARKIT if name in values)
    matrix = np.clip(np.stack([values[name] for name in names], 1), 0, 1)
    matrix[failed] = np.nan
    if rotation is not None:
        rotation[failed] = np.nan
    if not np.isfinite(matrix).any():
        raise MotionError(f"{table.path}: no frame has a face")
    notes = (
        "It has no landmarks: driven by action units, head pose and gaze, which is coarser (OpenFace writes landmarks "
        "with -2Dfp).",
        *notes,
    )
    source, timing = "action units", from_columns(table)
    return channel_motion(table.path, source, timing, matrix, names, rotation, percent=False).noted(*notes)


def _places(table: Table) -> tuple[Float, Float]:
    """Where each row's face is and how large, in any unit: by its box or its pose; else every number of a face has a
    place of its own, if there are several in one frame."""
    box = [table.index(name) for name in ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight")]
    if None not in box:
        x, y, width, height = table.numbers([column for column in box if column is not None]).T
        return np.stack([x + width / 2, y + height / 2], 1), np.maximum(width, height)
    pose = [table.index(name) for name in ("pose_Tx", "pose_Ty", "pose_Tz")]
    if None not in pose:
        x, y, z = table.numbers([column for column in pose if column is not None]).T
        depth = np.where(z > 0, z, np.nan)
        return np.stack([x / depth, y / depth], 1), 180.0 / depth  # millimetres: what landmarks would cover
    ids, place = table.index("face_id", "Identity_", "Identity"), np.zeros((len(table), 2))
    if ids is not None and len(frames_of(table)[1]) < len(table):
        place[:, 0] = 10 * np.nan_to_num(table.numbers([ids])[:, 0])
    return place, np.ones(len(table))


def _head(table: Table) -> Float | None:
    """The head's rotation (rows, 3, 3) about picture axes, from `pose_Rx` … in radians: R = Rx · Ry · Rz."""
    columns = [table.index(name) for name in ("pose_Rx", "pose_Ry", "pose_Rz")]
    if None in columns:
        return None
    x, y, z = table.numbers([column for column in columns if column is not None]).T
    result: Float = rotation_about(0, x) @ rotation_about(1, y) @ rotation_about(2, z)
    return result


def _gaze(table: Table, rotation: Float | None) -> dict[str, Float]:
    """The eyeLook channels from `gaze_angle_x` (to the person's left) and `gaze_angle_y` (down), radians."""
    columns = [table.index("gaze_angle_x"), table.index("gaze_angle_y")]
    if None in columns:
        return {}
    across, down = table.numbers([column for column in columns if column is not None]).T
    if rotation is not None:
        forward = -rotation[..., 2]  # where the nose points
        across = across - np.arctan2(forward[:, 0], -forward[:, 2])
        down = down - np.arctan2(forward[:, 1], -forward[:, 2])
    looks: dict[str, Float] = {}
    across, down = (np.nan_to_num((angle - np.nanmedian(angle)) / LOOK) for angle in (across, down))
    for side, outwards in (("Left", across), ("Right", -across)):
        looks |= {f"eyeLookOut{side}": np.maximum(outwards, 0), f"eyeLookIn{side}": np.maximum(-outwards, 0)}
        looks |= {f"eyeLookDown{side}": np.maximum(down, 0), f"eyeLookUp{side}": np.maximum(-down, 0)}
    return looks
