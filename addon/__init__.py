"""Gioconda inside Blender: rig to numbers, numbers to a job, EXR to the compositor. Only this folder touches bpy."""

from __future__ import annotations

from . import live, preferences, preview, properties, session
from .compositing import nodes, user_counts
from .landmark_editor import overlay
from .operators import (
    add_portrait,
    analyse,
    bind_rig,
    cancel,
    create_landmark_rig,
    edit_points,
    export_job,
    learn_person,
    open_sample,
    own_portrait,
    place_points,
    presets,
    render,
    set_expression,
    show_portrait,
    suits_scene,
    use_sound_strip,
)
from .operators import preview as show_preview
from .panels import image_editor, pie_menu, sidebar
from .rig import panel as rig_panel

# What Blender has to know, in the order of registration: a module's CLASSES, its HANDLERS (name of Blender's list,
# function), what else its register() does.
MODULES = (
    preferences,
    properties,
    nodes,
    user_counts,
    session,
    preview,
    overlay,
    analyse,
    edit_points,
    place_points,
    show_portrait,
    suits_scene,
    own_portrait,
    create_landmark_rig,
    image_editor,
    add_portrait,
    open_sample,
    bind_rig,
    rig_panel,
    render,
    cancel,
    export_job,
    learn_person,
    show_preview,
    live,
    presets,
    set_expression,
    use_sound_strip,
    sidebar,
    pie_menu,
)


def register() -> None:
    import bpy

    for module in MODULES:
        for cls in getattr(module, "CLASSES", ()):
            bpy.utils.register_class(cls)
        for name, handler in getattr(module, "HANDLERS", ()):
            getattr(bpy.app.handlers, name).append(handler)
        getattr(module, "register", _nothing)()


def unregister() -> None:
    import bpy

    for module in reversed(MODULES):
        getattr(module, "unregister", _nothing)()
        for name, handler in getattr(module, "HANDLERS", ()):
            getattr(bpy.app.handlers, name).remove(handler)
        for cls in reversed(getattr(module, "CLASSES", ())):
            bpy.utils.unregister_class(cls)


def _nothing() -> None:
    pass
