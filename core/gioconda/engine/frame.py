"""One frame: a portrait and a pose become pixels and passes. Stateless; any frame, any band of rows, in any order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from .. import landmarks as lm
from ..arrays import Float, Float32, Int, Mask, UInt8
from ..errors import SettingsError
from ..job.passes import DEFAULT_PASSES, PASSES
from ..pose import HeadPose, Pose, fit_similarity
from . import kernels, rigid
from .eyes import paint_eyes
from .hull_frame import HullBand, PosedHull, pose_hull
from .kernels import smoothstep
from .last_poses import LastPoses
from .mesh import OUTER
from .mouth import paint_mouth
from .occluded import Occluded, spare_offset
from .patch import Patch, opening
from .portrait import MATTE_NAMES, Portrait
from .shoulders import Shoulders
from .untangle import displaced_face

_BAND_ROWS = 256
OVAL_NOISE = 0.05  # head units
DEPTH_UNIT = 0.09  # metres, between the outer corners of an adult's eyes
_DISTANCE = 1.0  # metres, from the camera to the head
BACKGROUND = 3.0  # metres, from the camera to what is behind the person
_TURNED = float(np.radians(5))  # from this turn on, what the portrait hides is filled completely
_LAST_POSES = LastPoses()


@dataclass(frozen=True)
class Frame:
    """Some rows of a finished picture.

    Attributes:
        row: the first row.
        passes: name → (rows, W, channels) float32, see PASSES.
    """

    row: int
    passes: dict[str, Float32]


@dataclass(frozen=True)
class Planes:
    """What is linear within each triangle, as `kernels.planes` gives it.

    Attributes:
        picture: (T, 2, 3) float32, where in the portrait the colour comes from, picture pixels.
        texture: the same in pixels of the person's window.
        fill: (T, 6, 3) float32, what the portrait hides is filled with, see `kernels.shade_multisampled`.
        filled: (T,) uint8, which triangles are filled at all.
        motion: (T, 4, 3) float32, pixels, see the Vector pass.
        confidence: (T, 1, 3) float32, 0..1, see the Confidence pass.
    """

    picture: Float32
    texture: Float32
    fill: Float32
    filled: UInt8
    motion: Float32
    confidence: Float32


@dataclass(frozen=True)
class PosedPortrait:
    """A portrait put into a pose: all that a band of rows needs. Made by `pose_portrait`."""

    portrait: Portrait
    pose: Pose
    position: Float32  # (N, 3) picture pixels
    planes: Planes
    patches: tuple[Patch, ...]
    hull: PosedHull | None = None


def pose_portrait(
    portrait: Portrait, pose: Pose, *, previous: Pose | None = None, following: Pose | None = None
) -> PosedPortrait:
    """Move the mesh, paint eyes and mouth. `previous`, `following`: the neighbours' poses, for motion vectors."""
    position = _positions(portrait, pose)
    target = position[: lm.COUNT]
    patches = [] if pose.is_identity else _patches(portrait, target)
    before, after = (position if other is None else _positions(portrait, other) for other in (previous, following))
    motion = None
    if previous is not None or following is not None:
        motion = np.concatenate([(before - position)[:, :2], (position - after)[:, :2]], axis=1) * [1, -1, 1, -1]
    hull = None
    if portrait.hull is not None and not pose.is_identity:
        size = (portrait.width, portrait.height)
        hull = pose_hull(portrait.hull, portrait.pose, pose, size, (previous, following))
    planes = _planes(portrait, pose, position, motion)
    return PosedPortrait(portrait, pose, position.astype(np.float32), planes, tuple(patches), hull)


def render(
    portrait: Portrait,
    pose: Pose,
    *,
    previous: Pose | None = None,
    following: Pose | None = None,
    passes: Iterable[str] = DEFAULT_PASSES,
    smooth_edges: bool = True,
    reuse: Frame | None = None,
) -> Frame:
    """A whole frame. See `pose_portrait` and `render_rows`."""
    posed = pose_portrait(portrait, pose, previous=previous, following=following)
    return render_rows(posed, 0, portrait.height, passes=passes, smooth_edges=smooth_edges, reuse=reuse)


def render_rows(
    posed: PosedPortrait,
    row: int,
    rows: int,
    *,
    passes: Iterable[str] = DEFAULT_PASSES,
    smooth_edges: bool = True,
    reuse: Frame | None = None,
) -> Frame:
    """Rows `row` … `row + rows - 1` of a frame. The same pixels whether asked for at once or in bands.

    Args:
        passes: names from PASSES.
        smooth_edges: anti-alias where one part of the person hides another.
        reuse: a frame that is no longer needed: its memory is drawn into when it has the same passes and size.

    Raises: SettingsError: a pass of that name does not exist.
    """
    wanted = list(dict.fromkeys(passes))
    for name in wanted:
        if name not in PASSES:
            raise SettingsError(f"There is no pass called “{name}”: choose from {', '.join(PASSES)}.")
    out = _canvas(wanted, rows, posed.portrait.width, reuse)
    # a band at a time: its working arrays stay in the processor's cache
    for top in range(0, rows, _BAND_ROWS):
        part = slice(top, min(top + _BAND_ROWS, rows))
        band = Band(posed, row + top, part.stop - top, {name: array[part] for name, array in out.items()})
        band.composite(smooth_edges)
        for name in wanted:
            band.draw(name)
    return Frame(row, out)


def _canvas(wanted: list[str], rows: int, width: int, reuse: Frame | None) -> dict[str, Float32]:
    shapes = {name: (rows, width, PASSES[name].count) for name in wanted}
    if reuse is not None and {name: array.shape for name, array in reuse.passes.items()} == shapes:
        return reuse.passes
    return {name: np.empty(shape, np.float32) for name, shape in shapes.items()}


class Band:
    """The working arrays of one band of rows, and where its passes go."""

    def __init__(self, posed: PosedPortrait, row: int, rows: int, out: dict[str, Float32]) -> None:
        self.posed, self.portrait, self.out = posed, posed.portrait, out
        self.row, self.rows, self.width = row, rows, posed.portrait.width
        self.triangles = self.portrait.mesh.triangles
        # one row more on either side, so that edges between bands are seen
        above, below = int(row > 0), int(row + rows < self.portrait.height)
        shape = (rows + above + below, self.width)
        around = kernels.ZBuffer(np.empty(shape, np.int32), np.empty(shape, np.float32), row - above)
        self.mesh = mesh_at(self.portrait, posed.position)
        kernels.rasterise(self.mesh, around)
        self.around, self.above = around, above
        inside = slice(above, above + rows)
        self.buffer = kernels.ZBuffer(around.triangle[inside], around.depth[inside], row)
        self.combined = out["Combined"] if "Combined" in out else np.empty((rows, self.width, 4), np.float32)
        self.matte = out["Matte"][..., 0] if "Matte" in out else np.empty((rows, self.width), np.float32)
        self.hull = None if posed.hull is None else HullBand(posed.hull, self.buffer, posed.planes.picture)

    def composite(self, smooth_edges: bool) -> None:
        """Person over plate, eyes and mouth over both; at the identity pose the source itself."""
        planes, layers = self.posed.planes, layers_of(self.portrait)
        kernels.shade(self.buffer, planes.texture, layers, self.combined, self.matte)
        if self.posed.pose.is_identity:
            self.combined[:] = self.portrait.source[self.row : self.row + self.rows]
            return
        pixels, samples = self.multisampled(smooth_edges)
        if len(pixels):
            kernels.shade_multisampled(
                pixels, samples, self.row, planes.texture, planes.fill, layers, self.combined, self.matte
            )
        if self.hull is not None:
            self.hull.composite(layers, self.combined, self.matte)
        for patch in self.posed.patches:
            self._composite_patch(patch)

    def multisampled(self, smooth_edges: bool) -> tuple[Int, Int]:
        """Pixels, (count, 2), that need several samples, and the triangles at them, (count, SUBSAMPLES)."""
        edge_of, pixels, samples = self._edges() if smooth_edges else _NO_EDGES
        if not self.posed.planes.filled.any():
            return pixels, samples
        more = self._filled_pixels(edge_of)
        same = np.repeat(self.buffer.triangle[more[:, 0], more[:, 1]][:, None], kernels.SUBSAMPLES, axis=1)
        return np.concatenate([pixels, more]), np.concatenate([samples, same])

    def _filled_pixels(self, edge_of: Int) -> Int:
        """Pixels, (count, 2), whose triangles are filled."""
        planes = self.posed.planes
        corners = self.posed.position[self.triangles[planes.filled > 0].ravel(), :2]
        top, bottom = corners[:, 1].min() - self.row, corners[:, 1].max() - self.row
        if top > self.rows or bottom < 0:
            return np.empty((0, 2), np.int32)
        x0, x1 = (int(x) for x in np.clip([corners[:, 0].min(), corners[:, 0].max() + 1], 0, self.width))
        found = np.empty((self.rows * max(x1 - x0, 0), 2), np.int32)
        return found[: kernels.list_filled(self.buffer, planes.filled, edge_of, (x0, x1), found)]

    def _edges(self) -> tuple[Int, Int, Int]:
        """Pixels where one part of the person hides another, and the triangles at the samples within them."""
        shape = self.around.triangle.shape
        edge_of, in_row = np.empty(shape, np.int32), np.empty(shape[0], np.int32)
        kernels.find_edges(self.around, np.float32(0.04 * self.portrait.pose.scale), edge_of, in_row)
        inside = slice(self.above, self.above + self.rows)
        edge_of, in_row = edge_of[inside], in_row[inside]
        count = int(in_row.sum())
        if count == 0:
            return _NO_EDGES
        edges = np.empty((count, 2), np.int32)
        kernels.list_edges(edge_of, in_row, edges)
        samples = np.empty((count, kernels.SUBSAMPLES), np.int32)
        kernels.rasterise_edges(self.mesh, self.row, edge_of, samples, np.empty(samples.shape, np.float32))
        return edge_of, edges, samples

    def _composite_patch(self, patch: Patch) -> None:
        rows, columns, inside = self.overlap(patch)
        under = self.combined[rows, columns]
        under += self._shown(patch)[..., None] * (patch.colour[inside] - under)

    def _shown(self, patch: Patch) -> Float32:
        """How much of a patch shows, within `overlap`: where the person is, and most of them only on the face."""
        rows, columns, inside = self.overlap(patch)
        if patch.anywhere:
            return patch.coverage[inside] * self.matte[rows, columns]
        return patch.coverage[inside] * np.where(self.on_face(rows, columns), self.matte[rows, columns], 0)

    def on_face(self, rows: slice, columns: slice) -> Mask:
        """Which of these pixels show the face, its holes included: not hair, neck or plate."""
        triangle = self.buffer.triangle[rows, columns]
        on_face: Mask = (triangle >= 0) & (self.portrait.mesh.region[np.maximum(triangle, 0)] != OUTER)
        return on_face

    def overlap(self, patch: Patch) -> tuple[slice, slice, tuple[slice, slice]]:
        """The band's rows and columns under a patch, and the same part of the patch."""
        x, y = patch.origin
        h, w = patch.coverage.shape
        top, bottom = max(y, self.row), min(y + h, self.row + self.rows)
        rows = slice(top - self.row, max(bottom, top) - self.row)
        return rows, slice(x, x + w), (slice(top - y, max(bottom, top) - y), slice(0, w))

    def draw(self, name: str) -> None:
        """Fill one pass; Combined and Matte are there already."""
        if name in ("Combined", "Matte"):
            return
        drawn: dict[str, Callable[[Float32], None]] = {
            "UV": self._stmap,
            "Vector": self._vectors,
            "Eyes": lambda out: self._openings(out, (lm.EYE_RIGHT, lm.EYE_LEFT)),
            "Mouth": lambda out: self._openings(out, (lm.LIPS_INNER,)),
            "Depth": self._depth_pass,
            "Disocclusion": self._disocclusion,
            "Confidence": self._confidence,
            "Plate": partial(self.portrait.write_plate, self.row),
            "Foreground": partial(write_foreground, self.portrait, self.row, self.combined, self.matte),
            **{each: partial(self._region_matte, name=each) for each in MATTE_NAMES},
        }
        drawn[name](self.out[name])
        if self.hull is not None and name != "Depth":
            self.hull.draw(name, self.matte, self.out[name], (self.width, self.portrait.height))

    def own_matte(self) -> Float32:
        """How much of each pixel is the person's mesh, (rows, W): not the back of the head behind it."""
        return self.matte if self.hull is None else self.hull.uncovered(self.matte)

    def _stmap(self, out: Float32) -> None:
        picture = self.posed.planes.picture
        kernels.stmap(self.buffer, picture, self.matte, (self.width, self.portrait.height), out)

    def _vectors(self, out: Float32) -> None:
        """previous - current, current - following, pixels, y up: Cycles' intern/cycles/kernel/geom/primitive.h."""
        kernels.interpolate(self.buffer, self.posed.planes.motion, self.matte, False, out)

    def _region_matte(self, out: Float32, name: str) -> None:
        maps = np.ascontiguousarray(self.portrait.mattes[..., [MATTE_NAMES.index(name)]])
        scale = np.float32(maps.shape[1] / self.width)
        kernels.texture_passes(self.buffer, self.posed.planes.picture, maps, scale, self.own_matte(), out)

    def _openings(self, out: Float32, loops: Iterable[tuple[int, ...]]) -> None:
        """What lies between the lids or the lips."""
        out[:] = 0
        softness = 0.004 * self.portrait.interocular
        for loop in loops:
            outline = self.posed.position[list(loop), :2].astype(np.float64)
            hole = opening(outline, self.width, self.portrait.height, softness=softness)
            if hole is None:
                continue
            patch = Patch(hole.origin, _NOTHING, hole.coverage())
            rows, columns, _ = self.overlap(patch)
            out[rows, columns, 0] = np.maximum(out[rows, columns, 0], self._shown(patch))

    def _depth_pass(self, out: Float32) -> None:
        unit, near = np.float32(DEPTH_UNIT / self.portrait.pose.scale), np.float32(self.portrait.pose.translation[2])
        far = near + np.float32(BACKGROUND - _DISTANCE) / unit
        z = np.where((self.buffer.triangle >= 0) & (self.matte > 0.5), self.buffer.depth, far)
        if self.hull is not None:
            self.hull.draw("Depth", self.matte, z[..., None], (self.width, self.portrait.height))
        out[..., 0] = (z - near) * unit + np.float32(_DISTANCE)

    def _disocclusion(self, out: Float32) -> None:
        x0, y0, x1, y1 = self.portrait.layers.window
        out[:] = 0
        top, bottom = max(y0, self.row), min(y1, self.row + self.rows)
        if bottom > top:
            pad = kernels.PAD
            was = self.portrait.layers.texture[pad + top - y0 : pad + bottom - y0, pad : pad + x1 - x0, 3]
            now = self.matte[top - self.row : bottom - self.row, x0:x1]
            out[top - self.row : bottom - self.row, x0:x1, 0] = was * (1 - now)

    def _confidence(self, out: Float32) -> None:
        kernels.interpolate(self.buffer, self.posed.planes.confidence, self.own_matte(), True, out)
        disoccluded = np.empty_like(out)
        self._disocclusion(disoccluded)
        # the plate is certain where the portrait shows it
        out += 1 - self.matte[..., None] - disoccluded
        for patch in self.posed.patches:
            if patch.confidence is not None:
                rows, columns, inside = self.overlap(patch)
                here = out[rows, columns, 0]
                here += self._shown(patch) * (patch.confidence[inside] - here)


_NO_EDGES = (np.empty((0, 0), np.int32), np.empty((0, 2), np.int32), np.empty((0, kernels.SUBSAMPLES), np.int32))
_NOTHING = np.empty((0, 0, 4), np.float32)


def write_foreground(portrait: Portrait, row: int, combined: Float32, matte: Float32, out: Float32) -> None:
    """The Foreground pass: what is left of the frame without its plate, premultiplied. Over the plate it is the frame.

    Args:
        row: the first row.
        combined: (rows, W, 4) of the finished frame; matte: (rows, W).
        out: (rows, W, 4), is filled.
    """
    portrait.write_plate(row, out)
    alpha = matte[..., None]
    out[:] = combined - (1 - alpha) * out
    out[..., 3] = matte


def layers_of(portrait: Portrait) -> kernels.Layers:
    """The person and what lies behind, as the kernels take them."""
    layers = portrait.layers
    return kernels.Layers(layers.texture, layers.window, portrait.source, layers.plate)


def mesh_at(portrait: Portrait, position: Float32) -> kernels.Mesh:
    """The portrait's mesh with its vertices at `position` (N, 3), as the rasterisers take it."""
    mesh, alpha = portrait.mesh, portrait.alpha
    return kernels.Mesh(
        position=position,
        triangles=mesh.triangles,
        cutout=(mesh.region == OUTER).astype(np.uint8),
        uv=np.ascontiguousarray(mesh.bind_pose[:, :2], np.float32),
        alpha=alpha,
        alpha_scale=np.float32(alpha.shape[1] / portrait.width),
    )


def _patches(portrait: Portrait, target: Float) -> list[Patch]:
    """Eyeballs, the inside of the mouth, over them what lies before the face: rigid with the skull.

    target: (478, 3) landmarks, pixels.

    The skull's pose is measured on the landmarks: retargeting may hold hair and neck stiller than the face.
    """
    size = (portrait.width, portrait.height)
    stable = list(lm.STABLE)
    skull = fit_similarity(portrait.head[stable], target[stable])
    patches = paint_eyes(portrait.eyes, portrait.landmarks, target, portrait.pose, skull, size)
    expression = skull.to_head(target) - portrait.head
    mouth = paint_mouth(portrait.mouth, portrait.landmarks, target, expression, skull, size)
    over = rigid.draw(portrait.rigid, portrait.head, target, size) if portrait.rigid is not None else None
    return patches + [each for each in (mouth, over) if each is not None]


def _positions(portrait: Portrait, pose: Pose) -> Float:
    """All vertices of the mesh in a pose, (N, 3) float64 pixels; read only."""
    if pose.is_identity:
        return portrait.mesh.bind_pose
    return _LAST_POSES.positions(portrait, pose, lambda: _moved(portrait, pose))


def _moved(portrait: Portrait, pose: Pose) -> Float:
    still = portrait.pose
    there = HeadPose(
        still.scale * pose.scale,
        pose.rotation @ still.rotation,
        still.translation + still.scale * pose.translation,
    )
    mesh = portrait.mesh
    face = there.to_picture(displaced_face(portrait.head, still.rotation, pose.displacement))
    outer = mesh.bind_pose[mesh.outer]
    pull = mesh.oval_weights @ _firm(pose.displacement[list(lm.OVAL)])
    moved = there.to_picture(still.to_head(outer) + pull)
    body = Shoulders(portrait.pose, pose, (portrait.width, portrait.height)).moved(outer)
    outer = outer + _held(body - outer + mesh.rigid[:, None] * (moved - body), mesh.held)
    return np.concatenate([face[: lm.COUNT], outer, face[lm.COUNT :]])


def _held(shift: Float, held: Float) -> Float:
    """Shifts (N, 3) of the outer mesh less what would take the person off the picture's border that cuts it.

    held: (N, 4), see `HeadMesh`.
    """
    shift = shift.copy()
    for side, (axis, inwards) in enumerate(((0, 1), (1, 1), (0, -1), (1, -1))):
        off = np.maximum(inwards * shift[:, axis], 0)
        shift[:, axis] -= inwards * held[:, side] * off
    return shift


def _firm(displacement: Float) -> Float:
    """The oval's displacement (36, 3) as hair and neck follow it: fully when large, hardly when it may be noise.

    d · |d|² / (|d|² + OVAL_NOISE²), smooth, so nothing pops.
    """
    squared = (displacement**2).sum(1, keepdims=True)
    followed: Float = displacement * squared / (squared + OVAL_NOISE**2)
    return followed


def vertex_stretch(portrait: Portrait, position: Float) -> Float:
    """How much the portrait is stretched at each vertex of its mesh, (N,), see `kernels.vertex_stretch`.

    position: (N, 3) float64 pixels.
    """
    return kernels.vertex_stretch(position, portrait.mesh.bind_pose, portrait.mesh.triangles)


def _planes(portrait: Portrait, pose: Pose, position: Float, motion: Float | None) -> Planes:
    mesh = portrait.mesh
    stretch = vertex_stretch(portrait, position)
    confidence = stretch.copy()
    confidence *= 1 - mesh.on_skin(0.7 * (1 - portrait.symmetry.visible))
    values = np.concatenate([mesh.bind_pose[:, :2], confidence[:, None]], 1)
    values = values if motion is None else np.concatenate([values, motion], 1)
    steep = np.array([4.0, 4.0, 0.0, 4.0, 4.0, 4.0, 4.0])[: values.shape[1]]
    every = kernels.planes(position, mesh.triangles, values, steep=steep)  # at once: what they share costs most
    picture = np.ascontiguousarray(every[:, :2])
    vectors = np.zeros((len(every), 4, 3), np.float32) if motion is None else np.ascontiguousarray(every[:, 3:])
    texture = picture.copy()
    texture[..., 0] -= portrait.layers.window[:2]
    planes = Planes(
        picture=picture,
        texture=texture,
        fill=np.zeros((len(mesh.triangles), 6, 3), np.float32),
        filled=np.zeros(len(mesh.triangles), np.uint8),
        motion=vectors,
        confidence=np.ascontiguousarray(every[:, 2:3]),
    )
    if len(portrait.symmetry.weight):
        _fill_by_symmetry(portrait, pose, position, stretch, planes)
    if portrait.occluded is not None:
        _fill_occluded(portrait, portrait.occluded, pose, position, confidence, planes)
    return planes


def _fill_by_symmetry(portrait: Portrait, pose: Pose, position: Float, stretch: Float, planes: Planes) -> None:
    """Take skin from the other half of the face, but only where it would be stretched over what came into view."""
    mesh, symmetry = portrait.mesh, portrait.symmetry
    skin: Mask = mesh.region != OUTER
    source = symmetry.source - portrait.layers.window[:2]
    weight = symmetry.fill_weight(stretch[: lm.FACE_POINTS], head_turn(pose))
    values = mesh.on_skin(np.concatenate([source, weight[:, None], symmetry.gain], axis=1))
    planes.fill[skin] = kernels.planes(position, mesh.triangles[skin], values, steep=np.array([4.0, 4.0, 0, 0, 0, 0]))
    planes.filled[skin] = (values[mesh.triangles[skin], 2] > 1e-3).any(1)


def _fill_occluded(
    portrait: Portrait, occluded: Occluded, pose: Pose, position: Float, confidence: Float, planes: Planes
) -> None:
    """Show what the face hides in the portrait as the head turns."""
    behind, triangles = occluded.triangles, portrait.mesh.triangles[occluded.triangles]
    amount = head_turn(pose) * occluded.weight
    planes.fill[behind, :2] = planes.texture[behind]
    planes.fill[behind, :2, 0] += spare_offset(occluded, portrait.layers)
    planes.fill[behind, 2:3] = kernels.planes(position, triangles, amount[:, None])
    planes.fill[behind, 3:, 0] = 1
    planes.filled[behind] = (amount[triangles] > 1e-3).any(1)
    planes.confidence[behind] = kernels.planes(position, triangles, (confidence * (1 - 0.7 * amount))[:, None])


def head_turn(pose: Pose) -> float:
    """How far a pose turns the head, 0..1; 1 from _TURNED on."""
    # a rotation by a is sqrt(8) sin(a / 2) away from the identity
    angle = 2 * float(np.arcsin(min(np.linalg.norm(pose.rotation - np.eye(3)) / np.sqrt(8), 1)))
    return smoothstep(angle / _TURNED)
