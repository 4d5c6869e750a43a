"""The eyeballs: completed behind the lids once, then turned rigidly and seen through whatever the lids leave open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import landmarks as lm
from ..arrays import Float, Float32, Mask
from ..imaging import draw, resample
from ..pose import HeadPose
from .kernels import smoothstep
from .lid_skin import Lid, face_light, find_lid
from .lids import close_lid
from .patch import EDGE_ON, Patch, area, catmull_rom_loop, opening, padded, sampled, turned_plane

_LOOPS = ((lm.EYE_RIGHT, lm.IRIS_RIGHT), (lm.EYE_LEFT, lm.IRIS_LEFT))


@dataclass(frozen=True)
class Eye:
    """One eyeball, in a crop of the picture at native resolution.

    Attributes:
        loop: the 16 landmarks around the opening; iris: the centre and four on the rim.
        origin: (2,) float64, the crop's corner in the picture.
        still: padded (h + 2 PAD, w + 2 PAD, 4) float32: the picture where the eye is open, completed elsewhere.
        white: the same, without the iris.
        disc: the same, the whole iris and pupil; its alpha is the iris's soft disc.
        width: distance of the eye's corners, pixels.
        lid: the skin that closes over it.
    """

    loop: tuple[int, ...]
    iris: tuple[int, ...]
    origin: Float
    still: Float32
    white: Float32
    disc: Float32
    width: float
    lid: Lid


def find_eyes(colour: Float32, landmarks: Float) -> tuple[Eye, ...]:
    """Both eyes of a portrait that lie in the picture. colour: (H, W, 4) linear; landmarks: (478, 3) pixels."""
    light = face_light(colour, landmarks)
    found = (_find_eye(colour, landmarks, loop, iris, light) for loop, iris in _LOOPS)
    return tuple(eye for eye in found if eye is not None)


def _find_eye(
    colour: Float32, landmarks: Float, loop: tuple[int, ...], iris: tuple[int, ...], light: Float
) -> Eye | None:
    height, width = colour.shape[:2]
    outline = landmarks[list(loop), :2]
    across = float(np.linalg.norm(outline[0] - outline[8]))
    middle = (outline[0] + outline[8]) / 2
    low = np.floor(np.clip(middle - 0.85 * across, 0, (width, height))).astype(int)
    high = np.ceil(np.clip(middle + 0.85 * across, 0, (width, height))).astype(int)
    if (high - low).min() < 4 or across < 3:
        return None
    crop = np.ascontiguousarray(colour[low[1] : high[1], low[0] : high[0]])
    h, w = crop.shape[:2]
    corner = (float(low[0]), float(low[1]))
    open_part = draw.fill_polygon(catmull_rom_loop(outline, 4), w, h, origin=corner)
    # lashes and the lids' shadow line are not part of the ball
    clear = resample.erode(open_part > 0.99, max(1.0, 0.03 * across))
    centre = landmarks[iris[0], :2] - corner
    radius = float(np.linalg.norm(landmarks[list(iris[1:]), :2] - landmarks[iris[0], :2], axis=1).mean())
    x, y = np.meshgrid(np.arange(w) + 0.5 - centre[0], np.arange(h) + 0.5 - centre[1])
    distance = np.hypot(x, y)
    white = _white(crop, clear, distance, radius)
    disc = _iris(crop, clear, distance, centre, radius)
    mixed = white + disc[..., 3:] * (disc - white)
    mixed[..., 3] = 1
    shown = resample.gaussian_blur(open_part, 0.01 * across)[..., None]
    still = np.where(shown > 0.999, crop, mixed + shown * (crop - mixed)).astype(np.float32)
    # up to a little beyond the opening's rim, whose coverage is soft, the still is the picture itself
    rim = resample.dilate(open_part > 0, max(1.0, 0.03 * across))[..., None]
    still = np.where(rim, crop, still)
    lid = find_lid(crop, low.astype(np.float64), landmarks, loop, light)
    return Eye(loop, iris, low.astype(np.float64), padded(still), padded(white), padded(disc), across, lid)


def _white(crop: Float32, clear: Mask, distance: Float, radius: float) -> Float32:
    """The sclera everywhere, as if the iris and the lids were not there."""
    known = clear & (distance > 1.12 * radius)
    if known.sum() < 12:
        known = clear & (distance > radius)
    if known.sum() < 4:
        # a closed or tiny eye: a plain off-white as bright as the skin around it
        light = np.percentile(crop[..., :3].reshape(-1, 3), 80, axis=0)
        filled = np.broadcast_to(np.append(light, 1.0), crop.shape).astype(np.float32)
    else:
        filled = resample.fill_holes_smooth(crop, known)
        # the strip under the upper lid is shaded: what the lid uncovers there should not glow
        filled = resample.gaussian_blur(filled, 0.06 * radius)
        filled = np.where(known[..., None], 0.5 * crop + 0.5 * filled, filled)
    filled[..., 3] = 1
    return np.asarray(filled, np.float32)


def _iris(crop: Float32, clear: Mask, distance: Float, centre: Float, radius: float) -> Float32:
    """The whole iris: what the lids hide is mirrored from below, else filled in by distance from the centre."""
    h, w = distance.shape
    known = clear & (distance < 1.05 * radius)
    rows = np.arange(h) + 0.5
    flipped = np.clip((2 * centre[1] - rows).astype(int), 0, h - 1)
    rings = np.clip((distance / radius * 12).astype(int), 0, 15)
    by_ring = np.zeros((16, 4), np.float32)
    fallback = np.percentile(crop[..., :3].reshape(-1, 3), 10, axis=0)
    for ring in range(16):
        part = known & (rings == ring)
        by_ring[ring, :3] = (
            crop[part][:, :3].mean(0) if part.sum() > 2 else (by_ring[ring - 1, :3] if ring else fallback)
        )
    ring_colour = by_ring[rings]
    mirrored = np.where(known[flipped][..., None], crop[flipped], ring_colour)
    weight = resample.gaussian_blur(known.astype(np.float32), 0.06 * radius)[..., None]
    disc = np.where(known[..., None], weight * crop + (1 - weight) * (0.7 * mirrored + 0.3 * ring_colour), mirrored)
    disc[..., 3] = np.clip((1.04 * radius - distance) / (0.14 * radius) + 0.5, 0, 1)
    return np.asarray(disc, np.float32)


def paint_eyes(
    eyes: tuple[Eye, ...],
    landmarks: Float,
    target: Float,
    portrait_pose: HeadPose,
    pose: HeadPose,
    size: tuple[int, int],
) -> list[Patch]:
    """The eyeballs of one frame.

    Args:
        landmarks, target: (478, 3) landmarks in the portrait and in this frame, pixels.
        portrait_pose, pose: the head's pose in the portrait and in this frame.
        size: width and height of the picture.
    """
    patches = (_paint_eye(eye, landmarks, target, portrait_pose, pose, size) for eye in eyes)
    return [patch for patch in patches if patch is not None]


def _paint_eye(
    eye: Eye, landmarks: Float, target: Float, portrait_pose: HeadPose, pose: HeadPose, size: tuple[int, int]
) -> Patch | None:
    softness = 0.012 * eye.width
    hole = opening(target[list(eye.loop), :2], *size, softness=softness)
    if hole is None:
        return None
    corners = [eye.loop[0], eye.loop[8]]
    middle = landmarks[corners].mean(0)
    linear, _ = turned_plane(middle, 0.5 * eye.width, portrait_pose, pose)
    if abs(np.linalg.det(linear)) < EDGE_ON:
        return None
    # the eye turns with the head, but is carried along by its corners
    shift, back = target[corners, :2].mean(0) - linear @ middle[:2], np.linalg.inv(linear)
    where = np.column_stack([back, back @ (hole.origin - shift) - eye.origin])
    gaze = back @ (target[eye.iris[0], :2] - shift) - landmarks[eye.iris[0], :2]
    colour = sampled(eye.still, where, hole.size)
    # as long as the gaze hardly moves, the picture's own eye is shown, without resampling a separate iris
    moved = smoothstep(float(np.linalg.norm(gaze)) / eye.width / 0.05)
    if moved > 0:
        white = sampled(eye.white, where, hole.size)
        disc = sampled(eye.disc, where - np.stack([[0, 0], [0, 0], gaze], axis=1), hole.size)
        turned = white + disc[..., 3:] * (disc - white)
        colour = colour + np.float32(moved) * (turned - colour)
    colour[..., 3] = 1
    # in a nearly shut eye the picture's lashes, squeezed together, look better than a slit of eyeball
    shown = smoothstep(area(hole.outline) / eye.width**2 / 0.04 - 0.3)
    ball = Patch(hole.origin, colour, hole.coverage() * np.float32(shown))
    return close_lid(eye.lid, eye.loop, target, portrait_pose.scale / pose.scale, size, ball)
