"""Presets of Expression, Look, Output and Passes: Blender's own preset files and menu, at the top of their panels."""

import bpy
from bl_operators.presets import AddPresetBase

from ...core.gioconda.job.retarget import GAINS
from .. import job_settings, session
from ..expression import SLIDERS

# Panel → the settings a preset of it keeps. What belongs to one shot alone (ranges, files of a person) is left out.
KEPT = {
    "expression": tuple(f"expression.{name}" for name in SLIDERS),
    "look": tuple(f"gains.{name}" for name in (*GAINS, "shoulders", "neutralise", "absolute")),
    "output": ("output", "scene_range", *job_settings.LABELS, "neural"),
    "passes": ("passes",),
}
TITLES = {"expression": "Expression", "look": "Look", "output": "Output", "passes": "Passes"}


def _folder(name):
    return f"gioconda/{name}"


def _menu(name):
    """The menu that lists the presets of one panel."""
    fields = {
        "bl_idname": f"GIOCONDA_MT_presets_{name}",
        "bl_label": f"{TITLES[name]} Presets",
        "preset_subdir": _folder(name),
        "preset_operator": "script.execute_preset",
        "draw": bpy.types.Menu.draw_preset,
    }
    return type(fields["bl_idname"], (bpy.types.Menu,), fields)


def _adder(name):
    """The operator that keeps the settings of one panel as a preset, or removes one."""

    def poll(_cls, context):
        tree = session.active_portrait(context)
        return tree is not None and tree.library is None

    fields = {
        "bl_idname": f"gioconda.preset_{name}",
        "bl_label": f"Keep {TITLES[name]} as Preset",
        "bl_description": f"Keep what {TITLES[name]} says under a name, for every file; minus removes the chosen one",
        "preset_menu": f"GIOCONDA_MT_presets_{name}",
        "preset_subdir": _folder(name),
        "preset_defines": [
            "import bpy, importlib",
            f"session = importlib.import_module({session.__name__!r})",
            "settings = session.active_portrait(bpy.context).gioconda",
        ],
        "preset_values": [f"settings.{value}" for value in KEPT[name]],
        "poll": classmethod(poll),
    }
    return type(f"GIOCONDA_OT_preset_{name}", (AddPresetBase, bpy.types.Operator), fields)


def draw(layout, name):
    """The menu of presets with its plus and minus, at the top of a panel."""
    menu, operator = f"GIOCONDA_MT_presets_{name}", f"gioconda.preset_{name}"
    row = layout.row(align=True)
    row.menu(menu, text=getattr(bpy.types, menu).bl_label)
    row.operator(operator, text="", icon="ADD")
    row.operator(operator, text="", icon="REMOVE").remove_active = True


CLASSES = (*map(_menu, KEPT), *map(_adder, KEPT))
