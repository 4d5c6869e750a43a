"""What operators have in common: why they cannot run, and how they say that something went wrong."""

from typing import Any

import bpy

from ..session import active_portrait, fail


def portrait(cls: Any, context: bpy.types.Context) -> Any:
    """For `poll`: the active portrait; tells why when there is none."""
    tree = active_portrait(context)
    if tree is None:
        cls.poll_message_set("There is no Gioconda Portrait in this scene: add one in the compositor")
    return tree


def failed(operator: bpy.types.Operator, tree: bpy.types.NodeTree | None, error: Exception) -> set[str]:
    """Report an error and keep it for the panel. Returns what the operator returns."""
    fail(tree, error)
    operator.report({"ERROR"}, str(error))
    return {"CANCELLED"}
