"""Gioconda inside Blender: rig to numbers, numbers to a job, EXR to the compositor. Only this folder touches bpy."""

from __future__ import annotations

import bpy

# Every class Blender has to know, in the order of registration.
CLASSES: tuple[type, ...] = ()


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
