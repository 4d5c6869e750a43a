"""Build a rig of bones on top of the portrait, for artists who have none."""

import bpy
from bpy.props import BoolProperty

from ...core.gioconda.errors import GiocondaError
from .. import preview
from ..rig.landmark_rig import build
from .analyse import portrait_for
from .reporting import NO_PORTRAIT, SaysWhyNot, failed


class GIOCONDA_OT_create_landmark_rig(SaysWhyNot, bpy.types.Operator):
    bl_idname = "gioconda.create_landmark_rig"
    bl_label = "Create Landmark Rig"
    bl_description = "Put the portrait into the 3D view with animation controls on its face, and let them drive it"
    bl_options = {"REGISTER", "UNDO"}

    bind: BoolProperty(
        name="Drive the Portrait",
        default=True,
        description="The new rig drives the portrait. The mapping of another rig is replaced: save that first",
    )
    align_view: BoolProperty(
        name="Look at It", default=True, description="Turn the 3D view to the portrait, from the front"
    )
    alone: BoolProperty(
        name="Alone in the View",
        default=True,
        description="Show nothing but the portrait in this view (local view); the / key of the number pad leaves it",
    )

    @classmethod
    def why_not(cls, context):
        tree = portrait_for(context)
        if tree is None:
            return NO_PORTRAIT
        is_analysed = tree.gioconda.landmarks and tree.gioconda.image
        return "" if is_analysed else "Analyse the portrait first: the controls sit at its landmarks"

    def invoke(self, context, event):
        tree = portrait_for(context)
        if tree.gioconda.rig.target is not None and len(tree.gioconda.rig.rows):
            return context.window_manager.invoke_props_dialog(self)
        return self.execute(context)

    def execute(self, context):
        tree = portrait_for(context)
        try:
            rig = build.create(tree, context, picture=preview.image_of(tree) if preview.is_on(tree) else None)
            if self.bind and not tree.library:
                build.bind(tree, rig)
        except GiocondaError as error:
            return failed(self, tree, error)
        if self.align_view:
            _align_views(context, rig, alone=self.alone)
        self.report({"INFO"}, "Move the controls on the face. The / key of the number pad shows the scene again.")
        return {"FINISHED"}


def _align_views(context: bpy.types.Context, rig: bpy.types.Object, *, alone: bool) -> None:
    """Every 3D view of the window, or the one the artist is in."""
    areas = [context.area] if context.area and context.area.type == "VIEW_3D" else getattr(context.screen, "areas", ())
    for area in areas:
        if area.type == "VIEW_3D":
            build.look_at(context, area, rig, alone=alone)


CLASSES = (GIOCONDA_OT_create_landmark_rig,)
