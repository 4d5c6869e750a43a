"""The Image Editor's sidebar tab: analyse, choose among faces, move landmarks, mattes. Draws, no logic."""

import bpy

from ...core.gioconda.errors import GiocondaError
from .. import preview, session
from ..landmark_editor import landmark_points, overlay
from ..landmark_editor.overlay_shapes import faces_of
from .drawing import draw_sentence, property_column
from .sidebar import draw_analyse, draw_mattes, draw_said


class ImagePanel:
    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Gioconda"


class GIOCONDA_PT_image(ImagePanel, bpy.types.Panel):
    bl_label = "Portrait"

    def draw(self, context):
        layout = self.layout
        tree = overlay.shown_portrait(context.space_data)
        if tree is None:
            _draw_elsewhere(layout, context)
            return
        layout.enabled = tree.library is None
        row = layout.row(align=True)
        row.scale_y = 1.3
        draw_analyse(row, layout, context, tree)
        _draw_faces(layout, tree)
        _draw_points(layout, context, tree)
        draw_said(layout, context, session.state(tree))


class PortraitPanel(ImagePanel):
    """Only there where a portrait is shown."""

    @classmethod
    def poll(cls, context):
        return overlay.shown_portrait(context.space_data) is not None


class GIOCONDA_PT_overlay(PortraitPanel, bpy.types.Panel):
    bl_label = "Overlay"

    def draw(self, context):
        show = overlay.shown_portrait(context.space_data).gioconda.overlay
        column = property_column(self.layout, heading="Show", align=True)
        for name in ("landmarks", "points", "faces", "matte"):
            column.prop(show, name)


class GIOCONDA_PT_mattes(PortraitPanel, bpy.types.Panel):
    bl_label = "Your Own Mattes"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        draw_mattes(self.layout, context, overlay.shown_portrait(context.space_data))


def _draw_elsewhere(layout, context):
    """The editor shows another picture."""
    tree = session.active_portrait(context)
    if tree is None or tree.gioconda.image is None:
        layout.label(text="No portrait in this scene", icon="INFO")
    else:
        preview_shown = tree.gioconda.live and context.space_data.image == preview.image_of(tree)
        text = "This is the live preview" if preview_shown else "Another picture is shown"
        layout.label(text=text, icon="INFO")
    layout.operator("gioconda.show_portrait", icon="IMAGE_DATA")


def _draw_faces(layout, tree):
    count = len(faces_of(tree.gioconda.faces))
    if count < 2:
        return
    layout.label(text=f"{count} faces: which one?")
    flow = layout.grid_flow(columns=min(count, 6), even_columns=True, align=True)
    for number in range(1, count + 1):
        flow.operator("gioconda.choose_face", text=str(number), depress=number == tree.gioconda.face).number = number
    layout.operator("gioconda.choose_face", text="Click a Face", icon="EYEDROPPER").number = 0


def _draw_points(layout, context, tree):
    settings = tree.gioconda
    column = layout.column(align=True)
    column.operator("gioconda.edit_points", icon="EDITMODE_HLT")
    column.operator("gioconda.place_points", icon="ADD")
    column.operator("gioconda.reset_points", icon="LOOP_BACK")
    split = property_column(layout, align=True)
    split.prop(settings.overlay, "radius", slider=True)
    split.prop(settings.overlay, "mirror")
    try:
        points = landmark_points.from_text(settings.landmarks)
    except GiocondaError as error:
        draw_sentence(layout, context, str(error), icon="ERROR")
        return
    if points is None:
        layout.label(text="Not analysed yet", icon="INFO")
    elif points.landmarks is None:
        layout.label(text=f"{len(points.named)} points placed: analyse", icon="INFO")
        layout.operator("gioconda.analyse_portrait", text="Complete the Face").complete = True
    elif settings.hand_placed:
        layout.label(text="Moved by hand", icon="CHECKMARK")


CLASSES = (GIOCONDA_PT_image, GIOCONDA_PT_overlay, GIOCONDA_PT_mattes)
