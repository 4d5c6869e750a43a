"""What the head's volume looks like: the sides and back of the head, painted once from what the picture shows.

The texture is a map of the whole head: rows from crown to neck, columns once around from the back. What the picture
shows steeply or not at all is continued from what it shows well: the colour smoothly, with the detail of what lies as
far before the rim, and farther away with detail from many places (histogram-preserving blending: Heitz and Neyret,
"High-performance by-example noise using a histogram-preserving blending operator", HPG 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import landmarks as lm
from ..arrays import Float, Float32, Int, Mask
from ..imaging import draw, resample
from ..imaging.color import choose_display
from ..maths.plane import nearest_marked
from ..pose import HeadPose
from .hull import CORNERS, EARS, Hull, HullShape, Upright
from .kernels import PAD, nearest, smoothstep
from .plate import Layers

_MOST_ROWS, _MOST_COLUMNS = 896, 1280
_STEEP = 0.25  # cosine: what faces the viewer less is not taken from the picture
_REACH, _USUAL = 0.1, 0.7  # of the map's width, of 1: so far from what is seen the usual colour takes over, so much
_PURE = 0.97  # alpha from which a pixel is the person's alone
_STILL_END = 0.45  # head units: over which the lower end of the neck comes to rest
_TURNED = float(np.sin(np.radians(15)))  # of the head's turn in the picture: beyond it the far cheek is not seen
_ONE_COLOUR = 0.24  # encoded: what differs by more from a head's usual colour is another thing on it
_JAW, _HANGING = 0.7, 0.6  # head units down; of a side between ear and jaw: with more hair than this, it hangs there
_SHADE = 0.2, 0.55  # of what is seen of hair, by brightness: what sides and back are like
_COLLAR = 0.12  # encoded: what differs by more from skin, whatever its light, is no neck but what is worn around it
_JAW_SHADE = 0.35, 0.4, 0.12  # head units down, over how many; how much darker, encoded
_LIGHT = 0.4, 1.25  # of its usual brightness, encoded: skin and hair are so dark and so bright
_LOOK_PX = 640  # size at which it is decided where the person gives way


@dataclass(frozen=True)
class _Map:
    """The texture's texels before anything is painted. (h, w, …) each.

    Attributes:
        x, y: where in the picture they are, pixels.
        facing: cosine towards the viewer.
        height: (h, 1) on the head, head units; angle, seen_angle: (1, w), degrees, see `HullShape`.
        colour: (h, w, 3) what the picture shows there, encoded, see `_encoded`; behind: the plate there.
        alpha, hair, face: 0..1, of the picture there.
    """

    x: Float32
    y: Float32
    facing: Float32
    height: Float
    angle: Float
    seen_angle: Float
    colour: Float32
    behind: Float32
    alpha: Float32
    hair: Float32
    face: Float32


def paint_hull(
    shape: HullShape, layers: Layers, source: Float32, landmarks: Float, pose: HeadPose, rigid: Float, hair: Float32
) -> Hull:
    """The hull with its texture, and where the person gives way to it.

    Args:
        layers: of the portrait; source: (H, W, 4) float32, the picture.
        landmarks: (478, 3) pixels; pose: the head's.
        rigid: (N,) how far the hull's vertices would follow the head.
        hair: (h, w) float32, 0..1, of the same picture, any size.
    """
    rows, columns = shape.grid
    gain = choose_display(source).gain
    texels = _texels(shape, layers, source, landmarks, pose, hair, gain)
    kinds = _kinds(shape, texels)
    painted, origin = _painted(texels, kinds)
    texture = _padded(painted**2 / np.float32(gain))
    still = smoothstep((shape.height[-1] - shape.height) / _STILL_END)
    height, width = painted.shape[:2]
    row, column = np.divmod(np.arange(rows * columns), columns)
    uv = np.stack([column / (columns - 1) * width, row / (rows - 1) * height], axis=1)
    return Hull(
        vertices=shape.vertices,
        normals=shape.normals,
        triangles=_trusted(shape, kinds.label, pose),
        uv=uv,
        rigid=rigid * np.repeat(still, columns),
        texture=texture,
        origin=origin,
        hair=np.ascontiguousarray(kinds.label[::2, ::2, None], np.float32),
        gives_way=_gives_way(shape, layers, source, landmarks, pose, hair, kinds, gain),
    )


def _trusted(shape: HullShape, label: Float32, pose: HeadPose) -> Int:
    """The hull's triangles, (T, 3), less the far side of a head that is turned already, unless hair hangs there.

    The picture shows none of that cheek, and where it begins the face ends in a dark contour: what is painted there
    stands beside the face like a flap. Hair goes on plausibly.
    """
    nose = -pose.rotation[0, 2]  # to the picture's right, sine of the turn
    if abs(nose) < _TURNED:
        return shape.triangles
    rows, columns = shape.grid
    far = shape.angle * np.sign(nose) > 0
    beside = (shape.height > EARS) & (shape.height < _JAW)
    height, width = label.shape
    row = np.linspace(0, height - 1, rows).round().astype(int)[beside]
    column = np.linspace(0, width - 1, columns).round().astype(int)[far & (np.abs(shape.angle) < 120)]
    if label[np.ix_(row, column)].mean() > _HANGING:
        return shape.triangles
    return shape.triangles[~np.tile(far, rows)[shape.triangles].any(1)]


def _padded(colour: Float32) -> Float32:
    """(h, w, 3) → an opaque texture with its border repeated; around the head it goes on at the other side."""
    height, width = colour.shape[:2]
    texture = np.ones((height + 2 * PAD, width + 2 * PAD, 4), np.float32)
    texture[PAD:-PAD, PAD:-PAD, :3] = colour
    texture[:, :PAD], texture[:, -PAD:] = texture[:, -2 * PAD : -PAD], texture[:, PAD : 2 * PAD]
    texture[:PAD], texture[-PAD:] = texture[PAD], texture[-PAD - 1]
    return texture


def _encoded(linear: Float32, gain: float) -> Float32:
    """Scene-linear light as evenly as it is seen: its square root."""
    return np.asarray(np.sqrt(np.maximum(linear * np.float32(gain), 0)), np.float32)


def _size(shape: HullShape) -> tuple[int, int]:
    """Rows and columns of the texture: a texel for each pixel of the picture, within limits."""
    rows, columns = shape.grid
    grid = shape.vertices.reshape(rows, columns, 3)
    around = np.linalg.norm(np.diff(grid, axis=1), axis=2).sum(1).max()
    down = np.linalg.norm(grid[-1, 0, :2] - grid[0, 0, :2])
    height, width = (2 * round(float(length) / 2) for length in (down, around))  # even: it is painted at half the size
    return min(max(height, 64), _MOST_ROWS), min(max(width, 128), _MOST_COLUMNS)


def _texels(
    shape: HullShape, layers: Layers, source: Float32, landmarks: Float, pose: HeadPose, hair: Float32, gain: float
) -> _Map:
    rows, columns = shape.grid
    height, width = _size(shape)

    def spread(values: Float) -> Float32:
        """(R, C, K) of the vertices at each texel, linearly."""
        at = [(np.arange(n) + 0.5) / n * (m - 1) for n, m in ((height, rows), (width, columns))]
        low = [np.minimum(a.astype(int), m - 2) for a, m in zip(at, (rows, columns), strict=True)]
        down, along = (at[k] - low[k] for k in range(2))
        values = values[low[0]] + down[:, None, None] * (values[low[0] + 1] - values[low[0]])
        across = values[:, low[1] + 1] - values[:, low[1]]
        return np.asarray(values[:, low[1]] + along[None, :, None] * across, np.float32)

    place = spread(shape.vertices.reshape(rows, columns, 3))
    facing = -spread(shape.normals.reshape(rows, columns, 3))[..., 2]
    x, y = place[..., 0], place[..., 1]
    x0, y0, x1, y1 = (int(k) for k in layers.window)
    person = layers.texture[PAD : PAD + y1 - y0, PAD : PAD + x1 - x0]

    def at(image: Float32) -> Float32:
        return np.asarray(resample.remap(np.ascontiguousarray(image), x - x0, y - y0), np.float32)

    seen = at(person)
    alpha = at(resample.erode(person[..., 3], 2))
    own = np.asarray(seen[..., :3] / np.maximum(seen[..., 3:], 1e-3), np.float32)
    colour = _encoded(own, gain)
    behind = _encoded(at(layers.plate)[..., :3], gain)
    # beyond the picture's border there is nothing to be taken
    inside = (x >= 0.5) & (x <= source.shape[1] - 0.5) & (y >= 0.5) & (y <= source.shape[0] - 0.5)
    small = resample.remap(hair, x * hair.shape[1] / source.shape[1], y * hair.shape[0] / source.shape[0])
    oval = landmarks[list(lm.OVAL), :2] * [hair.shape[1] / source.shape[1], hair.shape[0] / source.shape[0]]
    filled = draw.fill_polygon(oval, hair.shape[1], hair.shape[0])
    face = resample.remap(filled, x * hair.shape[1] / source.shape[1], y * hair.shape[0] / source.shape[0])
    line = (np.arange(height) + 0.5) / height * (rows - 1)
    turn = (np.arange(width) + 0.5) / width * CORNERS
    return _Map(
        x=x,
        y=y,
        facing=facing,
        height=np.interp(line, np.arange(rows), shape.height)[:, None],
        angle=np.interp(turn, np.arange(columns), shape.angle)[None],
        seen_angle=np.interp(turn, np.arange(columns), np.unwrap(shape.seen_angle, period=360))[None],
        colour=colour,
        behind=behind,
        alpha=np.where(inside, alpha, 0),
        hair=np.asarray(small, np.float32),
        face=np.asarray(face, np.float32),
    )


@dataclass(frozen=True)
class _Kinds:
    """What is known of hair and of bare skin, (h, w) bool each; which of both a texel shows, (h, w), 1 is hair; their
    usual colours, encoded, (3,) each."""

    hair: Mask
    skin: Mask
    label: Float32
    usual: tuple[Float32, Float32]


def _kinds(shape: HullShape, t: _Map) -> _Kinds:
    seen = (t.facing > _STEEP) & (t.alpha > _PURE)
    face = t.face > 0.2
    usual_skin = np.median(t.colour[face & seen], axis=0) if (face & seen).any() else np.full(3, 0.6)

    def apart(colour: Float32 | Float) -> Float32:
        return np.asarray(np.linalg.norm(t.colour - colour, axis=2), np.float32)

    above = seen & ~face & (t.height < EARS)
    haired = seen & (t.hair > 0.6)
    if (haired & (t.height < EARS)).sum() > 0.35 * max(1, above.sum()):
        # not the background between strands, nor what the matte took along
        distance = apart(np.median(t.colour[haired], axis=0))
        usual = distance < 2.5 * np.median(distance[haired]) + 0.06
        cover = haired & usual & (apart(t.behind) > 0.8 * distance)
    else:  # a bald head, a hat, a scarf: whatever is seen there goes on
        cover = above
    # below the ears: hair where it is seen to hang, and down to the nape of the neck
    nape = np.interp(np.abs(t.angle), [78, 90, 100, 120, 180], [-0.05, 0.3, 0.7, 0.95, 1.1])
    label = (t.height < nape).astype(np.float32)
    for side, hangs in zip((-1, 1), shape.long, strict=True):
        if hangs:
            near = [int(np.abs(t.seen_angle[0] - side * degrees).argmin()) for degrees in (60, 68, 74)]
            rim = resample.gaussian_blur((t.hair[:, near] > 0.5).mean(1, keepdims=True).astype(np.float32), 7.0) > 0.5
            mine = np.sign(t.seen_angle) == side
            label = np.where(mine, np.maximum(label, rim & (t.height > -0.1)), label).astype(np.float32)
    label = np.where(seen & (t.height > EARS), t.hair > 0.5, label).astype(np.float32)
    label = resample.gaussian_blur(label, 0.008 * label.shape[1])
    near_skin = apart(usual_skin)
    bare = seen & (t.hair < 0.2) & ~face & (near_skin < apart(t.behind)) & (near_skin < 0.4)
    neck = bare & (t.height > 0.3)
    skin: Mask = next((mask for mask in (neck, bare, seen & face) if mask.sum() > 40), seen)
    cover = cover if cover.sum() > 40 else skin
    usual_hair = _shaded(t.colour[cover]) if cover.any() else usual_skin
    return _Kinds(cover, skin, label, (np.asarray(usual_hair, np.float32), np.asarray(usual_skin, np.float32)))


def _shaded(colours: Float32) -> Float32:
    """The usual one of colours (N, 3) in less light than most: hair beside and behind a head lit from the front."""
    order = np.argsort(colours.sum(1), kind="stable")
    low, high = (int(share * (len(order) - 1)) for share in _SHADE)
    return np.asarray(np.median(colours[order[low : high + 1]], axis=0), np.float32)


def _painted(t: _Map, kinds: _Kinds) -> tuple[Float32, Float32]:
    """The texture, encoded, (h, w, 3), and where in the picture each texel comes from, (h / 2, w / 2, 2) pixels."""
    if not kinds.skin.any():
        usual = np.full(t.colour.shape, 0.5, np.float32)
        return usual, np.ascontiguousarray(np.stack([t.x, t.y], axis=2)[::2, ::2], np.float32)
    hair, from_hair = _continued(t.colour, kinds.hair, kinds.usual[0], 1.0)
    skin, from_skin = _continued(t.colour, kinds.skin, kinds.usual[1], 0.4)
    # under the jaw less light comes in than to the face, from which unseen skin has its colour
    unseen = 1 - resample.gaussian_blur(kinds.skin.astype(np.float32), 0.01 * kinds.skin.shape[1])
    under = smoothstep((t.height - _JAW_SHADE[0]) / _JAW_SHADE[1]).astype(np.float32)
    skin *= (1 - np.float32(_JAW_SHADE[2]) * under * unseen)[..., None]
    label = kinds.label[..., None]
    places = np.stack([t.x, t.y], axis=2)[::2, ::2]
    flat = places.reshape(-1, 2)
    origin = np.where(label[::2, ::2] > 0.5, flat[from_hair], flat[from_skin])
    return label * hair + (1 - label) * skin, np.ascontiguousarray(origin, np.float32)


def _continued(colour: Float32, known: Mask, usual: Float32, strength: float) -> tuple[Float32, Int]:
    """Colours of one kind spread over the whole map, (h, w, 3), and which texel of the halved map each comes from.

    The colour is continued smoothly and, far from what is seen, drawn towards the kind's usual one (the rim is often in
    shade); the detail is reflected about the rim, and beyond that taken from many places.
    """
    height, width = known.shape
    # halved, and once more around on both sides
    h, w = height // 2, width // 2
    small = resample.resize(np.where(known[..., None], colour, 0).astype(np.float32), w, h)
    share = resample.resize(known.astype(np.float32), w, h)
    small, known_small = np.asarray(small / np.maximum(share, 1e-3)[..., None], np.float32), share > 0.6
    if not known_small.any():
        known_small = share >= share.max()
    smooth = _smooth_colour(small, known_small, usual)
    distance, (row, column) = _nearest_known(known_small)
    here = np.indices((h, w))
    reflected = (np.clip(2 * row - here[0], 0, h - 1), (2 * column - here[1]) % w)
    mirrored = known_small[reflected]
    low = _masked_blur(small, known_small, 0.016 * w)
    own = _detail(small, low, known_small)
    sheet, place = _detail_sheet(own, known_small, distance)
    far = np.clip(distance / (0.02 * w), 0, 1)[..., None] * ~mirrored[..., None]
    near = resample.gaussian_blur(mirrored.astype(np.float32), 0.006 * w)[..., None]
    log = near * own[reflected] * (1 - 0.1 * far) + np.sqrt(np.maximum(1 - near * near, 0)) * sheet
    log = np.where(known_small[..., None], own, strength * log)
    origin = np.where(known_small, here[0] * w + here[1], np.where(mirrored, reflected[0] * w + reflected[1], place))
    # at full size: what is seen as it is seen, the rest with its detail
    base = resample.resize(smooth.astype(np.float32), width, height, method="linear")
    fine = resample.resize(log.astype(np.float32), width, height, method="linear")
    made = (base + 0.02) * np.exp(fine) - 0.02
    edge = resample.gaussian_blur(known.astype(np.float32), 1.0)[..., None] * known[..., None]
    return np.clip(made + edge * (colour - made), 0, None).astype(np.float32), origin.astype(np.int32)


def _wrapped(values: Float32 | Mask, pad: int) -> Float32:
    return np.concatenate([values[:, -pad:], values, values[:, :pad]], axis=1).astype(np.float32)


def _smooth_colour(colour: Float32, known: Mask, usual: Float32) -> Float32:
    """Without detail, everywhere, (h, w, 3)."""
    w = known.shape[1]
    pad = w // 2
    wide = _wrapped(known, pad) > 0.5
    filled = resample.fill_holes_smooth(_wrapped(colour, pad), wide)
    filled = resample.gaussian_blur(filled, 0.02 * w)
    distance = resample.distance_inside(~wide)[..., None] / (_REACH * w)
    return np.asarray((filled + np.clip(distance, 0, _USUAL) * (usual - filled))[:, pad:-pad], np.float32)


def _masked_blur(colour: Float32, known: Mask, sigma: float) -> Float32:
    """Known colours blurred among themselves, (h, w, 3)."""
    weight = np.maximum(resample.gaussian_blur(known.astype(np.float32), sigma), 1e-3)[..., None]
    blurred = resample.gaussian_blur(np.where(known[..., None], colour, 0).astype(np.float32), sigma)
    return np.asarray(blurred / weight, np.float32)


def _detail(colour: Float32, low: Float32, known: Mask) -> Float32:
    """The logarithm of how much brighter known texels are than their surroundings, 0 elsewhere."""
    ratio = np.clip((colour + 0.02) / (low + 0.02), 0.4, 2.0)
    return np.where(known[..., None], np.log(ratio), 0).astype(np.float32)


def _nearest_known(known: Mask) -> tuple[Float32, tuple[Int, Int]]:
    """How far each texel is from the nearest known one around the head, and which that is: row, column."""
    w = known.shape[1]
    pad = w // 2
    wide = _wrapped(known, pad) > 0.5
    row, column = (index[:, pad : pad + w] for index in nearest_marked(wide))
    y, x = np.indices(row.shape)
    distance = np.sqrt(((row - y) ** 2 + (column - pad - x) ** 2).astype(np.float64))
    return distance.astype(np.float32), (row, (column - pad) % w)


def _detail_sheet(detail: Float32, known: Mask, distance: Float32) -> tuple[Float32, Int]:
    """Detail for what was never seen, (h, w, 3), and the texel each comes from, (h, w).

    Overlapping windows of what is known, each from another place at about the same height, blended so that their
    contrast stays.
    """
    h, w = known.shape
    tall, wide = max(16, w // 10), max(8, w // 20)
    place = np.zeros((h, w), np.int32)
    total, squares = np.zeros_like(detail), np.zeros((h, w, 1), np.float32)
    sources = _windows(known, tall, wide)
    if not len(sources):
        return total, place
    window = np.sin((np.arange(tall) + 0.5) / tall * np.pi)[:, None] * np.sin((np.arange(wide) + 0.5) / wide * np.pi)
    window = (window**2).astype(np.float32)[..., None]
    best = np.zeros((h, w), np.float32)
    rng = np.random.default_rng(0)
    for top in range(-tall // 2, h, tall // 2):
        for left in range(0, w, max(1, wide // 2)):
            rows = slice(max(top, 0), min(top + tall, h))
            columns = (left + np.arange(wide)) % w
            chance = rng.random(2)
            if rows.stop <= rows.start or not (distance[rows][:, columns] > 0).any():
                continue
            near = sources[np.argsort(np.abs(sources[:, 0] - top), kind="stable")[: max(8, len(sources) // 4)]]
            y, x = near[int(chance[0] * len(near))]
            inner = slice(rows.start - top, rows.stop - top)
            along = np.arange(wide) if chance[1] < 0.5 else np.arange(wide)[::-1]
            part = detail[y + np.arange(tall)[inner]][:, x + along]
            weight = window[inner]
            total[rows, columns] += weight * part
            squares[rows, columns] += weight**2
            mine = weight[..., 0] > best[rows][:, columns]
            at = (y + np.arange(tall)[inner])[:, None] * w + (x + along)[None]
            place[rows, columns] = np.where(mine, at, place[rows][:, columns])
            best[rows, columns] = np.maximum(best[rows][:, columns], weight[..., 0])
    return np.asarray(total / np.sqrt(np.maximum(squares, 1e-6)), np.float32), place


def _windows(known: Mask, tall: int, wide: int) -> Int:
    """Upper left corners of windows that are nearly wholly known, (n, 2); fewer are asked of where there is none."""
    h, w = known.shape
    if h <= tall or w <= wide:
        return np.empty((0, 2), np.int32)
    total = np.pad(np.cumsum(np.cumsum(known, axis=0, dtype=np.int64), axis=1), ((1, 0), (1, 0)))
    inside = total[tall:, wide:] - total[:-tall, wide:] - total[tall:, :-wide] + total[:-tall, :-wide]
    for share in (0.98, 0.85, 0.6):
        found = np.argwhere(inside >= share * tall * wide)
        if len(found):
            return found[:: max(1, len(found) // 400)].astype(np.int32)
    return np.empty((0, 2), np.int32)


def _gives_way(
    shape: HullShape,
    layers: Layers,
    source: Float32,
    landmarks: Float,
    pose: HeadPose,
    hair: Float32,
    kinds: _Kinds,
    gain: float,
) -> Float32:
    """(h, w, 1) 0..1, small: hair and neck that are seen steeply at the outline, and background between strands."""
    height, width = source.shape[:2]
    scale = min(1.0, _LOOK_PX / max(height, width))
    w, h = max(2, round(width * scale)), max(2, round(height * scale))
    x0, y0, x1, y1 = (int(k) for k in layers.window)
    matte = np.zeros((height, width), np.float32)
    matte[y0:y1, x0:x1] = layers.texture[PAD : PAD + y1 - y0, PAD : PAD + x1 - x0, 3]
    matte, hair = resample.resize(matte, w, h), resample.resize(hair, w, h)
    face_px = float(np.linalg.norm(landmarks[lm.FOREHEAD, :2] - landmarks[lm.CHIN, :2])) * scale
    seen = nearest(shape.vertices * scale, shape.triangles, w, h)
    facing = -shape.normals[shape.triangles, 2].mean(1)[np.maximum(seen.triangle, 0)]
    steep = np.where(seen.triangle >= 0, np.clip((0.44 - facing) / 0.2, 0, 1), 1)
    steep = resample.gaussian_blur(steep.astype(np.float32), 0.007 * face_px)
    upright = Upright.of(pose)
    row, column = np.mgrid[:h, :w] + 0.5
    points = np.stack([column / scale, row / scale, np.full((h, w), pose.translation[2])], axis=2)
    own = upright.axis(upright.from_picture(points)[..., 1].ravel())[0].reshape(h, w)
    is_hair = resample.gaussian_blur((hair > 0.5).astype(np.float32), 0.005 * face_px)
    behind = source.copy()
    behind[y0:y1, x0:x1] = layers.plate
    picture, behind = (_encoded(resample.resize(layer[..., :3], w, h), gain) for layer in (source, behind))
    # what goes on behind a crown without hair is of one colour: a hat of several keeps its own pixels
    unlike = np.linalg.norm(picture - kinds.usual[0], axis=2)
    top = (own < -0.1) & (matte > 0.5) & (is_hair < 0.5)
    mixed = float(np.percentile(unlike[top], 70)) if top.any() else 0.0
    crown = np.clip((-0.1 - own) / 0.1, 0, 1) * np.clip((_ONE_COLOUR - mixed) / (0.5 * _ONE_COLOUR), 0, 1)
    bare = np.clip((_COLLAR - _apart_but_for_light(picture, kinds.usual[1])) / (0.5 * _COLLAR), 0, 1)
    neck = bare * np.clip((own - 1.05) / 0.1, 0, 1) * np.clip((1.35 - own) / 0.2, 0, 1)
    wanted = steep * (own < 1.4) * np.maximum(is_hair, np.maximum(crown, neck) * (matte > 0.02))
    gap = _background_caught(picture, behind, kinds, face_px) * (own < 1.0) * (matte > 0.02)
    oval = draw.fill_polygon(landmarks[list(lm.OVAL), :2] * scale, w, h) > 0.01
    outside, inside = (resample.distance_inside(mask) / face_px for mask in (~oval, oval))
    # the outline of the landmarks may lie on the ear, and so a little background within it
    wanted, gap = np.clip(outside / 0.03, 0, 1) * wanted, (inside < 0.05 * (own > 0.2)) * gap
    return np.ascontiguousarray(np.maximum(wanted, gap)[..., None], np.float32)


def _background_caught(picture: Float32, behind: Float32, kinds: _Kinds, face_px: float) -> Float32:
    """Where the person's layer shows the background after all, (h, w) 0..1: between strands, between jaw and ear.

    Told by colour, hence before an even background only. picture, behind: (h, w, 3), encoded.
    """
    own = np.minimum(*(_apart_but_for_light(picture, colour) for colour in kinds.usual))
    ratio = np.linalg.norm(picture - behind, axis=2) / np.maximum(own, 1e-3)
    smooth = resample.gaussian_blur(behind, 0.03 * face_px)
    rough = resample.gaussian_blur(np.linalg.norm(behind - smooth, axis=2).astype(np.float32), 0.12 * face_px)
    caught = np.clip((0.7 - ratio) / 0.3, 0, 1) * np.clip((0.05 - rough) / 0.02, 0, 1)
    return resample.gaussian_blur(resample.dilate(caught.astype(np.float32), 0.01 * face_px), 0.005 * face_px)


def _apart_but_for_light(picture: Float32, colour: Float32) -> Float32:
    """How far (h, w) encoded colours (h, w, 3) are from one (3,) in more or less light, as on an ear."""
    light = np.clip(picture @ colour / max(float(colour @ colour), 1e-6), *_LIGHT)[..., None]
    return np.asarray(np.linalg.norm(picture - light * colour, axis=2), np.float32)
