"""Find the face on a character's meshes: a clay picture from the front, the face nets, and back onto the surface.

Works for any head that looks like a face, whatever its rig, names and topology. The nets run in the warm worker;
meanwhile, and between slices of rays, Blender's window goes on.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
import numpy.typing as npt
from mathutils import Vector
from mathutils.bvhtree import BVHTree

from ....core.gioconda import landmarks
from ....core.gioconda.errors import ExitCode, GiocondaError
from ....core.gioconda.worker import messages
from ... import preferences, session
from ..errors import RigError
from ..read.anatomy import Anatomy
from ..read.evaluation_scene import Holder, Stage
from ..read.rig_inputs import Skin, matrix
from ..read.surface import Surface
from ..steps import Progress, Steps
from .clay import Solid, View, connected, look, png

Float = npt.NDArray[np.float64]
PIXELS = 320
LARGE = 0.4  # of the picture: a face that fills less is looked at again, closer
SECONDS = 600  # the most an analysis may take: a new worker may have to be compiled first
SKIN_COLOR = (0.62, 0.42, 0.33)
CLOSE = 0.2  # head units: skin this far before or behind the nets' depth is another part of the head
LIFT = 0.3  # inner lips hang on skin this share of the way to the lips' rim: never on the other lip
EDGE = 0.02  # head units: lids hang on skin this far from the edge of the eye's opening
COLUMN = 64  # rays down an eye to find where it opens
CHEEKS = (50, 280, 205, 425, 151, 9, 199, 101, 330)
LIDS = (
    (landmarks.UPPER_LID_RIGHT, landmarks.LOWER_LID_RIGHT, landmarks.CREASE_RIGHT, landmarks.POUCH_RIGHT),
    (landmarks.UPPER_LID_LEFT, landmarks.LOWER_LID_LEFT, landmarks.CREASE_LEFT, landmarks.POUCH_LEFT),
)
IRISES = ((landmarks.IRIS_RIGHT, 33, 133), (landmarks.IRIS_LEFT, 263, 362))


@dataclass(frozen=True)
class Body:
    """All meshes of a character at rest in world space; vertices of all meshes one after the other."""

    holders: tuple[Holder, ...]
    starts: tuple[int, ...]
    points: Float
    triangles: npt.NDArray[np.int64]
    colors: Float
    pieces: npt.NDArray[np.int64]


def find_face(
    scene: bpy.types.Scene, meshes: Sequence[Holder], holder: Holder | None, fronts: Sequence[Float], near: Float | None
) -> Steps[tuple[Surface, Anatomy] | None]:
    """Look for a face; None if the nets see none. In steps; nothing of Blender's is held on to between them.

    Args:
        meshes: the character's meshes.
        holder: the object in whose space the anatomy is told (the armature, or the mesh).
        fronts: guesses (3, 3) of the face's axes in world space, best first.
        near: (3,) a place in the head, world space, if known.

    Raises:
        RigError: the nets cannot run.
    """
    body, world = _body(scene, meshes, holder)
    del scene  # it may be gone after a yield
    for number, axes in enumerate(fronts):
        yield Progress("Looking at the mesh", 0.1)
        solid = Solid(body.points @ axes.T, body.triangles, body.colors, body.pieces)
        share = min(0.1 + 0.2 * number, 0.8)
        for view in _views(solid, None if near is None else axes @ near):
            seen = yield from _seen(solid, view, share)
            if seen is None:
                continue
            if np.ptp(seen[:, :2], axis=0).max() < LARGE * view.pixels:
                view = _closer(seen, view)
                seen = yield from _seen(solid, view, share + 0.1)
                if seen is None:
                    continue
            surface, anatomy = yield from _attach(body, solid, axes, view, seen)
            return surface, _local(anatomy, holder, world)
    return None


def _seen(solid: Solid, view: View, share: float) -> Steps[Float | None]:
    """The landmarks (478, 3) in a window's pixels, or None."""
    picture = yield from _slices("Looking at the mesh", look(solid, view), share)
    return (yield from measure(picture, share))


def _slices(stage: str, steps: Generator[None, None, Any], share: float) -> Steps[Any]:
    """Steps that say nothing, told as progress."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value
        yield Progress(stage, share)


def measure(picture: npt.NDArray[np.uint8], share: float = 0.0) -> Steps[Float | None]:
    """The 478 landmarks (pixels) of the face in a picture (H, W, 3) uint8; None where there is no face.

    Raises:
        RigError: the worker cannot run.
    """
    chosen = preferences.preferences(bpy.context)
    folder = session.folder() / "mapping"
    data = png(picture)
    source = folder / f"clay-{hashlib.blake2b(data, digest_size=6).hexdigest()}.png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        source.write_bytes(data)
        answer = yield from _answer(
            {
                "request": "analyse",
                "portrait": str(source),
                "folder": str(folder),
                "face": "largest",
                "models": chosen.models or None,
                "device": chosen.device,
                "threads": chosen.threads or None,
            },
            share,
        )
    except OSError as error:
        raise RigError(f"{source} cannot be written: {error.strerror or error}; is the disk full?") from None
    finally:
        source.unlink(missing_ok=True)
    if isinstance(answer, messages.Error):
        if answer.code == ExitCode.NO_FACE:
            return None
        raise RigError(f"The face nets cannot run: {answer.text}")
    return np.array(answer.data["landmarks"], np.float64)


def _answer(request: dict[str, Any], share: float) -> Steps[messages.Result | messages.Error]:
    """Ask the warm worker and wait; what was asked is withdrawn when nobody waits any more.

    Raises:
        RigError: it takes too long; the worker cannot be started.
    """
    heard: list[messages.Message] = []
    try:
        number = session.ask(request, heard.append)
    except GiocondaError as error:
        raise RigError(f"The face nets cannot run: {error}") from None
    stage, until = "Finding the face on the mesh", time.monotonic() + SECONDS
    try:
        while not (heard and isinstance(heard[-1], messages.Result | messages.Error)):
            if time.monotonic() > until:
                raise RigError(f"The face nets did not answer within {SECONDS} seconds; try again.")
            if heard and isinstance(heard[-1], messages.Stage) and heard[-1].name != "read":
                stage = f"Finding the face on the mesh: {heard[-1].text}"
            yield Progress(stage, share, waits=True)
    finally:
        session.withdraw(number)
    return heard[-1]


def _body(scene: bpy.types.Scene, meshes: Sequence[Holder], holder: Holder | None) -> tuple[Body, Float]:
    """The meshes at rest, and the holder's matrix there."""
    stage = Stage(scene, plain=[holder] if holder and holder not in meshes else [], surfaces=meshes)
    points, triangles, colors, starts, count = [], [], [], [], 0
    try:
        stage.open()
        with stage.at_rest():
            depsgraph = stage.frame(scene.frame_start)
            world = matrix(stage.object(holder).evaluated_get(depsgraph).matrix_world) if holder else np.eye(4)
            for mesh in meshes:
                ob = stage.object(mesh).evaluated_get(depsgraph)
                local = np.empty(len(ob.data.vertices) * 3, np.float32)
                ob.data.vertices.foreach_get("co", local)
                place = matrix(ob.matrix_world)
                points.append(local.reshape(-1, 3) @ place[:3, :3].T + place[:3, 3])
                part, color = _triangles(stage.object(mesh))
                triangles.append(part + count)
                colors.append(color)
                starts.append(count)
                count += len(points[-1])
    finally:
        stage.close()
    corners = np.concatenate(triangles)
    if not len(corners):
        raise RigError("The rig's meshes have no faces to look at.")
    body = Body(
        tuple(meshes), tuple(starts), np.concatenate(points), corners, np.concatenate(colors), connected(count, corners)
    )
    return body, world


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


def _views(solid: Solid, near: Float | None) -> list[View]:
    """Windows in which the head should be: around the head bone, the top of a tall body, everything."""
    low, high = solid.points.min(0), solid.points.max(0)
    wide, tall = (high - low)[:2]
    views = []
    if near is not None:
        side = 2.4 * max(float(near[1] - low[1]), 0.12 * tall, 0.05 * wide)
        views.append(View(np.array([near[0], near[1] - 0.1 * side]), min(side, 1.1 * max(wide, tall)), PIXELS))
    if tall > 1.6 * min(wide, (high - low)[2] * 4):
        side = 0.22 * tall
        views.append(View(np.array([(low[0] + high[0]) / 2, low[1] + 0.45 * side]), side, PIXELS))
    views.append(View((low + high)[:2] / 2, 1.15 * max(wide, tall), PIXELS))
    return views


def _closer(seen: Float, view: View) -> View:
    """The window in which the face that was found fills a good half."""
    low, high = view.to_world(seen[:, :2].min(0)), view.to_world(seen[:, :2].max(0))
    return View((low + high) / 2, 1.9 * float((high - low).max()), PIXELS)


def _attach(body: Body, solid: Solid, axes: Float, view: View, seen: Float) -> Steps[tuple[Surface, Anatomy]]:
    """Hang every landmark on the surface. `axes`: world → picture axes; results: head space, world."""
    ready = Progress("Hanging landmarks on the mesh", 0.9)
    unit = view.side / view.pixels * float(np.linalg.norm(seen[33, :2] - seen[263, :2]))
    flat = view.to_world(seen[:, :2])
    start = float(solid.points[:, 2].min()) - 1.0
    skin_piece = _skin_piece(solid, flat, start)
    tree, faces = solid.tree(skin_piece)
    yield ready
    depth = _depth(tree, flat, seen[:, 2] * view.side / view.pixels, start)
    balls = [_eyeball(solid, skin_piece, (*flat[iris[0]], start), unit) for iris, _, _ in IRISES]
    hang = flat.copy()
    inner, outer = list(landmarks.LIPS_INNER), list(landmarks.LIPS_OUTER)
    hang[inner] += LIFT * (flat[outer] - flat[inner])
    for ball, lids in zip(balls, LIDS, strict=True):
        yield ready
        eye = None if ball is None else solid.tree(ball)[0]
        _edge_lids(tree, eye, lids, flat, hang, depth, start, unit)
    corners = np.zeros((landmarks.COUNT, 3), np.int64)
    weights = np.zeros((landmarks.COUNT, 3))
    for i in range(landmarks.FACE_POINTS):
        face, place = _on_skin(tree, hang[i], depth[i], start, CLOSE * unit)
        corners[i] = solid.triangles[faces[face]]
        weights[i] = _solid_weights(solid.points[corners[i]], place)
    yield ready
    looks = [
        _hang_iris(solid, ball, flat, start, list(iris), ends, corners, weights)
        for ball, (iris, *ends) in zip(balls, IRISES, strict=True)
    ]
    hung = np.einsum("ikd,ik->id", solid.points[corners], weights)
    places = np.concatenate([flat, hung[:, 2:]], 1)
    anatomy = Anatomy(None, axes, unit, places[landmarks.NOSE_BRIDGE] @ axes)
    apart = (places - hung) / unit
    skins = []
    owner = np.searchsorted(body.starts, corners[:, 0], side="right") - 1
    for m, holder in enumerate(body.holders):
        mine = np.flatnonzero(owner == m)
        if len(mine):
            skins.append(Skin(holder, corners[mine] - body.starts[m], weights[mine], mine))
    return Surface(tuple(skins), apart, looks=all(looks)), anatomy


def _skin_piece(solid: Solid, flat: Float, start: float) -> int:
    """The connected piece that cheeks, forehead and chin are on."""
    pieces = []
    for i in CHEEKS:
        _, _, face, _ = solid.whole.ray_cast(Vector((*flat[i], start)), Vector((0.0, 0.0, 1.0)))
        if face is not None:
            pieces.append(int(solid.pieces[solid.triangles[face, 0]]))
    if not pieces:
        raise RigError("The face found on the mesh lies beside it; choose another mesh or map by hand.")
    return max(set(pieces), key=pieces.count)


def _depth(tree: BVHTree, flat: Float, guess: Float, start: float) -> Float:
    """How deep each landmark lies, (478,): the nets' guess, shifted and stretched to the skin where it is plain."""
    hits = {}
    for i in landmarks.STABLE + CHEEKS:
        place, _, _, _ = tree.ray_cast(Vector((*flat[i], start)), Vector((0.0, 0.0, 1.0)))
        if place is not None:
            hits[i] = place.z
    index = np.array(list(hits), int)
    if len(index) < 4:
        raise RigError("The face found on the mesh lies beside it; choose another mesh or map by hand.")
    there = np.array(list(hits.values()))
    design = np.column_stack([guess[index], np.ones(len(index))])
    keep = np.ones(len(index), bool)
    for _ in range(3):
        line, *_ = np.linalg.lstsq(design[keep], there[keep], rcond=None)
        error = np.abs(design @ line - there)
        keep = error <= max(2.5 * float(np.median(error)), 1e-9)
    return np.column_stack([guess, np.ones(len(guess))]) @ line


def _edge_lids(
    skin: BVHTree,
    ball: BVHTree | None,
    lids: tuple[tuple[int, ...], ...],
    flat: Float,
    hang: Float,
    depth: Float,
    start: float,
    unit: float,
) -> None:
    """Put lid landmarks where the eye really opens, in place, and hang them on the lids just beside it.

    Nets guess lids of plain eyeballs badly; where skin ends and the eyeball (or a hole) begins, is certain.
    """
    for upper, lower, crease, pouch in zip(*lids, strict=True):
        for own, top in ((upper, True), (lower, False)):
            x, high, low = flat[own, 0], flat[crease, 1] - 0.05 * unit, flat[pouch, 1] + 0.05 * unit
            rows = np.linspace(high, low, COLUMN)
            run = _longest([not _is_skin(skin, ball, (x, y, start), depth[own] + CLOSE * unit) for y in rows])
            if run is None:
                hang[own] = flat[own] + 0.3 * (flat[crease if top else pouch] - flat[own])
                continue
            edge = rows[run[0]] if top else rows[run[1]]
            flat[own, 1] = edge
            hang[own, 1] = edge - EDGE * unit if top else edge + EDGE * unit


def _is_skin(skin: BVHTree, ball: BVHTree | None, place: tuple[float, float, float], far: float) -> bool:
    """Whether the first thing behind a place is skin, and not the eyeball or the inside of the head."""
    ahead = Vector((0.0, 0.0, 1.0))
    hit, _, _, _ = skin.ray_cast(Vector(place), ahead)
    if hit is None or hit.z > far:
        return False
    eye = ball.ray_cast(Vector(place), ahead)[0] if ball is not None else None
    return eye is None or hit.z < eye.z


def _longest(marks: Sequence[bool]) -> tuple[int, int] | None:
    """First and last index of the longest run of marks that does not touch the ends; None if there is none."""
    best, begin = None, None
    for i, mark in enumerate(marks):
        if mark and begin is None:
            begin = i
        if not mark and begin is not None:
            if begin > 0 and (best is None or i - begin > best[1] - best[0] + 1):
                best = (begin, i - 1)
            begin = None
    return best


def _on_skin(tree: BVHTree, place: Float, depth: float, start: float, close: float) -> tuple[int, Float]:
    """The triangle and the place (3,) of skin before a point, or the nearest skin where there is a gap."""
    hit, _, face, _ = tree.ray_cast(Vector((place[0], place[1], start)), Vector((0.0, 0.0, 1.0)))
    if face is None or hit.z > depth + close:
        hit, _, face, _ = tree.find_nearest(Vector((place[0], place[1], depth)))
    return face, np.array(hit)


def _solid_weights(corners: Float, place: Float) -> Float:
    """Barycentric weights (3,) of a place in a triangle (3, 3)."""
    a, e, f = corners[0], corners[1] - corners[0], corners[2] - corners[0]
    p = place - a
    ee, ef, ff = e @ e, e @ f, f @ f
    area = ee * ff - ef * ef
    if area < 1e-30:
        return np.array([1.0, 0.0, 0.0])
    v, w = (ff * (p @ e) - ef * (p @ f)) / area, (ee * (p @ f) - ef * (p @ e)) / area
    weights = np.clip([1 - v - w, v, w], 0, 1)
    return weights / weights.sum()


def _hang_iris(
    solid: Solid,
    ball: int | None,
    flat: Float,
    start: float,
    iris: list[int],
    eye: Sequence[int],
    corners: npt.NDArray[np.int64],
    weights: Float,
) -> bool:
    """Hang an iris on the eyeball behind it; where there is none, on the corners of the eye: it then does not look."""
    if ball is None:
        ends = [int(corners[i][weights[i].argmax()]) for i in eye]
        corners[iris], weights[iris] = [*ends, ends[0]], [0.5, 0.5, 0.0]
        return False
    own, faces = solid.tree(ball)
    for i in iris:
        hit, _, face, _ = own.ray_cast(Vector((*flat[i], start)), Vector((0.0, 0.0, 1.0)))
        if face is None:
            hit, _, face, _ = own.ray_cast(Vector((*flat[iris[0]], start)), Vector((0.0, 0.0, 1.0)))
        corners[i] = solid.triangles[faces[face]]
        weights[i] = _solid_weights(solid.points[corners[i]], np.array(hit))
    return True


def _eyeball(solid: Solid, skin: int, start: tuple[float, float, float], unit: float) -> int | None:
    """The roundest piece on the way through an iris; lashes, tears and shells before the eye are not round."""
    here, ahead, first = Vector(start), Vector((0.0, 0.0, 1.0)), None
    best: tuple[float, int] | None = None
    for _ in range(12):
        hit, _, face, _ = solid.whole.ray_cast(here, ahead)
        if face is None or (first is not None and hit.z - first > unit):
            break
        first = hit.z if first is None else first
        piece = int(solid.pieces[solid.triangles[face, 0]])
        if piece != skin:
            size = np.ptp(solid.points[solid.pieces == piece], axis=0)
            round_ = float(size.min() / max(size.max(), 1e-12))
            if size.max() < unit and (best is None or round_ > best[0] + 0.05):
                best = (round_, piece)
        here = hit + ahead * (1e-4 * unit)
    return best[1] if best and best[0] > 0.4 else None


def _local(anatomy: Anatomy, holder: Holder | None, world: Float) -> Anatomy:
    """An anatomy in world space, told in the holder's space."""
    return anatomy.inside(holder, world) if holder else anatomy
