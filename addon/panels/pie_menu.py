"""The pie menu: what one reaches for while animating, under the mouse. Ctrl Alt G in node editors and the 3D view."""

import bpy

from .. import session

KEYS = {"Node Editor": "NODE_EDITOR", "3D View": "VIEW_3D"}
_keymaps = []


class GIOCONDA_MT_pie(bpy.types.Menu):
    bl_idname = "GIOCONDA_MT_pie"
    bl_label = "Gioconda"

    def draw(self, context):
        pie = self.layout.menu_pie()
        tree = session.active_portrait(context)
        if tree is None:
            pie.operator("gioconda.add_portrait", text="Add Gioconda Portrait", icon="ADD")
            return
        pie.prop(tree.gioconda, "live", toggle=True, icon="HIDE_OFF" if tree.gioconda.live else "HIDE_ON")
        pie.operator("gioconda.render_portrait", icon="RENDER_ANIMATION")
        pie.operator("gioconda.show_preview", icon="IMAGE_BACKGROUND")
        pie.operator("gioconda.analyse_portrait", icon="VIEWZOOM")
        pie.operator("gioconda.use_standard_view", icon="COLOR")
        pie.operator("gioconda.export_job", icon="EXPORT")


CLASSES = (GIOCONDA_MT_pie,)


def register():
    """The key; in background there is no configuration of keys."""
    configuration = bpy.context.window_manager.keyconfigs.addon
    for name, space in KEYS.items() if configuration else ():
        keymap = configuration.keymaps.new(name=name, space_type=space)
        item = keymap.keymap_items.new("wm.call_menu_pie", "G", "PRESS", ctrl=True, alt=True)
        item.properties.name = GIOCONDA_MT_pie.bl_idname
        _keymaps.append((keymap, item))


def unregister():
    for keymap, item in _keymaps:
        keymap.keymap_items.remove(item)
    _keymaps.clear()
