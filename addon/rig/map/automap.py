"""Auto-mapping: look at a rig, choose how to read it, fill the mapping table and report what was done.

Methods are tried in this order: shape keys (or custom properties), a board of controls and bones on the face with known
names, the face on the meshes that the rig deforms, bones and objects matched by position. `settings.kind` overrules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import bpy
import numpy as np
import numpy.typing as npt

from ....core.gioconda.landmarks import ARKIT
from ... import session
from ..errors import RigError
from ..landmark_rig import build as landmark_rig
from ..names import landmark_name, landmark_of
from ..read.anatomy import Anatomy, snapped_if_close
from ..read.evaluation_scene import ref_of
from ..read.plan import chosen_kind
from ..steps import Progress, Steps, still_there
from . import character, match_points, presets
from .find_face import find_face
from .found import Found
from .presets import Match, Preset

Float = npt.NDArray[np.float64]
ENOUGH = 3  # so many channels make a rig worth driving by its keys


def is_mapped(rig: bpy.types.PropertyGroup) -> bool:
    """Whether someone has mapped the rig, or nothing is to be mapped."""
    kind = chosen_kind(rig)
    return kind == "FILE" or bool(rig.surface if kind == "MESH" else kind not in ("AUTO", "") and len(rig.rows))


def check_mapped(rig: bpy.types.PropertyGroup, scene: bpy.types.Scene) -> None:
    """For what cannot wait for an auto-map, such as a live preview. Raises: RigError: nobody has mapped the rig."""
    check_target(rig, scene)
    if not is_mapped(rig):
        raise RigError("The rig has not been looked at yet: press Auto-Map.")


def ensure_steps(tree: bpy.types.NodeTree, scene: bpy.types.Scene) -> Steps[None]:
    """Map the rig if nobody has yet; find its face if only that is unknown. In steps, as `auto_map_steps`.

    Raises: RigError: as `auto_map_steps`.
    """
    rig = tree.gioconda.rig
    check_target(rig, scene)
    if not is_mapped(rig):
        yield from auto_map_steps(tree, scene)
    elif not rig.anatomy:
        anatomy = character.anatomy_of_rows(rig, scene)
        rig.anatomy = anatomy.to_json() if anatomy else ""


def check_target(rig: bpy.types.PropertyGroup, scene: bpy.types.Scene) -> None:
    """Raises: RigError: no rig was chosen, or it was deleted."""
    if rig.kind == "FILE":
        return
    if rig.target is None and rig.collection is None:
        raise RigError("There is no rig: choose the armature, mesh or collection of empties that acts.")
    if rig.target is not None and not rig.target.users_scene:
        raise RigError(f"The rig “{rig.target.name}” was deleted from the scene; choose another one.")
    if rig.target is None and not rig.collection.all_objects:
        raise RigError(f"The collection “{rig.collection.name}” is empty; put the rig's empties into it.")


def auto_map_steps(tree: bpy.types.NodeTree, scene: bpy.types.Scene) -> Steps[str]:
    """Fill the mapping anew. Returns what an artist wants to know, in a sentence or two.

    In steps of some hundredths of a second. The portrait may be changed or undone between two of them.

    Raises:
        RigError: no rig, or nothing in it that could drive a face; the portrait or the scene went away.
        InputError: a landmark rig for a portrait without landmarks.
    """
    rig = tree.gioconda.rig
    if rig.kind == "FILE" or (rig.kind == "AUTO" and rig.file and rig.target is None and rig.collection is None):
        rig.found = "FILE"
        rig.report = "The motion comes from the file; there is nothing to map."
        return rig.report
    check_target(rig, scene)
    if landmark_rig.is_landmark_rig(rig.target):
        if rig.preset != landmark_rig.PRESET or not rig.rows:
            landmark_rig.bind(tree, rig.target)
        return rig.report
    uid, scene_name = tree.session_uid, scene.name
    yield Progress("Looking at the rig", 0.0)
    try:
        found = yield from _search(uid, scene_name)
    except RigError as error:
        _forget(uid, str(error))
        raise
    rig = still_there(uid, scene_name)[0].gioconda.rig
    _store(rig, found)
    rig.report = _report(found)
    return rig.report


def _forget(uid: int, reason: str) -> None:
    """A mapping that failed leaves nothing of the one before, which belonged to another rig."""
    tree = session.tree_of(uid)
    if tree is not None:
        rig = tree.gioconda.rig
        rig.rows.clear()
        rig.found = rig.preset = rig.surface = rig.anatomy = ""
        rig.report = reason


def _search(uid: int, scene_name: str) -> Steps[Found]:
    """The first method that works, or the one the artist chose."""
    kind, order = _order(still_there(uid, scene_name)[0].gioconda.rig)
    unmoved_keys = False  # there are shape keys, but they are not animated while bones are
    trouble: RigError | None = None
    for method in order:
        yield Progress("Looking at the rig", 0.05)
        tree, scene = still_there(uid, scene_name)
        rig = tree.gioconda.rig
        try:
            found = (yield from by_mesh(uid, scene_name)) if method == "MESH" else METHODS[method](rig, scene)
        except RigError as error:
            trouble = error
            continue
        if method == "KEYS" and kind == "AUTO" and found is not None and not character.is_animated(found, rig, scene):
            if not character.face_bones_move(rig, scene):
                return found
            unmoved_keys = True
            continue
        if found is not None:
            found.remark += f" The mesh was not looked at: {trouble} " if trouble is not None else ""
            return found
    tree, scene = still_there(uid, scene_name)
    rig = tree.gioconda.rig
    if unmoved_keys:
        return METHODS["KEYS"](rig, scene)
    if trouble is not None:
        raise trouble
    raise RigError(_NOTHING[kind].format(name=rig.target.name if rig.target else rig.collection.name))


def _order(rig: bpy.types.PropertyGroup) -> tuple[str, list[str]]:
    """The kind that was asked for, and the methods to try, the best first."""
    if rig.kind != "AUTO":
        return rig.kind, [rig.kind]
    if rig.target is None:
        return "AUTO", ["OBJECTS"]
    if rig.target.type == "EMPTY":
        return "AUTO", ["KEYS", "OBJECTS", "MESH"]
    return "AUTO", ["KEYS", "BOARD", "NAMED", "MESH", "BONES", "OBJECTS"]


_NOTHING = {
    "AUTO": "Nothing in “{name}” looks like a face: no shape keys or bones with known names, no face on its meshes. "
    "Add rows to the mapping by hand.",
    "KEYS": "“{name}” has no shape keys or properties with names we know; map them by hand.",
    "MESH": "No face was found on the meshes of “{name}” that a rig or shape keys deform: show it from the front in "
    "its rest pose, or map by hand.",
    "BONES": "None of the bones of “{name}” lies on a face or has a name we know; map them by hand.",
    "OBJECTS": "There are too few objects in “{name}” to make out a face; at least five are needed.",
    "VERTICES": "None of the vertex groups of “{name}” has a name we know; map them by hand.",
}


def by_names(rig: bpy.types.PropertyGroup, scene: bpy.types.Scene, kinds: Sequence[str]) -> Found | None:
    """Shape keys, custom properties or a board of controls, by the names of presets."""
    best: tuple[int, bpy.types.Object, Preset, str, list[Match]] | None = None
    for ob in character.holders(rig):
        choice = presets.best(character.names_in(ob), kinds)
        if choice is None or not any(m.target in ARKIT for m in choice[2]):
            continue
        count = len({m.target for m in choice[2]})
        if count >= ENOUGH and (best is None or count > best[0]):
            best = (count, ob, *choice)
    if best is None:
        return None
    _, ob, preset, kind, matches = best
    found = Found("BONES" if kind in ("BONE", "OBJECT") else "KEYS", preset.title)
    found.rows = [(kind, ob, match) for match in matches if match.target in ARKIT]
    driven = {match.target for match in matches}
    found.missing = [name for name in ARKIT if name not in driven]
    found.head = character.head_of(rig, ob, preset)
    found.eyes = character.eyes_of(found.head, preset)
    _set_anatomy(found, rig, character.anatomy_of_keys(ob, found), character.anatomy_of_bones(found, scene))
    return found


def _set_anatomy(found: Found, rig: bpy.types.PropertyGroup, *candidates: Anatomy | None) -> None:
    """Where the face is: the first candidate that fits the character's size; else its size is a guess, and said so."""
    known = [face for face in candidates if face is not None]
    found.anatomy = next((face for face in known if character.in_proportion(face, rig)), None)
    if known and found.anatomy is None:
        found.anatomy = character.anatomy_of_size(rig, found)
        found.remark += (
            " The face's place in it is out of proportion, so its size was guessed from the meshes: if the head leaves "
            "the picture, switch Move off. "
        )


def by_mesh(uid: int, scene_name: str) -> Steps[Found | None]:
    """The face on the meshes that the rig moves."""
    tree, scene = still_there(uid, scene_name)
    rig = tree.gioconda.rig
    meshes = [ob for ob in character.meshes(rig) if character.deforms(ob)]
    if not meshes:
        return None
    armature = character.armature_of(rig, meshes)
    holder = armature or meshes[0]
    fronts, near = character.front_candidates(holder, armature, scene)
    result = yield from find_face(scene, [ref_of(m) for m in meshes], ref_of(holder), fronts, near)
    if result is None:
        return None
    surface, anatomy = result
    rig = still_there(uid, scene_name)[0].gioconda.rig
    if not character.in_proportion(anatomy, rig):
        return None
    found = Found("MESH", "face on the mesh", anatomy=anatomy, surface=surface.to_json())
    armature = character.armature_of(rig, character.meshes(rig))
    if armature is not None:
        found.head = character.head_of(rig, armature, None)
    carriers = ", ".join(f"“{skin.holder[0]}”" for skin in surface.mesh_points)
    found.remark = f"It follows the surface of {carriers}, whatever moves it."
    if not surface.has_eyeballs:
        found.remark += " No eyeballs were found: choose eye bones if the eyes are to look about."
        if found.head:
            found.eyes = character.eyes_of(found.head, None)
    return found


def by_bones(rig: bpy.types.PropertyGroup, scene: bpy.types.Scene, *, named: bool = False) -> Found | None:
    """Bones on the face: by a preset's names, else by where they are.

    named: only a preset's, and only if it knows every part of the face; a surface shows more than half a preset.
    """
    board = None if named else by_names(rig, scene, ("BONE",))
    if board is not None:
        return board
    armature = character.armature_of(rig, character.meshes(rig))
    if armature is None:
        return None
    choice = presets.best(character.names_in(armature), ("BONE",))
    if choice is None and named:
        return None
    head = character.head_of(rig, armature, choice[0] if choice else None)
    eyes = character.eyes_of(head, choice[0] if choice else None)
    matches = choice[2] if choice else match_points.match_bones(armature, head[1] if head else "", eyes)
    if len({m.target for m in matches}) < ENOUGH:
        return None
    found = Found("BONES", choice[0].title if choice else "bones by their place", head=head, eyes=eyes)
    found.rows = [("BONE", armature, match) for match in matches]
    _set_anatomy(found, rig, character.anatomy_of_bones(found, scene))
    found.missing = match_points.missing_parts(matches)
    return None if named and found.missing else found


def by_objects(rig: bpy.types.PropertyGroup, scene: bpy.types.Scene) -> Found | None:
    """Empties that stand for landmarks: by their names, else by where they are."""
    objects = character.empties(rig)
    if len(objects) < 5:
        return None
    positions = character.bind_positions(objects, scene)
    matches, anatomy = match_points.match_named([ob.name for ob in objects], positions)
    if len({m.target for m in matches}) < ENOUGH:
        return None
    found = Found("OBJECTS", "objects by name and place")
    by_name = {ob.name: ob for ob in objects}
    found.rows = [("OBJECT", by_name[match.source], match) for match in matches]
    found.head = character.common_parent([by_name[m.source] for m in matches])
    found.anatomy = anatomy
    if anatomy is not None and found.head is not None:
        parent = found.head[0]
        found.anatomy = anatomy.in_space_of(ref_of(parent), character.bind_matrix(parent, scene))
    found.missing = match_points.missing_parts(matches)
    return found


def by_vertices(rig: bpy.types.PropertyGroup, scene: bpy.types.Scene) -> Found | None:
    """Vertex groups that stand for landmarks: by their names, else by where they are."""
    meshes = [ob for ob in character.meshes(rig) if ob.vertex_groups]
    if not meshes:
        return None
    ob = max(meshes, key=lambda mesh: len(mesh.vertex_groups))
    names, positions = character.vertex_group_positions(ob, scene)
    matches, anatomy = match_points.match_named(names, positions)
    if len({m.target for m in matches}) < ENOUGH:
        return None
    armature = character.armature_of(rig, [ob])
    found = Found("VERTICES", "vertex groups by name and place")
    found.rows = [("VERTICES", ob, match) for match in matches]
    found.head = character.head_of(rig, armature or ob, None)
    holder = found.head[0] if found.head else ob
    found.anatomy = anatomy.in_space_of(ref_of(holder), character.bind_matrix(holder, scene)) if anatomy else None
    found.missing = match_points.missing_parts(matches)
    return found


METHODS = {
    "KEYS": lambda rig, scene: by_names(rig, scene, ("KEY", "PROPERTY")),
    "BOARD": lambda rig, scene: by_names(rig, scene, ("BONE",)),
    "NAMED": lambda rig, scene: by_bones(rig, scene, named=True),
    "BONES": by_bones,
    "OBJECTS": by_objects,
    "VERTICES": by_vertices,
}


def _store(rig: bpy.types.PropertyGroup, found: Found) -> None:
    rig.found, rig.preset = found.kind, found.preset
    rig.rows.clear()
    for kind, holder, match in found.rows:
        row = rig.rows.add()
        row.kind, row.source, row.component = kind, match.source, match.part
        is_channel = match.target in ARKIT
        row.target = match.target if is_channel else landmark_name(landmark_of(match.target))
        row.gain = match.weight
        if holder != rig.target:
            row.holder = holder
    rig.active_row = 0
    rig.head_object, rig.head_bone = found.head if found.head else (None, "")
    rig.eye_left, rig.eye_right = found.eyes
    rig.way_from_rest = False
    face = found.anatomy
    rig.anatomy = replace(face, axes=snapped_if_close(face.axes)).to_json() if face else ""
    rig.surface = found.surface


def _report(found: Found) -> str:
    text = f"Recognised: {found.preset}"
    if found.rows:
        targets = {match.target for _, _, match in found.rows}
        text += f", {len(targets)} {'channels' if any(t in ARKIT for t in targets) else 'landmarks'}"
    text += f". {found.remark}"
    if found.missing:
        more = f" and {len(found.missing) - 6} more" if len(found.missing) > 6 else ""
        text += f"Not mapped: {', '.join(found.missing[:6])}{more}."
    if found.head:
        ob, bone = found.head
        text += f" Head: {ob.name}{' / ' if bone else ''}{bone}."
    elif found.kind != "MESH":
        text += " No head was found: choose an object or bone for its turns."
    return text.strip()
