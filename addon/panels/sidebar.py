"""The Gioconda tab, the same in the node editor and in the 3D view: portrait, rig, look, output, render. No logic."""

from collections.abc import Callable

import bpy

from ...core.gioconda.job.passes import PASSES
from ...core.gioconda.job.retarget import GAINS
from .. import analysis, expression, job_settings, live, references, session
from ..compositing import nodes
from ..operators import own_portrait, presets, suits_scene
from ..rig import has_rig
from ..rig.panel import draw_head, draw_mapping, draw_rig
from .drawing import draw_sentence, property_column


def draw_portrait(layout, context, tree):
    """The picture, the face in it; a big button where there is no portrait yet."""
    if tree is None:
        _draw_start(layout, context)
        return
    settings = tree.gioconda
    if context.space_data.type != "NODE_EDITOR" and len(nodes.portraits(context.scene)) > 1:
        layout.prop(context.scene, "gioconda_portrait", text="")
    if tree.library is not None:
        draw_sentence(layout, context, f"Linked from {tree.library.filepath}: only that file can change it.")
    column = layout.column()
    column.enabled = tree.library is None
    column.template_ID(settings, "image", open="image.open")
    if settings.image is None:
        draw_sentence(column, context, "Open a picture with a face: a photograph, a painting, a still.")
        return
    _draw_fit(column, context, tree)
    _draw_analysis(column, context, tree)
    split = property_column(column, align=True)
    split.prop(settings, "right")
    if settings.right != "none":
        split.prop(settings, "right_who")


def _draw_start(layout, context):
    column = layout.column()
    draw_sentence(column, context, "Bring a still portrait to life with a face rig.", icon="USER")
    column.separator()
    row = column.row()
    row.scale_y = 1.8
    row.operator("gioconda.add_portrait", text="Add Gioconda Portrait", icon="ADD")
    column.operator("gioconda.open_sample", icon="HELP")


def _draw_fit(layout, context, tree):
    """What in the scene keeps the portrait from looking as its file does, each with the button that changes it."""
    other = own_portrait.shared_with(tree, context.scene)
    if other is not None:
        draw_sentence(layout, context, f"The scene “{other.name}” shows this portrait, too.", icon="SCENE_DATA")
        layout.operator("gioconda.own_portrait", icon="DUPLICATE")
    view = context.scene.view_settings
    if suits_scene.changes_colours(view):
        draw_sentence(
            layout, context, f"The scene's view ({view.view_transform}) changes the photo's colours.", icon="COLOR"
        )
        layout.operator("gioconda.use_standard_view", icon="COLOR")
    size = suits_scene.wanted_size(context.scene, tree)
    if size:
        layout.operator("gioconda.use_portrait_size", text=f"Scene Size {size[0]} × {size[1]}", icon="FULLSCREEN_ENTER")


def _draw_analysis(layout, context, tree):
    settings = tree.gioconda
    draw_analyse(layout.row(align=True), layout, context, tree)
    if settings.face or not settings.landmarks:
        layout.prop(settings, "face", text="Face (0: the only one)" if settings.face == 0 else "Face")
    if settings.landmarks:
        text = "Landmarks placed by hand" if settings.hand_placed else "The face was found"
        layout.label(text=text, icon="CHECKMARK")
    elif analysis.of(tree) is None:
        draw_sentence(layout, context, "Not analysed yet: Render does it, too. Fix landmarks in the Image Editor.")


def draw_analyse(row, layout, context, tree):
    """The button that begins an analysis, or how far that is."""
    if analysis.of(tree) is None:
        row.operator("gioconda.analyse_portrait", icon="VIEWZOOM")
    else:
        draw_progress(row, layout, context, session.state(tree), "gioconda.cancel_analysis")


def draw_mattes(layout, _context, tree):
    """What an artist brings instead of what Gioconda makes."""
    column = layout.column()
    for name, text in (("matte", "Matte of the Person"), ("plate", "Clean Plate"), ("rigid", "Rigid")):
        column.label(text=text)
        column.template_ID(tree.gioconda, name, open="image.open")


def draw_look(layout, _context, tree):
    """How much of the motion the portrait takes."""
    presets.draw(layout, "look")
    gains = tree.gioconda.gains
    column = property_column(layout, align=True)
    for name in GAINS:
        column.prop(gains, name, slider=True)
    column.prop(gains, "shoulders", slider=True)
    column.separator()
    column.prop(gains, "neutralise", slider=True)
    column.prop(gains, "absolute")


def draw_expression(layout, _context, tree):
    """Sliders that are added to whatever drives the portrait, and that can be keyed or driven."""
    presets.draw(layout, "expression")
    row = layout.row(align=True)
    row.operator("gioconda.key_expression", icon="KEY_HLT")
    row.operator("gioconda.reset_expression", icon="LOOP_BACK")
    layout.operator("gioconda.pose_from_picture", icon="IMAGE_DATA")
    for title, sliders in expression.GROUPS.items():
        column = property_column(layout, align=True)
        column.use_property_decorate = True
        column.label(text=title)
        for name in sliders:
            column.prop(tree.gioconda.expression, name, slider=True)


def draw_references(layout, context, tree):
    """Pictures of the person, and the button that lets the networks learn them."""
    settings = tree.gioconda
    column = layout.column(align=True)
    for index, reference in enumerate(settings.references):
        row = column.row(align=True)
        row.prop(reference, "path", text="")
        row.operator("gioconda.remove_reference", text="", icon="X").index = index
    layout.operator("gioconda.add_references", icon="ADD")
    if not settings.references:
        draw_sentence(layout, context, "Three to seven pictures of the person with other expressions, or a clip.")
        return
    task = session.task_of(tree)
    if isinstance(task, references.Learning):
        draw_progress(layout.row(align=True), layout, context, session.state(tree), "gioconda.cancel_render")
    else:
        layout.operator("gioconda.learn_person", icon="USER")


def draw_output(layout, context, tree):
    """Where frames go and what they hold."""
    presets.draw(layout, "output")
    settings = tree.gioconda
    layout.prop(settings, "output", text="")
    if settings.output.startswith("//") and not bpy.data.filepath:
        draw_sentence(layout, context, "Save the .blend first, or choose a folder: // is its place.", icon="ERROR")
        layout.operator("wm.save_mainfile", text="Save the .blend", icon="FILE_TICK")
    column = property_column(layout, align=True)
    column.prop(settings, "scene_range")
    row = column.column(align=True)
    row.enabled = not settings.scene_range
    shown = context.scene if settings.scene_range else settings
    row.prop(shown, "frame_start", text="Frame Start")
    row.prop(shown, "frame_end", text="End")
    column.separator()
    for name in job_settings.LABELS:
        column.prop(settings, name)
    networks = column.column(align=True)
    networks.enabled = not settings.engine  # it takes their place
    networks.prop(settings, "neural")
    row = networks.column(align=True)
    row.enabled = settings.neural != "off"
    row.prop(settings, "identity")
    row.prop(settings, "preview_neural")
    column.prop(settings, "engine")


def draw_passes(layout, _context, tree):
    """The outputs of the node."""
    presets.draw(layout, "passes")
    grid = layout.grid_flow(row_major=True, columns=2, even_columns=True, align=True)
    for name in PASSES:
        if name != "Combined":
            grid.prop_enum(tree.gioconda, "passes", name)


def draw_render(layout, context, tree):
    """Preview, render, and how it goes."""
    settings, record, task = tree.gioconda, session.state(tree), session.task_of(tree)
    row = layout.row(align=True)
    row.prop(settings, "live", toggle=True, icon="HIDE_OFF" if settings.live else "HIDE_ON")
    row.operator("gioconda.show_preview", text="", icon="IMAGE_BACKGROUND")
    if task is None and record.progress is not None and analysis.of(tree) is None:  # the preview has to wait
        layout.progress(factor=record.progress, text=record.stage)
    row = layout.row(align=True)
    row.scale_y = 1.5
    if task is None:
        row.operator("gioconda.render_portrait", icon="RENDER_ANIMATION")
    else:
        draw_progress(row, layout, context, record, "gioconda.cancel_render")
        if record.seconds_left is not None:
            layout.label(text=f"{session.clock(record.seconds_left)} left (Esc stops)", icon="TIME")
    draw_said(layout, context, record)
    gone = "" if task is not None else nodes.missing(tree)
    if gone:
        draw_sentence(layout, context, gone, icon="ERROR")
    layout.operator("gioconda.export_job", icon="EXPORT")


def draw_progress(row, layout, context, record, cancel):
    """How far it is, with a button that stops it; what a stage says in brackets goes below, where there is room."""
    text, _, more = record.stage.partition(" (")
    row.progress(factor=record.progress or 0.0, text=text)
    row.operator(cancel, text="", icon="X")
    if more:
        more = more.removesuffix(")")
        draw_sentence(layout, context, f"{more[:1].upper()}{more[1:]}", icon="TIME")


def draw_said(layout, context, record):
    """The last error until it is settled, else the last thing worth knowing."""
    if record.last_error:
        box = layout.box()
        box.alert = True
        draw_sentence(box, context, record.last_error, icon="ERROR")
        row = box.row(align=True)
        row.operator("gioconda.open_log", icon="TEXT")
        row.operator("gioconda.forget_error", icon="X")
    elif record.note:
        draw_sentence(layout, context, record.note)


# --- the panels -------------------------------------------------------------------------------------------------------

# name, title, what draws it, whether it starts closed
STEPS = (
    ("", "Portrait", draw_portrait, False),
    ("mattes", "Own Matte and Plate", draw_mattes, True),
    ("rig", "Rig", draw_rig, False),
    ("rig_head", "Head and Eyes", draw_head, True),
    ("rig_mapping", "Mapping", draw_mapping, True),
    ("live", "Live", live.draw_live, True),
    ("expression", "Expression", draw_expression, True),
    ("look", "Look", draw_look, True),
    ("references", "References", draw_references, True),
    ("output", "Output", draw_output, False),
    ("passes", "Passes", draw_passes, True),
    ("render", "Render", draw_render, False),
)
PLACES = {"node": "NODE_EDITOR", "view": "VIEW_3D"}


def _panel(place: str, name: str, title: str, drawn: Callable, closed: bool) -> type[bpy.types.Panel]:
    """One step. But for the first it is only there once there is a portrait with a picture (and, below Rig, a rig)."""

    def poll(_cls, context):
        if place == "node" and context.space_data.tree_type != "CompositorNodeTree":
            return False
        tree = session.active_portrait(context)
        if not name or tree is None or tree.gioconda.image is None:
            return not name
        return has_rig(tree) or not name.startswith("rig_")

    def draw(self, context):
        tree = session.active_portrait(context)
        self.layout.enabled = not name or tree.library is None
        drawn(self.layout, context, tree)

    fields = {
        "bl_idname": f"GIOCONDA_PT_{place}_{name}".rstrip("_"),
        "bl_label": title,
        "bl_space_type": PLACES[place],
        "bl_region_type": "UI",
        "bl_category": "Gioconda",
        "bl_options": {"DEFAULT_CLOSED"} if closed else set(),
        "poll": classmethod(poll),
        "draw": draw,
    }
    if name.startswith("rig_"):
        fields["bl_parent_id"] = f"GIOCONDA_PT_{place}_rig"
    return type(fields["bl_idname"], (bpy.types.Panel,), fields)


def draw_in_header(self, context):
    """Live Preview and Render in the compositor's header: in view however long the sidebar is."""
    if context.space_data.tree_type != "CompositorNodeTree":
        return
    tree = session.active_portrait(context)
    if tree is None or tree.gioconda.image is None or tree.library is not None:
        return
    row = self.layout.row(align=True)
    row.prop(tree.gioconda, "live", text="", icon="HIDE_OFF" if tree.gioconda.live else "HIDE_ON")
    row.operator("gioconda.render_portrait", text="Render Portrait", icon="RENDER_ANIMATION")


def register():
    bpy.types.NODE_HT_header.append(draw_in_header)


def unregister():
    bpy.types.NODE_HT_header.remove(draw_in_header)


CLASSES = tuple(_panel(place, *step) for place in PLACES for step in STEPS)
