"""A rig's frames, read one by one from Blender's evaluated scene, as a Motion."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import bpy

from ....core.gioconda.motion.motion import Motion
from ..errors import RigError
from ..steps import Progress, Steps
from .assemble import assemble
from .plan import Plan
from .rig_inputs import Reading, RigInputs

STEP = 0.03  # seconds between two yields
FINEST = 64  # the most parts a frame is divided into


def sample_steps(plan: Plan, scene: bpy.types.Scene, frames: Sequence[float], notes: dict[str, Any]) -> Steps[Motion]:
    """Read the frames in steps of about 30 ms. Returns the Motion, with `notes` as provenance.

    Raises: RigError: the frames cannot be numbered; the rig or the scene went away between two steps.
    """
    substeps, numbers = numbered(frames)
    fps = scene.render.fps / scene.render.fps_base
    inputs = plan.inputs()
    neutral, start, bind_pose = reference_readings(plan, inputs, scene)
    with inputs.evaluation_scene(scene, in_scene=plan.in_scene) as evaluation:
        readings: list[Reading] = []
        since = time.perf_counter()
        for frame in frames:
            readings.append(inputs.read(evaluation, frame))
            if time.perf_counter() - since > STEP:
                yield Progress("Reading the rig", len(readings) / len(frames))
                since = time.perf_counter()
    notes = {**notes, "substeps": substeps}
    return assemble(plan, neutral, start, readings, bind_pose, fps * substeps, [numbers[0] - 1, *numbers], notes)


def reference_readings(
    plan: Plan, inputs: RigInputs, scene: bpy.types.Scene
) -> tuple[Reading, Reading | None, Reading]:
    """What all frames are measured against: the neutral pose, the scene's first frame, the bind pose."""
    first = float(scene.frame_start)
    with inputs.evaluation_scene(scene) as evaluation:
        with evaluation.in_bind_pose():
            bind_pose = inputs.read(evaluation, first)
        if plan.neutral_frame is not None:
            return inputs.read(evaluation, plan.neutral_frame), None, bind_pose
        return bind_pose, None if plan.from_bind_pose else inputs.read(evaluation, first), bind_pose


def numbered(frames: Sequence[float]) -> tuple[int, list[int]]:
    """Into how many substeps a frame is divided, and each frame's whole number in those substeps.

    Raises: RigError: they do not ascend, or divide a frame too finely.
    """
    exact = [Fraction(float(f)).limit_denominator(FINEST) for f in frames]
    if any(abs(float(e) - f) > 1e-3 for e, f in zip(exact, frames, strict=True)):
        raise RigError(f"Frames can be divided into at most {FINEST} parts.")
    steps = math.lcm(*(frame.denominator for frame in exact))
    numbers = [round(frame * steps) for frame in exact]
    if any(b <= a for a, b in zip(numbers, numbers[1:], strict=False)):
        raise RigError("The frames to read must ascend.")
    return steps, numbers
