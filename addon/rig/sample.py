"""Rig → Motion: frame by frame from Blender's evaluated scene, in a temporary scene that holds only the rig."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import bpy

from ...core.gioconda.motion import Motion
from .errors import RigError


def bake(tree: bpy.types.NodeTree, scene: bpy.types.Scene, frames: Sequence[float]) -> Motion:
    """The rig's motion in these frames.

    Index 0 of the result is an extra, neutral frame (the rig at rest), numbered one before the first frame; it is
    `Motion.neutral`, so that one frame baked alone gives the same pose as in a range. Fractional frames are numbered
    in steps: with provenance "substeps" k, a frame f has the number round(f · k), and fps is k times the scene's.

    Args:
        frames: scene frames, ascending, fractions allowed.

    Raises:
        RigError: no rig, a row names something that is gone, nothing drives the portrait.
    """
    steps = bake_steps(tree, scene, frames)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def bake_steps(
    tree: bpy.types.NodeTree, scene: bpy.types.Scene, frames: Sequence[float]
) -> Generator[tuple[int, int], None, Motion]:
    """`bake` in steps of at most 50 ms: yields (done, total); the Motion is the generator's return value.

    The scene may be changed, undone or closed between two steps; then the next one raises RigError.

    Raises:
        RigError: as `bake`.
    """
    raise RigError("Baking rigs is being built.")
    yield (0, 0)


def retarget_settings(tree: bpy.types.NodeTree) -> dict[str, Any]:
    """Fields of `RetargetSettings` that suit the rig: exact values need no smoothing and no dead band."""
    if tree.gioconda.rig.kind == "FILE":
        return {}
    return {"smoothing": "none", "dead_band": 0.0, "lid_floor": 0.0}
