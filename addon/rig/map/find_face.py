"""Find the face on a character's meshes: the face nets look at a clay render, their landmarks are bound to the mesh.

Works for any head that looks like a face, whatever its rig, names and topology. The nets run in the warm worker;
meanwhile, and between slices of rays, Blender's window stays responsive.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import bpy
import numpy as np
import numpy.typing as npt

from ....core.gioconda.errors import ExitCode, GiocondaError
from ....core.gioconda.files import make_folder
from ....core.gioconda.worker import messages
from ... import preferences, session
from ...pictures.tiff import write_tiff
from ..errors import RigError
from ..read.anatomy import Anatomy
from ..read.evaluation_scene import EvaluationScene, ObjectRef
from ..read.rig_inputs import matrix
from ..read.surface import Surface
from ..steps import Progress, Steps, portion
from .bind_landmarks import bind_landmarks
from .clay_render import OrthoView, TriangleMesh, connected_pieces, render_clay

Float = npt.NDArray[np.float64]
PIXELS = 320
LARGE = 0.4  # of the picture: a face that fills less is looked at again, closer
SECONDS = 600  # the most an analysis may take: a new worker loads first
SKIN_COLOR = (0.62, 0.42, 0.33)


def find_face(
    scene: bpy.types.Scene,
    meshes: Sequence[ObjectRef],
    holder: ObjectRef | None,
    candidates: Sequence[Float],
    near: Float | None,
) -> Steps[tuple[Surface, Anatomy] | None]:
    """Look for a face; None if the nets see none. In steps; no reference to Blender's data is kept between them.

    Args:
        meshes: the character's meshes.
        holder: the object in whose space the anatomy is returned (the armature, or the mesh).
        candidates: (3, 3) axes the face may have in world space, the likeliest first.
        near: (3,) a point in the head, world space, if known.

    Raises: RigError: the nets cannot run.
    """
    character, owners, world = _bind_pose_meshes(scene, meshes, holder)
    del scene  # it may be gone after a yield
    for number, axes in enumerate(candidates):
        yield Progress("Looking at the mesh", 0.1)
        mesh = replace(character, points=character.points @ axes.T)
        share = min(0.1 + 0.2 * number, 0.8)
        for view in _candidate_views(mesh, None if near is None else axes @ near):
            detected = yield from _detected(mesh, view, share)
            if detected is not None and np.ptp(detected[:, :2], axis=0).max() < LARGE * PIXELS:
                view = _closer(detected, view)
                detected = yield from _detected(mesh, view, share + 0.1)
            if detected is None:
                continue
            surface, anatomy = yield from bind_landmarks(mesh, owners, axes, view, detected)
            return surface, anatomy.in_space_of(holder, world) if holder else anatomy
    return None


def _detected(mesh: TriangleMesh, view: OrthoView, share: float) -> Steps[Float | None]:
    """The landmarks (478, 3) in a window's pixels, or None."""
    picture = yield from portion(render_clay(mesh, view), share, 0.0)
    return (yield from detect_landmarks(picture, share))


def detect_landmarks(picture: npt.NDArray[np.uint8], share: float = 0.0) -> Steps[Float | None]:
    """The 478 landmarks (pixels) of the face in a picture (H, W, 3) uint8; None where there is no face.

    Raises: RigError: the worker cannot run. OutputError: the picture cannot be written.
    """
    folder = session.folder() / "mapping"
    source = folder / f"clay-{hashlib.blake2b(picture.tobytes(), digest_size=6).hexdigest()}.tif"
    request = {"request": "analyse", "portrait": str(source), "folder": str(folder), "face": "largest"}
    try:
        make_folder(folder)
        write_tiff(source, np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)]))
        reply = yield from _ask_worker({**request, **preferences.for_worker(bpy.context)}, share)
    finally:
        source.unlink(missing_ok=True)
    if isinstance(reply, messages.Error):
        if reply.code == ExitCode.NO_FACE:
            return None
        raise RigError(f"The face nets cannot run: {reply.text}")
    return np.array(reply.data["landmarks"], np.float64)


def _ask_worker(request: dict[str, Any], share: float) -> Steps[messages.Result | messages.Error]:
    """Ask the warm worker and wait; what was asked is withdrawn when nobody waits any more.

    Raises: RigError: it takes too long; the worker cannot be started.
    """
    received: list[messages.Message] = []
    try:
        number = session.ask(request, received.append)
    except GiocondaError as error:
        raise RigError(f"The face nets cannot run: {error}") from None
    stage, until = "Finding the face on the mesh", time.monotonic() + SECONDS
    try:
        while not (received and isinstance(received[-1], messages.Result | messages.Error)):
            if time.monotonic() > until:
                raise RigError(f"The face nets did not answer within {SECONDS} seconds; try again.")
            if received and isinstance(received[-1], messages.Stage) and received[-1].name != "read":
                stage = f"Finding the face on the mesh: {received[-1].text}"
            yield Progress(stage, share, waits=True)
    finally:
        session.withdraw(number)
    return received[-1]


def _bind_pose_meshes(
    scene: bpy.types.Scene, meshes: Sequence[ObjectRef], holder: ObjectRef | None
) -> tuple[TriangleMesh, list[tuple[ObjectRef, int]], Float]:
    """The meshes in the bind pose, world space, joined; each with its first vertex's number; the holder's matrix."""
    transforms = [holder] if holder and holder not in meshes else []
    points, triangles, colors, owners, count = [], [], [], [], 0
    with EvaluationScene(scene, transforms=transforms, meshes=meshes) as evaluation, evaluation.in_bind_pose():
        depsgraph = evaluation.frame(scene.frame_start)
        world = matrix(evaluation.object(holder).evaluated_get(depsgraph).matrix_world) if holder else np.eye(4)
        for mesh in meshes:
            ob = evaluation.object(mesh).evaluated_get(depsgraph)
            local = np.empty(len(ob.data.vertices) * 3, np.float32)
            ob.data.vertices.foreach_get("co", local)
            to_world = matrix(ob.matrix_world)
            points.append(local.reshape(-1, 3) @ to_world[:3, :3].T + to_world[:3, 3])
            part, color = _triangles(evaluation.object(mesh))
            triangles.append(part + count)
            colors.append(color)
            owners.append((mesh, count))
            count += len(points[-1])
    corners = np.concatenate(triangles)
    if not len(corners):
        raise RigError("The rig's meshes have no faces to look at.")
    joined = TriangleMesh(np.concatenate(points), corners, np.concatenate(colors), connected_pieces(count, corners))
    return joined, owners, world


def _triangles(ob: bpy.types.Object) -> tuple[npt.NDArray[np.int64], Float]:
    """A mesh's triangles (T, 3) and their materials' colours (T, 3)."""
    mesh = ob.data
    mesh.calc_loop_triangles()
    corners = np.empty(len(mesh.loop_triangles) * 3, np.int32)
    mesh.loop_triangles.foreach_get("vertices", corners)
    polygon = np.empty(len(mesh.loop_triangles), np.int32)
    mesh.loop_triangles.foreach_get("polygon_index", polygon)
    slot = np.zeros(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("material_index", slot)
    palette = np.array([_color(m) for m in mesh.materials] or [SKIN_COLOR])
    return corners.reshape(-1, 3).astype(np.int64), palette[np.minimum(slot[polygon], len(palette) - 1)]


def _color(material: bpy.types.Material | None) -> tuple[float, float, float]:
    """A material's plain colour; skin where a picture or nothing gives it."""
    shader = None
    if material is not None and material.node_tree is not None:
        shader = next((n for n in material.node_tree.nodes if n.type == "BSDF_PRINCIPLED"), None)
    if shader is None:
        return SKIN_COLOR
    base = shader.inputs["Base Color"]
    color = SKIN_COLOR if base.is_linked else tuple(base.default_value)[:3]
    return (float(color[0]), float(color[1]), float(color[2]))


def _candidate_views(mesh: TriangleMesh, near: Float | None) -> list[OrthoView]:
    """Windows in which the head should be: around the head bone, the top of tall meshes, everything."""
    low, high = mesh.points.min(0), mesh.points.max(0)
    wide, tall = (high - low)[:2]
    views = []
    if near is not None:
        side = 2.4 * max(float(near[1] - low[1]), 0.12 * tall, 0.05 * wide)
        views.append(OrthoView(np.array([near[0], near[1] - 0.1 * side]), min(side, 1.1 * max(wide, tall)), PIXELS))
    if tall > 1.6 * min(wide, (high - low)[2] * 4):
        side = 0.22 * tall
        views.append(OrthoView(np.array([(low[0] + high[0]) / 2, low[1] + 0.45 * side]), side, PIXELS))
    views.append(OrthoView((low + high)[:2] / 2, 1.15 * max(wide, tall), PIXELS))
    return views


def _closer(detected: Float, view: OrthoView) -> OrthoView:
    """The window in which the face that was found fills a good half."""
    low, high = view.to_world(detected[:, :2].min(0)), view.to_world(detected[:, :2].max(0))
    return OrthoView((low + high) / 2, 1.9 * float((high - low).max()), PIXELS)
