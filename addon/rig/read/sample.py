"""Rig → Motion: frame by frame from Blender's evaluated scene, in a temporary scene that holds only the rig."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Sequence
from fractions import Fraction
from typing import Any

import bpy

from ....core.gioconda.motion.motion import Motion
from ..errors import RigError
from ..map import automap
from ..steps import still_there
from .assemble import assemble
from .motion_file import file_motion
from .plan import Plan, make_plan
from .rig_inputs import Reading, Taps

STEP = 0.03  # seconds between two yields
FINEST = 64  # the most parts a frame is divided into
Steps = Generator[tuple[int, int], None, Motion]


def bake(tree: bpy.types.NodeTree, scene: bpy.types.Scene, frames: Sequence[float]) -> Motion:
    """The rig's motion in these frames.

    Index 0 of the result is an extra, neutral frame (the rig at rest), numbered one before the first frame; it is
    `Motion.neutral`, so that one frame baked alone gives the same pose as in a range. Fractional frames are numbered
    in steps: with provenance "substeps" k, a frame f has the number f · k, and fps is k times the scene's. A motion
    file comes whole, whatever frames are asked for, numbered by the scene's frames.

    Args:
        frames: scene frames, ascending, fractions allowed.

    Raises:
        RigError: no rig, a row names something that is gone, nothing drives the portrait.
    """
    if len(frames) and chosen_kind(tree.gioconda.rig) != "FILE":
        automap.ensure(tree, scene)
    steps = bake_steps(tree, scene, frames)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def check_ready(tree: bpy.types.NodeTree, scene: bpy.types.Scene) -> None:
    """Whether `bake` would begin at once: auto-mapping takes seconds. Raises: RigError: it would not."""
    if chosen_kind(tree.gioconda.rig) != "FILE":
        automap.check_mapped(tree.gioconda.rig, scene)


def bake_steps(tree: bpy.types.NodeTree, scene: bpy.types.Scene, frames: Sequence[float]) -> Steps:
    """`bake` in steps of about 30 ms: yields (done, total); the Motion is the generator's return value.

    The scene may be changed, undone or closed between two steps; then the next one raises RigError. Closing the
    generator early removes the temporary scene.

    Raises:
        RigError: as `bake`.
    """
    rig = tree.gioconda.rig
    if not len(frames):
        raise RigError("There are no frames to read from the rig.")
    substeps, numbers = numbered(frames)
    fps = scene.render.fps / scene.render.fps_base
    if chosen_kind(rig) == "FILE":
        return file_motion(rig, fps)
    uid, shot = tree.session_uid, scene.name
    for _ in automap.ensure_steps(tree, scene):
        yield (0, len(frames))
    tree, scene = still_there(uid, shot)
    rig = tree.gioconda.rig
    plan = make_plan(tree)
    notes = {
        "source": "rig",
        "kind": chosen_kind(rig),
        "rig": rig.target.name if rig.target else "",
        "substeps": substeps,
    }
    taps = plan.taps()
    neutral, start, rest = references(plan, taps, scene)
    stage = taps.stage(scene, in_scene=plan.in_scene)
    try:
        stage.open()
        samples: list[Reading] = []
        since = time.perf_counter()
        for frame in frames:
            samples.append(taps.read(stage, stage.frame(frame)))
            if time.perf_counter() - since > STEP:
                yield (len(samples), len(frames))
                since = time.perf_counter()
    finally:
        stage.close()
    return assemble(plan, neutral, start, samples, rest, fps * substeps, [numbers[0] - 1, *numbers], notes)


def bake_now(tree: bpy.types.NodeTree, scene: bpy.types.Scene) -> Motion:
    """The rig as it stands in the scene this moment, keyed or not; for a live preview. One frame and the neutral one.

    Raises:
        RigError: as `bake`.
    """
    rig = tree.gioconda.rig
    fps = scene.render.fps / scene.render.fps_base
    if chosen_kind(rig) == "FILE":
        return file_motion(rig, fps)
    automap.ensure(tree, scene)
    plan = make_plan(tree)
    taps = plan.taps()
    neutral, start, rest = references(plan, taps, scene)
    live = taps.stage(scene, in_scene=True)
    reading = taps.read(live, live.now())
    number = scene.frame_current
    notes = {"source": "rig", "kind": chosen_kind(rig), "live": True}
    return assemble(plan, neutral, start, [reading], rest, fps, [number - 1, number], notes)


def references(plan: Plan, taps: Taps, scene: bpy.types.Scene) -> tuple[Reading, Reading | None, Reading]:
    """What the frames are measured against, whichever frames those are: neutral, the scene's first frame, at rest."""
    stage = taps.stage(scene, in_scene=False)
    first = float(scene.frame_start)
    try:
        stage.open()
        with stage.at_rest():
            rest = taps.read(stage, stage.frame(first))
        if plan.neutral_frame is None:
            return rest, None if plan.way_from_rest else taps.read(stage, stage.frame(first)), rest
        return taps.read(stage, stage.frame(plan.neutral_frame)), None, rest
    finally:
        stage.close()


def retarget_settings(tree: bpy.types.NodeTree) -> dict[str, Any]:
    """Fields of `RetargetSettings` that suit the rig: exact values need no smoothing and no dead band."""
    if chosen_kind(tree.gioconda.rig) == "FILE":
        return {}
    return {"smoothing": "none", "dead_band": 0.0, "lid_floor": 0.0}


def chosen_kind(rig: bpy.types.PropertyGroup) -> str:
    """What drives the portrait, one of `settings.KINDS`; AUTO only before the first auto-map."""
    if rig.kind != "AUTO":
        return rig.kind
    if rig.found:
        return rig.found
    return "FILE" if rig.file and rig.target is None and rig.collection is None else "AUTO"


def numbered(frames: Sequence[float]) -> tuple[int, list[int]]:
    """Into how many steps a frame is divided, and each frame's whole number in those steps.

    Raises:
        RigError: they do not ascend, or divide a frame too finely.
    """
    exact = [Fraction(float(f)).limit_denominator(FINEST) for f in frames]
    if any(abs(float(e) - f) > 1e-3 for e, f in zip(exact, frames, strict=True)):
        raise RigError(f"Frames can be divided into at most {FINEST} parts.")
    steps = math.lcm(*(frame.denominator for frame in exact))
    numbers = [round(frame * steps) for frame in exact]
    if any(b <= a for a, b in zip(numbers, numbers[1:], strict=False)):
        raise RigError("The frames to read must ascend.")
    return steps, numbers
