"""Readings of a rig → a Motion, numpy only: the head about picture axes, gaze, landmarks in a virtual front view.

Index 0 of everything is the neutral sample. World space is Blender's; picture axes are x right, y down, z away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ....core.gioconda import landmarks as lm
from ....core.gioconda.motion.motion import Motion
from .anatomy import EYES, NECK, Anatomy, snapped, unscaled
from .plan import Plan
from .rig_inputs import Reading

Float = npt.NDArray[np.float64]
SIZE = 1024  # pixels: the virtual front view is a square
FACE = 220.0  # pixels for one head-space unit
MIDDLE = np.array([512.0, 430.0, 0.0])  # where the bridge of the nose is at rest
EYE_DEPTH = 0.117  # head space: from an iris back to the eye's centre
EYE_RANGE = np.radians(35.0)  # an eyeLook channel at 1
LIDS = ((lm.UPPER_LID_RIGHT, lm.LOWER_LID_RIGHT), (lm.UPPER_LID_LEFT, lm.LOWER_LID_LEFT))
LIMIT = 2.0  # the most a channel can be
# What gives the gaze, as `_channels` and `_eye_rotations` have it; shown by Test Mapping.
GAZE_RULES = {
    "target": "Gaze: the eyes look at “{target}”, whatever keys and eye bones do.",
    "both": "Gaze: keys and eye bones, added.",
    "bones": "Gaze: the eye bones.",
    "keys": "Gaze: the keys.",
    "none": "",
}


@dataclass(frozen=True)
class Samples:
    """Readings stacked. F samples: neutral, start, then the frames."""

    values: Float  # (F, N)
    points: Float  # (F, P, 3)
    matrices: dict[str, Float]  # head, eye_left, eye_right, gaze, holder → (F, 4, 4)
    front: Anatomy  # the neutral face in world space, which the front view shows from the front

    @property
    def count(self) -> int:
        return len(self.values)


def assemble(
    plan: Plan,
    neutral: Reading,
    start: Reading | None,
    readings: list[Reading],
    bind_pose: Reading,
    fps: float,
    frames: list[int],
    notes: dict[str, Any],
) -> Motion:
    """The motion, with the neutral frame first.

    Args:
        neutral: the pose that leaves the portrait as it is.
        bind_pose: the same, unless a frame was chosen as neutral.
        start: the pose of the scene's first frame, from which the head's translation counts: a body's pose puts the
            head somewhere else than the bind pose does. None: it counts from the neutral pose.
        frames: (F,) numbers, the neutral one first.
    """
    samples = _stack(plan, neutral, [start or neutral, *readings], bind_pose)
    names, channels, arrays = (), None, {}
    if plan.channels or not plan.by_points:
        names, channels = _channels(plan, samples)
    if plan.by_points:
        arrays["landmarks"] = _landmarks(plan, samples)
    else:
        arrays["rotation"], arrays["translation"] = _head(plan, samples)
    arrays["channels"] = channels
    return Motion(
        fps=fps,
        frames=np.array(frames),
        size=(SIZE, SIZE) if plan.by_points else None,
        channel_names=names,
        channels_add=plan.by_points and bool(names),
        neutral=0,
        provenance=notes,
        **{name: _without_start(array) for name, array in arrays.items()},
    )


def _without_start(samples: npt.NDArray[Any] | None) -> Any:
    """Drop sample 1, which only says from where the head's translation counts."""
    return None if samples is None else np.delete(samples, 1, axis=0)


def _stack(plan: Plan, neutral: Reading, others: list[Reading], bind_pose: Reading) -> Samples:
    """Stack the readings; rotate the bind pose of a rig that moves as a whole to the front."""
    inputs = {"head": plan.head, "eye_left": plan.eyes[0], "eye_right": plan.eyes[1], "gaze": plan.gaze}
    names = [name for name, item in {**inputs, "holder": plan.anatomy.holder}.items() if item]
    holder = bind_pose.matrices[names.index("holder")] if "holder" in names else np.eye(4)
    face = plan.anatomy.in_world(holder)
    if plan.neutral_frame is not None:
        turn = np.eye(3)
        if "head" in names:
            now, before = (reading.matrices[names.index("head")] for reading in (neutral, bind_pose))
            turn = unscaled(now) @ unscaled(before).T
            moved = now @ np.linalg.inv(before)
            face = replace(face, bridge=moved[:3, :3] @ face.bridge + moved[:3, 3])
        face = replace(face, axes=face.axes @ turn.T)
    elif plan.holder_moves:
        axes = snapped(face.axes)
        turn = axes.T @ face.axes
        about = holder[:3, 3]
        face = replace(face, axes=axes, bridge=turn @ (face.bridge - about) + about)
        neutral = _turned(neutral, turn, about)
    values = np.stack([neutral.values, *(s.values for s in others)])
    if plan.neutral_frame is None:
        values[0] = 0.0
    points = np.stack([neutral.points, *(s.points for s in others)])
    stacked = np.stack([neutral.matrices, *(s.matrices for s in others)])
    return Samples(values, points, {n: stacked[:, i] for i, n in enumerate(names)}, face)


def _turned(reading: Reading, turn: Float, about: Float) -> Reading:
    """A reading rotated as a whole about a point."""
    matrices = reading.matrices.copy()
    if len(matrices):
        matrices[:, :3, 3] = (matrices[:, :3, 3] - about) @ turn.T + about
        matrices[:, :3, :3] = turn @ matrices[:, :3, :3]
    return Reading(reading.values, (reading.points - about) @ turn.T + about, matrices)


def _head_motion(samples: Samples, surface: bool = False) -> tuple[Float, Float] | None:
    """The head's motion since neutral: rotations (F, 3, 3) and translations (F, 3) in world space; None: unknown."""
    if "head" in samples.matrices:
        bone = samples.matrices["head"]
        turns = np.stack([unscaled(m) @ unscaled(bone[0]).T for m in bone])
        return turns, bone[:, :3, 3] - np.einsum("fij,j->fi", turns, bone[0, :3, 3])
    if surface:
        skull = samples.points[:, list(lm.STABLE)]
        turns = rotations_since_first(skull)
        return turns, skull.mean(1) - np.einsum("fij,j->fi", turns, skull[0].mean(0))
    return None


def rotations_since_first(points: Float) -> Float:
    """The rotations (F, 3, 3) that best turn the first frame's points onto each frame's, (F, P, 3) (Kabsch)."""
    centred = points - points.mean(1, keepdims=True)
    u, _, vt = np.linalg.svd(np.einsum("fki,kj->fij", centred, centred[0]))
    u[..., 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
    return u @ vt


def _channels(plan: Plan, samples: Samples) -> tuple[tuple[str, ...], npt.NDArray[np.float32]]:
    """Channels (F, C), each the sum of its rows and, for the gaze, of the eyes' bones. See `GAZE_RULES`.

    With landmarks, the eyes' bones are not a channel: the irises are landmarks.
    """
    sums: dict[str, Float] = {}
    for i, row in enumerate(plan.channels):
        if plan.gaze is not None and row.channel.startswith("eyeLook"):
            continue
        value = row.gain * samples.values[:, i] + row.offset
        sums[row.channel] = sums.get(row.channel, 0.0) + value
    if not plan.by_points:
        for name, value in _gaze_channels(samples).items():
            sums[name] = sums.get(name, 0.0) + value
    names = tuple(n for n in lm.ARKIT if n in sums)
    return names, np.clip(np.stack([sums[n] for n in names], 1), 0.0, LIMIT).astype(np.float32)


def _head(plan: Plan, samples: Samples) -> tuple[Float | None, Float | None]:
    """The head's rotation (F, 3, 3) about picture axes, and the neck's translation (F, 3) in head-space units."""
    head = _head_motion(samples)
    if head is None or not (plan.turn or plan.move):
        return None, None
    turns, moves = head
    view = samples.front.axes
    moved = _neck_translation(samples, turns, moves)
    moved[1:] -= moved[1].copy()
    translation = moved @ view.T / samples.front.unit
    rotation = view @ turns @ view.T
    return (rotation if plan.turn else None), (translation if plan.move else None)


def _neck_translation(samples: Samples, turns: Float, moves: Float) -> Float:
    """How far the neck moved since neutral, (F, 3) in world space."""
    neck = samples.front.from_head(NECK)
    return np.einsum("fij,j->fi", turns, neck) + moves - neck


def _gaze_channels(samples: Samples) -> dict[str, Float]:
    """The eyes' rotations as eyeLook channels, (F,) each."""
    sums: dict[str, Float] = {}
    for side, turn in _eye_rotations(samples).items():
        ahead = turn @ np.array([0.0, 0.0, -1.0])
        yaw = np.arctan2(ahead[:, 0], -ahead[:, 2]) / EYE_RANGE
        down = np.arctan2(ahead[:, 1], np.hypot(ahead[:, 0], ahead[:, 2])) / EYE_RANGE
        out = yaw if side == "Left" else -yaw
        for name, value in (("Out", out), ("In", -out), ("Down", down), ("Up", -down)):
            sums[f"eyeLook{name}{side}"] = np.maximum(value, 0)
    return sums


def _eye_rotations(samples: Samples) -> dict[str, Float]:
    """Each eye's rotation in the head since neutral, (F, 3, 3) about picture axes; only eyes that are known."""
    view = samples.front.axes
    head = _head_motion(samples)
    turns = head[0] if head else np.broadcast_to(np.eye(3), (samples.count, 3, 3))
    result = {}
    for side, eye_centre in EYES.items():
        if "gaze" in samples.matrices:
            centre = samples.front.from_head(eye_centre)
            moves = head[1] if head else np.zeros((samples.count, 3))
            to = samples.matrices["gaze"][:, :3, 3] - moves - np.einsum("fij,j->fi", turns, centre)
            to = np.einsum("fji,fj->fi", turns, to) @ view.T
            result[side.title()] = _rotations_towards(to)
        elif f"eye_{side}" in samples.matrices:
            eye = np.stack([unscaled(m) for m in samples.matrices[f"eye_{side}"]])
            inside = turns.transpose(0, 2, 1) @ eye @ eye[0].T
            result[side.title()] = view @ inside @ view.T
    return result


def _rotations_towards(to: Float) -> Float:
    """Rotations (F, 3, 3) of an eye that looks ahead (−z) so that it looks along `to` (F, 3), without roll."""
    yaw, pitch = np.arctan2(to[:, 0], -to[:, 2]), np.arctan2(-to[:, 1], np.hypot(to[:, 0], to[:, 2]))
    zero, one = np.zeros_like(yaw), np.ones_like(yaw)
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    about_y = np.stack([cy, zero, -sy, zero, one, zero, sy, zero, cy], -1).reshape(-1, 3, 3)
    about_x = np.stack([one, zero, zero, zero, cp, sp, zero, -sp, cp], -1).reshape(-1, 3, 3)
    return about_y @ about_x


def _landmarks(plan: Plan, samples: Samples) -> npt.NDArray[np.float32]:
    """(F, 478, 3) pixels of the front view; NaN where the rig has no such point."""
    head = _head_motion(samples, plan.surface is not None)
    world = np.full((samples.count, lm.COUNT, 3), np.nan)
    from_head = None  # where every landmark would be if nothing but the head moved
    if head is not None:
        face = samples.front.from_head(lm.template())
        from_head = np.einsum("fij,kj->fki", head[0], face) + head[1][:, None]
    if plan.surface is not None:
        offsets = samples.front.unit * plan.surface.offsets @ samples.front.axes
        world[:] = samples.points + np.einsum("fij,kj->fki", head[0], offsets)
    else:
        if from_head is not None:
            world[:, list(lm.STABLE)] = from_head[:, list(lm.STABLE)]
        _set_points(plan, samples, head, world)
    if from_head is not None:
        _set_irises(samples, head, world)
        _uncross_lids(head[0], world)
        world = _without_unwanted(plan, samples, head, world)
    seen = (world - samples.front.bridge) @ samples.front.axes.T * (FACE / samples.front.unit) + MIDDLE
    return seen.astype(np.float32)


def _set_points(plan: Plan, samples: Samples, head: tuple[Float, Float] | None, world: Float) -> None:
    """Set the mapped landmarks in place, the mean where several rows name one; a gain scales the motion in the head."""
    paths: dict[int, list[Float]] = {}
    for i, row in enumerate(plan.points):
        path = samples.points[:, i]
        if row.gain != 1.0:
            still = np.broadcast_to(path[0], path.shape)
            if head is not None:
                still = np.einsum("fij,j->fi", head[0], path[0]) + head[1]
            path = still + row.gain * (path - still)
        paths.setdefault(row.landmark, []).append(path)
    for landmark, found in paths.items():
        world[:, landmark] = np.mean(found, 0)


def _set_irises(samples: Samples, head: tuple[Float, Float], world: Float) -> None:
    """Rotate the irises, in place, with the eye bones or towards the gaze target, where there are any."""
    view = samples.front.axes
    for side, turn in _eye_rotations(samples).items():
        iris = list(lm.IRIS_LEFT if side == "Left" else lm.IRIS_RIGHT)
        known = np.isfinite(world[0, iris]).all()
        rest = (world[0, iris] - samples.front.bridge) @ view.T / samples.front.unit if known else lm.template()[iris]
        centre = rest[0] + [0.0, 0.0, EYE_DEPTH]
        turned = np.einsum("fij,kj->fki", turn, rest - centre) + centre
        world[:, iris] = np.einsum("fij,fkj->fki", head[0], samples.front.from_head(turned)) + head[1][:, None]


def _uncross_lids(turns: Float, world: Float) -> None:
    """Move lids that a rig has pushed through each other to their middle, in place: they are shut, not open again."""
    for upper, lower in LIDS:
        rest = world[0, list(lower)] - world[0, list(upper)]
        gap = world[:, list(lower)] - world[:, list(upper)]
        along = np.einsum("fkd,fde,ke->fk", gap, turns, rest)
        f, k = np.nonzero(along < 0)
        up, low = np.array(upper)[k], np.array(lower)[k]
        middle = (world[f, up] + world[f, low]) / 2
        world[f, up] = world[f, low] = middle


def _without_unwanted(plan: Plan, samples: Samples, head: tuple[Float, Float], world: Float) -> Float:
    """The points with the head's translation counted from the start, without the head's motion that is switched off."""
    turns, moves = head
    moved = _neck_translation(samples, turns, moves)
    world[1:] -= moved[1]
    moved[1:] -= moved[1].copy()
    if not plan.move:
        world = world - moved[:, None]
        moved = np.zeros_like(moved)
    if not plan.turn:
        centre = samples.front.from_head(NECK) + moved[:, None]
        world = np.einsum("fji,fkj->fki", turns, world - centre) + centre
    return world
