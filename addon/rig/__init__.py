"""A rig becomes a Motion: what drives the portrait, sampled from Blender's evaluated scene."""

from .sample import RigError, bake, bake_steps, retarget_settings

__all__ = ["RigError", "bake", "bake_steps", "retarget_settings"]
