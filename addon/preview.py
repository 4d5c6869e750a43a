"""Live preview: the current frame, rendered by the warm worker while the artist scrubs or moves the rig.

Blender's handlers only mark a portrait as changed. A round of the session bakes the current frame; when that or a
setting differs from what was shown, the worker is asked for a small picture, and for a sharper one once nothing
changes. The picture is a file in our own folder behind an image “… Preview”: never painted on, so nothing asks to be
saved.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..core.gioconda.errors import ExitCode, GiocondaError
from ..core.gioconda.job.job import Job
from ..core.gioconda.motion.files import to_plain
from ..core.gioconda.worker import messages
from . import analysis, expression, job, job_settings, rig, session
from .compositing import nodes
from .landmark_editor import overlay
from .pictures.tiff import write_tiff

SMALL, SHARP = 384, 1024  # longest side, pixels: while things move, and once they rest
PAUSE = 0.08  # seconds at least between two readings of the rig
RIGS = (bpy.types.Object, bpy.types.Armature, bpy.types.Key, bpy.types.Mesh, bpy.types.Action)


@dataclass
class Live:
    """What is known of one portrait's preview."""

    uid: int
    changed: bool = True
    read_at: float = 0.0  # when its rig was read last
    shown: str = ""  # what the newest answer was asked for
    size: int = 0  # and how large
    asked: int = 0  # number of the request under way, 0 none
    job: Job | None = None  # everything but the motion
    settings: str = ""  # what `job` was made from


_live: dict[int, Live] = {}
_baking = False


def is_on(tree: bpy.types.NodeTree) -> bool:
    """Whether a portrait is previewed."""
    return tree.session_uid in _live


def switch(tree: bpy.types.NodeTree, on: bool) -> None:
    """Begin or end to preview a portrait."""
    if on:
        _live[tree.session_uid] = Live(tree.session_uid)
        session.forget_error(tree)
        session.each_round(_round)
    else:
        _live.pop(tree.session_uid, None)
        if not _live:
            session.stop_round(_round)
    show(tree, on)


def live_changed(settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    """The switch in the panel."""
    switch(settings.id_data, settings.live)


def slider_changed(settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    """A slider moved under the artist's hand."""
    if (live := _live.get(settings.id_data.session_uid)) is not None:
        live.changed = True


def image_of(tree: bpy.types.NodeTree) -> bpy.types.Image | None:
    """The preview's image; None before there was one."""
    return bpy.data.images.get(f"{tree.name} Preview")


def show(tree: bpy.types.NodeTree, on: bool) -> None:
    """Let Image Editors and landmark rigs that show the portrait show its preview instead, or the portrait again."""
    before, after = (tree.gioconda.image, image_of(tree)) if on else (image_of(tree), tree.gioconda.image)
    swap((before,), after)


def swap(before: tuple[bpy.types.Image | None, ...], after: bpy.types.Image | None) -> None:
    """Let Image Editors and landmark rigs that show one of these images show another; None is no image."""
    known = [image for image in before if image is not None]
    if not known or after is None:
        return
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for space in area.spaces:
                if space.type == "IMAGE_EDITOR" and space.image in known:
                    space.image = after
    for empty in bpy.data.objects:
        if empty.type == "EMPTY" and empty.data in known and "gioconda_picture" in empty and empty.library is None:
            empty.data = after


# --- what Blender says ------------------------------------------------------------------------------------------------


@bpy.app.handlers.persistent
def _frame_changed(scene: bpy.types.Scene, *_: Any) -> None:
    if _live and not _baking:
        _mark()


@bpy.app.handlers.persistent
def _scene_changed(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    if _live and not _baking and any(isinstance(update.id, RIGS) for update in depsgraph.updates):
        _mark()


@bpy.app.handlers.persistent
def _file_opened(*_: Any) -> None:
    """Previews that were on when the file was saved go on."""
    _live.clear()
    if bpy.app.background:
        return
    for tree in bpy.data.node_groups:
        if nodes.is_portrait(tree) and tree.gioconda.live and tree.library is None:
            switch(tree, True)


def _mark() -> None:
    for live in _live.values():
        live.changed = True


# --- a round ----------------------------------------------------------------------------------------------------------


def _round() -> None:
    for live in list(_live.values()):
        tree = session.tree_of(live.uid)
        if tree is None or not tree.gioconda.live:
            _live.pop(live.uid, None)
        elif not live.asked and time.monotonic() - live.read_at > PAUSE:
            _update(live, tree)
    if not _live:
        session.stop_round(_round)


def _update(live: Live, tree: bpy.types.NodeTree) -> None:
    """Ask for a picture if the shown one is not what the rig and the settings say now."""
    settings = _settings_text(tree)
    moved = live.changed or settings != live.settings
    if not moved and (live.size == SHARP or not live.shown):
        return
    live.changed, live.read_at = False, time.monotonic()
    try:
        if live.job is None or settings != live.settings:
            live.job = None  # what cannot be made is not replaced by what was there before
            folder = session.folder() / f"preview-{live.uid}"
            live.job = replace(job.still_job(tree, folder=folder, output="####.exr"), resume=False, placeholders=False)
            live.settings = settings
        request, wanted = _request(live, tree, live.job)
    except GiocondaError as error:
        live.settings = settings
        session.fail(tree, error)
        return
    if moved and wanted == live.shown and live.size:
        moved = False  # something else in the scene moved
    if not moved and (live.size == SHARP or not live.shown):
        return
    size = SMALL if moved else SHARP
    live.shown, live.size = wanted, size
    try:
        corrected = size == SHARP and tree.gioconda.preview_neural
        live.asked = session.ask(
            {**request, "size": size, "neural": corrected}, lambda message: _on_message(live, message), tree=tree
        )
    except GiocondaError as error:
        session.fail(tree, error)


def _request(live: Live, tree: bpy.types.NodeTree, still: Job) -> tuple[dict[str, Any], str]:
    """The request but for its size, and a text that changes with what would be seen."""
    global _baking
    scene = nodes.scene_of(tree, bpy.context)
    frame = scene.frame_current
    folder = str(session.folder() / f"preview-{live.uid}")
    request = {"request": "preview", "frame": frame, "folder": folder, "subject": str(live.uid)}
    rows = expression.rows_now(tree, frame)
    still = job.with_curves(still, rows, folder=Path(folder))
    if rig.from_file(tree):
        made = job.with_motion_file(still, tree, scene, frame, frame)
        shown = json.dumps(
            [made.motion, made.fps, made.motion_start, made.text, made.language, frame, rows, live.settings]
        )
        return request | {"job": asdict(made)}, shown
    if rows and not rig.has_rig(tree):
        made = job.at_rest(still, scene, frame, frame)
        return request | {"job": asdict(made)}, json.dumps([made.motion, rows[0][1], live.settings])
    if not bpy.app.background:
        rig.check_mapped(tree.gioconda.rig, scene)
    _baking = True  # reading the rig evaluates a scene of its own
    try:
        motion = rig.bake(tree, scene, [frame])
    finally:
        _baking = False
    plain = to_plain(motion)
    poses = [{name: value for name, value in pose.items() if name != "frame"} for pose in plain["frames"]]
    return request | {"job": {**asdict(still), "motion": ""}, "motion": plain}, json.dumps([poses, rows, live.settings])


def _settings_text(tree: bpy.types.NodeTree) -> str:
    """All settings that a preview depends on."""
    settings = tree.gioconda
    pictures = [
        [image.name, image.filepath, image.colorspace_settings.name, image.alpha_mode] if image else None
        for image in (settings.image, settings.matte, settings.plate, settings.rigid)
    ]
    points = settings.landmarks if settings.hand_placed else ""
    networks = [settings.neural, settings.identity, settings.engine] if settings.preview_neural else []
    chosen = [settings.face, points, job_settings.values(settings), *networks]
    return json.dumps([pictures, *chosen, job.retarget_of(tree)], sort_keys=True)


def _on_message(live: Live, message: messages.Message) -> None:
    tree = session.tree_of(live.uid)
    ends = isinstance(message, messages.Result | messages.Error)
    if tree is not None and session.task_of(tree) is None and analysis.of(tree) is None:
        if ends:
            session.state(tree).show()
        elif isinstance(message, messages.Progress):  # only tracking takes so long that it is reported
            session.state(tree).show("Tracking the video", message.done / max(message.total, 1))
    if not ends:
        return
    live.asked = 0
    if isinstance(message, messages.Error):
        live.shown, live.size = "", 0
        live.changed |= message.code == ExitCode.CANCELLED
    elif tree is not None and live.uid in _live:
        session.forget_error(tree)
        _show_picture(tree, message.data)


def _show_picture(tree: bpy.types.NodeTree, data: Mapping[str, Any]) -> None:
    """Show a picture the worker made. It is a file that the image is loaded from again."""
    path = session.folder() / f"preview-{tree.session_uid}" / "preview.tif"
    try:
        write_tiff(path, np.load(Path(data["path"]), allow_pickle=False).astype(np.float32, copy=False))
    except GiocondaError as error:
        session.fail(tree, error)
        return
    except (OSError, ValueError) as error:
        session.fail(tree, f"The preview cannot be read ({error}): is the disk full?")
        return
    image = image_of(tree)
    if image is None:
        image = bpy.data.images.load(str(path))
        image.name = f"{tree.name} Preview"
        image.colorspace_settings.name = "Linear Rec.709"
        image.alpha_mode = "PREMUL"
        image.use_view_as_render = True  # through the scene's view, as the compositor shows it
        image.use_fake_user = False
        show(tree, True)
    else:
        image.filepath_raw = str(path)
        image.reload()
    session.tell(tree, f"Preview of frame {data['frame']}, {data['width']} × {data['height']}")
    overlay.redraw()


HANDLERS = (
    ("frame_change_post", _frame_changed),
    ("depsgraph_update_post", _scene_changed),
    ("load_post", _file_opened),
)


def unregister() -> None:
    _live.clear()
