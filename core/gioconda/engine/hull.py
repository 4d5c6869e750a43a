"""A back for the head: a closed surface around skull, hair and neck, from one picture's outline.

The picture is looked at upright, as if the head were not tilted sideways. Each row of the outline of head and hair
becomes one horizontal section of the average skull, as wide as the outline is in that row: a volume from a silhouette.
What the picture shows of it and what lies beyond is painted once, see `hull_texture`; it is drawn between background
and person, see `hull_frame`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import landmarks as lm
from ..arrays import Float, Float32, Int, Mask
from ..imaging import resample
from ..maths import filters
from ..pose import HeadPose, euler_degrees, rotation_matrix
from .anatomy import fitted_head, head_prior
from .kernels import nearest, smoothstep

# Half widths of the skull's section above the ears (ICT-FaceKit's average head), from the nose backwards.
_ANGLES = np.arange(0, 181, 15)
_SECTION = np.array([1.32, 1.29, 1.17, 1.10, 1.01, 0.99, 1.0, 1.04, 1.11, 1.14, 1.185, 1.2, 1.2])
CORNERS = 64  # of a section; the first is repeated as the last
AXIS = 1.2  # head units behind the bridge of the nose: the middle of the skull
EARS = -0.15  # head units, upwards is negative: above it nothing but head and hair is as wide as the outline
FARTHEST = float(np.sin(np.radians(30)))  # of the head's turn in the picture: beyond it one side is not seen at all
END = 1.75  # head units: where the neck ends
_EAR_PLANE = 0.85  # head units behind the bridge of the nose: hair beside the face lies no farther forward

_PX = 80  # pixels per head unit at which the outline is looked at
_LEFT, _TOP, _WIDTH, _HEIGHT = -3.6, -4.0, 7.2, END + 4.0  # head units: how far is looked
_FINE = 2  # pixels: a row in which the outline is measured
_EVEN = 3.0  # sections: how far the back of the head is smoothed
_NECK, _NECK_FROM, _NECK_OVER = 0.66, 0.35, 0.5  # head units: half its width; from which height on, over how much
_DOME_MOST = 0.2  # head units: so much rounder than the front's outline the back of a crown may be
_EVERY = 2  # measured rows to a section


@dataclass(frozen=True)
class HullShape:
    """The surface in the portrait. A grid of vertices: rows from top to bottom, columns from the back by the picture's
    left side (column CORNERS / 4), the front and the right side to the back again.

    Attributes:
        vertices: (R · (CORNERS + 1), 3) float64, picture space: pixels and depth.
        normals: the same shape, unit length, outwards.
        triangles: (T, 3) int32.
        height: (R,) float64, each row's height on the head, head units, downwards.
        angle: (CORNERS + 1,) float64, degrees from the nose, positive to the picture's right, in the head's own frame.
        seen_angle: the same as the picture sees it: 0 nearest to the viewer, ±90 the outline.
        long: whether hair hangs down beside the neck on the left and on the right, (2,) bool.
    """

    vertices: Float
    normals: Float
    triangles: Int
    height: Float
    angle: Float
    seen_angle: Float
    long: Mask

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of vertices."""
        return len(self.height), CORNERS + 1


@dataclass(frozen=True)
class Hull:
    """The surface with what is on it, ready to be drawn.

    Attributes:
        vertices, normals, triangles: as in `HullShape`.
        uv: (N, 2) float64, pixels of the texture.
        rigid: (N,) float64: 1 moves with the head, 0 stays.
        texture: (h + 2 PAD, w + 2 PAD, 4) float32, scene-linear, premultiplied, its border repeated.
        origin: (h', w', 2) float32: where in the picture a texel's colour, or its detail, comes from, pixels; small.
        hair: (h', w', 1) float32, 0..1: what of it is hair; the rest is skin, cloth or a hat.
        gives_way: (h, w, 1) float32, 0..1: where the person's layer gives way to the hull behind it, small.
    """

    vertices: Float
    normals: Float
    triangles: Int
    uv: Float
    rigid: Float
    texture: Float32
    origin: Float32
    hair: Float32
    gives_way: Float32


@dataclass(frozen=True)
class Upright:
    """The portrait seen with the head upright: x to the right, y down, z away from the viewer, head units.

    Attributes:
        pose: the portrait's.
        tilt: (3, 3) float64, upright → the picture's axes.
    """

    pose: HeadPose
    tilt: Float

    @classmethod
    def of(cls, pose: HeadPose) -> Upright:
        return cls(pose, rotation_matrix(roll=euler_degrees(pose.rotation)[2]))

    @property
    def rotation(self) -> Float:
        """(3, 3): head space → upright."""
        return np.asarray(self.tilt.T @ self.pose.rotation)

    def to_picture(self, points: Float) -> Float:
        """(..., 3) head units → pixels."""
        return np.asarray(self.pose.scale * points @ self.tilt.T + self.pose.translation)

    def from_picture(self, points: Float) -> Float:
        """(..., 3) pixels → head units."""
        return np.asarray((points - self.pose.translation) @ self.tilt / self.pose.scale)

    def canvas(self) -> tuple[Float, Float]:
        """Picture x and y of each pixel as the outline is looked at, (h, w) each."""
        x = _LEFT + (np.arange(round(_WIDTH * _PX)) + 0.5) / _PX
        across, down = np.meshgrid(x, _heights())
        picture = self.to_picture(np.stack([across, down, np.zeros_like(across)], axis=2))
        return picture[..., 0], picture[..., 1]

    def axis(self, y: Float) -> tuple[Float, Float, Float]:
        """Where the skull's axis passes heights y: its own height there, x and z. Head units, (R,) each."""
        r = self.rotation
        own = (y - r[1, 2] * AXIS) / r[1, 1]
        return own, r[0, 1] * own + r[0, 2] * AXIS, r[2, 1] * own + r[2, 2] * AXIS


def find_hull(landmarks: Float, pose: HeadPose, matte: Float32, hair: Float32) -> HullShape | None:
    """The volume of head and hair; None where the picture shows too little of the head.

    Args:
        landmarks: (478, 3) pixels.
        matte: (H, W) float32, 0..1: the person. hair: (h, w) float32, 0..1, of the same picture, any size.
    """
    if abs(pose.rotation[0, 2]) > FARTHEST:
        return None
    upright = Upright.of(pose)
    measured = _outline(landmarks, upright, matte, hair)
    return None if measured is None else _sections(measured, upright)


@dataclass(frozen=True)
class _Outline:
    """How far head and hair reach in each row, head units upright. y, left, right: (R,); long: (2,) bool."""

    y: Float
    left: Float
    right: Float
    long: Mask


def _outline(landmarks: Float, upright: Upright, matte: Float32, hair: Float32) -> _Outline | None:
    x, y = upright.canvas()
    person, haired = (_seen(layer, matte.shape, x, y) > 0.5 for layer in (matte, hair))
    radius = 0.037 * _PX
    person = resample.dilate(resample.erode(person, radius), radius)  # wisps are no volume
    skull, height = _skull(landmarks, upright), upright.axis(_heights())[0]
    # beyond the picture's border nothing is known: a skull like everybody's above, nothing beside
    inside = (x >= 0) & (x < matte.shape[1]) & (y >= 0) & (y < matte.shape[0])
    person = np.where(inside, person, skull)
    person = resample.connected(person, _around(upright.from_picture(landmarks[lm.FOREHEAD]), person.shape))
    haired &= person
    long = np.array([_hangs(skull, haired, height, side) for side in (-1, 1)])
    rows, reach = [], []
    for i in range(_FINE // 2, len(person), _FINE):
        columns = np.flatnonzero(_line(person[i], haired[i], skull[i], float(height[i]), long))
        if len(columns) >= 4 and height[i] < END:
            rows.append(i)
            reach.append((columns[0], columns[-1] + 1))
    if len(rows) < 40:
        return None
    at = _TOP + (np.array(rows) + 0.5) / _PX
    left, right = (_LEFT + np.array(side) / _PX for side in zip(*reach, strict=True))
    calm = np.clip((upright.axis(at)[0] - 0.2) / 0.3, 0, 1)  # below the ears in long waves
    return _Outline(at, _smooth(left, calm, inwards=1), _smooth(right, calm, inwards=-1), long)


def _heights() -> Float:
    """The height of each row that is looked at, upright, head units."""
    return np.asarray(_TOP + (np.arange(round(_HEIGHT * _PX)) + 0.5) / _PX)


def _seen(layer: Float32, shape: tuple[int, ...], x: Float, y: Float) -> Float32:
    """A layer of the picture, which is `shape` pixels large, at picture pixels x, y; its border repeated."""
    scale = min(1.0, 640 / max(layer.shape))
    small = resample.shrunk(layer, 640) if scale < 1 else layer
    return np.asarray(resample.remap(small, x * small.shape[1] / shape[1], y * small.shape[0] / shape[0]), np.float32)


def _around(point: Float, shape: tuple[int, ...]) -> Mask:
    """The pixel that is looked at a point, (x, y, …) head units upright, alone."""
    seed = np.zeros(shape, np.bool_)
    row, column = int((point[1] - _TOP) * _PX), int((point[0] - _LEFT) * _PX)
    seed[np.clip(row, 0, shape[0] - 1), np.clip(column, 0, shape[1] - 1)] = True
    return seed


def _skull(landmarks: Float, upright: Upright) -> Mask:
    """Where the average head and neck are, without the ears, as the picture is looked at."""
    vertices, triangles = head_prior()
    # no wider than skull, jaw and neck: ears and shoulders are cut off
    widest = np.interp(vertices[:, 1], [-0.2, 1.0, 1.45, 1.6], [0.93, 0.72, 0.70, 0.66])
    narrow = vertices.copy()
    narrow[:, 0] = np.clip(vertices[:, 0], -widest, widest)
    fitted = upright.from_picture(fitted_head(landmarks, upright.pose, narrow))
    kept = triangles[(vertices[:, 1] < 1.7)[triangles].all(1)]
    on_canvas = (fitted - [_LEFT, _TOP, 0]) * _PX
    return nearest(on_canvas, kept, round(_WIDTH * _PX), round(_HEIGHT * _PX)).triangle >= 0


def _hangs(skull: Mask, hair: Mask, height: Float, side: int) -> bool:
    """Whether hair hangs down on a side (-1 left, 1 right): beyond the skull in most rows beside cheek and jaw."""
    rows = np.flatnonzero((height > 0.1) & (height < 0.7) & skull.any(1) & hair.any(1))
    if len(rows) < 0.25 * _PX:
        return False
    own, its = (_farthest(mask[rows], side) for mask in (skull, hair))
    return bool(np.mean((its - own) * side > 0.08 * _PX) > 0.6)


def _farthest(mask: Mask, side: int) -> Int:
    """The outermost column of each row that is set, (R,)."""
    columns = mask.argmax(1) if side < 0 else mask.shape[1] - 1 - mask[:, ::-1].argmax(1)
    return np.asarray(columns, np.int32)


def _line(person: Mask, hair: Mask, skull: Mask, height: float, long: Mask) -> Mask:
    """Which pixels of a row are head and hair, (W,); the rest of the person is ears and body."""
    if height < EARS:
        return person
    line, own = (skull & person) | hair, np.flatnonzero(skull)
    if not len(own):
        return line
    column = np.arange(len(line))
    if 0.95 < height < 1.5:  # the neck is as wide as it is seen, until the shoulders begin
        grown = 0.09 * (own[-1] - own[0])
        line = line | (person & (column >= own[0] - grown) & (column <= own[-1] + grown))
    if height > 0.55:
        spare = 0.04 * _PX
        if not long[0]:
            line = line & (column >= own[0] - spare)
        if not long[1]:
            line = line & (column <= own[-1] + spare)
    return line


def _smooth(reach: Float, calm: Float, *, inwards: int) -> Float:
    """A side of the outline, (R,), without strands that stand out over a few rows. inwards: 1 to the right, -1 left."""
    cut = filters.closed if inwards > 0 else filters.opened
    even = cut(filters.median(reach, 3), 7)
    fine, long = (filters.gaussian(even, sigma) for sigma in (0.8, 5.0))
    return np.asarray(fine + calm * (long - fine))


def _sections(outline: _Outline, upright: Upright) -> HullShape:
    y, left, right = outline.y[::_EVERY], outline.left[::_EVERY], outline.right[::_EVERY]
    # a closing cap
    middle = (left[0] + right[0]) / 2
    y, left, right = np.r_[y[0] - 0.5 / _PX, y], np.r_[middle - 0.01, left], np.r_[middle + 0.01, right]
    turn = np.arange(-CORNERS // 2, CORNERS // 2 + 1) * 2 * np.pi / CORNERS
    radius = np.interp(np.abs(np.degrees(turn)), _ANGLES, _SECTION)
    # the section stands across the head: turned as the head is
    across, back = upright.rotation[[0, 2], 0], upright.rotation[[0, 2], 2]
    across, back = across / np.linalg.norm(across), back / np.linalg.norm(back)
    section = (radius * np.sin(turn))[:, None] * across - (radius * np.cos(turn))[:, None] * back
    seen = np.degrees(np.unwrap(np.arctan2(section[:, 0], -section[:, 1])))
    seen -= 360 * np.round(seen[CORNERS // 2] / 360)
    # what the outline has of locks and notches is there; the back is even
    smooth = [np.r_[side[:1], filters.gaussian(side[1:], _EVEN)] for side in (left, right)]
    even = _backs(y, smooth[0], smooth[1], upright, outline.long)
    behind = smoothstep((np.abs(seen) - 90) / 25)[None, :, None]
    made, evened = (_volume(y, side, other, section, abs(back[1]), upright) for side, other in ((left, right), even))
    vertices = upright.to_picture(made + behind * (evened - made))
    triangles = _triangles(len(y))
    return HullShape(
        vertices=vertices.reshape(-1, 3),
        normals=_normals(vertices),
        triangles=triangles,
        height=upright.axis(y)[0],
        angle=np.degrees(turn),
        seen_angle=seen,
        long=outline.long,
    )


def _backs(y: Float, left: Float, right: Float, upright: Upright, long: Mask) -> tuple[Float, Float]:
    """The outline of the back of a head whose front has this one, (R,) each: a round crown, whatever stands up in
    front, and a neck behind the jaw, unless hair hangs there."""
    height = upright.axis(y)[0]
    middle = upright.axis(y)[1]
    crown, base = height[0], EARS
    at = int(np.abs(height - base).argmin())
    rise = np.clip((base - height) / max(base - crown, 1e-6), 0, 1)
    dome = np.where(height < base, np.sqrt(1 - rise**2), 0)
    neck = smoothstep((height - _NECK_FROM) / _NECK_OVER)
    made = []
    for side, sign, hangs in ((left, -1, long[0]), (right, 1, long[1])):
        reach = sign * (side - middle)
        reach = np.maximum(reach, np.minimum(dome * reach[at], reach + _DOME_MOST))
        if not hangs:
            reach = reach + neck * np.minimum(_NECK - reach, 0)
        made.append(middle + sign * reach)
    return made[0], made[1]


def _volume(y: Float, left: Float, right: Float, section: Float, towards: float, upright: Upright) -> Float:
    """Sections (C, 2: x, z) of the skull as wide as the outline in each row, (R, C, 3) head units upright.

    towards: how far the head faces the viewer, 0..1.
    """
    height, _, axis = upright.axis(y)
    low, high = section[:, 0].min(), section[:, 0].max()
    width = (right - left) / (high - low)
    own = np.interp(height, [-2, -0.2, 1.0, 1.45, 1.8], [0.95, 0.93, 0.8, 0.75, 0.75])
    depth = np.minimum(width, own + 0.5 * np.maximum(width - own, 0))  # wide hair is not as deep as it is wide
    depth = np.where(height < -0.2, np.maximum(depth, 0.9 * width), depth)
    x = (left - low * width)[:, None] + width[:, None] * section[:, 0]
    z = depth[:, None] * section[:, 1]
    plane = -(AXIS - _EAR_PLANE) * towards
    beside = np.clip((height + 0.45) / 0.4, 0, 1)[:, None]
    z = z + beside * np.where(z < plane, 0.85 * (plane - z), 0)
    return np.stack([x, np.broadcast_to(y[:, None], x.shape), axis[:, None] + z], axis=2)


def _triangles(rows: int) -> Int:
    """Two triangles a cell of the grid of vertices, (T, 3)."""
    corner = np.arange(rows * (CORNERS + 1)).reshape(rows, CORNERS + 1)
    a, b, c, d = (part.ravel() for part in (corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]))
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)


def _normals(vertices: Float) -> Float:
    """Outward unit normals (R · C, 3) of a grid (R, C, 3) whose last column is its first again."""
    around = np.concatenate([vertices[:, -2:-1], vertices, vertices[:, 1:2]], axis=1)
    along = around[:, 2:] - around[:, :-2]
    down = np.gradient(vertices, axis=0)
    normals = np.cross(along, down)
    normals[:, 0] = normals[:, -1] = (normals[:, 0] + normals[:, -1]) / 2
    normals = filters.gaussian(normals, 1.0)
    normals[0] = normals[1]  # the cap's own row is a point
    outwards = vertices - vertices.mean(axis=1, keepdims=True)
    normals *= np.where((normals * outwards).sum() < 0, -1, 1)
    unit: Float = normals / np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-12)
    return unit.reshape(-1, 3)
