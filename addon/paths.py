"""What a property that holds a path has to say so that it may start with "//", the folder of the .blend."""

import bpy


def beside_blend() -> set[str]:
    """Its `options`, from Blender 4.5 on; before, every path may. Paths of the machine (an interpreter) may not."""
    return {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else set()
