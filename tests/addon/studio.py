"""What scripts that run inside Blender share: a portrait in the compositor, a head that opens its mouth, pixels.

sys.path.insert(0, ARGS[0])  # this folder
import studio
"""

import time
from pathlib import Path

import bpy
import numpy as np
from bl_ext.user_default.gioconda.addon import session
from bl_ext.user_default.gioconda.addon.compositing import compositor

PICTURE = Path(__file__).resolve().parents[2] / "core/gioconda/cli/grace_hopper.jpg"
WIDTH = 256


def small_picture(folder):
    """The test portrait, small, as a PNG in `folder`."""
    path = Path(folder) / "portrait.png"
    if not path.is_file():
        image = bpy.data.images.load(str(PICTURE))
        image.scale(WIDTH, WIDTH * image.size[1] // image.size[0])
        image.filepath_raw, image.file_format = str(path), "PNG"
        image.save()
        bpy.data.images.remove(image)
    return path


def empty_file():
    """A new file with nothing in it."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    enable()


def empty_rig():
    """A new file with ten frames: its scene, a tree for a portrait and that tree's rig."""
    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 10
    tree = bpy.data.node_groups.new("Portrait", "CompositorNodeTree")
    return scene, tree, tree.gioconda.rig


def enable():
    """The extension, which factory settings switch off."""
    import addon_utils

    addon_utils.enable("bl_ext.user_default.gioconda", default_set=True)


def talking_head(frames=4):
    """A mesh with ARKit shape keys whose jaw opens from the first frame to the last."""
    mesh = bpy.data.meshes.new("Head")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 0, 1)], [], [(0, 1, 2)])
    head = bpy.data.objects.new("Head", mesh)
    bpy.context.scene.collection.objects.link(head)
    head.shape_key_add(name="Basis")
    for name in ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "eyeBlinkLeft", "eyeBlinkRight"):
        head.shape_key_add(name=name).value = 0.0  # 1 in the newest Blender
    jaw = mesh.shape_keys.key_blocks["jawOpen"]
    for frame, value in ((1, 0.0), (frames, 0.8)):
        jaw.value = value
        jaw.keyframe_insert("value", frame=frame)
    return head


def curves_of(animated):
    """The curves of what is animated, in every version."""
    action = animated.animation_data.action
    if hasattr(action, "fcurves"):
        return list(action.fcurves)
    bags = [bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags]
    return [curve for bag in bags for curve in bag.fcurves]


def portrait(folder, frames=4, output="out/####.exr"):
    """A portrait driven by a talking head, ready to render. Returns its node tree."""
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, frames
    image = bpy.data.images.load(str(small_picture(folder)), check_existing=True)
    bpy.ops.gioconda.add_portrait(image=image.name)
    tree = session.active_portrait(bpy.context)
    settings = tree.gioconda
    settings.rig.target = talking_head(frames)
    settings.output = str(Path(folder) / output)
    settings.right, settings.right_who = "public_domain", "Gioconda's tests"
    scene.render.resolution_x, scene.render.resolution_y = image.size
    scene.render.resolution_percentage = 100
    return tree


def group_node(tree):
    """The node in the scene's compositor that shows a portrait."""
    nodes = compositor.group_nodes(compositor.scene_tree(bpy.context.scene))
    return next(node for node in nodes if node.node_tree == tree)


def see(socket):
    """Connect a node's output to the scene's output."""
    tree = socket.id_data
    for end in compositor.end_nodes(tree):
        if end.bl_idname != "CompositorNodeViewer":
            tree.links.new(socket, end.inputs[0])


def pixels(frame, scene=None):
    """What the scene's compositor makes of a frame: (H, W, 4) float32, scene-linear, rows from the top."""
    scene = scene or bpy.context.scene
    settings = scene.render.image_settings
    if bpy.app.version >= (5, 0, 0):
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_depth, settings.color_mode = "OPEN_EXR", "32", "RGBA"
    path = Path(bpy.app.tempdir or "/tmp") / "seen.exr"
    scene.frame_set(frame)
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True, scene=scene.name)
    return pixels_of(path)


def pixels_of(path):
    """A picture's pixels as Blender reads them, rows from the top."""
    image = bpy.data.images.load(str(path))
    width, height = image.size
    values = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(values)
    bpy.data.images.remove(image)
    return values.reshape(height, width, 4)[::-1].copy()


def until(condition, seconds=100):
    """Let the session work until a condition holds. Returns whether it does."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        session.pump()
        time.sleep(0.01)
    return bool(condition())


def sentence(call, **arguments):
    """What an operator says when it fails, "" when it does not."""
    try:
        call(**arguments)
    except RuntimeError as error:
        return str(error).strip().removeprefix("Error: ")
    return ""
