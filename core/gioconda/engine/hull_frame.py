"""The head's volume in a frame: moved with the head, drawn between background and person, told to the passes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Float, Float32, Int
from ..pose import HeadPose, Pose, rotation_vector
from . import hull_kernels, kernels
from .hull import Hull
from .kernels import smoothstep
from .last_poses import LastPoses
from .shoulders import Shoulders

_COMES = 0.06  # cosine: a part of the hull is shown fully once it has turned this far towards the viewer
_FACES, _TURNED = (0.5, 0.3), 0.1  # cosine: what faces the viewer from there on fills holes, once the head has turned
CONFIDENCE = 0.2  # of what the hull shows: most of it was never seen
_LAST_POSES = LastPoses()


@dataclass(frozen=True)
class PosedHull:
    """The hull in a pose.

    Attributes:
        hull: as it is in the portrait.
        position: (N, 3) float64, pixels.
        triangles: (T, 3) int32, those that may be seen.
        values: (N, 4) float32, see `hull_kernels.Surface`.
        motion: (N, 4) float32, see the Vector pass.
        box: x0, x1, y0, y1: the pixels it may cover.
        width: of the picture.
    """

    hull: Hull
    position: Float
    triangles: Int
    values: Float32
    motion: Float32
    box: tuple[int, int, int, int]
    width: int

    def surface(self) -> hull_kernels.Surface:
        """As the kernels take it."""
        hull = self.hull
        return hull_kernels.Surface(
            self.position.astype(np.float32),
            self.triangles,
            self.values,
            hull.texture,
            hull.gives_way,
            np.float32(hull.gives_way.shape[1] / self.width),
        )


def pose_hull(
    hull: Hull, rest: HeadPose, pose: Pose, size: tuple[int, int], neighbours: tuple[Pose | None, Pose | None]
) -> PosedHull | None:
    """The hull moved; None where the head has not turned, or nothing of it comes into view.

    rest: the head's pose in the portrait; size: width and height of the picture; neighbours: the poses of the frames
    before and after, for motion vectors.
    """
    now = (hull.normals @ pose.rotation.T)[:, 2]
    comes = smoothstep((hull.normals[:, 2] - now) / _COMES)
    # the neck behind a jaw that moves away is seen though it turns from the viewer
    turned = smoothstep(float(np.linalg.norm(rotation_vector(pose.rotation))) / _TURNED)
    comes = np.maximum(comes, turned * smoothstep((-now - _FACES[0]) / _FACES[1]))
    used = hull.triangles[((comes > 0) & (now < 0))[hull.triangles].any(1)]
    if not len(used):
        return None
    position = _positions(hull, rest, pose, size)
    is_used = np.zeros(len(position), np.bool_)
    is_used[used] = True
    corners = position[is_used, :2]
    low, high = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int) + 1
    (x0, y0), (x1, y1) = np.clip(low, 0, size), np.clip(high, 0, size)
    if x1 <= x0 or y1 <= y0:
        return None
    before, after = (position if other is None else _positions(hull, rest, other, size) for other in neighbours)
    motion = np.concatenate([(before - position)[:, :2], (position - after)[:, :2]], axis=1) * [1, -1, 1, -1]
    values = np.concatenate([hull.uv, -now[:, None], comes[:, None]], axis=1).astype(np.float32)
    box = (int(x0), int(x1), int(y0), int(y1))
    return PosedHull(hull, position, used, values, motion.astype(np.float32), box, size[0])


def _positions(hull: Hull, rest: HeadPose, pose: Pose, size: tuple[int, int]) -> Float:
    """The hull's vertices in a pose, (N, 3) pixels: rigid with the head, its lower end with the body; read only."""
    return _LAST_POSES.positions(hull, pose, lambda: _moved(hull, rest, pose, size))


def _moved(hull: Hull, rest: HeadPose, pose: Pose, size: tuple[int, int]) -> Float:
    scale, shift = rest.scale * pose.scale, rest.translation + rest.scale * pose.translation
    with_head = HeadPose(scale, pose.rotation @ rest.rotation, shift).to_picture(rest.to_head(hull.vertices))
    with_body = Shoulders(rest, pose, size).moved(hull.vertices)
    return np.asarray(with_body + hull.rigid[:, None] * (with_head - with_body))


class HullBand:
    """The hull over a band of rows: what it looks like there, and what it tells the passes.

    Attributes:
        rows: the band's rows that it may cover, counted from the band's first; columns: of the picture.
        layer: (rows, columns, 6) float32, see `hull_kernels.sample_hull`; unknown until it is sampled or composited.
        shown: (rows, columns) float32: how much of each pixel is the hull's; 0 until it is composited.
    """

    def __init__(self, posed: PosedHull, buffer: kernels.ZBuffer, uv: Float32) -> None:
        """buffer, uv: the band's z-buffer of the person and its planes of picture coordinates."""
        x0, x1, y0, y1 = posed.box
        top, bottom = (int(np.clip(y - buffer.row0, 0, len(buffer.triangle))) for y in (y0, y1))
        self.posed, self.rows, self.columns = posed, slice(top, bottom), slice(x0, x1)
        self.surface = posed.surface()
        size = (bottom - top, x1 - x0)
        self.layer, self.shown = np.empty((*size, 6), np.float32), np.zeros(size, np.float32)
        self.seen = kernels.ZBuffer(np.empty(size, np.int32), np.empty(size, np.float32), buffer.row0 + top)
        shifted = self.surface.position.copy()
        shifted[:, 0] -= x0
        whole, nowhere = np.zeros(len(posed.triangles), np.uint8), np.zeros((len(shifted), 2), np.float32)
        mesh = kernels.Mesh(shifted, posed.triangles, whole, nowhere, np.ones((1, 1), np.float32), np.float32(1))
        kernels.rasterise(mesh, self.seen)
        self.person = kernels.ZBuffer(buffer.triangle[self.rows], buffer.depth[self.rows], self.seen.row0)
        self.uv = uv

    def sample(self, matte: Float32 | None = None) -> None:
        """Fill `layer`; with a band's matte of the person, (rows, W), only where the hull may be seen."""
        hidden = None if matte is None else matte[self.rows]
        x0 = self.columns.start
        hull_kernels.sample_hull(self.seen, x0, self.surface, self.person, self.uv, self.layer, hidden)

    def composite(self, layers: kernels.Layers, combined: Float32, matte: Float32) -> None:
        """Between person and background, into a band's (rows, W, 4) and (rows, W)."""
        self.sample(matte)
        hull_kernels.composite_hull(
            self.layer,
            self.columns.start,
            self.seen.row0,
            layers,
            combined[self.rows],
            matte[self.rows],
            self.shown,
        )

    def uncovered(self, matte: Float32) -> Float32:
        """The person's own part of a band's matte, (rows, W)."""
        own = matte.copy()
        own[self.rows, self.columns] -= self.shown
        return own

    def draw(self, name: str, matte: Float32, out: Float32, size: tuple[int, int]) -> None:
        """What the hull has to say in a pass of the band, (rows, W, channels), on top of the person and the background.

        size: width and height of the picture.
        """
        x0, part, surface = self.columns.start, out[self.rows], self.surface
        hull = self.posed.hull
        values = {"Vector": self.posed.motion, "Depth": self.posed.position[:, 2:].astype(np.float32)}.get(name)
        if values is not None:
            hull_kernels.draw_values(self.seen, x0, surface, values, self.shown, matte[self.rows], part)
        elif name == "UV":
            hull_kernels.draw_origin(
                self.seen, x0, surface, hull.origin, np.array(size, np.float32), self.shown, matte[self.rows], part
            )
        elif name in _SHARES:
            hull_kernels.draw_texture(self.seen, x0, surface, hull.hair, *_SHARES[name], self.shown, part)


# of a pixel that the hull shows: how much each pass gets for what is hair on it, and for all of it
_SHARES = {
    "Hair": (1.0, 0.0),
    "Body": (-1.0, 1.0),
    "Confidence": (0.0, CONFIDENCE),
}
