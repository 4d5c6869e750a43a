"""One frame: a portrait and a pose become pixels and passes. Stateless; any frame, any band of rows, in any order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .. import landmarks as lm
from ..errors import SettingsError
from ..pose import HeadPose, Pose
from . import kernels
from .eyes import paint_eyes
from .mesh import OUTER, smoothstep
from .mouth import paint_mouth
from .patch import Patch, opening
from .portrait import MATTE_NAMES, Portrait

Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

CHANNELS = {
    "Combined": 4,  # the whole picture, premultiplied, scene-linear
    "Matte": 1,  # the person
    "Depth": 1,  # metres from the camera, were the eyes' outer corners 0.09 m apart and the head 1 m away
    "Vector": 4,  # motion in pixels, Cycles' convention
    "UV": 3,  # STMap: where in the portrait the colour was taken from
    "Face": 1,
    "Lips": 1,
    "Hair": 1,
    "Body": 1,
    "Eyes": 1,  # the eyeballs between the lids
    "Mouth": 1,  # between the lips
    "Disocclusion": 1,  # plate that the portrait does not show
    "Confidence": 1,  # 1 where the picture is only moved, towards 0 where it is stretched or hidden skin is borrowed
    "Plate": 4,
}
DEFAULT_PASSES = ("Combined", "Matte", "Vector", "UV")
ALL_PASSES = tuple(CHANNELS)

_METRES = 0.09  # between the outer corners of an adult's eyes
_DISTANCE = 1.0


@dataclass(frozen=True)
class Frame:
    """Some rows of a finished picture.

    Attributes:
        row: the first row.
        passes: name → (rows, W, channels) float32, see CHANNELS.
    """

    row: int
    passes: dict[str, Float32]


@dataclass(frozen=True)
class Placed:
    """A portrait put into a pose: all that a band of rows needs. Made by `place`."""

    portrait: Portrait
    pose: Pose
    position: Float32  # (N, 3) picture pixels
    before: Float32  # (N, 2) in the previous frame
    after: Float32  # (N, 2) in the following frame
    stretch: Float32  # (N,) smallest singular value of the map from frame to portrait, at most 1
    borrowed: Float32  # (468, 6) or (0, 6): the mirrored half for `kernels.shade`, in window coordinates
    patches: tuple[Patch, ...]


def place(portrait: Portrait, pose: Pose, *, previous: Pose | None = None, following: Pose | None = None) -> Placed:
    """Move the mesh and paint eyes and mouth. `previous` and `following` are the neighbours' poses, for motion vectors."""
    position, head_pose = _positions(portrait, pose)
    target = position[: lm.COUNT]
    size = (portrait.width, portrait.height)
    patches: list[Patch] = []
    if not pose.is_identity:
        patches = paint_eyes(portrait.eyes, portrait.landmarks, target, portrait.pose, head_pose, size)
        mouth = paint_mouth(
            portrait.mouth, portrait.landmarks, target, pose.displacement, portrait.pose, head_pose, size
        )
        patches += [mouth] if mouth is not None else []
    neighbours = [
        position if other is None else _positions(portrait, other)[0] for other in (previous, following)
    ]
    before, after = (np.ascontiguousarray(n[:, :2], np.float32) for n in neighbours)
    stretch = _stretch(portrait, position)
    return Placed(
        portrait, pose, position.astype(np.float32), before, after, stretch, _borrowed(portrait, stretch), tuple(patches)
    )


def render(
    portrait: Portrait,
    pose: Pose,
    *,
    previous: Pose | None = None,
    following: Pose | None = None,
    passes: Iterable[str] = DEFAULT_PASSES,
    smooth_edges: bool = True,
) -> Frame:
    """A whole frame. See `place` and `render_rows`."""
    placed = place(portrait, pose, previous=previous, following=following)
    return render_rows(placed, 0, portrait.height, passes=passes, smooth_edges=smooth_edges)


def render_rows(
    placed: Placed, row: int, rows: int, *, passes: Iterable[str] = DEFAULT_PASSES, smooth_edges: bool = True
) -> Frame:
    """Rows `row` … `row + rows - 1` of a frame. The same pixels whether asked for at once or in bands.

    Args:
        passes: names from CHANNELS.
        smooth_edges: anti-alias where one part of the person hides another.

    Raises:
        SettingsError: a pass of that name does not exist.
    """
    wanted = list(dict.fromkeys(passes))
    for name in wanted:
        if name not in CHANNELS:
            raise SettingsError(f"There is no pass called “{name}”: choose from {', '.join(CHANNELS)}.")
    band = _Band(placed, row, rows)
    band.composite(smooth_edges)
    return Frame(row, {name: band.make(name, wanted) for name in wanted})


class _Band:
    """The working arrays of one band of rows."""

    def __init__(self, placed: Placed, row: int, rows: int) -> None:
        self.placed, self.portrait = placed, placed.portrait
        self.row, self.rows, self.width = row, rows, placed.portrait.width
        mesh, layers = self.portrait.mesh, self.portrait.layers
        self.triangles = mesh.triangles
        self.uv = np.ascontiguousarray(mesh.rest[:, :2], np.float32)
        self.texture_uv = self.uv - layers.window[:2].astype(np.float32)
        self.seen = np.empty((rows, self.width), np.int32)
        self.depth = np.empty((rows, self.width), np.float32)
        self.combined = np.empty((rows, self.width, 4), np.float32)
        self.matte = np.empty((rows, self.width), np.float32)
        kernels.rasterise(
            placed.position, self.triangles, (mesh.region == OUTER).astype(np.uint8), self.uv, self.portrait.alpha,
            np.float32(self.portrait.alpha.shape[1] / self.width), row, self.seen, self.depth,
        )  # fmt: skip

    def composite(self, smooth_edges: bool) -> None:
        """Person over plate, eyes and mouth over both; at the identity pose the source itself."""
        p = self.portrait
        window = p.layers.window
        edge_of, sub_seen = self._edges() if smooth_edges else _NO_EDGES
        kernels.shade(
            self.seen, self.row, self.placed.position, self.triangles, self.texture_uv, self.placed.borrowed,
            p.layers.texture, window, p.source, p.layers.plate, edge_of, sub_seen, self.combined, self.matte,
        )  # fmt: skip
        if self.placed.pose.is_identity:
            self.combined[:] = p.source[self.row : self.row + self.rows]
            return
        for patch in self.placed.patches:
            self._lay(patch)

    def _edges(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        jump = np.float32(0.04 * self.portrait.pose.scale)
        edge_of = np.empty((self.rows, self.width), np.int32)
        edges = np.empty((max(1024, self.rows * self.width // 16), 2), np.int32)
        count = kernels.find_edges(self.seen, self.depth, jump, edge_of, edges)
        if count == 0:
            return _NO_EDGES
        p, mesh = self.portrait, self.portrait.mesh
        sub_seen = np.empty((count, kernels.SUBSAMPLES), np.int32)
        kernels.rasterise_edges(
            self.placed.position, self.triangles, (mesh.region == OUTER).astype(np.uint8), self.uv, p.alpha,
            np.float32(p.alpha.shape[1] / self.width), self.row, edge_of, sub_seen,
            np.empty((count, kernels.SUBSAMPLES), np.float32),
        )  # fmt: skip
        return edge_of, sub_seen

    def _lay(self, patch: Patch) -> None:
        rows, columns, inside = self._overlap(patch)
        if rows.stop <= rows.start:
            return
        # only over skin that is really there, never over the plate or over hair that fell before the eye
        over = patch.coverage[inside] * np.where(self._on_face(rows, columns), self.matte[rows, columns], 0)
        under = self.combined[rows, columns]
        under += over[..., None] * (patch.colour[inside] - under)

    def _on_face(self, rows: slice, columns: slice) -> npt.NDArray[np.bool_]:
        seen = self.seen[rows, columns]
        return (seen >= 0) & (self.portrait.mesh.region[np.maximum(seen, 0)] != OUTER)

    def _overlap(self, patch: Patch) -> tuple[slice, slice, tuple[slice, slice]]:
        x, y = patch.origin
        h, w = patch.coverage.shape
        top, bottom = max(y, self.row), min(y + h, self.row + self.rows)
        rows = slice(top - self.row, max(bottom, top) - self.row)
        return rows, slice(x, x + w), (slice(top - y, max(bottom, top) - y), slice(0, w))

    def make(self, name: str, wanted: list[str]) -> Float32:
        """One pass, (rows, W, channels) float32."""
        if name == "Combined":
            return self.combined
        if name == "Matte":
            return self.matte[..., None]
        if name in ("UV", "Vector"):
            return self._geometry(name)
        if name in MATTE_NAMES:
            return self._region_mattes(name)
        if name in ("Eyes", "Mouth"):
            return self._patch_matte(name == "Eyes")
        if name == "Depth":
            return self._depth_pass()
        if name == "Disocclusion":
            return self._disocclusion()
        if name == "Confidence":
            return self._confidence()
        return self._plate()

    def _geometry(self, name: str) -> Float32:
        none3, none4 = np.empty((0, 0, 3), np.float32), np.empty((0, 0, 4), np.float32)
        out = np.empty((self.rows, self.width, CHANNELS[name]), np.float32)
        kernels.geometry_passes(
            self.seen, self.row, self.placed.position, self.triangles, self.uv, self.placed.before, self.placed.after,
            self.matte, np.array([self.width, self.portrait.height], np.float32),
            out if name == "UV" else none3, out if name == "Vector" else none4,
        )  # fmt: skip
        return out

    def _region_mattes(self, name: str) -> Float32:
        maps = np.ascontiguousarray(self.portrait.mattes[..., [MATTE_NAMES.index(name)]])
        out = np.empty((self.rows, self.width, 1), np.float32)
        kernels.texture_passes(
            self.seen, self.row, self.placed.position, self.triangles, self.uv,
            np.float32(maps.shape[1] / self.width), maps, self.matte, out,
        )  # fmt: skip
        return out

    def _patch_matte(self, eyes: bool) -> Float32:
        out = np.zeros((self.rows, self.width, 1), np.float32)
        outlines = [lm.EYE_RIGHT, lm.EYE_LEFT] if eyes else [lm.LIPS_INNER]
        softness = 0.004 * self.portrait.interocular
        for loop in outlines:
            hole = opening(
                self.placed.position[list(loop), :2].astype(np.float64), self.width, self.portrait.height,
                softness=softness,
            )  # fmt: skip
            if hole is None:
                continue
            coverage = hole.coverage()
            rows, columns, inside = self._overlap(Patch(hole.origin, _NOTHING, coverage))
            if rows.stop > rows.start:
                shown = coverage[inside] * np.where(self._on_face(rows, columns), self.matte[rows, columns], 0)
                out[rows, columns, 0] = np.maximum(out[rows, columns, 0], shown)
        return out

    def _depth_pass(self) -> Float32:
        unit = _METRES / self.portrait.pose.scale
        far = float(self.portrait.mesh.rest[:, 2].max())
        z = np.where((self.seen >= 0) & (self.matte > 0.5), self.depth, np.float32(far))
        return ((z - np.float32(self.portrait.pose.translation[2])) * np.float32(unit) + np.float32(_DISTANCE))[..., None]

    def _disocclusion(self) -> Float32:
        x0, y0, x1, y1 = self.portrait.layers.window
        out = np.zeros((self.rows, self.width, 1), np.float32)
        top, bottom = max(y0, self.row), min(y1, self.row + self.rows)
        if bottom > top:
            pad = kernels.PAD
            h, w = y1 - y0, x1 - x0
            was = self.portrait.layers.texture[pad : pad + h, pad : pad + w, 3][top - y0 : bottom - y0]
            now = self.matte[top - self.row : bottom - self.row, x0:x1]
            out[top - self.row : bottom - self.row, x0:x1, 0] = was * (1 - now)
        return out

    def _confidence(self) -> Float32:
        sure = self.placed.stretch.copy()
        sure[: lm.FACE_POINTS] *= (0.3 + 0.7 * self.portrait.mirror.visible).astype(np.float32)
        out = np.empty((self.rows, self.width, 1), np.float32)
        kernels.vertex_passes(
            self.seen, self.row, self.placed.position, self.triangles, sure[:, None],
            self.matte, out,
        )  # fmt: skip
        # the plate is sure where the portrait shows it
        return out + (1 - self.matte[..., None]) - self._disocclusion()

    def _plate(self) -> Float32:
        out = self.portrait.source[self.row : self.row + self.rows].copy()
        x0, y0, x1, y1 = self.portrait.layers.window
        top, bottom = max(y0, self.row), min(y1, self.row + self.rows)
        if bottom > top:
            out[top - self.row : bottom - self.row, x0:x1] = self.portrait.layers.plate[top - y0 : bottom - y0]
        return out


_NO_EDGES = (np.empty((0, 0), np.int32), np.empty((0, kernels.SUBSAMPLES), np.int32))
_NOTHING = np.empty((0, 0, 4), np.float32)


def _positions(portrait: Portrait, pose: Pose) -> tuple[Float, HeadPose]:
    """All vertices of the mesh in a pose, (N, 3) float64 pixels, and the head's pose there."""
    if pose.is_identity:
        return portrait.mesh.rest, portrait.pose
    rest = portrait.pose
    there = HeadPose(
        rest.scale * pose.scale,
        pose.rotation @ rest.rotation,
        rest.translation + rest.scale * pose.translation,
    )
    mesh = portrait.mesh
    face = there.to_picture(portrait.head + pose.displacement)
    outer = mesh.rest[lm.COUNT :]
    pull = mesh.follow @ pose.displacement[list(lm.OVAL)]
    moved = there.to_picture(rest.to_head(outer) + pull)
    outer = outer + mesh.rigid[:, None] * (moved - outer)
    return np.concatenate([face, outer]), there


def _stretch(portrait: Portrait, position: Float) -> Float32:
    """How many portrait pixels each frame pixel covers along the most stretched direction, at most 1. (N,)

    The smallest singular value of the map from frame to portrait: 1 where nothing is enlarged, 0.5 where one pixel of the
    portrait is spread over two.
    """
    t, now, then = portrait.mesh.triangles, position[:, :2], portrait.mesh.rest[:, :2]
    a, b = now[t[:, 1]] - now[t[:, 0]], now[t[:, 2]] - now[t[:, 0]]
    u, v = then[t[:, 1]] - then[t[:, 0]], then[t[:, 2]] - then[t[:, 0]]
    det = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    safe = np.where(np.abs(det) < 1e-6, 1e-6, det)[:, None]
    along_x = (u * b[:, 1:] - v * a[:, 1:]) / safe
    along_y = (v * a[:, :1] - u * b[:, :1]) / safe
    squares = (along_x**2 + along_y**2).sum(1)
    product = along_x[:, 0] * along_y[:, 1] - along_x[:, 1] * along_y[:, 0]
    smallest = np.sqrt(np.maximum(squares - np.sqrt(np.maximum(squares**2 - 4 * product**2, 0)), 0) / 2)
    weight = np.repeat(np.abs(det), 3)
    index = t.ravel()
    total = np.bincount(index, weight, minlength=len(now))
    value = np.bincount(index, weight * np.repeat(np.clip(smallest, 0, 1), 3), minlength=len(now))
    return np.where(total > 0, value / np.maximum(total, 1e-12), 1.0).astype(np.float32)


def _borrowed(portrait: Portrait, stretch: Float32) -> Float32:
    """The mirrored half, taken only where the portrait's own skin has to be stretched to cover what came into view."""
    mirror = portrait.mirror
    if not len(mirror.loan):
        return np.empty((0, 6), np.float32)
    revealed = smoothstep((0.85 - stretch[: lm.FACE_POINTS].astype(np.float64)) / 0.45)
    columns = [
        mirror.source - portrait.layers.window[:2].astype(np.float32),
        (mirror.loan * revealed)[:, None],
        mirror.gain,
    ]
    return np.ascontiguousarray(np.concatenate(columns, axis=1), np.float32)


__all__ = ["ALL_PASSES", "CHANNELS", "DEFAULT_PASSES", "Frame", "Placed", "place", "render", "render_rows"]
