"""A scene that was copied shares its portrait with the first one: give it a portrait, a rig and frames of its own."""

import re

import bpy

from .. import session
from ..compositing import compositor, nodes
from .reporting import LINKED, NO_PORTRAIT, SaysWhyNot

COUNTED = re.compile(r"\.\d{3,}$")  # what Blender adds to the name of a copy


def shared_with(tree: bpy.types.NodeTree, scene: bpy.types.Scene) -> bpy.types.Scene | None:
    """Another scene that composites this portrait, if `scene` does, too."""
    if tree not in nodes.portraits(scene):
        return None
    return next((other for other in bpy.data.scenes if other != scene and tree in nodes.portraits(other)), None)


def own_copy(tree: bpy.types.NodeTree, scene: bpy.types.Scene) -> bpy.types.NodeTree:
    """Give a scene a copy of the portrait, driven by the scene's own copies of the objects, with frames of its own."""
    copy = tree.copy()
    for node in compositor.group_nodes(compositor.scene_tree(scene)):
        if node.node_tree == tree:
            node.node_tree = copy
    settings = copy.gioconda
    _own_objects(settings.rig, scene)
    for row in settings.rig.rows:
        _own_objects(row, scene)
    settings.shown.output = ""  # the frames are the first scene's
    folder, slash, name = settings.output.rpartition("/")
    settings.output = f"{folder}{slash}{bpy.path.clean_name(scene.name)}/{name}"
    nodes.refresh(copy)
    return copy


def _own_objects(settings: bpy.types.PropertyGroup, scene: bpy.types.Scene) -> None:
    """Objects that the settings name and the scene does not have: the scene's copies of them take their place."""
    there = {COUNTED.sub("", ob.name): ob for ob in scene.objects}
    for prop in settings.bl_rna.properties:
        if prop.type != "POINTER" or prop.fixed_type.identifier != "Object":
            continue
        ob = getattr(settings, prop.identifier)
        if ob is not None and ob.name not in scene.objects:
            found = there.get(COUNTED.sub("", ob.name))
            if found is not None and found.type == ob.type:
                setattr(settings, prop.identifier, found)


class GIOCONDA_OT_own_portrait(SaysWhyNot, bpy.types.Operator):
    bl_idname = "gioconda.own_portrait"
    bl_label = "Make It This Scene's Own"
    bl_description = (
        "Give this scene a copy of the portrait that it shares with another one: driven by this scene's own rig, "
        "with frames in a folder of its own"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_not(cls, context):
        tree = session.active_portrait(context)
        if tree is None:
            return NO_PORTRAIT
        if tree.library is not None:
            return LINKED
        return "" if shared_with(tree, context.scene) else "No other scene shows this portrait"

    def execute(self, context):
        copy = own_copy(session.active_portrait(context), context.scene)
        context.scene.gioconda_portrait = copy
        session.tell(copy, f"“{copy.name}” is this scene's own; its frames go to {copy.gioconda.output}.")
        return {"FINISHED"}


CLASSES = (GIOCONDA_OT_own_portrait,)
