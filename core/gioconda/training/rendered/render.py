"""A fitted, textured head in an expression, a gaze and a pose, drawn over a picture of what is around the face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ... import landmarks as lm
from ...engine import kernels
from ...imaging import resample
from ...pose import HeadPose
from .eyes import Eyes, add_glints, add_lashes, between, eyes_of, lid_shadow
from .head import EYEBALLS, MOUTH, NECK, SKIN, SOCKETS, Person, eyeball
from .light import Light, estimate_light, normals, random_light
from .mouth import lip_shadow, mouth_colours, move_tongue
from .texture import GUMS_PART, LEFT_EYE, LINING, RIGHT_EYE, SKIN_PART, TEETH_PART, Mesh, Texture, project, sample

Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

BRIGHTEST_SKIN = 0.9  # scene-linear
FINER = 2  # pixels drawn for each of the picture's, along a side


@dataclass(frozen=True)
class TexturedHead:
    """A fitted head with all that its colours come from."""

    person: Person
    mesh: Mesh
    texture: Texture
    inner: Float  # (N, 3) colours of linings, gums, teeth
    eyes: Eyes
    light: Light
    exposure: float  # of all its pictures, so that the lamp that was added burns nothing out


@dataclass(frozen=True)
class HeadState:
    """What is asked of a head.

    Attributes:
        weights: (57,) of the kit's expressions; gaze: (2, 2), see `Person`; pose: head → pixels.
        tongue: (3,) cm, where its tip goes beside what the jaw does.
    """

    weights: Float
    gaze: Float
    pose: HeadPose
    tongue: Float

    def head(self, person: Person) -> Float:
        """(N, 3) cm."""
        head = person.vertices(self.weights, self.gaze)
        move_tongue(head, person.model, self.tongue)
        return head


def texture_head(person: Person, mesh: Mesh, picture: Float32, points: Float, rng: np.random.Generator) -> TexturedHead:
    """Everything that a still says of a person, and chance where it says nothing.

    picture: (H, W, 3) scene-linear; points: (478, 3) its landmarks.
    """
    texture = project(person, mesh, picture)
    skin = np.flatnonzero((texture.confidence[:SKIN] > 0.5) & (mesh.alpha[:SKIN] > 0))
    colours = sample(picture, texture.at[skin])
    bright = np.zeros(len(texture.at))
    bright[skin] = colours.mean(1)
    light = random_light(estimate_light(texture.facing[skin], bright[skin], texture.confidence[skin]), rng)
    face = np.median(colours, axis=0)
    eyes = eyes_of(person, picture, points, face, rng)
    white = max(1.2 * eyes.white, 1.3 * float(face.mean())) * eyes.sclera / eyes.sclera.mean()
    white = _teeth_shown(picture, points, white)
    lips = np.median(
        sample(picture, points[list(lm.LIPS_OUTER[:10]), :2] * 0.5 + points[list(lm.LIPS_INNER[:10]), :2] * 0.5), axis=0
    )
    inner = mouth_colours(person.model, white, lips, rng)
    inner[MOUTH:SOCKETS] = texture.fill[MOUTH:SOCKETS] * [0.95, 0.72, 0.68]
    lit = colours * light.change(texture.facing[skin], texture.facing[skin])
    exposure = min(1.0, BRIGHTEST_SKIN / max(float(np.quantile(lit, 0.97)), 1e-6))
    return TexturedHead(person, mesh, texture, inner, eyes, light, exposure)


def _teeth_shown(picture: Float32, points: Float, white: Float) -> Float:
    """The colour of something white, (3,): as bright as the still's own teeth where it shows them."""
    inside, at = between(points[list(lm.LIPS_INNER), :2])
    width, gap = (np.linalg.norm(points[a, :2] - points[b, :2]) for a, b in ((78, 308), (lm.LIP_TOP, lm.LIP_BOTTOM)))
    if gap < 0.12 * width:
        return white
    colours = sample(picture, at[inside])
    shown = colours[colours.mean(1) >= np.quantile(colours.mean(1), 0.6)].mean(0)
    level = float(np.clip(1.1 * shown.mean(), 0.9 * white.mean(), 3 * white.mean()))
    return np.asarray(level * (0.35 * shown / shown.mean() + 0.35 * white / white.mean() + 0.3))


def draw(textured: TexturedHead, state: HeadState, around: Float32) -> Float32:
    """The picture (H, W, 3): the face over `around`, scene-linear."""
    head = state.head(textured.person)
    placed = state.pose.to_picture(head)
    fine = placed * FINER
    height, width = around.shape[:2]
    seen = kernels.nearest(fine, textured.mesh.triangles, FINER * width, FINER * height).triangle
    rows, columns = np.nonzero(seen >= 0)
    found = seen[rows, columns]
    part = textured.mesh.part[found]
    facing = normals(head, textured.mesh.triangles, textured.mesh.corners) @ state.pose.rotation.T
    gain = textured.light.change(textured.texture.facing, facing)
    values = _interpolated(fine, textured, gain, found, columns.astype(float) + 0.5, rows.astype(float) + 0.5)
    colour = _shaded(textured, values, part)
    alpha = values[:, 9].clip(0, 1) * (part == SKIN_PART) + (part != SKIN_PART)
    layer = np.zeros((FINER * height, FINER * width, 8), np.float32)
    mouth = np.isin(part, (LINING, GUMS_PART, TEETH_PART))
    eye = np.isin(part, (RIGHT_EYE, LEFT_EYE))
    layer[rows, columns, :3] = colour * alpha[:, None]
    layer[rows, columns, 3] = alpha
    layer[rows, columns, 4], layer[rows, columns, 5] = mouth, eye
    _darken(layer, iod_px=FINER * _iod(textured, state))
    _finish_eyes(layer, textured, state, head)
    small = layer.reshape(height, FINER, width, FINER, 8).mean((1, 3))
    gains = _gain_around(values[:, 10:13], alpha, rows // FINER, columns // FINER, (height, width))
    whole = small[..., :3] + (1 - small[..., 3:4]) * around * gains
    return np.asarray(np.clip(textured.exposure * whole, 0, 1), np.float32)


def _interpolated(
    fine: Float, textured: TexturedHead, gain: Float, found: npt.NDArray[np.int32], x: Float, y: Float
) -> Float:
    """Vertex values at pixels, (n, 16): at 2, confidence, mirror at 2, mirror confidence, fill 3, alpha, gain 3,
    direction 3."""
    texture, mesh = textured.texture, textured.mesh
    fill = texture.fill + textured.inner
    fill[MOUTH:SOCKETS] = textured.inner[MOUTH:SOCKETS]
    fill[NECK:MOUTH] = textured.inner[NECK:MOUTH]
    way = np.zeros((len(fine), 3))
    for first, last in EYEBALLS:
        ball = textured.person.shape[first:last]
        centre, _ = eyeball(ball)
        way[first:last] = (ball - centre) / np.linalg.norm(ball - centre, axis=1, keepdims=True)
    columns = [
        texture.at,
        texture.confidence[:, None],
        texture.mirror_at,
        texture.mirror_confidence[:, None],
        fill,
        mesh.alpha[:, None],
        gain,
        way,
    ]
    planes = kernels.planes(fine, mesh.triangles, np.concatenate(columns, axis=1))[found]
    values: Float = planes[..., 0] + planes[..., 1] * x[:, None] + planes[..., 2] * y[:, None]
    return values


def _shaded(textured: TexturedHead, values: Float, part: npt.NDArray[np.uint8]) -> Float:
    colour = values[:, 6:9].clip(0, None) * np.where((part == LINING)[:, None], 1, values[:, 10:13])
    skin = np.flatnonzero(part == SKIN_PART)
    own, other = sample(textured.texture.picture, values[skin, 0:2]), values[skin, 6:9].clip(0, None)
    from_mirror = np.flatnonzero((values[skin, 2] < 0.99) & (values[skin, 5] > 0.01))
    mirrored = sample(textured.texture.picture, values[skin[from_mirror], 3:5])
    other[from_mirror] += values[skin[from_mirror], 5:6].clip(0, 1) * (mirrored - other[from_mirror])
    confidence = _rise(values[skin, 2:3])
    colour[skin] = (other + confidence * (own - other)) * values[skin, 10:13]
    for kind in (RIGHT_EYE, LEFT_EYE):
        at = np.flatnonzero(part == kind)
        way = values[at, 13:16]
        colour[at] = textured.eyes.colour(way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9))
    return colour


def _darken(layer: Float32, *, iod_px: float) -> None:
    """What lips and lids take from the light; in place."""
    for channel, shadow in ((4, lip_shadow), (5, lid_shadow)):
        rows, columns = np.nonzero(layer[..., channel])
        if len(rows) == 0:
            continue
        pad = int(0.3 * iod_px)
        part = layer[max(0, rows.min() - pad) : rows.max() + pad, max(0, columns.min() - pad) : columns.max() + pad]
        cover = np.ascontiguousarray(part[..., channel])
        part[..., :3] *= np.where(cover > 0, shadow(cover, iod_px), 1)[..., None]


def _finish_eyes(layer: Float32, textured: TexturedHead, state: HeadState, head: Float) -> None:
    """Highlights and lashes; in place."""
    points = textured.person.landmarks(head, state.pose) * FINER
    iod = FINER * _iod(textured, state)
    for iris, loop in ((lm.IRIS_RIGHT, lm.EYE_RIGHT), (lm.IRIS_LEFT, lm.EYE_LEFT)):
        radius = FINER * textured.person.iris * state.pose.scale
        add_glints(layer, layer[..., 5], textured.eyes, points[iris[0], :2], radius)
        eye = points[list(loop), :2]
        gap, width = eye[12, 1] - eye[4, 1], np.linalg.norm(eye[0] - eye[8])
        add_lashes(layer, textured.eyes, eye[:9], float(1 - gap / (0.25 * width)), iod)


def _gain_around(
    gain: Float, alpha: Float, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp], shape: tuple[int, int]
) -> Float32:
    """The change of light on the face, carried on smoothly over the picture around it, (H, W, 3)."""
    step = 8
    height, width = -(-shape[0] // step), -(-shape[1] // step)
    at = (rows // step) * width + columns // step
    weight = np.bincount(at, alpha, minlength=height * width)
    total = np.stack([np.bincount(at, alpha * gain[:, c], minlength=height * width) for c in range(3)], axis=1)
    mean = (total / np.maximum(weight, 1e-6)[:, None]).reshape(height, width, 3).astype(np.float32)
    whole = resample.fill_holes_smooth(mean, (weight > step).reshape(height, width))
    return np.asarray(
        resample.resize(
            resample.gaussian_blur(np.asarray(whole, np.float32), 2.0), shape[1], shape[0], method="linear"
        ),
        np.float32,
    )


def _iod(textured: TexturedHead, state: HeadState) -> float:
    """Between the eyes' outer corners, pixels."""
    corners = textured.person.model.landmark_vertices[[lm.EYE_OUTER_RIGHT, lm.EYE_OUTER_LEFT], 0]
    return float(np.linalg.norm(np.diff(textured.person.shape[corners], axis=0)) * state.pose.scale)


def _rise(x: Float) -> Float:
    t = np.clip(x, 0, 1)
    return np.asarray(t * t * (3 - 2 * t))
