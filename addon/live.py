"""Live: a phone, a webcam or another tracker drives the portrait's picture while Blender stays free.

A process of the core (`gioconda live`) follows the source and writes pictures; rounds of the session show the newest
one in an image “… Live”. With *Record* the take it writes in the end becomes what drives the portrait.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, PointerProperty, StringProperty

from ..core.gioconda.errors import GiocondaError, SettingsError
from ..core.gioconda.worker import messages
from . import interpreter, job, preview, session
from .operators.reporting import NamesPortrait, NeedsOwnPicture, SaysWhyNot, failed
from .panels.drawing import areas, draw_sentence, property_column
from .worker import CoreProcess

SOURCES = (
    ("livelink", "Live Link Face", "Epic's app for iPhones, UDP port 11111"),
    ("ifacialmocap", "iFacialMocap", "The app for iPhones, UDP port 49983. Address: the phone's"),
    ("facemotion3d", "Facemotion3D", "The app for iPhones, UDP port 49993. Address: the phone's"),
    ("vtubestudio", "VTube Studio", "The app for iPhones, UDP port 21412. Address: the phone's"),
    ("vmc", "VMC", "VSeeFace, Warudo, Waidayo and others, UDP port 39539"),
    ("openseeface", "OpenSeeFace", "The tracker's own program, UDP port 11573"),
    ("webcam", "Webcam", "A camera of this machine. Address: its number or name"),
)
SIZE = 512  # longest side of the pictures, pixels
CALIBRATE, STOP = "calibrate\n", "stop\n"  # what `gioconda live --pictures` reads


class LiveProcess(CoreProcess):
    """`gioconda live` of a job that the add-on wrote, steered by words on its input."""

    def __init__(self, words: list[str], log: Path) -> None:
        command, environment = interpreter.command()
        self.result: Mapping[str, Any] | None = None
        super().__init__([*command, "live", *words, "--json"], environment, log=log, low_priority=False)

    def say(self, word: str) -> None:
        """A word for it; harmless once it is gone."""
        self._to_send.put(word.rstrip("\n"))

    def poll(self) -> list[Any]:
        answers = super().poll()
        for _, message in answers:
            if isinstance(message, messages.Result):
                self.result = message.data
        return answers


@dataclass
class Running:
    """One portrait's live session."""

    uid: int
    process: LiveProcess
    folder: Path
    take: Path | None
    shown: int = 0  # pictures
    note: str = "Starting"
    stopping: bool = False


_running: dict[int, Running] = {}


class LiveProperties(bpy.types.PropertyGroup):
    """What drives a portrait live."""

    source: EnumProperty(name="Source", items=SOURCES, default="livelink", description="What sends the face")
    address: StringProperty(
        name="Address",
        description="Empty: programs of this machine alone. 0.0.0.0: also the network, for Live Link Face. For apps "
        "that are asked: the phone's address; for a webcam its number or name",
    )
    record: BoolProperty(
        name="Record", description="Keep what is played as a take, which drives the portrait afterwards"
    )
    take: StringProperty(
        name="Take", subtype="FILE_PATH", default="//take.npz", description="Where takes go; each gets a number"
    )


def of(tree: bpy.types.NodeTree) -> Running | None:
    """A portrait's live session, None while there is none."""
    return _running.get(tree.session_uid)


def image_of(tree: bpy.types.NodeTree) -> bpy.types.Image | None:
    """The image that shows it; None before there was one."""
    return bpy.data.images.get(f"{tree.name} Live")


def start(tree: bpy.types.NodeTree) -> Running:
    """Begin. Raises: GiocondaError: the portrait cannot be used, nobody states the right, the take has no place."""
    if of(tree) is not None:
        raise SettingsError(f"“{tree.name}” is live already.")
    settings = tree.gioconda_live
    folder = session.folder() / f"live-{tree.session_uid}"
    made = job.still_job(tree, folder=folder, output="####.exr", consent=job.consent_of(tree))
    path = job.write(replace(made, resume=False, placeholders=False, neural="off"), folder)
    source = settings.source + (f":{settings.address}" if settings.address else "")
    words = [
        str(path),
        "--from",
        source,
        "--pictures",
        str(folder / "pictures"),
        "--size",
        str(SIZE),
        "--allow-outside",
    ]
    take = _free_take(tree) if settings.record else None
    words += ["--record", str(take)] if take else []
    session.forget_error(tree)
    tree.gioconda.live = False  # the preview of the rig: both would show
    log = folder / "live.log"
    session.state(tree).log_path = str(log)
    running = _running[tree.session_uid] = Running(tree.session_uid, LiveProcess(words, log), folder, take)
    session.each_round(_round)
    return running


def calibrate(tree: bpy.types.NodeTree) -> None:
    """Take the face for neutral as it is. Harmless while nothing is live."""
    if (running := of(tree)) is not None:
        running.process.say(CALIBRATE)


def stop(tree: bpy.types.NodeTree) -> None:
    """End; the take is written meanwhile. Harmless twice."""
    running = of(tree)
    if running is not None and not running.stopping:
        running.stopping, running.note = True, "Ending"
        running.process.say(STOP)
        running.process.close_input()


def _free_take(tree: bpy.types.NodeTree) -> Path:
    """A path for the next take, numbered where there is one. Raises: SettingsError: it has no place."""
    text = tree.gioconda_live.take
    if text.startswith("//") and not bpy.data.filepath:
        raise SettingsError("The take is to be beside a .blend that was never saved: save it, or choose another place.")
    path = Path(os.path.normpath(bpy.path.abspath(text, library=tree.library))).with_suffix(".npz")
    number = 1
    found = path
    while found.exists():
        number += 1
        found = path.with_stem(f"{path.stem}-{number:03}")
    return found


# --- rounds -----------------------------------------------------------------------------------------------------------


def _round() -> None:
    for running in list(_running.values()):
        tree = session.tree_of(running.uid)
        if tree is None and not running.stopping:
            running.process.stop()
            running.stopping = True
        newest = ""
        for _, message in running.process.poll():
            if isinstance(message, messages.Progress) and message.path:
                newest = message.path  # older ones are not shown
            elif isinstance(message, messages.Stage | messages.Log | messages.Warn):
                running.note = message.text
                session.redraw()
        if newest and tree is not None:
            _show(tree, running, newest)
        if running.process.ended:
            _finish(running, tree)
    if not _running:
        session.stop_round(_round)


def _show(tree: bpy.types.NodeTree, running: Running, path: str) -> None:
    image = image_of(tree)
    if image is None:
        try:
            image = bpy.data.images.load(path)
        except RuntimeError:
            return
        image.name = f"{tree.name} Live"
        image.use_fake_user = False
    else:
        image.filepath_raw = path
        image.reload()
    if not running.shown:
        preview.swap((tree.gioconda.image, preview.image_of(tree)), image)
    running.shown += 1
    for area in areas("IMAGE_EDITOR", "VIEW_3D"):
        area.tag_redraw()


def _finish(running: Running, tree: bpy.types.NodeTree | None) -> None:
    del _running[running.uid]
    if tree is None:
        return
    preview.swap((image_of(tree),), tree.gioconda.image)
    if running.process.error and running.process.result is None:
        session.fail(tree, running.process.error)
    elif running.take is not None and running.take.is_file():
        _drive(tree, running.take)
        session.tell(tree, f"The take {running.take.name} drives the portrait.")
    elif running.take is not None:
        session.tell(tree, "Nothing was recorded: the face was never calibrated.")
    else:
        session.tell(tree, f"{running.shown} pictures were live.")


def _drive(tree: bpy.types.NodeTree, take: Path) -> None:
    """Let a take drive the portrait from the scene's first frame on; its frame 0 is the neutral face."""
    rig = tree.gioconda.rig
    rig.kind, rig.file = "FILE", str(take)
    rig.file_start = bpy.context.scene.frame_start - 1


@bpy.app.handlers.persistent
def _before_load(*_: object) -> None:
    for running in _running.values():
        running.process.stop()
    _running.clear()


# --- buttons ----------------------------------------------------------------------------------------------------------


class GIOCONDA_OT_live(NamesPortrait, NeedsOwnPicture, bpy.types.Operator):
    bl_idname = "gioconda.live"
    bl_label = "Go Live"
    bl_description = "Let the portrait follow the source in the Image Editor, until Stop"

    def execute(self, context):
        tree = self.chosen(context)
        try:
            start(tree)
        except GiocondaError as error:
            return failed(self, tree, error)
        return {"FINISHED"}


class GIOCONDA_OT_live_calibrate(NamesPortrait, SaysWhyNot, bpy.types.Operator):
    bl_idname = "gioconda.live_calibrate"
    bl_label = "Neutral Face"
    bl_description = "Take the face as it is now for the neutral one"

    def execute(self, context):
        calibrate(self.chosen(context))
        return {"FINISHED"}


class GIOCONDA_OT_live_stop(NamesPortrait, SaysWhyNot, bpy.types.Operator):
    bl_idname = "gioconda.live_stop"
    bl_label = "Stop"
    bl_description = "End the live session; a take is written and drives the portrait"

    def execute(self, context):
        stop(self.chosen(context))
        return {"FINISHED"}


def draw_live(layout: bpy.types.UILayout, context: bpy.types.Context, tree: bpy.types.NodeTree) -> None:
    """Source, buttons, and how it goes."""
    settings, running = tree.gioconda_live, of(tree)
    column = property_column(layout)
    column.enabled = running is None
    column.prop(settings, "source")
    column.prop(settings, "address")
    column.prop(settings, "record")
    if settings.record:
        column.prop(settings, "take")
    row = layout.row(align=True)
    row.scale_y = 1.5
    if running is None:
        row.operator("gioconda.live", icon="REC" if settings.record else "PLAY")
        return
    row.operator("gioconda.live_calibrate", icon="USER")
    row.operator("gioconda.live_stop", icon="SNAP_FACE")
    draw_sentence(layout, context, running.note)


CLASSES = (LiveProperties, GIOCONDA_OT_live, GIOCONDA_OT_live_calibrate, GIOCONDA_OT_live_stop)
HANDLERS = (("load_pre", _before_load),)


def register() -> None:
    bpy.types.NodeTree.gioconda_live = PointerProperty(type=LiveProperties)


def unregister() -> None:
    _before_load()
    del bpy.types.NodeTree.gioconda_live
