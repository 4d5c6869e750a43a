"""What belongs to a character in the scene: its meshes, armature, head and eyes, and which way its face looks."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np
import numpy.typing as npt

from ....core.gioconda.landmarks import ARKIT, template
from ..names import landmark_of, side_of, words
from ..read.anatomy import EYES, Anatomy, axes_of, fit_anatomy, fit_scale_and_position, unscaled
from ..read.evaluation_scene import ref_of
from ..read.rig_inputs import Reading, RigInput, RigInputs, matrix
from . import match_points
from .found import Found
from .presets import Preset

Float = npt.NDArray[np.float64]
SAMPLED = 24  # frames of the scene's range that tell whether something is animated
MOVES = 1e-4
# The distance between the outer eye corners, of the largest extent of a character's meshes: 0.05 for a grown-up's body,
# 0.35 for a head alone, 0.8 for a mask of eyes and mouth, 0.015 for a giant in a cloak.
FACE_SHARE = (0.012, 0.9)
BODY = 3.0  # a character so many times as high as it is deep is a body, not a head
DEFORMING = {
    "ARMATURE",
    "CAST",
    "CLOTH",
    "CORRECTIVE_SMOOTH",
    "CURVE",
    "DISPLACE",
    "HOOK",
    "LAPLACIANDEFORM",
    "LATTICE",
    "MESH_CACHE",
    "MESH_DEFORM",
    "MESH_SEQUENCE_CACHE",
    "NODES",
    "SHRINKWRAP",
    "SIMPLE_DEFORM",
    "SOFT_BODY",
    "SURFACE_DEFORM",
    "WARP",
    "WAVE",
}  # modifiers that move vertices
# The landmarks in the middle of what a channel moves: with them shape keys tell the face's size and position.
CHANNEL_LANDMARKS = {
    "eyeBlinkLeft": (386, 374),
    "eyeBlinkRight": (159, 145),
    "mouthSmileLeft": (291,),
    "mouthSmileRight": (61,),
    "browOuterUpLeft": (334, 293),
    "browOuterUpRight": (105, 63),
    "noseSneerLeft": (358,),
    "noseSneerRight": (129,),
}


def meshes(rig: bpy.types.PropertyGroup) -> list[bpy.types.Object]:
    """The character's meshes: the target itself, what its armature deforms, its children."""
    target = rig.target
    if target is None:
        return []
    family = {target, *target.children_recursive}
    # For a mesh its armature tells the eyes and teeth of the same character.
    armature = armature_of(rig, [target]) if target.type in ("ARMATURE", "MESH") else None
    if armature is not None:
        family |= {
            ob
            for ob in bpy.data.objects
            if ob.type == "MESH" and any(m.type == "ARMATURE" and m.object == armature for m in ob.modifiers)
        }
    found = [
        ob
        for ob in family
        if ob.type == "MESH"
        and ob.users_scene
        and not ob.hide_render
        and len(ob.data.polygons)
        and ob.display_type not in ("BOUNDS", "WIRE")
    ]
    return sorted(found, key=lambda ob: (ob != target, -len(ob.data.vertices), ob.name))


def deforms(ob: bpy.types.Object) -> bool:
    """Whether anything bends this mesh or moves it inside the character: a guide that nothing moves carries no face."""
    keys = getattr(ob.data, "shape_keys", None)
    return (
        (keys is not None and len(keys.key_blocks) > 1)
        or any(modifier.type in DEFORMING for modifier in ob.modifiers)
        or ob.parent_type in ("BONE", "ARMATURE", "LATTICE", "VERTEX", "VERTEX_3")
    )


def armature_of(rig: bpy.types.PropertyGroup, parts: Sequence[bpy.types.Object]) -> bpy.types.Object | None:
    """The armature that moves these meshes."""
    target = rig.target
    if target is not None and target.type == "ARMATURE":
        return target
    for ob in parts:
        for modifier in ob.modifiers:
            if modifier.type == "ARMATURE" and modifier.object:
                return modifier.object
        if ob.parent and ob.parent.type == "ARMATURE":
            return ob.parent
    if target is not None:
        return next((ob for ob in target.children_recursive if ob.type == "ARMATURE"), None)
    return None


def holders(rig: bpy.types.PropertyGroup) -> list[bpy.types.Object]:
    """Every object whose keys, properties and bones may have known names."""
    parts = meshes(rig)
    armature = armature_of(rig, parts)
    return list(dict.fromkeys(ob for ob in (rig.target, *parts, armature) if ob is not None))


def names_in(ob: bpy.types.Object) -> dict[str, list[str]]:
    """Names of what an object offers, by kind of source."""
    keys = getattr(ob.data, "shape_keys", None)
    properties = [name for name in list(ob.keys()) if isinstance(ob.get(name), (int, float))]
    bones = []
    if ob.pose is not None:
        bones = [bone.name for bone in ob.pose.bones]
        for bone in ob.pose.bones:
            properties += [f"{bone.name}/{n}" for n in list(bone.keys()) if isinstance(bone.get(n), (int, float))]
    blocks = [block.name for block in keys.key_blocks if block != keys.reference_key] if keys else []
    return {"KEY": blocks, "PROPERTY": properties, "BONE": bones}


def head_of(
    rig: bpy.types.PropertyGroup, ob: bpy.types.Object, preset: Preset | None
) -> tuple[bpy.types.Object, str] | None:
    """What rotates with the head: a bone of the armature, else the object itself."""
    armature = ob if ob.type == "ARMATURE" else armature_of(rig, [ob])
    if armature is not None:
        bones = armature.data.bones
        for name in preset.heads if preset else ():
            if name in bones:
                return (armature, name)
        named = [b for b in bones if "head" in words(b.name) and not {"end", "top", "nub", "site"} & set(words(b.name))]
        if named:
            best = min(named, key=lambda b: (b.name.lower() not in ("head", "def-head"), not b.use_deform, len(b.name)))
            return (armature, best.name)
        return (armature, "")
    return (ob, "")


def eyes_of(head: tuple[bpy.types.Object, str] | None, preset: Preset | None) -> tuple[str, str]:
    """The bones that rotate with the eyes, left and right; both "" unless both are there."""
    if head is None or head[0].type != "ARMATURE":
        return ("", "")
    bones = head[0].data.bones
    found = []
    for side in ("left", "right"):
        listed = [name for name in (preset.eyes.get(side, ()) if preset else ()) if name in bones]
        named = [
            b.name
            for b in bones
            if ({"eye", "eyeball"} & set(words(b.name)) or "faceeye" in "".join(words(b.name)))
            and side_of(b.name) == side
            and not {"brow", "lid", "target", "corner", "look", "aim", "master", "socket"} & set(words(b.name))
        ]
        found.append(listed[0] if listed else min(named, key=len, default=""))
    return (found[0], found[1]) if all(found) else ("", "")


def _corners(rig: bpy.types.PropertyGroup) -> Float:
    """The corners of the boxes around the character's meshes, (N, 3) in world space."""
    boxes = [matrix(ob.matrix_world) @ (*corner, 1.0) for ob in meshes(rig) for corner in ob.bound_box]
    return np.array(boxes).reshape(-1, 4)[:, :3]


def anatomy_of_size(rig: bpy.types.PropertyGroup, found: Found) -> Anatomy:
    """A face guessed from the size of the character's meshes alone: at the top of a body, or in a head's middle."""
    low, high = _corners(rig).min(0), _corners(rig).max(0)
    wide, tall = max(float((high - low)[:2].min()), 1e-6), float((high - low)[2])
    body = tall > BODY * wide
    unit = 0.055 * tall if body else 0.35 * max(float((high - low).max()), 1e-6)
    bridge = np.append((low + high)[:2] / 2, high[2] - 1.3 * unit if body else (low + high)[2] / 2)
    holder = found.head[0] if found.head else rig.target
    axes = axes_of(np.array([0.0, -1.0, 0.0]))
    return Anatomy(None, axes, unit, bridge).in_space_of(ref_of(holder), matrix(holder.matrix_world))


def in_proportion(anatomy: Anatomy | None, rig: bpy.types.PropertyGroup) -> bool:
    """Whether a face of this size can belong to the character: the distance between its eyes beside its meshes' size.

    True where the character has no meshes to compare with. A wrong unit throws the portrait out of the picture.
    """
    if anatomy is None:
        return False
    corners = _corners(rig)
    if not len(corners):
        return True
    reach = float(np.ptp(corners, axis=0).max())
    holder = bpy.data.objects.get(anatomy.holder) if anatomy.holder else None
    unit = anatomy.in_world(matrix(holder.matrix_world) if holder else np.eye(4)).unit
    return FACE_SHARE[0] * reach <= unit <= FACE_SHARE[1] * reach


def anatomy_of_keys(ob: bpy.types.Object, found: Found) -> Anatomy | None:
    """Where the face is, from the vertices that shape keys move. In the space of the object that holds the head.

    Only keys that move one side alone are looked at: the middle of a mood's key is neither left nor right.
    """
    keys = getattr(ob.data, "shape_keys", None)
    if keys is None or not any(kind == "KEY" for kind, _, _ in found.rows):
        return None
    rest = _coordinates(keys.reference_key)
    sides: dict[str, set[str]] = {}
    for _, _, match in found.rows:
        sides.setdefault(match.source, set()).add(side_of(match.target))
    middles = {}
    for _, _, match in found.rows:
        if len(sides[match.source]) > 1:
            continue
        block = keys.key_blocks.get(match.source)
        if match.target in CHANNEL_LANDMARKS and block is not None and match.target not in middles:
            moved = np.linalg.norm(_coordinates(block) - rest, axis=1)
            moved = np.where(moved > 0.5 * moved.max(), moved, 0) if moved.max() > 0 else moved
            if moved.sum() > 0:
                middles[match.target] = moved @ rest / moved.sum()
    names = [n for n in middles if n.replace("Left", "Right") in middles and n.replace("Right", "Left") in middles]
    if len(names) < 2:
        return None
    positions = np.array([middles[n] for n in names])
    labels = [n.replace("Blink", "LidBlink") for n in names]
    world = matrix(ob.matrix_world)
    positions = positions @ world[:3, :3].T + world[:3, 3]
    axes = match_points.axes_of_points(labels, positions)
    on_template = np.array([template()[list(CHANNEL_LANDMARKS[n])].mean(0) for n in names])
    anatomy = fit_scale_and_position(on_template, positions, axes, None)
    holder = found.head[0] if found.head else ob
    return anatomy.in_space_of(ref_of(holder), matrix(holder.matrix_world))


def anatomy_of_bones(found: Found, scene: bpy.types.Scene) -> Anatomy | None:
    """Where the face is, from bones on it, from the eyes' bones, or roughly from the head's bone."""
    armature = found.head[0] if found.head else None
    if armature is None or armature.type != "ARMATURE":
        return None
    bones = armature.data.bones
    axes = front_of(armature)
    index, positions = [], []
    for kind, holder, match in found.rows:
        landmark = landmark_of(match.target)
        if kind == "BONE" and holder == armature and landmark is not None and match.target not in ARKIT:
            bone = bones[match.source]
            index.append(landmark)
            positions.append(np.array(bone.tail_local if match.part == "TAIL" else bone.head_local))
    if len(index) < 3 and all(found.eyes):
        centres = np.array([np.array(bones[name].head_local) for name in found.eyes])
        return fit_scale_and_position(np.array([EYES["left"], EYES["right"]]), centres, axes, ref_of(armature))
    if len(index) < 3:
        if not found.head[1]:
            return None
        bone = bones[found.head[1]]
        return Anatomy(ref_of(armature), axes, 0.55 * bone.length, np.array(bone.tail_local))
    return fit_anatomy(index, np.array(positions), axes, ref_of(armature))


def anatomy_of_rows(rig: bpy.types.PropertyGroup, scene: bpy.types.Scene) -> Anatomy | None:
    """Where the face is, for a mapping that was made by hand or by another tool."""
    found = Found("BONES", "")
    found.head = (rig.head_object, rig.head_bone) if rig.head_object else None
    found.eyes = (rig.eye_left, rig.eye_right)
    unit = rig.target.get("gioconda_unit") if rig.target else None
    if isinstance(unit, float) and rig.head_object is not None:
        axes = axes_of(np.array([0.0, -1.0, 0.0]))
        return Anatomy(ref_of(rig.head_object), axes, unit, np.zeros(3))
    for row in rig.rows:
        if (row.holder or rig.target) is not None and row.enabled:
            part = row.component
            found.rows.append(
                (row.kind, row.holder or rig.target, match_points.Match(row.source, part, row.target, 1.0))
            )
    if any(kind == "KEY" for kind, _, _ in found.rows):
        ob = next(holder for kind, holder, _ in found.rows if kind == "KEY")
        return anatomy_of_keys(ob, found)
    if found.head and found.head[0].type == "ARMATURE":
        return anatomy_of_bones(found, scene)
    objects = [h for kind, h, m in found.rows if kind == "OBJECT" and m.target not in ARKIT]
    index = [landmark_of(m.target) for kind, _, m in found.rows if kind == "OBJECT" and m.target not in ARKIT]
    if len(objects) < 3 or any(i is None for i in index):
        return None
    positions = bind_positions(objects, scene)
    axes = match_points.axes_of_points([ob.name for ob in objects], positions)
    return fit_anatomy(index, positions, axes, None)


def front_of(armature: bpy.types.Object) -> Float:
    """(3, 3) left, down, back of a character in its armature's space, from bones that name a side."""
    bones = armature.data.bones
    names = [b.name for b in bones]
    if sum(bool(side_of(name)) for name in names) < 2:
        return axes_of(np.array([0.0, -1.0, 0.0])) @ unscaled(matrix(armature.matrix_world))
    axes = match_points.axes_of_points(names, np.array([np.array(b.head_local) for b in bones]))
    world_up = unscaled(matrix(armature.matrix_world)).T @ [0.0, 0.0, 1.0]
    across = axes[0] - world_up * (axes[0] @ world_up)
    if np.linalg.norm(across) < 0.5:
        return axes
    return axes_of(np.cross(across / np.linalg.norm(across), world_up), world_up)


def front_candidates(
    holder: bpy.types.Object, armature: bpy.types.Object | None, scene: bpy.types.Scene
) -> tuple[list[Float], Float | None]:
    """Axes (3, 3) the face may have in world space, the likeliest first; and a point (3,) inside the head, if known."""
    world = bind_matrix(holder, scene)
    candidates: list[Float] = []
    near = None
    if armature is not None:
        candidates.append(front_of(armature) @ unscaled(world).T)
        head = head_of_bones(armature)
        if head is not None:
            middle = (np.array(head.head_local) + np.array(head.tail_local)) / 2
            near = world[:3, :3] @ middle + world[:3, 3]
    for way in ((0, -1, 0), (1, 0, 0), (-1, 0, 0), (0, 1, 0)):
        axes = axes_of(np.array(way, np.float64))
        if not any(np.abs(axes - known).max() < 0.2 for known in candidates):
            candidates.append(axes)
    return candidates, near


def head_of_bones(armature: bpy.types.Object) -> bpy.types.Bone | None:
    named = [b for b in armature.data.bones if "head" in words(b.name)]
    return min(named, key=lambda b: (b.name.lower() != "head", len(b.name)), default=None)


def empties(rig: bpy.types.PropertyGroup) -> list[bpy.types.Object]:
    """The objects that may stand for landmarks."""
    if rig.collection is not None:
        return [ob for ob in rig.collection.all_objects if ob.type not in ("CAMERA", "LIGHT", "ARMATURE")]
    if rig.target is None:
        return []
    return [ob for ob in rig.target.children_recursive if ob.type in ("EMPTY", "MESH") and not ob.hide_render]


def bind_positions(objects: Sequence[bpy.types.Object], scene: bpy.types.Scene) -> Float:
    """Where objects are in the bind pose, (N, 3) in world space."""
    inputs = RigInputs(points=[RigInput("OBJECT", ref_of(ob), "", "HEAD") for ob in objects])
    return _read_bind_pose(inputs, scene).points


def bind_matrix(ob: bpy.types.Object, scene: bpy.types.Scene) -> Float:
    """An object's world matrix (4, 4) in the bind pose."""
    inputs = RigInputs(matrices=[RigInput("OBJECT", ref_of(ob), "", "MATRIX")])
    return _read_bind_pose(inputs, scene).matrices[0]


def vertex_group_positions(ob: bpy.types.Object, scene: bpy.types.Scene) -> tuple[list[str], Float]:
    """The vertex groups that are small enough to be a point of the face, and their positions in the bind pose."""
    counts = np.zeros(len(ob.vertex_groups), int)
    for vertex in ob.data.vertices:
        for group in vertex.groups:
            if group.weight > 0:
                counts[group.group] += 1
    few = max(0.03 * len(ob.data.vertices), 12)
    names = [g.name for g in ob.vertex_groups if 0 < counts[g.index] <= few]
    if not names:
        return [], np.zeros((0, 3))
    inputs = RigInputs(points=[RigInput("VERTICES", ref_of(ob), name, "HEAD") for name in names])
    return names, _read_bind_pose(inputs, scene).points


def common_parent(objects: Sequence[bpy.types.Object]) -> tuple[bpy.types.Object, str] | None:
    """The nearest object, or bone, that is a parent of all of these."""
    bones = {(ob.parent, ob.parent_bone) for ob in objects if ob.parent and ob.parent_type == "BONE"}
    if len(bones) == 1 and all(ob.parent_type == "BONE" for ob in objects):
        return next(iter(bones))
    chains = []
    for ob in objects:
        chain, up = [], ob.parent
        while up is not None:
            chain.append(up)
            up = up.parent
        chains.append(chain)
    shared = [ob for ob in chains[0] if all(ob in chain for chain in chains)]
    return (shared[0], "") if shared else None


def is_animated(found: Found, rig: bpy.types.PropertyGroup, scene: bpy.types.Scene) -> bool:
    """Whether the keys (or properties) of a mapping change in the scene's range."""
    inputs = RigInputs(values=[RigInput(kind, ref_of(ob), match.source, match.part) for kind, ob, match in found.rows])
    values = [reading.values for reading in _sampled(inputs, scene)]
    return bool(np.ptp(values, axis=0).max() > MOVES)


def face_bones_move(rig: bpy.types.PropertyGroup, scene: bpy.types.Scene) -> bool:
    """Whether bones of the face move relative to their parents in the scene's range."""
    armature = armature_of(rig, meshes(rig))
    head = head_of_bones(armature) if armature else None
    if head is None:
        return False
    holder = ref_of(armature)
    face = [b.name for b in head.children_recursive][:200]
    inputs = RigInputs(
        values=[RigInput("BONE", holder, name, part) for name in face for part in ("LOC_X", "LOC_Y", "LOC_Z", "ROT_X")]
    )
    values = [reading.values for reading in _sampled(inputs, scene)] if face else []
    return bool(values) and bool(np.ptp(values, axis=0).max() > MOVES)


def _sampled(inputs: RigInputs, scene: bpy.types.Scene) -> list[Reading]:
    """Readings of some frames of the scene's range."""
    frames = np.unique(np.linspace(scene.frame_start, scene.frame_end, SAMPLED).round())
    with inputs.evaluation_scene(scene) as evaluation:
        return [inputs.read(evaluation, float(frame)) for frame in frames]


def _read_bind_pose(inputs: RigInputs, scene: bpy.types.Scene) -> Reading:
    with inputs.evaluation_scene(scene) as evaluation, evaluation.in_bind_pose():
        return inputs.read(evaluation, float(scene.frame_start))


def _coordinates(block: bpy.types.ShapeKey) -> Float:
    flat = np.empty(len(block.data) * 3, np.float32)
    block.data.foreach_get("co", flat)
    return flat.reshape(-1, 3).astype(np.float64)
