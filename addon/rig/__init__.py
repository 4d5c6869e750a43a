"""A rig becomes a Motion: what drives the portrait, read from Blender's evaluated scene.

Imports run one way: errors, names, steps → read (a rig's frames) → map (what of a rig drives what) → bake → check
(does a mapping work) → panel. `landmark_rig` builds a rig on the portrait itself.
"""

from .bake import bake, bake_steps, from_file, has_rig, motion_file, retarget_settings, voice_of
from .map.automap import check_mapped

__all__ = ["bake", "bake_steps", "check_mapped", "from_file", "has_rig", "motion_file", "retarget_settings", "voice_of"]
