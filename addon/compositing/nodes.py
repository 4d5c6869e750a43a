"""The node: a group in the compositor that shows the portrait, and its frames once they are there.

Everything an artist sets is in `tree.gioconda`; what the group shows follows from it and from the files on disk, here.
Frames of the scene that are not rendered show the portrait as it is: see `compositor.show_sequence`.
"""

import contextlib
from pathlib import Path

import bpy

from ...core.gioconda.errors import GiocondaError, SettingsError
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
_missing: dict[int, list[tuple[int, int]]] = {}  # frames to be shown without a file, as runs, by session_uid
_waiting: set[int] = set()  # session_uid of portraits to refresh once no compositor works
EVERY = 0.1  # seconds between two looks whether one does


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


def _busy() -> bool:
    """Whether Blender composites or renders in a thread of its own: it would read an image while that is reloaded."""
    return not bpy.app.background and any(bpy.app.is_job_running(job) for job in ("COMPOSITE", "RENDER"))


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
    """Make the group show what there is: the frames that are on disk, else the portrait. Call after a setting changed
    or frames arrived. A linked portrait is left alone: only its own file can change it.

    While a compositor is at work in its thread, nothing is touched: a timer does it once that is done.
    """
    if tree.library or not is_portrait(tree):
        return
    if _busy():
        _later(tree)
        return
    _waiting.discard(tree.session_uid)
    compositor.set_outputs(tree, output_names(tree))
    shown = tree.gioconda.shown
    image = _frames_image(tree)
    _missing.pop(tree.session_uid, None)
    runs, idle = _on_disk(shown) if shown.output else ([], None)
    if runs:
        image.reload()
        runs = compositor.show_sequence(tree, image, runs=runs, idle=runs[0][0] if idle is None else idle)
    else:
        compositor.show_still(tree, tree.gioconda.image)
    if shown.output:
        _missing[tree.session_uid] = _gaps(shown.first, shown.last, runs)
    compositor.connect(tree, {name: SOURCES.get(name, (name,)) for name in (*PASSES, *SOURCES)})
    compositor.touch(tree)


def missing(tree: bpy.types.NodeTree) -> str:
    """What was rendered and is not on disk, for the panel: "" when every frame is there."""
    gaps = _missing.get(tree.session_uid)
    if not gaps:
        return ""
    said = ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in gaps[:4])
    more = f" and {len(gaps) - 4} more gaps" if len(gaps) > 4 else ""
    word = "Frame" if len(gaps) == 1 and gaps[0][0] == gaps[0][1] else "Frames"
    return (
        f"{word} {said}{more} cannot be found at {tree.gioconda.shown.output}: the portrait is shown there. "
        "Render makes them again."
    )


def _on_disk(shown: bpy.types.PropertyGroup) -> tuple[list[tuple[int, int]], int | None]:
    """The frames to be shown whose files are there, as runs (first, last); the idle frame's number, if it is there."""
    pattern = _pattern(shown)
    if pattern is None:
        return [], None
    try:
        names = {path.name for path in pattern.path(shown.first).parent.iterdir()}
    except OSError:
        return [], None
    there = [number for number in range(shown.first, shown.last + 1) if pattern.path(number).name in names]
    runs: list[tuple[int, int]] = []
    for number in there:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs, shown.rest if pattern.path(shown.rest).name in names else None


def _gaps(first: int, last: int, runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What lies between runs of frames, from `first` to `last`."""
    edges = [first - 1, *(edge for run in runs for edge in run), last + 1]
    return [(a + 1, b - 1) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 1]


def expect(tree: bpy.types.NodeTree, first: int, last: int) -> int:
    """Say which frames are about to be rendered. Returns the number of the file that will hold the idle frame, the
    portrait as it is, which the node shows on all others: beside the range, where nothing is yet.

    Raises: SettingsError: the output has no place for the frame's number, or does not end in .exr.
    """
    shown = tree.gioconda.shown
    pattern = FramePattern.parse(bpy.path.abspath(tree.gioconda.output, library=tree.library))
    again = bool(shown.output) and _pattern(shown) == pattern
    if again and _on_disk(shown)[0] and first <= shown.last + 1 and last >= shown.first - 1:
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


def _frames_image(tree: bpy.types.NodeTree) -> bpy.types.Image:
    """The image that holds this portrait's sequence, and no other's. It is made together with the portrait, so that
    no undo after a rendering takes it away while the compositor reads it."""
    shown = tree.gioconda.shown
    node = compositor.frames_node(tree)
    image = node.image
    if image is not None and (image.library or any(image == other for other in _frames_of_others(tree))):
        image = None  # a copy of another portrait: that one keeps its frames
    if image is None:
        image = bpy.data.images.new(f"{tree.name} {FRAMES}", 1, 1)
        image.source = "SEQUENCE"
        node.image = image
    with contextlib.suppress(SettingsError):  # an output without a place for the frame's number names no frames
        if shown.output:
            path = FramePattern.parse(shown.output).path(shown.first)
            text = shown.output[: len(shown.output) - len(Path(shown.output).name)] + path.name
            if image.filepath != text:
                image.filepath = text
    if image.colorspace_settings.name != "Linear Rec.709":
        image.colorspace_settings.name = "Linear Rec.709"
    if image.alpha_mode != "PREMUL":
        image.alpha_mode = "PREMUL"
    return image


def _frames_of_others(tree: bpy.types.NodeTree) -> list[bpy.types.Image]:
    """The images that hold the sequences of all other portraits of this file."""
    others = [other for other in bpy.data.node_groups if other != tree and not other.library and is_portrait(other)]
    kept = [other.nodes.get(compositor.FRAMES) for other in others]
    return [node.image for node in kept if node is not None and node.bl_idname == "CompositorNodeImage" and node.image]


# --- called by Blender when a setting changes -------------------------------------------------------------------------


def setting_changed(settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    """The portrait, the passes or the output changed: the node follows."""
    refresh(settings.id_data)


def _later(tree: bpy.types.NodeTree) -> None:
    """Refresh a portrait as soon as no compositor is at work."""
    _waiting.add(tree.session_uid)
    if not bpy.app.timers.is_registered(_refresh_waiting):
        bpy.app.timers.register(_refresh_waiting, first_interval=EVERY, persistent=True)


def _refresh_waiting() -> float | None:
    """The timer behind `_later`: seconds until it looks again, None when nothing waits."""
    if not _waiting or _busy():
        return EVERY if _waiting else None
    for tree in bpy.data.node_groups:
        if tree.session_uid in _waiting:
            _restore(tree)
            refresh(tree)
    _waiting.clear()
    return None


def _restore(tree: bpy.types.NodeTree) -> None:
    """Frames that were rendered stay rendered, also where an undo forgot them."""
    said = _expected.get(tree.session_uid)
    if said and is_portrait(tree) and tree.library is None and said[0] == tree.gioconda.output:
        shown = tree.gioconda.shown
        if (shown.output, shown.first, shown.last, shown.rest) != said:
            shown.output, shown.first, shown.last, shown.rest = said


@bpy.app.handlers.persistent
def _undone(*_: object) -> None:
    """An undo or redo happened. Nothing of Blender's is touched here: the compositor's thread may be reading it."""
    for tree in bpy.data.node_groups:
        if tree.session_uid in _expected:
            _later(tree)


@bpy.app.handlers.persistent
def _loaded(*_: object) -> None:
    """Frames may have come or gone since the file was saved. On a farm only what would be magenta is changed."""
    _expected.clear()
    _missing.clear()
    _waiting.clear()
    for tree in bpy.data.node_groups:
        if not bpy.app.background:
            refresh(tree)
        elif _lacks_files(tree):
            refresh(tree)
            print(f"Gioconda: {missing(tree) or f'the idle frame of {tree.gioconda.shown.output} is missing.'}")


def _lacks_files(tree: bpy.types.NodeTree) -> bool:
    """Whether a portrait of this file shows frames of which a file is not there."""
    shown = tree.gioconda.shown
    if not is_portrait(tree) or tree.library or not shown.output:
        return False
    return _on_disk(shown) != ([(shown.first, shown.last)], shown.rest)


def unregister() -> None:
    _waiting.clear()
    if bpy.app.timers.is_registered(_refresh_waiting):
        bpy.app.timers.unregister(_refresh_waiting)


HANDLERS = (("undo_post", _undone), ("redo_post", _undone), ("load_post", _loaded))
