"""A rig becomes a Motion: what drives the portrait, sampled from Blender's evaluated scene."""

from .errors import RigError
from .read.motion_file import passthrough
from .read.sample import bake, bake_now, bake_steps, check_ready, retarget_settings

__all__ = ["RigError", "bake", "bake_now", "bake_steps", "check_ready", "passthrough", "retarget_settings"]
