"""Add ▸ Gioconda Portrait."""

import bpy
from bpy.props import StringProperty

from ...core.gioconda.errors import GiocondaError
from .. import preferences, session
from ..compositing import compositor, nodes
from ..panels.drawing import areas, interface_scale
from .reporting import SaysWhyNot


class GIOCONDA_OT_add_portrait(SaysWhyNot, bpy.types.Operator):
    bl_idname = "gioconda.add_portrait"
    bl_label = "Gioconda Portrait"
    bl_description = "Add a portrait to the scene's compositor that a face rig brings to life"
    bl_options = {"REGISTER", "UNDO"}

    image: StringProperty(
        name="Image", options={"HIDDEN", "SKIP_SAVE"}, description="Name of the image to take as the portrait"
    )

    @classmethod
    def why_not(cls, context):
        is_own = context.scene is not None and context.scene.library is None
        return "" if is_own else "The scene is linked from another file and cannot be changed"

    def invoke(self, context, event):
        self._at = None
        space = context.space_data
        in_tree = space is not None and space.type == "NODE_EDITOR" and space.edit_tree is not None
        if in_tree and context.region.type == "WINDOW":  # from the Add menu: the node hangs on the mouse until a click
            space.cursor_location_from_region(event.mouse_region_x, event.mouse_region_y)
            self._at = tuple(space.cursor_location)
        done = self.execute(context)
        if self._at is not None and done == {"FINISHED"}:
            bpy.ops.node.translate_attach_remove_on_cancel("INVOKE_DEFAULT")
        return done

    def execute(self, context):
        fresh = compositor.scene_tree(context.scene) is None
        node = nodes.create(context, bpy.data.images.get(self.image))
        context.scene.gioconda_portrait = node.node_tree
        if getattr(self, "_at", None) is not None:
            node.location = self._at
        elif not bpy.app.background:
            _show(node, fresh)
        if not bpy.app.background:
            _warm_up(context, node.node_tree)
        return {"FINISHED"}


def _show(node, fresh):
    """Put the node where a compositor's editor that shows its tree looks; in a new tree, with all others."""
    for area in areas("NODE_EDITOR"):
        space = area.spaces.active
        if space.tree_type == "CompositorNodeTree" and space.edit_tree in (None, node.id_data):
            space.show_backdrop = True  # what the tree makes is seen behind its nodes
            region = next(region for region in area.regions if region.type == "WINDOW")
            compositor.put_into_view(region, interface_scale(bpy.context), node, others=fresh)
            return


def _warm_up(context, tree):
    """Let the worker load and compile everything while the artist is still looking for a picture."""
    try:
        session.ask({"request": "warm", **preferences.for_worker(context)}, lambda message: None, tree=tree)
    except GiocondaError as error:
        session.fail(tree, error)


def draw_in_add_menu(self, context):
    """At the end of the compositor's Add menu."""
    if context.space_data.tree_type == "CompositorNodeTree":
        self.layout.separator()
        self.layout.operator(GIOCONDA_OT_add_portrait.bl_idname, icon="USER")


CLASSES = (GIOCONDA_OT_add_portrait,)


def register():
    bpy.types.NODE_MT_add.append(draw_in_add_menu)


def unregister():
    bpy.types.NODE_MT_add.remove(draw_in_add_menu)
