"""BVH: a skeleton's joints over time. Joints that lie on the face become landmarks; else the head's rotation is read.

A joint is on the face if it is called like a landmark (`nose_tip`, `p4`), or is one of MakeHuman's face bones. Format:
HIERARCHY with OFFSET and CHANNELS of nested joints, then MOTION with a line of numbers per frame; angles in degrees,
rotations in the order of the channels (research.cs.wisc.edu/graphics/Courses/cs-838-1999/Jeff/BVH.html).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import MotionError
from ...landmarks import mirrored, template
from ...pose import rotation_about
from ..motion import MAX_FPS, Motion
from .points import FAR, point_index
from .text import MAX_CELLS, MAX_ROWS

Float = npt.NDArray[np.float64]
MAX_JOINTS = 2000
MAX_DEPTH = 200
NEUTRAL_ANGLE = 0.01  # degrees: a first frame without larger angles is the bind pose, and neutral
FACE_PX, CENTRE_PX = 400.0, 500.0  # how large the face is in the picture that landmarks need
MIN_FACE_JOINTS = 6  # joints on the face from which on they are read as landmarks
_CHANNELS = {f"{axis}{kind}": (kind, "xyz".index(axis.lower())) for axis in "XYZ" for kind in ("position", "rotation")}
# MakeHuman's face bones (the person's left side; joint, or "joint end" for where its bone ends) → landmark
_MAKEHUMAN = {
    "oris05 end": 0,
    "oris01 end": 17,
    "oris03.l end": 270,
    "oris07.l end": 321,
    "jaw end": 175,
    "levator05.l end": 410,
    "levator03.l": 423,
    "levator06.l end": 360,
    "risorius03.l": 280,
    "risorius03.l end": 435,
    "oculi01.l end": 336,
    "oculi01.l": 334,
    "oculi02.l": 300,
    "orbicularis03.l end": 386,
    "orbicularis04.l end": 374,
    "eye.l end": 473,
}


@dataclass
class Joint:
    """One joint of the hierarchy."""

    name: str  # "" for an end site
    parent: int  # index; -1 for the root
    offset: Float = field(default_factory=lambda: np.zeros(3))
    channels: list[tuple[str, int]] = field(default_factory=list)  # ("position" or "rotation", axis)
    first: int = 0  # column of its first channel
    children: list[int] = field(default_factory=list)


def read_bvh(text: str, path: Path) -> Motion:
    """A BVH file's text as a motion.

    Raises:
        MotionError: broken, or neither a face nor a head is in it; names the line.
    """
    words = _Words(text, path)
    joints = _hierarchy(words)
    fps, values = _motion(words, joints)
    found = _on_face(joints)
    head = next((i for i, j in enumerate(joints) if re.search(r"(^|[^a-z])head$", j.name.lower())), None)
    array: npt.NDArray[Any]
    known: npt.NDArray[Any]
    with np.errstate(over="ignore", invalid="ignore"):
        if len(set(found.values())) >= MIN_FACE_JOINTS:
            name, array = "landmarks", _landmarks(joints, values, found)
            known = array[~np.isnan(array)]
        elif head is not None:
            name, array = "rotation", _head(joints, values, head)
            known = array
        else:
            raise MotionError(
                f"{path}: none of its {len(joints)} joints is on a face or called “head”; the first is called "
                f"{joints[0].name[:40]!r}"
            )
    if not known.size or not np.isfinite(known).all() or np.abs(known).max() > FAR:
        raise MotionError(f"{path}: its joints are nowhere near each other; the offsets or positions are broken")
    return Motion.of_file(
        path,
        fps=fps,
        frames=np.arange(len(values)),
        neutral=0 if _starts_in_bind_pose(joints, values) else None,
        provenance={"source": "BVH", "file": path.name, "joints": len(joints)},
        **{name: array},
    )


# --- the text ---------------------------------------------------------------------------------------------------------


class _Words:
    """The file's lines, one after the other, as words."""

    def __init__(self, text: str, path: Path) -> None:
        self.path, self.lines, self.at = path, text.splitlines(), 0

    def next(self, wanted: str) -> list[str]:
        """The next line that is not empty. Raises: MotionError at the file's end."""
        while self.at < len(self.lines):
            words = self.lines[self.at].split()
            self.at += 1
            if words:
                return words
        raise MotionError(f"{self.path} ends where {wanted} should follow")

    def wrong(self, text: str) -> MotionError:
        return MotionError(f"{self.path}, line {self.at}: {text}")

    def numbers(self, words: list[str]) -> Float:
        """Raises: MotionError: one of them is no finite number."""
        values = np.empty(len(words))
        for i, word in enumerate(words):
            try:
                values[i] = float(word)
            except ValueError:
                raise self.wrong(f"{word[:40]!r} is not a number") from None
        if not np.isfinite(values).all():
            raise self.wrong("an infinite number or none")
        return values


def _hierarchy(words: _Words) -> list[Joint]:
    if words.next("HIERARCHY") != ["HIERARCHY"]:
        raise words.wrong("a BVH file begins with HIERARCHY")
    joints: list[Joint] = []
    open_joints: list[int] = []
    columns = 0
    while True:
        line = words.next("a joint or MOTION")
        kind = line[0].upper()
        if kind == "MOTION" and not open_joints and joints:
            return joints
        if kind in ("ROOT", "JOINT", "END"):
            if (kind == "ROOT") == bool(open_joints) or len(joints) >= MAX_JOINTS or len(open_joints) >= MAX_DEPTH:
                raise words.wrong(f"{kind} cannot be here (or there are more than {MAX_JOINTS} joints)")
            parent = open_joints[-1] if open_joints else -1
            joints.append(Joint("" if kind == "END" else " ".join(line[1:])[:200], parent))
            if parent >= 0:
                joints[parent].children.append(len(joints) - 1)
            if line[-1] != "{" and words.next("{") != ["{"]:
                raise words.wrong("{ should follow a joint's name")
            open_joints.append(len(joints) - 1)
        elif kind == "}" and open_joints:
            open_joints.pop()
        elif kind == "OFFSET" and open_joints and len(line) == 4:
            joints[open_joints[-1]].offset = words.numbers(line[1:])
        elif kind == "CHANNELS" and open_joints and line[1:2] == [str(len(line) - 2)]:
            joint = joints[open_joints[-1]]
            if joint.channels or any(name not in _CHANNELS for name in line[2:]):
                raise words.wrong(f"channels must be of {', '.join(_CHANNELS)}, and once for a joint")
            joint.channels, joint.first = [_CHANNELS[name] for name in line[2:]], columns
            columns += len(joint.channels)
        else:
            raise words.wrong(f"{line[0][:40]!r} is not what can follow here (ROOT, JOINT, End Site, OFFSET, CHANNELS)")


def _motion(words: _Words, joints: list[Joint]) -> tuple[float, Float]:
    """Frames per second, the channels' values (frames, columns)."""
    columns = sum(len(joint.channels) for joint in joints)
    line = words.next("Frames:")
    if line[0].lower() != "frames:" or len(line) != 2 or not line[1].isascii() or not line[1].isdigit():
        raise words.wrong("“Frames: N” should be here")
    count = int(line[1][:12])
    if not 0 < count <= MAX_ROWS or count * max(columns, 1) > MAX_CELLS:
        raise words.wrong(f"{count} frames of {columns} channels; 1 to {MAX_ROWS} frames are what we read")
    line = words.next("Frame Time:")
    if [word.lower() for word in line[:2]] != ["frame", "time:"] or len(line) != 3:
        raise words.wrong("“Frame Time: SECONDS” should be here")
    seconds = float(words.numbers(line[2:])[0])
    if not 1 / MAX_FPS <= seconds <= 10:
        raise words.wrong(f"a frame of {seconds:g} seconds cannot be")
    rows: list[Float] = []
    for _ in range(count):
        line = words.next(f"frame {len(rows) + 1} of {count}")
        if len(line) != columns:
            raise words.wrong(f"{len(line)} numbers where the joints have {columns} channels")
        rows.append(words.numbers(line))
    return _rate(seconds), np.array(rows).reshape(count, columns)


def _rate(seconds: float) -> float:
    """1 / 0.041667 is meant to be 24."""
    fps = 1 / seconds
    return float(round(fps)) if abs(fps - round(fps)) < 2e-3 * fps else fps


# --- the skeleton -----------------------------------------------------------------------------------------------------


def _on_face(joints: list[Joint]) -> dict[int, int]:
    """Joint → landmark."""
    right = mirrored()
    table = dict(_MAKEHUMAN)
    table |= {name.replace(".l", ".r"): int(right[point]) for name, point in _MAKEHUMAN.items() if ".l" in name}
    found = {}
    for index, joint in enumerate(joints):
        point = point_index(joint.name) if joint.name else None
        name = joint.name.lower()
        point = table.get(name) if point is None else point
        if point is not None:
            found[index] = point
        if f"{name} end" in table and joint.children:
            found[joint.children[0]] = table[f"{name} end"]
    return found


def _starts_in_bind_pose(joints: list[Joint], values: Float) -> bool:
    turns = [j.first + k for j in joints for k, (kind, _) in enumerate(j.channels) if kind == "rotation"]
    return bool((np.abs(values[0, turns]) < NEUTRAL_ANGLE).all())


def _joint_positions(joints: list[Joint], values: Float, wanted: list[int]) -> tuple[Float, Float]:
    """Some joints' positions (F, N, 3) and rotations (F, N, 3, 3) in the file's own axes and units."""
    cache: dict[int, tuple[Float, Float]] = {-1: (np.zeros((1, 3)), np.eye(3)[None])}
    for end in wanted:
        chain = []
        while end not in cache:
            chain.append(end)
            end = joints[end].parent
        for index in reversed(chain):
            position, turn = cache[joints[index].parent]
            shift, own = _local(joints[index], values)
            cache[index] = (position + (turn @ shift[..., None])[..., 0], turn @ own)
    count = len(values)
    positions = [np.broadcast_to(cache[i][0], (count, 3)) for i in wanted]
    turns = [np.broadcast_to(cache[i][1], (count, 3, 3)) for i in wanted]
    return np.stack(positions, 1), np.stack(turns, 1)


def _local(joint: Joint, values: Float) -> tuple[Float, Float]:
    """A joint's shift (F or 1, 3) and rotation (F or 1, 3, 3) against its parent."""
    shift, turn = joint.offset[None], np.eye(3)[None]
    moved = np.zeros((len(values), 3))
    has_position = False
    for k, (kind, axis) in enumerate(joint.channels):
        column = values[:, joint.first + k]
        if kind == "position":
            moved[:, axis], has_position = column, True
        else:
            turn = turn @ rotation_about(axis, np.radians(column))
    if has_position:
        # some write where the joint is, others how far it is from its offset
        absolute = np.abs(moved[0] - joint.offset).sum() < np.abs(moved[0]).sum()
        shift = moved if absolute else joint.offset + moved
    return shift, turn


def _landmarks(joints: list[Joint], values: Float, found: dict[int, int]) -> npt.NDArray[np.float32]:
    """(F, 478, 3) pixels; points without a joint are NaN."""
    indices, points = list(found), list(found.values())
    positions, _ = _joint_positions(joints, values, indices)
    bind, _ = _joint_positions(joints, np.zeros((1, values.shape[1])), indices)
    axes = _axes(bind[0] - bind[0].mean(0), template()[points])
    turned = positions @ axes.T
    shape = bind[0] @ axes.T
    width = float(np.ptp(shape[:, :2], axis=0).max())
    result = np.full((len(values), len(template()), 3), np.nan, np.float32)
    result[:, points] = (turned - shape.mean(0)) * (FACE_PX / width if width > 0 else np.inf)
    result[:, points, :2] += CENTRE_PX
    return result


def _axes(bind: Float, face: Float) -> Float:
    """The rotation (3, 3) from the file's axes to the picture's: which of its axes is right, down, away.

    The best fit of the joints to an average face, rounded to whole axes where that is a rotation.
    """
    if not np.isfinite(bind).all():
        return np.eye(3)
    u, _, vt = np.linalg.svd((face - face.mean(0)).T @ bind)
    fit: Float = u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt)) or 1.0]) @ vt
    whole = np.zeros((3, 3))
    whole[np.arange(3), np.abs(fit).argmax(1)] = np.sign(fit[np.arange(3), np.abs(fit).argmax(1)])
    return whole if np.isclose(np.linalg.det(whole), 1) else fit


def _head(joints: list[Joint], values: Float, head: int) -> Float:
    """The head's rotation against the bind pose, about picture axes. (F, 3, 3)."""
    bind, _ = _joint_positions(joints, np.zeros((1, values.shape[1])), [head])
    upright_y = abs(bind[0, 0, 1] - joints[0].offset[1]) >= abs(bind[0, 0, 2] - joints[0].offset[2])
    # y up, z towards the viewer; or z up, y away from the viewer
    axes = np.diag([1.0, -1.0, -1.0]) if upright_y else np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
    _, turns = _joint_positions(joints, values, [head])
    result: Float = axes @ turns[:, 0] @ axes.T
    return result
