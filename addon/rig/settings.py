"""What is stored of the rig in the .blend: `tree.gioconda.rig`."""

import bpy
from bpy.props import PointerProperty


class RigSettings(bpy.types.PropertyGroup):
    """Where the motion comes from and which part of it drives what."""

    target: PointerProperty(name="Rig", type=bpy.types.Object, description="The armature, mesh or empty that acts")


CLASSES = (RigSettings,)
