"""Keeps what a portrait points to (its picture, its rig) from being lost when the .blend is saved.

Whenever the compositor works in a window, Blender makes a copy of every node group without counting the users of what
the group's properties point to, and takes users away when it frees the copy (seen in 4.3.2: “ID user decrement
error”). After a few frames the rig has no users left, and Blender does not save what nobody uses. A count cannot be
raised from Python, but a fake user keeps it above zero. To be deleted once Blender leaves the count alone.
"""

from collections.abc import Iterator

import bpy

from . import nodes

EVERY = 2.0  # seconds


def held(group: bpy.types.PropertyGroup) -> Iterator[bpy.types.ID]:
    """Every datablock that a group of settings points to, at any depth."""
    for prop in group.bl_rna.properties:
        if prop.identifier == "rna_type" or prop.type not in {"POINTER", "COLLECTION"}:
            continue
        value = getattr(group, prop.identifier)
        for item in value if prop.type == "COLLECTION" else (value,):
            if isinstance(item, bpy.types.ID):
                yield item
            elif isinstance(item, bpy.types.PropertyGroup):
                yield from held(item)


@bpy.app.handlers.persistent
def keep_lost(*_: object) -> None:
    """Give what portraits point to, and nobody seems to use, a fake user: Blender saves it, and does not purge it."""
    for tree in bpy.data.node_groups:
        if nodes.is_portrait(tree):
            for item in held(tree.gioconda):
                if not item.users and item.library is None:
                    item.use_fake_user = True


def _keep_lost_again() -> float:
    keep_lost()
    return EVERY


HANDLERS = (("save_pre", keep_lost),)


def register() -> None:
    if not bpy.app.background:
        bpy.app.timers.register(_keep_lost_again, first_interval=EVERY, persistent=True)


def unregister() -> None:
    if bpy.app.timers.is_registered(_keep_lost_again):
        bpy.app.timers.unregister(_keep_lost_again)
