"""Render the portrait's frames: in the background with a progress bar, or at once where there is no window."""

import bpy

from ...core.gioconda.errors import SettingsError
from .. import rendering, session
from ..compositing import nodes
from .background import Background
from .reporting import NamesPortrait, SaysWhyNot


class Renders(NamesPortrait, SaysWhyNot):
    """An operator that needs a portrait which can be rendered."""

    @classmethod
    def why_not(cls, context):
        """What keeps every portrait of the file from being rendered: which one a script names is not known yet."""
        active = session.active_portrait(context)
        reason = cls.hindrance(active)
        named = (tree for tree in bpy.data.node_groups if nodes.is_portrait(tree))
        return "" if any(not cls.hindrance(tree) for tree in named) else reason

    @staticmethod
    def hindrance(tree):
        """What keeps this portrait from being rendered, "" for nothing."""
        if tree is None:
            return "There is no Gioconda Portrait: add one in the compositor"
        if tree.library is not None:
            return "This portrait is linked from another file: render it there, or make it local"
        if tree.gioconda.image is None:
            return "Choose the portrait's picture first"
        return "This portrait is being rendered: wait, or cancel that first" if session.task_of(tree) else ""


class GIOCONDA_OT_render_portrait(Background, Renders, bpy.types.Operator):
    bl_idname = "gioconda.render_portrait"
    bl_label = "Render"
    bl_description = "Render the frames that are missing or out of date, while you go on working. Esc stops"

    REPORTS = {"failed": "ERROR", "cancelled": "WARNING"}

    def start(self, context):
        tree = self.chosen(context)
        if not nodes.is_portrait(tree):
            raise SettingsError(f"There is no portrait “{self.portrait}”: give the name of its node group.")
        reason = self.hindrance(tree)
        if reason:
            raise SettingsError(f"“{tree.name}”: {reason}.")
        return rendering.render(tree, nodes.scene_of(tree, context))


CLASSES = (GIOCONDA_OT_render_portrait,)
