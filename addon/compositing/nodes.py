"""The node: a group in the compositor that shows the portrait, and its frames once they are there.

Everything an artist sets is in `tree.gioconda`; what the group shows follows from it and from the files on disk, here.
Frames of the scene that are not rendered show the portrait as it is: see `compositor.show_sequence`.
"""

from pathlib import Path

import bpy

from ...core.gioconda.errors import GiocondaError
from ...core.gioconda.job.frame_range import FramePattern
from ...core.gioconda.job.passes import PASSES
from . import compositor

NAME = "Gioconda Portrait"
FRAMES = "Frames"  # of the image with the sequence: "Gioconda Portrait Frames"

# What the group's outputs are called in the Image node: in a rendered frame, or in the portrait itself, which has
# nothing but colour and alpha. A matte that is not there yet lets everything through.
SOURCES = {"Image": ("Combined", "Image"), "Alpha": ("Alpha",), "Matte": ("Matte", "Alpha")}


# What `expect` said, by session_uid: an undo may take it out of the .blend while the frames are on disk.
_expected: dict[int, tuple[str, int, int, int]] = {}


def is_portrait(tree: bpy.types.NodeTree | None) -> bool:
    """Whether a node tree is a Gioconda Portrait."""
    return tree is not None and tree.bl_idname == "CompositorNodeTree" and tree.gioconda.is_portrait


def portraits(scene: bpy.types.Scene) -> list[bpy.types.NodeTree]:
    """The portraits in a scene's compositor, each once."""
    found = {}
    for node in compositor.group_nodes(compositor.scene_tree(scene)):
        if is_portrait(node.node_tree):
            found[node.node_tree.session_uid] = node.node_tree
    return list(found.values())


def scene_of(tree: bpy.types.NodeTree, context: bpy.types.Context) -> bpy.types.Scene:
    """The scene a portrait is composited in: the current one if it is in that, else the first that has it."""
    scenes = [context.scene, *(scene for scene in bpy.data.scenes if scene != context.scene)]
    return next((scene for scene in scenes if tree in portraits(scene)), context.scene)


def create(context: bpy.types.Context, image: bpy.types.Image | None = None) -> bpy.types.Node:
    """Add a portrait to the scene's compositor, or to the tree open in the node editor. Returns the new group node."""
    group = bpy.data.node_groups.new(NAME, "CompositorNodeTree")
    compositor.build(group)
    group.gioconda.is_portrait = True
    group.gioconda.image = image
    refresh(group)
    tree = _open_tree(context) or compositor.scene_tree(context.scene, create=True)
    node = compositor.add_group(tree, group)
    node.label = NAME
    for other in tree.nodes:
        other.select = False
    node.select = True
    tree.nodes.active = node
    _connect_to_output(tree, node)
    return node


def _open_tree(context: bpy.types.Context) -> bpy.types.NodeTree | None:
    """The tree being edited in the node editor, if it is a compositor's and not a portrait's own inside."""
    space = context.space_data
    if space is None or space.type != "NODE_EDITOR" or space.tree_type != "CompositorNodeTree":
        return None
    tree = space.edit_tree
    return None if tree is None or is_portrait(tree) or tree.library else tree


def _connect_to_output(tree: bpy.types.NodeTree, node: bpy.types.Node) -> None:
    """A new portrait is seen at once where nothing else is."""
    for end in compositor.end_nodes(tree):
        if end.inputs and not end.inputs[0].is_linked:
            tree.links.new(node.outputs["Image"], end.inputs[0])
            node.location = (end.location.x - 300, end.location.y)


def output_names(tree: bpy.types.NodeTree) -> list[str]:
    """What the node's outputs are called: Image, Alpha, then the chosen passes."""
    chosen = tree.gioconda.passes
    return ["Image", "Alpha", *(name for name in PASSES if name in chosen and name != "Combined")]


def refresh(tree: bpy.types.NodeTree) -> None:
    """Make the group show what there is: the frames if they are on disk, else the portrait. Call after a setting
    changed or frames arrived. A linked portrait is left alone: only its own file can change it."""
    if tree.library or not is_portrait(tree):
        return
    compositor.set_outputs(tree, output_names(tree))
    shown = tree.gioconda.shown
    if shown.output and _there(shown):
        image = _frames_image(tree)
        image.reload()
        compositor.show_sequence(tree, image, first=shown.first, last=shown.last, idle=shown.rest)
    else:
        compositor.show_still(tree, tree.gioconda.image)
    compositor.connect(tree, {name: SOURCES.get(name, (name,)) for name in (*PASSES, *SOURCES)})
    compositor.touch(tree)


def expect(tree: bpy.types.NodeTree, first: int, last: int) -> int:
    """Say which frames are about to be rendered. Returns the number of the file that will hold the idle frame, the
    portrait as it is, which the node shows on all others: beside the range, where nothing is yet.

    Raises: SettingsError: the output has no place for the frame's number, or does not end in .exr.
    """
    shown = tree.gioconda.shown
    pattern = FramePattern.parse(bpy.path.abspath(tree.gioconda.output, library=tree.library))
    again = bool(shown.output) and _pattern(shown) == pattern
    if again and _there(shown) and first <= shown.last + 1 and last >= shown.first - 1:
        first, last = min(first, shown.first), max(last, shown.last)
    beside = (*range(first - 1, max(-1, first - 4), -1), *range(last + 1, last + 100))
    kept = shown.rest if again and shown.rest in beside else None
    free = next((n for n in beside if _is_free(pattern.path(n))), beside[0])
    shown.output, shown.first, shown.last = tree.gioconda.output, first, last
    shown.rest = free if kept is None else kept
    _expected[tree.session_uid] = (shown.output, first, last, shown.rest)
    return shown.rest


def _pattern(shown: bpy.types.PropertyGroup) -> FramePattern | None:
    """Where the shown frames are, absolute; None where that cannot be known."""
    try:
        return FramePattern.parse(bpy.path.abspath(shown.output, library=shown.id_data.library))
    except GiocondaError:
        return None


def _is_free(path: Path) -> bool:
    """Whether the idle frame may be put there: nothing is, or a placeholder."""
    try:
        with path.open("rb") as file:
            return b"gioconda:placeholder\0" in file.read(65536)
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _there(shown: bpy.types.PropertyGroup) -> bool:
    """Whether every frame that is to be shown has its file."""
    pattern, numbers = _pattern(shown), (shown.rest, *range(shown.first, shown.last + 1))
    return pattern is not None and all(pattern.path(number).is_file() for number in numbers)


def _frames_image(tree: bpy.types.NodeTree) -> bpy.types.Image:
    """The image that holds this portrait's sequence, and no other's."""
    shown = tree.gioconda.shown
    path = FramePattern.parse(shown.output).path(shown.first)
    text = shown.output[: len(shown.output) - len(Path(shown.output).name)] + path.name
    image = compositor.picture_node(tree).image
    if image is None or image.library or image == tree.gioconda.image or image.source != "SEQUENCE":
        image = None
    elif bpy.path.abspath(image.filepath) != bpy.path.abspath(text) and image.users > 1:
        image = None  # a copy of another portrait: that one keeps its frames
    if image is None:
        image = bpy.data.images.new(f"{tree.name} {FRAMES}", 1, 1)
        image.source = "SEQUENCE"
    if image.filepath != text:
        image.filepath = text
    if image.colorspace_settings.name != "Linear Rec.709":
        image.colorspace_settings.name = "Linear Rec.709"
    if image.alpha_mode != "PREMUL":
        image.alpha_mode = "PREMUL"
    return image


# --- called by Blender when a setting changes -------------------------------------------------------------------------


def setting_changed(settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    """The portrait, the passes or the output changed: the node follows."""
    refresh(settings.id_data)


@bpy.app.handlers.persistent
def _undone(*_: object) -> None:
    """Frames that were rendered stay rendered."""
    for tree in bpy.data.node_groups:
        said = _expected.get(tree.session_uid)
        if said and is_portrait(tree) and tree.library is None and said[0] == tree.gioconda.output:
            shown = tree.gioconda.shown
            shown.output, shown.first, shown.last, shown.rest = said
            refresh(tree)


@bpy.app.handlers.persistent
def _loaded(*_: object) -> None:
    """Frames may have come or gone since the file was saved. (On a farm nothing depends on this.)"""
    _expected.clear()
    if not bpy.app.background:
        for tree in bpy.data.node_groups:
            refresh(tree)


HANDLERS = (("undo_post", _undone), ("redo_post", _undone), ("load_post", _loaded))
