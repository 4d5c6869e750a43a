"""Images of Blender as files that the core can read."""
