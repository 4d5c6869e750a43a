"""A sound strip of the sequencer drives the portrait: its voice moves the face from where the strip begins."""

import bpy

from .. import session
from .reporting import LINKED, NO_PORTRAIT, SaysWhyNot

NO_STRIP = "There is no sound in this scene's sequencer: add the voice there, or choose it as Motion File"
PACKED = "The sound “{name}” is inside the .blend: unpack it (File, External Data), so that it has a file"


def strip_of(scene: bpy.types.Scene) -> bpy.types.bpy_struct | None:
    """The active sound strip, else the lowest one that begins first; None where there is none."""
    editor = scene.sequence_editor
    if editor is None:
        return None
    strips = editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all
    sounds = [strip for strip in strips if strip.type == "SOUND" and strip.sound is not None]
    active = editor.active_strip
    if active in sounds:
        return active
    return min(sounds, key=lambda strip: (strip.channel, strip.frame_final_start), default=None)


class GIOCONDA_OT_use_sound_strip(SaysWhyNot, bpy.types.Operator):
    bl_idname = "gioconda.use_sound_strip"
    bl_label = "Use Sound Strip"
    bl_description = (
        "Let the sequencer's active sound strip drive the portrait: its voice moves the lips, from the frame where the "
        "sound begins"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_not(cls, context):
        tree = session.active_portrait(context)
        if tree is None:
            return NO_PORTRAIT
        if tree.library is not None:
            return LINKED
        return "" if strip_of(context.scene) else NO_STRIP

    def execute(self, context):
        tree, strip = session.active_portrait(context), strip_of(context.scene)
        if strip is None:
            self.report({"ERROR"}, f"{NO_STRIP}.")
            return {"CANCELLED"}
        if strip.sound.packed_file:
            self.report({"ERROR"}, PACKED.format(name=strip.sound.name) + ".")
            return {"CANCELLED"}
        rig = tree.gioconda.rig
        rig.kind, rig.file = "FILE", strip.sound.filepath
        rig.file_start = round(strip.frame_start)  # where the sound begins, also if the strip is cut later
        session.tell(tree, f"“{strip.name}” drives the portrait from frame {rig.file_start} on.")
        return {"FINISHED"}


CLASSES = (GIOCONDA_OT_use_sound_strip,)
