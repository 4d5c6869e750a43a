"""Readings of a rig → a Motion. Numpy only: rotations to picture axes, gaze, landmarks in a virtual front view.

Index 0 of everything is the neutral sample. World space is Blender's; picture axes are x right, y down, z away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ....core.gioconda.landmarks import (
    ARKIT,
    COUNT,
    IRIS_LEFT,
    IRIS_RIGHT,
    LOWER_LID_LEFT,
    LOWER_LID_RIGHT,
    STABLE,
    UPPER_LID_LEFT,
    UPPER_LID_RIGHT,
    template,
)
from ....core.gioconda.motion.motion import Motion
from .anatomy import Anatomy, snapped, unscaled
from .plan import Plan
from .rig_inputs import Reading

Float = npt.NDArray[np.float64]
SIZE = 1024  # pixels: the virtual front view is a square
FACE = 220.0  # pixels for one head-space unit
MIDDLE = np.array([512.0, 430.0, 0.0])  # where the bridge of the nose is at rest
NECK = np.array([0.0, 1.0, 1.1])  # head space: what core takes a head to turn about
EYE_DEPTH = 0.117  # head space: from an iris back to the eye's centre
EYE_RANGE = np.radians(35.0)  # an eyeLook channel at 1
LIDS = ((UPPER_LID_RIGHT, LOWER_LID_RIGHT), (UPPER_LID_LEFT, LOWER_LID_LEFT))
LIMIT = 2.0  # the most a channel can be


@dataclass(frozen=True)
class Take:
    """Readings as arrays. F samples: neutral, start, then the frames."""

    values: Float  # (F, N)
    points: Float  # (F, P, 3)
    matrices: dict[str, Float]  # head, eye_left, eye_right, gaze, holder → (F, 4, 4)
    front: Anatomy  # the face at rest in world space, seen by the front view

    @property
    def count(self) -> int:
        return len(self.values)


def assemble(
    plan: Plan,
    neutral: Reading,
    start: Reading | None,
    samples: list[Reading],
    rest: Reading,
    fps: float,
    frames: list[int],
    notes: dict[str, Any],
) -> Motion:
    """The whole of it.

    Args:
        neutral: the pose that leaves the portrait as it is.
        rest: the rig at rest; the same, unless a frame was chosen as neutral.
        start: the pose of the scene's first frame, from where the head's way is counted: a body's pose puts the head
            somewhere else than the rest pose does. None: from the neutral pose.
        frames: (F,) numbers, the neutral one first.
    """
    take = _take(plan, neutral, [start or neutral, *samples], rest)
    if plan.by_points:
        landmarks = _without_start(_landmarks(plan, take))
        names, channels = _channels(plan, take) if plan.channels else ((), None)
        return Motion(
            fps=fps,
            frames=np.array(frames),
            landmarks=landmarks,
            size=(SIZE, SIZE),
            channel_names=names,
            channels=_without_start(channels),
            channels_add=bool(names),
            neutral=0,
            provenance=notes,
        )
    names, channels = _channels(plan, take)
    rotation, shift = _head(plan, take)
    channels, rotation, shift = _without_start(channels), _without_start(rotation), _without_start(shift)
    return Motion(
        fps=fps,
        frames=np.array(frames),
        channels=channels,
        channel_names=names,
        rotation=rotation,
        translation=shift,
        neutral=0,
        provenance=notes,
    )


def _without_start(samples: npt.NDArray[Any] | None) -> Any:
    """Drop sample 1, which only says from where the way is counted."""
    return None if samples is None else np.delete(samples, 1, axis=0)


def _take(plan: Plan, neutral: Reading, samples: list[Reading], rest: Reading) -> Take:
    """Stack the readings; turn the rest pose of a rig that moves as a whole to the front."""
    names = [
        n
        for n, tap in zip(("head", "eye_left", "eye_right", "gaze"), (plan.head, *plan.eyes, plan.gaze), strict=True)
        if tap
    ]
    names += ["holder"] if plan.anatomy.holder else []
    holder = rest.matrices[names.index("holder")] if "holder" in names else np.eye(4)
    face = plan.anatomy.place(holder)
    if plan.neutral_frame is not None:
        turn = np.eye(3)
        if "head" in names:
            place = names.index("head")
            turn = unscaled(neutral.matrices[place]) @ unscaled(rest.matrices[place]).T
            moved = neutral.matrices[place] @ np.linalg.inv(rest.matrices[place])
            face = replace(face, bridge=moved[:3, :3] @ face.bridge + moved[:3, 3])
        face = replace(face, axes=face.axes @ turn.T)
    elif plan.holder_moves:
        axes = snapped(face.axes)
        turn = axes.T @ face.axes
        about = holder[:3, 3]
        face = replace(face, axes=axes, bridge=turn @ (face.bridge - about) + about)
        neutral = _turned(neutral, turn, about)
    values = np.stack([neutral.values, *(s.values for s in samples)])
    if plan.neutral_frame is None:
        values[0] = 0.0
    points = np.stack([neutral.points, *(s.points for s in samples)])
    stacked = np.stack([neutral.matrices, *(s.matrices for s in samples)])
    return Take(values, points, {n: stacked[:, i] for i, n in enumerate(names)}, face)


def _turned(reading: Reading, turn: Float, about: Float) -> Reading:
    """A reading turned as a whole about a point."""
    matrices = reading.matrices.copy()
    if len(matrices):
        matrices[:, :3, 3] = (matrices[:, :3, 3] - about) @ turn.T + about
        matrices[:, :3, :3] = turn @ matrices[:, :3, :3]
    return Reading(reading.values, (reading.points - about) @ turn.T + about, matrices)


def _rigid(take: Take, surface: bool) -> tuple[Float, Float] | None:
    """How the head moved since neutral: rotations (F, 3, 3) and translations (F, 3) in world space; None: unknown."""
    if "head" in take.matrices:
        head = take.matrices["head"]
        turns = np.stack([unscaled(m) @ unscaled(head[0]).T for m in head])
        return turns, head[:, :3, 3] - np.einsum("fij,j->fi", turns, head[0, :3, 3])
    if surface:
        skull = take.points[:, list(STABLE)]
        centred = skull - skull.mean(1, keepdims=True)
        u, _, vt = np.linalg.svd(np.einsum("fki,kj->fij", centred, centred[0]))
        u[..., 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
        turns = u @ vt
        return turns, skull.mean(1) - np.einsum("fij,j->fi", turns, skull[0].mean(0))
    return None


def _channels(plan: Plan, take: Take) -> tuple[tuple[str, ...], npt.NDArray[np.float32]]:
    """Channels (F, C), each the sum of its rows; gaze from eye bones or a target where no row says it.

    Beside landmarks the eyes are among those.
    """
    sums: dict[str, Float] = {}
    for i, line in enumerate(plan.channels):
        value = line.gain * take.values[:, i] + line.offset
        sums[line.channel] = sums.get(line.channel, 0.0) + value
    if not plan.by_points and not any(name.startswith("eyeLook") for name in sums):
        sums.update(_looks(take))
    names = tuple(n for n in ARKIT if n in sums)
    return names, np.clip(np.stack([sums[n] for n in names], 1), 0.0, LIMIT).astype(np.float32)


def _head(plan: Plan, take: Take) -> tuple[Float | None, Float | None]:
    """The head's rotation (F, 3, 3) about picture axes, and the neck's way (F, 3) in head-space units."""
    rigid = _rigid(take, False)
    if rigid is None or not (plan.turn or plan.move):
        return None, None
    turns, moves = rigid
    view = take.front.axes
    neck = take.front.from_head(NECK)
    way = np.einsum("fij,j->fi", turns, neck) + moves - neck
    way[1:] -= way[1].copy()
    shift = way @ view.T / take.front.unit
    rotation = view @ turns @ view.T
    return (rotation if plan.turn else None), (shift if plan.move else None)


def _looks(take: Take) -> dict[str, Float]:
    """The eyes' turns as eyeLook channels, (F,) each."""
    sums: dict[str, Float] = {}
    for side, turn in _eye_turns(take).items():
        ahead = turn @ np.array([0.0, 0.0, -1.0])
        yaw = np.arctan2(ahead[:, 0], -ahead[:, 2]) / EYE_RANGE
        down = np.arctan2(ahead[:, 1], np.hypot(ahead[:, 0], ahead[:, 2])) / EYE_RANGE
        out = yaw if side == "Left" else -yaw
        for name, value in (("Out", out), ("In", -out), ("Down", down), ("Up", -down)):
            sums[f"eyeLook{name}{side}"] = np.maximum(value, 0)
    return sums


def _eye_turns(take: Take) -> dict[str, Float]:
    """How each eye turned in the head since neutral, (F, 3, 3) about picture axes; only eyes that are known."""
    view = take.front.axes
    rigid = _rigid(take, False)
    turns = rigid[0] if rigid else np.broadcast_to(np.eye(3), (take.count, 3, 3))
    result = {}
    for side, x in (("left", 1), ("right", -1)):
        if "gaze" in take.matrices:
            centre = take.front.from_head(np.array([x * 0.356, 0.041, 0.311]))
            moves = rigid[1] if rigid else np.zeros((take.count, 3))
            to = take.matrices["gaze"][:, :3, 3] - moves - np.einsum("fij,j->fi", turns, centre)
            to = np.einsum("fji,fj->fi", turns, to) @ view.T
            result[side.title()] = _turns_towards(to)
        elif f"eye_{side}" in take.matrices:
            eye = np.stack([unscaled(m) for m in take.matrices[f"eye_{side}"]])
            inside = turns.transpose(0, 2, 1) @ eye @ eye[0].T
            result[side.title()] = view @ inside @ view.T
    return result


def _turns_towards(to: Float) -> Float:
    """Rotations (F, 3, 3) of an eye that looks ahead (−z) so that it looks along `to` (F, 3), without roll."""
    yaw, pitch = np.arctan2(to[:, 0], -to[:, 2]), np.arctan2(-to[:, 1], np.hypot(to[:, 0], to[:, 2]))
    zero, one = np.zeros_like(yaw), np.ones_like(yaw)
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    about_y = np.stack([cy, zero, -sy, zero, one, zero, sy, zero, cy], -1).reshape(-1, 3, 3)
    about_x = np.stack([one, zero, zero, zero, cp, sp, zero, -sp, cp], -1).reshape(-1, 3, 3)
    return about_y @ about_x


def _landmarks(plan: Plan, take: Take) -> npt.NDArray[np.float32]:
    """(F, 478, 3) pixels of the front view; NaN where the rig has no such point."""
    rigid = _rigid(take, plan.surface is not None)
    world = np.full((take.count, COUNT, 3), np.nan)
    carried = None
    if rigid is not None:
        face = take.front.from_head(template())
        carried = np.einsum("fij,kj->fki", rigid[0], face) + rigid[1][:, None]
    if plan.surface is not None:
        apart = take.front.unit * plan.surface.apart @ take.front.axes
        world[:] = take.points + np.einsum("fij,kj->fki", rigid[0], apart)
    else:
        if carried is not None:
            world[:, list(STABLE)] = carried[:, list(STABLE)]
        _place_rows(plan, take, rigid, world)
    if carried is not None:
        _place_irises(take, rigid, world)
        _meet_lids(rigid[0], world)
        world = _held(plan, take, rigid, world)
    seen = (world - take.front.bridge) @ take.front.axes.T * (FACE / take.front.unit) + MIDDLE
    return seen.astype(np.float32)


def _place_rows(plan: Plan, take: Take, rigid: tuple[Float, Float] | None, world: Float) -> None:
    """Put the mapped points in, the mean where several rows name one landmark; a gain scales the motion in the head."""
    places: dict[int, list[Float]] = {}
    for i, line in enumerate(plan.points):
        path = take.points[:, i]
        if line.gain != 1.0:
            still = np.broadcast_to(path[0], path.shape)
            if rigid is not None:
                still = np.einsum("fij,j->fi", rigid[0], path[0]) + rigid[1]
            path = still + line.gain * (path - still)
        places.setdefault(line.landmark, []).append(path)
    for landmark, paths in places.items():
        world[:, landmark] = np.mean(paths, 0)


def _place_irises(take: Take, rigid: tuple[Float, Float], world: Float) -> None:
    """Irises turn with the eye bones or towards the target, where there are such and no row places them."""
    view = take.front.axes
    for side, turn in _eye_turns(take).items():
        iris = list(IRIS_LEFT if side == "Left" else IRIS_RIGHT)
        known = np.isfinite(world[0, iris]).all()
        rest = (world[0, iris] - take.front.bridge) @ view.T / take.front.unit if known else template()[iris]
        centre = rest[0] + [0.0, 0.0, EYE_DEPTH]
        turned = np.einsum("fij,kj->fki", turn, rest - centre) + centre
        world[:, iris] = np.einsum("fij,fkj->fki", rigid[0], take.front.from_head(turned)) + rigid[1][:, None]


def _meet_lids(turns: Float, world: Float) -> None:
    """Lids that a rig has pushed through each other meet in the middle, in place: they are shut, not open again."""
    for upper, lower in LIDS:
        rest = world[0, list(lower)] - world[0, list(upper)]
        gap = world[:, list(lower)] - world[:, list(upper)]
        along = np.einsum("fkd,fde,ke->fk", gap, turns, rest)
        f, k = np.nonzero(along < 0)
        up, low = np.array(upper)[k], np.array(lower)[k]
        middle = (world[f, up] + world[f, low]) / 2
        world[f, up] = world[f, low] = middle


def _held(plan: Plan, take: Take, rigid: tuple[Float, Float], world: Float) -> Float:
    """The points with the head's way counted from the start, and without its turn or way where those are off."""
    turns, moves = rigid
    neck = take.front.from_head(NECK)
    way = np.einsum("fij,j->fi", turns, neck) + moves - neck
    world[1:] -= way[1]
    way[1:] -= way[1].copy()
    if plan.turn and plan.move:
        return world
    if not plan.move:
        world = world - way[:, None]
        way = np.zeros_like(way)
    if not plan.turn:
        world = np.einsum("fji,fkj->fki", turns, world - neck - way[:, None]) + neck + way[:, None]
    return world
