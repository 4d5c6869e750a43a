"""Run inside Blender: every panel of the tab drawn into a layout that writes down what it is given. ARGS: this folder,
a folder for files."""

import sys

sys.path.insert(0, ARGS[0])  # noqa: F821 - given by the frame around this script

from pathlib import Path
from types import SimpleNamespace

import bpy
import studio
from bl_ext.user_default.gioconda.addon import properties, session
from bl_ext.user_default.gioconda.addon.compositing import nodes
from bl_ext.user_default.gioconda.addon.panels import sidebar
from bl_ext.user_default.gioconda.addon.rig import settings as rig_settings

OUT = Path(ARGS[1])  # noqa: F821


class Layout:
    """Stands for a UILayout: takes every call, checks that what is drawn exists, keeps the texts."""

    def __init__(self, texts, enabled=True):
        object.__setattr__(self, "texts", texts)
        object.__setattr__(self, "enabled", enabled)

    def __setattr__(self, name, value):
        assert name in bpy.types.UILayout.bl_rna.properties, name
        object.__setattr__(self, name, value)

    def child(self, *_args, **_keywords):
        return Layout(self.texts)

    row = column = box = split = grid_flow = column_flow = child

    def panel(self, *_args, **_keywords):
        return Layout(self.texts), Layout(self.texts)

    def separator(self, **_keywords):
        pass

    def label(self, text="", **_keywords):
        self.texts.append(text)

    def progress(self, factor=0.0, text="", **_keywords):
        assert 0 <= factor <= 1
        self.texts.append(text)

    def prop(self, data, name, text=None, **_keywords):
        self.texts.append(data.bl_rna.properties[name].name if text is None else text)

    def prop_enum(self, data, name, value):
        self.texts.append(data.bl_rna.properties[name].enum_items[value].name)

    def prop_search(self, data, name, *_args, **keywords):
        self.prop(data, name, keywords.get("text"))

    def template_ID(self, data, name, open=""):
        assert name in data.bl_rna.properties
        self.operator(open)

    def template_list(self, kind, _id, data, name, active_data, active, **_keywords):
        assert hasattr(bpy.types, kind) and name in data.bl_rna.properties and active in active_data.bl_rna.properties

    def menu(self, name, **_keywords):
        assert hasattr(bpy.types, name), name

    def operator(self, name, text=None, **_keywords):
        module, _, function = name.partition(".")
        kind = getattr(getattr(bpy.ops, module), function).get_rna_type()
        self.texts.append(kind.name if text is None else text)
        return SimpleNamespace()


def context(place):
    tree = studio.compositor.scene_tree(bpy.context.scene)
    space = (
        SimpleNamespace(type="NODE_EDITOR", tree_type="CompositorNodeTree", edit_tree=tree)
        if place == "NODE_EDITOR"
        else SimpleNamespace(type="VIEW_3D")
    )
    return SimpleNamespace(
        space_data=space,
        scene=bpy.context.scene,
        region=SimpleNamespace(width=280),
        preferences=bpy.context.preferences,
        window_manager=bpy.context.window_manager,
        view_layer=bpy.context.view_layer,
        object=None,
        active_object=None,
    )


def drawn(name):
    """Every panel, in both places: its texts."""
    found[name] = {}
    for kind in sidebar.CLASSES:
        there = context(kind.bl_space_type)
        if kind.poll(there):
            texts = []
            kind.draw(SimpleNamespace(layout=Layout(texts)), there)
            found[name][kind.bl_idname] = texts


found = {}
drawn("nothing")
tree = studio.portrait(OUT)
settings = tree.gioconda
drawn("a portrait")
settings.image, image = None, settings.image
drawn("no picture")
settings.image = image
settings.output, settings.scene_range, settings.right = "//gioconda/####.exr", False, "none"
session.fail(
    tree, "The portrait “a picture with a long name.png” is not at /a/long/path/that/does/not/end/so/soon.png."
)
drawn("an error")
task = SimpleNamespace(uid=tree.session_uid)
session._session.tasks.append(task)
record = session.state(tree)
record.stage, record.progress, record.seconds_left = "Rendering 12 of 250", 0.05, 3723.0
drawn("rendering")
session._session.tasks.remove(task)
record.show("Tracking the video", 0.3)  # for a preview
drawn("a video is tracked")
record.show()
bpy.ops.gioconda.add_portrait()
drawn("two portraits")

# What hovers: every setting an artist sees, every operator.
PARTS = ("rna_type", "name", "rig", "gains", "expression", "shown", "overlay")
found["without a tooltip"] = [
    f"{group.__name__}.{prop.identifier}"
    for group in (properties.PortraitSettings, properties.GainSettings, rig_settings.RigSettings)
    for prop in group.bl_rna.properties
    if not (prop.is_hidden or prop.description or prop.identifier in PARTS or prop.type == "COLLECTION")
]
names = dir(bpy.ops.gioconda)
found["operators"] = {name: getattr(bpy.ops.gioconda, name).get_rna_type().description for name in names}
found["portraits"] = [node.name for node in nodes.portraits(bpy.context.scene)]
result(found)  # noqa: F821
