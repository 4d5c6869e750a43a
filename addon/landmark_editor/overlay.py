"""What is drawn over the portrait in the Image Editor. Thin: shapes come from `overlay_shapes`, the GPU draws them.

It draws only where the Image Editor shows the portrait's own picture.
"""

import traceback
from pathlib import Path
from typing import Any

import blf
import bpy
import gpu
import numpy as np
import numpy.typing as npt
from gpu_extras.batch import batch_for_shader

from ...core.gioconda.errors import GiocondaError
from ..panels.drawing import areas, interface_scale
from ..session import tree_of
from .overlay_shapes import TINT, Box, Editing, Shape, View, faces_of, shapes_for, thinned

Float = npt.NDArray[np.floating]

editing: Editing | None = None  # set by the operator at work in the Image Editor


# Whose picture is shown ------------------------------------------------------------------------------------------


def view_of(region: Any, size: tuple[int, int]) -> View:
    """Where the Image Editor's region shows a picture of `size`."""
    left, bottom = region.view2d.region_to_view(0, 0)
    right, top = region.view2d.region_to_view(1000, 1000)
    x, y = 1000 / max(right - left, 1e-9), 1000 / max(top - bottom, 1e-9)  # region pixels per picture
    return View((-left * x, (1 - bottom) * y), (x / size[0], y / size[1]))


def shown_portrait(space: Any) -> Any:
    """The portrait (node tree) whose picture an Image Editor shows, or None."""
    image = getattr(space, "image", None)
    if image is None:
        return None
    portraits = [tree for tree in bpy.data.node_groups if tree.gioconda.is_portrait and tree.gioconda.image == image]
    if editing is not None:
        portraits.sort(key=lambda tree: tree.session_uid != editing.tree)
    return portraits[0] if portraits else None


def redraw() -> None:
    """Ask every Image Editor to draw again."""
    for area in areas("IMAGE_EDITOR"):
        area.tag_redraw()


# Drawing ---------------------------------------------------------------------------------------------------------

_handle: Any = None
_complained = False
_tints: dict[str, Any] = {}  # key of a matte → GPU texture; at most one


def draw() -> None:
    """Blender calls this for every Image Editor. An error is told once and never reaches Blender's drawing."""
    global _complained
    try:
        _draw(bpy.context)
    except GiocondaError:
        pass  # stored landmarks that cannot be read: the panel says so
    except Exception:
        if not _complained:
            _complained = True
            traceback.print_exc()


def shown_changed(_settings: Any, _context: Any) -> None:
    """A switch of the overlay was turned."""
    redraw()


def _draw(context: Any) -> None:
    tree = shown_portrait(context.space_data)
    if tree is None or min(tree.gioconda.image.size) < 1:
        return
    portrait, image = tree.gioconda, tree.gioconda.image
    view = view_of(context.region, tuple(image.size))
    unit = interface_scale(context)
    gpu.state.blend_set("ALPHA")
    if portrait.overlay.matte:
        _draw_tint(portrait, view, tuple(image.size))
    size = (context.region.width, context.region.height)
    edit = editing if editing is not None and editing.tree == tree.session_uid else None
    for shape in shapes_for(portrait, edit, view, unit):
        _draw_shape(shape, size, unit)
    if portrait.overlay.faces:
        _draw_numbers(faces_of(portrait.faces), view, unit)
    if edit is not None and edit.text:
        _draw_text(edit.text, 20 * unit, context.region.height - 60 * unit, unit)
    gpu.state.blend_set("NONE")


def _draw_shape(shape: Shape, viewport: tuple[int, int], unit: float) -> None:
    place = np.column_stack([shape.points, np.zeros(len(shape.points))]).astype(np.float32)
    if shape.kind == "triangles":
        shader = gpu.shader.from_builtin("UNIFORM_COLOR")
        shader.bind()
        shader.uniform_float("color", shape.colour)
        batch_for_shader(shader, "TRIS", {"pos": place}).draw(shader)
        return
    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    shader.bind()
    shader.uniform_float("viewportSize", viewport)
    batch = batch_for_shader(shader, "LINE_STRIP", {"pos": place})
    dark = (0.0, 0.0, 0.0, 0.4 * shape.colour[3])
    for colour, width in ((dark, shape.width + 1.5), (shape.colour, shape.width)):
        shader.uniform_float("lineWidth", width * unit)
        shader.uniform_float("color", colour)
        batch.draw(shader)


def _draw_numbers(faces: list[Box], view: View, unit: float) -> None:
    if len(faces) < 2:
        return
    for number, (left, top, _, _) in enumerate(faces, 1):
        x, y = view.to_region(np.array([[left, top]]))[0]
        _draw_text(str(number), x + 4 * unit, y - 18 * unit, unit)


def _draw_text(text: str, x: float, y: float, unit: float) -> None:
    blf.size(0, 16 * unit)
    blf.color(0, 1, 1, 1, 1)
    blf.enable(0, blf.SHADOW)
    blf.shadow(0, 3, 0, 0, 0, 1)
    blf.position(0, x, y, 0)
    blf.draw(0, text)
    blf.disable(0, blf.SHADOW)


def _draw_tint(portrait: Any, view: View, size: tuple[int, int]) -> None:
    texture = _tint(portrait)
    if texture is None:
        return
    corners = view.to_region(np.array([[0, size[1]], [size[0], size[1]], [size[0], 0], [0, 0]]))
    place = np.column_stack([corners, np.zeros(4)]).astype(np.float32)
    shader = gpu.shader.from_builtin("IMAGE_COLOR")
    batch = batch_for_shader(shader, "TRI_FAN", {"pos": place, "texCoord": [(0, 0), (1, 0), (1, 1), (0, 1)]})
    shader.bind()
    shader.uniform_float("color", TINT)
    shader.uniform_sampler("image", texture)
    batch.draw(shader)


def _tint(portrait: Any) -> Any:
    """The artist's matte, else the analysis's, as a GPU texture; None when there is none, or not yet."""
    matte = portrait.matte
    key = f"{matte.session_uid} {matte.filepath} {tuple(matte.size)}" if matte is not None else portrait.person
    if not key:
        return None
    if key not in _tints:
        _tints.clear()
        _tints[key] = None
        uid = portrait.id_data.session_uid
        bpy.app.timers.register(lambda: _load_tint(key, uid), first_interval=0.0)  # no file is opened while drawing
    if isinstance(_tints[key], np.ndarray):
        _tints[key] = _texture(_tints[key])
    return _tints[key]


def _load_tint(key: str, uid: int) -> None:
    """Read a matte's pixels, between two drawings."""
    tree = tree_of(uid)
    if tree is None or key not in _tints:
        return
    matte = tree.gioconda.matte
    pixels = _pixels_of(matte) if matte is not None else _pixels_in(Path(tree.gioconda.person))
    _tints[key] = None if pixels is None else thinned(pixels)
    redraw()


def _texture(pixels: npt.NDArray[np.float32]) -> Any:
    height, width = pixels.shape[:2]
    buffer = gpu.types.Buffer("FLOAT", height * width * 4, pixels.ravel())
    return gpu.types.GPUTexture((width, height), format="RGBA16F", data=buffer)


def _pixels_of(image: Any) -> Float | None:
    """An image's first channel, (H, W), rows top-down."""
    width, height = image.size
    if min(width, height) < 1:
        return None
    values = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(values)
    return values.reshape(height, width, image.channels)[::-1, :, 0]


def _pixels_in(path: Path) -> Float | None:
    """The matte that Analyse left on disk, (H, W), rows top-down; None when it is gone."""
    if not path.is_file():
        return None
    image = bpy.data.images.load(str(path), check_existing=False)
    try:
        image.colorspace_settings.name = "Non-Color"
        return _pixels_of(image)
    finally:
        bpy.data.images.remove(image)


def forget_tint() -> None:
    """The matte has changed: read it again."""
    _tints.clear()


def register() -> None:
    global _handle, _complained
    _complained = False
    _handle = bpy.types.SpaceImageEditor.draw_handler_add(draw, (), "WINDOW", "POST_PIXEL")


def unregister() -> None:
    global _handle, editing
    if _handle is not None:
        bpy.types.SpaceImageEditor.draw_handler_remove(_handle, "WINDOW")
    _handle = editing = None
    _tints.clear()
