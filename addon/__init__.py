"""Gioconda inside Blender: rig to numbers, numbers to a job, EXR to the compositor. Only this folder touches bpy."""

from __future__ import annotations

from . import overlay, preferences, properties
from .operators import create_landmark_rig, edit_points, place_points

# What Blender has to know, in the order of registration: each module has CLASSES, register() or both.
MODULES = (preferences, properties, overlay, edit_points, place_points, create_landmark_rig)


def register() -> None:
    import bpy

    for module in MODULES:
        for cls in getattr(module, "CLASSES", ()):
            bpy.utils.register_class(cls)
        getattr(module, "register", _nothing)()


def unregister() -> None:
    import bpy

    for module in reversed(MODULES):
        getattr(module, "unregister", _nothing)()
        for cls in reversed(getattr(module, "CLASSES", ())):
            bpy.utils.unregister_class(cls)


def _nothing() -> None:
    pass
