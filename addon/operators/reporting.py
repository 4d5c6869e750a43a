"""What operators have in common: why they cannot run, and how they say that something went wrong."""

import bpy
from bpy.props import StringProperty

from ..session import active_portrait, fail

NO_PORTRAIT = "There is no Gioconda Portrait in this scene: add one in the compositor"
NO_PICTURE = "There is no portrait: add one in the compositor, and choose its picture"
LINKED = "This portrait is linked from another file"
AT_WORK = "Gioconda is at work on this portrait: wait, or cancel it"
PORTRAIT = {  # a property by which scripts name a portrait
    "name": "Portrait",
    "options": {"HIDDEN", "SKIP_SAVE"},
    "description": "Name of the node group; empty: the one the panels show",
}


class SaysWhyNot:
    """An operator that `why_not` asks whether it can run: a sentence about what stands in the way, "" for nothing."""

    @classmethod
    def why_not(cls, context: bpy.types.Context) -> str:
        return "" if active_portrait(context) else NO_PORTRAIT

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = cls.why_not(context)
        if reason:
            cls.poll_message_set(reason)
        return not reason


class NeedsPicture(SaysWhyNot):
    """An operator for a portrait whose picture is chosen."""

    @classmethod
    def why_not(cls, context: bpy.types.Context) -> str:
        tree = active_portrait(context)
        return "" if tree and tree.gioconda.image else NO_PICTURE


class NeedsOwnPicture(NeedsPicture):
    """The same, of a portrait that can be changed."""

    @classmethod
    def why_not(cls, context: bpy.types.Context) -> str:
        return super().why_not(context) or (LINKED if active_portrait(context).library else "")


class NamesPortrait:
    """An operator for the portrait that its `portrait` names, else the active one."""

    portrait: StringProperty(**PORTRAIT)

    def chosen(self, context: bpy.types.Context) -> bpy.types.NodeTree | None:
        return bpy.data.node_groups.get(self.portrait) if self.portrait else active_portrait(context)


def failed(operator: bpy.types.Operator, tree: bpy.types.NodeTree | None, error: Exception) -> set[str]:
    """Report an error and keep it for the panel. Returns what the operator returns."""
    fail(tree, error)
    operator.report({"ERROR"}, str(error))
    return {"CANCELLED"}
