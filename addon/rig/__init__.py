"""A rig becomes a Motion: what drives the portrait, sampled from Blender's evaluated scene."""
