"""The compositor: the group node that shows a portrait and its frames, and where Blender 4.x and 5.x differ."""
