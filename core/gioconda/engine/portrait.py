"""A portrait made ready: everything the engine works out once, so that each frame is fast."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from .. import landmarks as lm
from ..arrays import Float, Float32, Floating, Mask
from ..errors import PictureError
from ..imaging import draw, resample
from ..imaging.color import choose_display, display_srgb
from ..imaging.drawn import drawn
from ..pose import HeadPose, head_pose
from .background import complete_background, is_opaque
from .eyes import Eye, find_eyes
from .hull import Hull, find_hull
from .hull_texture import paint_hull
from .kernels import PAD
from .mesh import HeadMesh, build_mesh, rigid_weight
from .mirrored_skin import SymmetryFill, find_symmetry_fill
from .mouth import Mouth, find_mouth
from .occluded import Occluded, fill_spare_rows, find_occluded, spare_rows
from .patch import pixels_around
from .plate import Layers, split
from .rigid import Rigid, lift_off

MATTE_NAMES = ("Face", "Lips", "Hair", "Body")  # channels of `Portrait.mattes`, in order
_HAIR = MATTE_NAMES.index("Hair")
_SIDE_BY_SIDE = 2_500_000  # pixels: of a larger picture two things at once would take too much memory
_DRAWN_DEPTH = 0.3  # of a face's depth: more, and the line around it stretches to a slab and is covered on the far side
_ALPHA_PX = 768
_MATTES_PX = 1024


@dataclass(frozen=True)
class Portrait:
    """A still picture ready to be moved. Made by `prepare`; never changed afterwards.

    Attributes:
        source: (H, W, 4) float32, scene-linear, premultiplied: the picture itself.
        landmarks: (478, 3) float64, pixels.
        pose: the head's pose in the picture.
        head: (478, 3) float64, the landmarks in head space.
        layers: person and plate.
        mesh: the triangles that move.
        symmetry: which skin the picture does not show, and where on the other half it can be taken from.
        hull: the head's sides and back, for when it turns; None where the picture shows too little of it.
        occluded: which hair and background the face hides, where it is turned far enough.
        eyes, mouth: what the mesh cannot show.
        rigid: what lies before the face and does not bend; the layers, eyes and mouth are those beneath it.
        alpha: (h, w) float32, the matte, small and a little grown, for the rasteriser's cut-outs.
        mattes: (h, w, 4) float32, small source-space mattes, see MATTE_NAMES.
    """

    source: Float32
    landmarks: Float
    pose: HeadPose
    head: Float
    layers: Layers
    mesh: HeadMesh
    symmetry: SymmetryFill
    hull: Hull | None
    occluded: Occluded | None
    eyes: tuple[Eye, ...]
    mouth: Mouth
    rigid: Rigid | None
    alpha: Float32
    mattes: Float32

    @property
    def width(self) -> int:
        return int(self.source.shape[1])

    @property
    def height(self) -> int:
        return int(self.source.shape[0])

    @property
    def interocular(self) -> float:
        """Distance between the outer eye corners, pixels."""
        return lm.interocular(self.landmarks)

    def write_plate(self, row: int, out: Float32) -> None:
        """The picture without the person, from the row `row` on, into (rows, W, 4)."""
        out[:] = self.source[row : row + len(out)]
        x0, y0, x1, y1 = self.layers.window
        top, bottom = max(y0, row), min(y1, row + len(out))
        if bottom > top:
            out[top - row : bottom - row, x0:x1] = self.layers.plate[top - y0 : bottom - y0]


def prepare(
    source: Float32,
    landmarks: Floating,
    matte: Float32,
    *,
    hair: Float32 | None = None,
    clean_plate: Float32 | None = None,
    rigid: Float32 | None = None,
    cutout: bool = False,
    own_matte: bool = False,
    teeth: bool = True,
) -> Portrait:
    """Make a picture ready to be moved.

    Args:
        source: (H, W, 4) float32, scene-linear, premultiplied, unclamped and finite.
        landmarks: (478, 3) pixels.
        matte: (H, W) float32, 0..1: the person, hair included.
        hair: (h, w) float32, 0..1, any size covering the picture: how much of the person is hair; None: told by colour.
        clean_plate: (H, W, 4) float32, the background without the person, if the artist has it.
        rigid: (H, W) float32, 0..1: what lies before the face and does not bend, such as spectacles.
        cutout: True when the picture's own alpha is the matte and nothing lies behind the person.
        own_matte: the matte is the artist's: it stays as it is, also where it seems to miss hair.
        teeth: human ones are behind shut lips; off: nothing light is, as for a muzzle.

    Raises: PictureError: sizes differ, or the face is too small to be moved.
    """
    _check(source, landmarks, {"matte": matte, "clean plate": clean_plate, "rigid mask": rigid})
    points = landmarks.astype(np.float64)
    # a drawn head is what its outline holds: hardly deep, with no back, and the line stays beside the face
    drawing = _drawing(source, points)
    flat = drawing > 0.5
    if flat:
        points[:, 2] = points[:, 2].mean() + _DRAWN_DEPTH * (points[:, 2] - points[:, 2].mean())
    pose = head_pose(points)
    head = pose.to_head(points)
    mattes = _mattes(source, points, matte, hair)
    shape = None if flat else find_hull(points, pose, matte, mattes[..., _HAIR])
    mesh = build_mesh(points, pose, matte, shape, mattes[..., _HAIR], flat=flat)
    before, beneath = (None, source) if rigid is None else lift_off(source, rigid, points, pose)
    if flat and clean_plate is None and not cutout:
        clean_plate = _flat_plate(beneath, matte, points)
    complete = None
    if clean_plate is None and not cutout and is_opaque(source):
        complete = partial(_completed, beneath, matte, points, own_matte=own_matte)
    with ThreadPoolExecutor(1, "gioconda-background") as beside:
        small = source.shape[0] * source.shape[1] <= _SIDE_BY_SIDE
        completed = beside.submit(complete) if complete is not None and small else None
        symmetry = find_symmetry_fill(points, matte, beneath)
        eyes = find_eyes(beneath, points)
        mouth = find_mouth(beneath, points, head, pose, lm.template(), teeth, drawing)
        hidden = find_occluded(mesh)
        found = None if completed is None else completed.result()
        del completed
    # last: what the others need while they are made is free again, and the layers are the largest
    if complete is not None and not small:
        found = complete()
    del complete
    if found is None:
        layers = split(beneath, matte, clean_plate=clean_plate, cutout=cutout, spare=spare_rows(hidden))
    else:
        plate, grown = found
        del found
        layers = split(beneath, grown, clean_plate=plate, exact_plate=not own_matte, spare=spare_rows(hidden))
        del plate, grown
    fill_spare_rows(hidden, layers)
    alpha = _cutout_alpha(layers, matte.shape)
    hull = None
    if shape is not None:
        follows = rigid_weight(shape.vertices, points, pose)
        hull = paint_hull(shape, layers, beneath, points, pose, follows, mattes[..., _HAIR])
    return Portrait(
        source, points, pose, head, layers, mesh, symmetry, hull, hidden, eyes, mouth, before, alpha, mattes
    )


def _completed(picture: Float32, matte: Float32, points: Float, *, own_matte: bool) -> tuple[Float32, Float32] | None:
    """The plate and the matte with hair that it missed, see `complete_background`; None where nothing is behind."""
    face_px = float(np.linalg.norm(points[lm.FOREHEAD, :2] - points[lm.CHIN, :2]))
    alpha = person_alpha(split(picture, matte), matte.shape)  # of those layers nothing else is kept: they are large
    return complete_background(picture, alpha, face_px, own_matte=own_matte)


def _drawing(picture: Float32, points: Float) -> float:
    """How surely the face is drawn, 0..1."""
    oval = points[list(lm.OVAL), :2]
    x0, y0, x1, y1 = pixels_around(oval, (picture.shape[1], picture.shape[0]))
    face = display_srgb(picture[y0:y1, x0:x1], exposure=choose_display(picture))  # the whole says how it is shown
    return drawn(face, oval - [x0, y0])


def _flat_plate(picture: Float32, matte: Float32, points: Float) -> Float32:
    """What lies behind a drawn head, (H, W, 4): its colours go on, without the soft rim of its line."""
    rim = 0.02 * float(np.linalg.norm(points[lm.FOREHEAD, :2] - points[lm.CHIN, :2]))
    return resample.fill_holes_smooth(picture, ~resample.dilate(matte > 0, rim))


def _cutout_alpha(layers: Layers, shape: tuple[int, ...]) -> Float32:
    """`Portrait.alpha`."""
    return resample.dilate(resample.shrunk(person_alpha(layers, shape), _ALPHA_PX), 1)


def person_alpha(layers: Layers, shape: tuple[int, ...]) -> Float32:
    """How much of the person there is, (H, W): the layers may have found more than the matte says."""
    x0, y0, x1, y1 = layers.window
    alpha = np.zeros(shape, np.float32)
    alpha[y0:y1, x0:x1] = layers.texture[PAD : PAD + y1 - y0, PAD : PAD + x1 - x0, 3]
    return alpha


def check_size(name: str, layer: Float32, size: tuple[int, int]) -> None:
    """`size`: (width, height) of the portrait. Raises: PictureError where the layer has another."""
    height, width = layer.shape[:2]
    if (width, height) != size:
        raise PictureError(
            f"The {name} is {width}×{height}, the portrait {size[0]}×{size[1]}: give a {name} of the portrait's size."
        )


def _check(source: Float32, landmarks: Floating, layers: Mapping[str, Float32 | None]) -> None:
    height, width = source.shape[:2]
    for name, layer in layers.items():
        if layer is not None:
            check_size(name, layer, (width, height))
    interocular = lm.interocular(landmarks)
    if not interocular >= 8:
        raise PictureError(
            f"The face is only {interocular:.0f} pixels between the eyes: use a larger picture, 8 pixels are the least."
        )


def _mattes(source: Float32, points: Float, matte: Float32, hair: Float32 | None) -> Float32:
    """Face, lips, hair and body in the portrait, (h, w, 4). Face and lips are outlines, less what hangs into them."""
    height, width = matte.shape
    scale = min(1.0, _MATTES_PX / max(height, width))
    w, h = max(2, round(width * scale)), max(2, round(height * scale))
    scaled = points[:, :2] * [w / width, h / height]
    alpha = resample.resize(matte, w, h, method="area")
    face = draw.fill_polygon(scaled[list(lm.OVAL)], w, h)
    lips = draw.fill_polygon(scaled[list(lm.LIPS_OUTER)], w, h)
    lips = np.clip(lips - draw.fill_polygon(scaled[list(lm.LIPS_INNER)], w, h), 0, 1)
    if hair is None:
        hair = _hair_by_colour(resample.resize(source, w, h, method="area")[..., :3], alpha, face, scaled) * (1 - face)
    else:
        hair = resample.resize(hair, w, h, method="area")
    face = face * (1 - hair)
    body = np.clip(1 - face - hair, 0, 1)
    return np.ascontiguousarray(np.stack([face, lips, hair, body], axis=2), np.float32)


def _hair_by_colour(colour: Float32, alpha: Float32, face: Float32, points: Float) -> Float32:
    """How likely each pixel of the person is hair, (h, w) float32: near in colour to what lies around the forehead,
    far from the skin's and from what lies below the chin."""
    h, w = alpha.shape
    up = points[lm.FOREHEAD] - points[lm.CHIN]
    face_px = float(np.linalg.norm(up))
    up = up / face_px
    y, x = np.mgrid[:h, :w].astype(np.float32)
    height_up = ((x - points[lm.CHIN, 0]) * up[0] + (y - points[lm.CHIN, 1]) * up[1]) / face_px  # 0 chin, 1 forehead
    person = (alpha > 0.5) & (face < 0.5)
    log = np.log(np.maximum(colour, 0) + 0.02)
    crown, below, skin = person & (height_up > 0.85), person & (height_up < -0.45), face > 0.99
    if crown.sum() < 20:
        return np.zeros_like(alpha)
    far = _distance(log, crown)
    others = np.minimum(_distance(log, below), _distance(log, skin)) if below.sum() > 20 else _distance(log, skin)
    likely = 1 / (1 + np.exp(np.clip((far - others) * 1.5, -30, 30)))
    prior = np.clip((height_up + 0.35) / 0.8, 0.05, 0.98)
    score = likely * prior / (likely * prior + (1 - likely) * (1 - prior))
    smooth = resample.guided_filter(
        np.clip(np.sqrt(np.clip(colour, 0, 1)), 0, 1), score, max(2, int(0.03 * face_px)), 1e-3
    )
    return np.asarray(np.clip((smooth - 0.25) / 0.5, 0, 1) * (alpha > 0), np.float32)


def _distance(log_colour: Float32, part: Mask) -> Float32:
    """Mahalanobis-like distance of every pixel's colour from the colours of a part, (h, w)."""
    samples = log_colour[part]
    spread = samples.std(0) + 0.12
    return np.asarray(np.sqrt((((log_colour - np.median(samples, axis=0)) / spread) ** 2).mean(2)), np.float32)
