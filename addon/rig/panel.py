"""Draws the rig's controls. No logic."""

from __future__ import annotations

import bpy


def draw_rig(layout: bpy.types.UILayout, context: bpy.types.Context, tree: bpy.types.NodeTree) -> None:
    """What drives the portrait, inside a panel of the node editor or the 3D view."""
    layout.prop(tree.gioconda.rig, "kind")
